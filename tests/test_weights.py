"""The shipped weights: what they say of themselves, and do on data that nobody has
seen."""
import configparser, csv

import pytest, torch
from conftest import ROOT, run
from copymem.cli import main
from copymem.data import CopyTask
from copymem.weights import (
    load_history, load_model, load_pretrained, load_results, pretrained_names,
    read_metadata, results_names,
)

SHIPPED = sorted(p.stem for p in (ROOT/"copymem/pretrained").glob("*.safetensors"))
SAMPLE = [7, 4, 2, 3, 6, 3, 3, 5, 1, 3]
FRESH_SEED = 20_261_123  # used nowhere else


def settings():
    "settings.ini, read without the package."
    parser = configparser.ConfigParser(
        interpolation=None, inline_comment_prefixes=("#",))
    parser.read(ROOT/"settings.ini", encoding="utf-8")
    return parser


def metadata_of(name):
    return read_metadata(ROOT/f"copymem/pretrained/{name}.safetensors")


def value(text):
    "A setting as a number where it is one: 1e-3 and 0.001 are the same."
    try: return float(text)
    except ValueError: return text


def answers(model, x):
    with torch.inference_mode():
        return torch.cat([model(part).argmax(-1) for part in x.split(200)])


def scores(model, delay, n=10_000):
    """Recall and sequence accuracy on fresh sequences, counted here and not by the
    package."""
    x, y = CopyTask(delay).sample(
        n, generator=torch.Generator().manual_seed(FRESH_SEED))
    right = answers(model, x) == y
    return right[:, -10:].double().mean().item(), right.all(1).double().mean().item()


def test_every_section_ships_and_nothing_else():
    """But for those that go on after they have arrived: these are for their
    histories."""
    sections = {name for name in settings().sections() if not name.endswith("-on")}
    assert sorted(pretrained_names()) == SHIPPED == sorted(sections)
    histories = (ROOT/"copymem/pretrained").glob("*.csv")
    assert sorted(p.stem for p in histories) == SHIPPED


@pytest.mark.parametrize("gone, heir", [
    ("30-tp", "60-tp"), ("100-tp", "200-tp"), ("200-bp-growing", "200-bp"),
    ("200-tp-growing", "200-tp"), ("200-tp-no-limit", "200-tp"),
    ("1000-bp-growing", "1000-bp"), ("1000-tp-growing", "1000-tp")])
def test_weights_that_are_gone_name_their_heir(gone, heir, capsys):
    "And what ships; so do the command, and a name that never was only the latter."
    for load in (load_pretrained, load_history):
        with pytest.raises(ValueError) as caught: load(gone)
        said = str(caught.value)
        assert f"{gone} is gone: use {heir}" in said and heir in SHIPPED
        assert all(name in said for name in SHIPPED)
    for word in ("evaluate", "train"):
        assert main([word, gone]) == 2
        assert f"{gone} is gone: use {heir}" in capsys.readouterr().err
    with pytest.raises(ValueError) as caught: load_pretrained(f"{gone}x")
    assert "is gone" not in str(caught.value)


@pytest.mark.parametrize("name", SHIPPED)
def test_metadata_is_the_section(name):
    section, metadata = settings()[name], metadata_of(name)
    assert {key: value(metadata[key]) for key in section} == {
        key: value(text) for key, text in section.items()
    }
    assert metadata["name"] == name and metadata["copymem"] and metadata["torch"]


