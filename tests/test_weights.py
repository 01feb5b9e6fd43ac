"""The shipped weights: what they say of themselves, and do on data that nobody has
seen."""
import configparser, csv

import pytest, torch
from conftest import ROOT, run
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


def test_names():
    assert sorted(pretrained_names()) == SHIPPED
    assert {"15-bp", "15-tp", "15-bp-growing"} <= set(SHIPPED)


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
    assert scores(load_pretrained("15-bp-growing"), 15)[0] >= 0.9


@pytest.mark.parametrize("name, recall", [("30-tp", 0.995), ("60-tp", 0.99)])
def test_longer_delays_with_the_same_settings(name, recall):
    differ = {"name", "delay"}
    asked = lambda k: k not in differ and not k.startswith(("best_", "test_"))
    short, long = ({k: v for k, v in metadata_of(n).items() if asked(k)}
                   for n in ("15-tp", name))
    assert short == long
    assert scores(load_pretrained(name), int(name.split("-")[0]))[0] >= recall


@pytest.mark.parametrize(
    "name, recall",
    [
        ("100-tp", 0.99), ("200-tp", 0.99), ("200-bp", 0.99), ("200-tp-growing", 0.99),
        ("200-bp-growing", 0.99), ("1000-bp-growing", 0.99), ("1000-tp-growing", 0.99),
    ],
)
def test_two_hundred_steps_and_more(name, recall):
    assert scores(load_pretrained(name), int(name.split("-")[0]), 2_000)[0] >= recall


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