@pytest.mark.parametrize("name", SHIPPED)
def test_history_is_the_weights(name):
    with (ROOT/f"copymem/pretrained/{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    metadata, updates = metadata_of(name), [int(row["update"]) for row in rows]
    assert updates == sorted(set(updates))
    done = (
        float(rows[-1]["recall_accuracy"]) >= float(metadata["stop_at"])
        and rows[-1]["delay"] == metadata["delay"]
    )
    assert updates[-1] == int(metadata["updates"]) or done
    assert all(0 <= float(row["recall_accuracy"]) <= 1
               and int(row["delay"]) <= int(metadata["delay"]) for row in rows)
    (best,) = (row for row in rows if row["update"] == metadata["best_update"])
    for key in ("delay", "loss", "recall_accuracy", "sequence_accuracy"):
        assert float(best[key]) == pytest.approx(
            float(metadata[f"best_{key}"]), abs=1e-5)


def test_every_shipped_history_and_table_is_sound():
    assert sorted(results_names()) == sorted(
        p.stem for p in (ROOT/"copymem/results").glob("*.csv"))
    for name in SHIPPED:
        assert load_history(name).best["update"] == int(
            metadata_of(name)["best_update"])
    for name in results_names():
        rows = load_results(name)
        assert rows and all(list(row) == list(rows[0]) for row in rows)


@pytest.mark.parametrize("name", SHIPPED)
def test_does_what_it_says(name):
    metadata = metadata_of(name)
    recall, sequence = scores(load_pretrained(name), int(metadata["delay"]))
    assert recall == pytest.approx(float(metadata["test_recall_accuracy"]), abs=0.01)
    assert sequence == pytest.approx(
        float(metadata["test_sequence_accuracy"]), abs=0.02)


def test_the_claim():
    recall, sequence = scores(load_pretrained("15-tp"), 15)
    assert recall >= 0.995 and sequence >= 0.96
    assert scores(load_pretrained("15-bp"), 15)[0] < 0.5
    for name in ("15-bp-growing", "15-bp-penalty"):
        assert scores(load_pretrained(name), 15)[0] >= 0.99


def setup_of(name):
    "What a shipped run was trained with, as text, but for its name."
    return {k: v for k, v in metadata_of(name).items()
            if k != "name" and not k.startswith(("best_", "test_"))}


def test_the_penalty_needs_no_other_settings_at_a_longer_delay():
    a, b = setup_of("15-bp-penalty"), setup_of("60-bp-penalty")
    assert {k for k in a.keys() | b.keys() if a.get(k) != b.get(k)} == {"delay"}


@pytest.mark.parametrize("name", ["60-tp", "60-bp-penalty"])
def test_sixty_steps(name):
    assert scores(load_pretrained(name), 60)[0] >= 0.99


@pytest.mark.parametrize("name", ["200-bp", "1000-bp"])
def test_far_is_direct_and_the_penalty_is_not_needed(name):
    "One delay from the first update on, and the whole loss."
    metadata = metadata_of(name)
    assert metadata["training"] == "direct" and metadata["start"] == "quiet"
    assert float(metadata["silence"]) == 1 and float(metadata["activity"]) == 0


@pytest.mark.parametrize("name, recall", [
    ("200-bp", 0.99), ("200-tp", 0.99), ("200-bp-penalty", 0.99), ("1000-bp", 0.99),
    ("1000-tp", 0.98)])
def test_two_hundred_steps_and_more(name, recall):
    delay = int(name.split("-")[0])
    n = 2_000 if delay < 1000 else 500
    assert scores(load_pretrained(name), delay, n)[0] >= recall


def test_the_reference_sample():
    x, y = CopyTask(15).encode(SAMPLE)
    assert (answers(load_pretrained("15-tp"), x[None])[0].tolist() == y.tolist()
            == [8] * 25 + SAMPLE)
    assert answers(load_pretrained("15-bp"), x[None])[0, -10:].tolist() != SAMPLE


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_training_again_gets_there(tmp_path):
    done = run("copymem", "train", "15-tp", "--settings", ROOT/"settings.ini",
               "--out", tmp_path, cwd=tmp_path, timeout=1100)
    assert done.returncode == 0, done.stderr
    recall, sequence = scores(load_model(tmp_path/"15-tp.safetensors"), 15)
    assert recall >= 0.995 and sequence >= 0.96
    assert (tmp_path/"15-tp.csv").read_text().count("\n") > 2
