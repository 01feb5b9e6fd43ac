"""Hard and hostile input: refused in one line that names what was wrong, and nothing is
lost."""
import os, re, shutil, signal, stat, subprocess, sys, sysconfig, threading

import pytest, torch
from conftest import ROOT, run
from safetensors import safe_open
from safetensors.torch import save_file

from copymem import experiment, fast, live
from copymem.backprop import backprop
from copymem.checkpoint import digest
from copymem.cli import main
from copymem.data import (
    CopyTask, memoryless, prepare_loaders, recall_accuracy, sequence_accuracy)
from copymem.experiment import Run, default_device, run_experiment
from copymem.files import lock, read_bytes, write_text
from copymem.rnn import RNN
from copymem.settings import Experiment, load_experiments
from copymem.sweep import read_sweep
from copymem.steep import steepness_controls
from copymem.targetprop import Inverse, draw_noise, targetprop
from copymem.tokens import plot_grid, plot_states, show_tokens
from copymem.train import evaluate, fit
from copymem.weights import (
    load_model, load_pretrained, read_history, read_metadata, save_model)

REFUSED = (ValueError, TypeError, OSError)
BOTH = pytest.mark.parametrize(
    "backprop, targetprop", [(backprop, targetprop), (fast.backprop, fast.targetprop)],
    ids=["textbook", "fast"],
)


def message(call, *names):
    "The message with which `call` is refused; it holds each of `names`."
    with pytest.raises(REFUSED) as caught: call()
    text = str(caught.value)
    assert text and not [n for n in names if str(n) not in text], text
    return text


# --- Python ---

@pytest.mark.parametrize("call, names", [
    (lambda: show_tokens([[1, 2]], labels=["a", "b"]), ["labels", 1, 2]),
    (lambda: show_tokens([[1], [2], [3]], expected=[[1], [2]]), ["expected", 3, 2]),
    (lambda: plot_states([0.0, 0.5]), ["states", (2,)]),
    (lambda: plot_grid([[1.0]], ["a"], ["b", "c"]), ["values", (1, 2), (1, 1)]),
    (lambda: steepness_controls(7), ["delay", 15, 7])])
def test_pictures(call, names): message(call, *names)


def test_noise_of_another_shape():
    noise = torch.zeros(3, 7)
    message(lambda: draw_noise(torch.zeros(3, 8), noise), "noise", (3, 8), (3, 7))


def test_a_live_run_that_fails_says_why(monkeypatch):
    "The thread ends, and what it shows last names the error."
    def broken(run): raise MemoryError("no room")
    monkeypatch.setattr(live, "train", broken)
    shown = []
    run = live.LiveRun(Experiment("x"), lambda run: shown.append(run.state), None)
    run.begin()
    run.join(60)
    assert run.done and shown == ["failed, MemoryError: no room"]


@pytest.mark.parametrize("value", [0, -1, 1.5, "15", None, True, float("nan"), [15]])
def test_delay(value): message(lambda: CopyTask(delay=value), "delay", value)


@pytest.mark.parametrize("field", ["n_symbols", "length"])
@pytest.mark.parametrize("value", [0, -3, 2.5, "8", None])
def test_sizes_of_the_task(field, value):
    message(lambda: CopyTask(**{field: value}), field, value)


@pytest.mark.parametrize(
    "symbols",
    [
        [], [1] * 9, [1] * 11, [8] * 10, [-1] + [0] * 9, [0.5] * 10, [True] * 10,
        "0123456701", None, [[1, 2], [3]], torch.zeros(10),
        torch.zeros(2, 9, dtype=torch.long), torch.tensor(3),
    ],
    ids=lambda s: repr(s)[:30],
)
def test_symbols(symbols): message(lambda: CopyTask(15).encode(symbols), "symbols")


def test_shortest_and_long_tasks():
    for delay in (1, 5000):
        x, y = CopyTask(delay).sample(2, generator=torch.Generator().manual_seed(0))
        assert x.shape == (2, delay + 20) and torch.equal(y[:, -10:], x[:, :10])
        assert (x[:, delay + 9] == 9).all() and ((x == 9).sum(1) == 1).all()


@pytest.mark.parametrize("n", [0, -1, 2.0, "3", None])
def test_sample_size(n):
    message(lambda: CopyTask(15).sample(n), "n ", n)
    message(lambda: memoryless(CopyTask(15), n), "n ", n)


def test_loaders():
    message(lambda: prepare_loaders("mnist", 15, 20), "mnist", "copymemory")
    for name, args in dict(delay=(0, 20), batch_size=(15, 0)).items():
        message(lambda: prepare_loaders("copymemory", *args), name, 0)
    for name in ("train_size", "val_size"):
        message(lambda: prepare_loaders("copymemory", 15, 20, **{name: 0}), name, 0)
    train, val = prepare_loaders("copymemory", 15, 64, train_size=65, val_size=1)
    assert [len(x) for x, _ in train] == [64, 1] and [len(x) for x, _ in val] == [1]


@pytest.mark.parametrize("score", [recall_accuracy, sequence_accuracy])
def test_scores_refuse_other_shapes(score):
    _, y = CopyTask(15).sample(4)
    for wrong in (y[:3], y[:, :-1], torch.zeros(4, 34, 10), torch.zeros(35, 4, 10)):
        message(lambda: score(wrong, y), tuple(wrong.shape))


@pytest.mark.parametrize("asked, length", [(5, 10), (10, 5), (10, 35)])
def test_a_score_refuses_another_tasks_length(asked, length):
    _, y = CopyTask(15, length=asked).sample(4)
    for some in (y, y[0]):
        message(lambda: recall_accuracy(some, some, length), "length", asked, length)
    assert recall_accuracy(y, y, asked) == recall_accuracy(y[:, -3:], y[:, -3:], 3) == 1


@pytest.mark.parametrize(
    "sizes",
    [
        dict(hidden_size=0), dict(hidden_size=-1), dict(hidden_size=2.5),
        dict(hidden_size="128"), dict(vocab_size=0), dict(vocab_size=None),
    ],
    ids=repr,
)
def test_rnn_sizes(sizes): message(lambda: RNN(**sizes), *sizes, *sizes.values())


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(2, 35), torch.zeros(35, dtype=torch.long), torch.full((2, 35), 10),
        torch.full((2, 35), -1), torch.zeros(2, 0, dtype=torch.long),
        torch.zeros(2, 35, 10, dtype=torch.long),
    ],
    ids=lambda x: f"{x.dtype} {tuple(x.shape)}",
)
def test_rnn_input(x): message(lambda: RNN(8)(x), "x ")


def test_inverse_size(): message(lambda: Inverse(hidden_size=0), "hidden_size", 0)


@BOTH
def test_rules_refuse_targets_of_another_shape(backprop, targetprop):
    rnn, inverse = RNN(8), Inverse(8)
    x, y = CopyTask(3).sample(2)
    for call in (lambda: backprop(rnn, x, y[:, :-1]),
                 lambda: targetprop(rnn, inverse, x, y[:, :-1])):
        message(call, "y ")
    assert all(p.grad is None for p in rnn.parameters())


@BOTH
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_fade(backprop, targetprop, value):
    x, y = CopyTask(3).sample(2)
    message(lambda: targetprop(RNN(8), Inverse(8), x, y, fade=value), "fade", value)


@BOTH
def test_rules_leave_the_global_random_state_alone(backprop, targetprop):
    rnn, inverse, g = (
        RNN(8, generator=torch.Generator().manual_seed(0)),
        Inverse(8, generator=torch.Generator().manual_seed(0)), torch.Generator(),
    )
    x, y = CopyTask(3).sample(2, generator=g)
    before = torch.get_rng_state()
    backprop(rnn, x, y)
    targetprop(rnn, inverse, x, y, generator=g)
    assert torch.equal(before, torch.get_rng_state())


@BOTH
def test_rules_add_to_grad(backprop, targetprop):
    "As `loss.backward()` does: called twice, the gradients double."
    rnn, (x, y) = (
        RNN(8, generator=torch.Generator().manual_seed(0)), CopyTask(3).sample(2))
    backprop(rnn, x, y)
    once = [p.grad.clone() for p in rnn.parameters()]
    backprop(rnn, x, y)
    for p, g in zip(rnn.parameters(), once): torch.testing.assert_close(p.grad, 2 * g)


@pytest.mark.parametrize("hidden, batch, delay", [
    (1, 1, 1), (3, 2, 1), (17, 5, 4), (128, 20, 15), (128, 300, 2)])
def test_single_precision_stays_near_double(hidden, batch, delay):
    seed = lambda: torch.Generator().manual_seed(0)
    def grads(dtype):
        modules = [RNN(hidden, generator=seed()), Inverse(hidden, seed())]
        modules = [module.to(dtype) for module in modules]
        fast.targetprop(*modules, *CopyTask(delay).sample(batch, seed()), noise=0,
                        generator=seed())
        return [p.grad.double() for m in modules for p in m.parameters()]
    for ours, theirs in zip(grads(torch.float32), grads(torch.float64)):
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max() + 1e-8


# --- files ---

def test_corrupt_weights(tmp_path):
    save_model(RNN(8), tmp_path/"good.safetensors")
    good = (tmp_path/"good.safetensors").read_bytes()
    for name, content in dict(
        truncated=good[:-100], beginning=good[:50], empty=b"",
        text=b"not weights at all", length=b"\xff" * 8 + good[8:],
    ).items():
        path = tmp_path/f"{name}.safetensors"
        path.write_bytes(content)
        message(lambda: load_model(path), path.name)
        message(lambda: read_metadata(path), path.name)
    message(lambda: load_model(tmp_path/"missing.safetensors"), "missing.safetensors")
    message(lambda: load_model(tmp_path), tmp_path.name)


def test_foreign_weights(tmp_path):
    "A sound file with other tensors in it."
    save_file({"W_xh": torch.zeros(10, 8)}, tmp_path/"part.safetensors")
    message(lambda: load_model(tmp_path/"part.safetensors"), "part.safetensors")
    state = RNN(8).state_dict()
    state["W_hh"] = torch.zeros(8, 9)
    save_file(state, tmp_path/"shapes.safetensors")
    message(lambda: load_model(tmp_path/"shapes.safetensors"), "shapes.safetensors")


def test_nothing_unpickles(tmp_path):
    class Trap:
        def __reduce__(self): return os.mkdir, (str(tmp_path/"sprung"),)
    torch.save(Trap(), tmp_path/"trap.safetensors")
    message(lambda: load_model(tmp_path/"trap.safetensors"), "trap.safetensors")
    assert not (tmp_path/"sprung").exists()


def test_metadata_survives(tmp_path):
    rnn = RNN(8)
    save_model(rnn, tmp_path/"m.safetensors", {"name": "ünï = [x]\n", "seed": "0"})
    metadata, again = (
        read_metadata(tmp_path/"m.safetensors"), load_model(tmp_path/"m.safetensors"))
    assert metadata["name"] == "ünï = [x]\n" and metadata["seed"] == "0"
    assert all(torch.equal(a, b) for a, b in
               zip(rnn.state_dict().values(), again.state_dict().values()))


def checkpoint(folder, stopped_after=2):
    """A run of target propagation cut off in mid-training: its settings, and the file
    to go on from."""
    tiny = Experiment(
        "tiny", method="tp", hidden_size=8, updates=60, warmup=10, eval_every=20,
        optimizer="amsgrad",
    )
    run_experiment(tiny, folder, progress=False,
                   callback=lambda history: len(history) == stopped_after)
    return tiny, folder/"tiny.checkpoint"


def rewrite(path, edit):
    """Lets `edit(tensors, metadata)` change a safetensors file, and writes it as a
    sound one."""
    with safe_open(path, "pt") as f:
        tensors, metadata = {k: f.get_tensor(k).clone() for k in f.keys()}, f.metadata()
    edit(tensors, metadata)
    save_file(tensors, path, metadata)


def put(key, value):
    return lambda tensors, metadata: (
        metadata if isinstance(value, str) else tensors).__setitem__(key, value)


@pytest.mark.parametrize(
    "edit, names",
    [
        (
            put("adam.0.exp_avg", torch.zeros(3)), ["adam.0.exp_avg", "(3,)"],
        ),  # the fused Adam wrote past its end
        (
            put("adam.1.max_exp_avg_sq", torch.zeros(8, 8, dtype=torch.float64)),
            ["adam.1.max_exp_avg_sq", "float64"],
        ),
        (put("adam.9.step", torch.zeros(())), ["adam.9.step"]),
        (put("rnn.W_hh", torch.zeros(8, 9)), ["rnn.W_hh"]),
        (put("best.b_h", torch.ones(8)), ["checksum"]),
        (put("generator", torch.zeros(5056, dtype=torch.uint8)), ["checksum"]),
        (lambda tensors, _: tensors.pop("generator"), ["generator"]),
        (lambda tensors, _: tensors.pop("adam.5.step"), ["adam.5.step"]),
        (lambda _, metadata: metadata.pop("history"), ["history"]),
        (lambda _, metadata: metadata.pop("stopped"), ["stopped"]),
        (lambda _, metadata: metadata.pop("digest"), ["checksum"]),
        (put("history", "[]"), ["history"]), (put("history", "{"), []),
        (put("history", '[{"update": 1}]'), ["history"]),
        (put("stopped", "bored"), ["bored"]), (put("lr", "0.5"), ["lr", "0.5"]),
    ],
)
def test_a_damaged_checkpoint_is_refused_and_kept(tmp_path, edit, names):
    tiny, path = checkpoint(tmp_path)
    rewrite(path, edit)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    message(lambda: run_experiment(tiny, tmp_path, progress=False, resume=True),
            path.name, *names)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "stop_at, updates", [(0.01, 40), (0.0, 60)], ids=["reached", "last update"]
)
def test_a_run_cut_off_after_its_end_does_not_train_on(
        tmp_path, monkeypatch, stop_at, updates):
    tiny = Experiment(
        "tiny", hidden_size=8, updates=updates, eval_every=20, stop_at=stop_at)
    whole, history = run_experiment(tiny, tmp_path/"whole", progress=False)
    def killed(*_): raise KeyboardInterrupt
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("copymem.experiment.measure", killed)
        run_experiment(tiny, tmp_path/"parts", progress=False)
    again, resumed = run_experiment(tiny, tmp_path/"parts", progress=False, resume=True)
    assert (resumed.stopped, resumed["update"]) == (history.stopped, history["update"])
    assert all(torch.equal(a, b) for a, b in
               zip(whole.state_dict().values(), again.state_dict().values()))
    assert not (tmp_path/"parts"/"tiny.checkpoint").exists()


def remade(path, **changed):
    "A checkpoint as another machine, or another copymem, would have written it."
    def edit(tensors, metadata):
        metadata |= changed
        told = {k: metadata[k] for k in ("history", "stopped", "device", "checkpoint")}
        metadata["digest"] = digest(tensors, told)
    rewrite(path, edit)


def test_a_run_goes_on_where_it_was_made(tmp_path, monkeypatch):
    tiny, path = checkpoint(tmp_path)
    assert (
        read_metadata(path)["device"]
        == read_metadata(tmp_path/"tiny.safetensors")["device"]
        == "cpu"
    )
    message(lambda: run_experiment(tiny, tmp_path, device="meta", resume=True),
            "device", "meta")
    made = str(torch.device("cuda", 0))
    remade(path, device=made)
    before = path.read_bytes()
    for device in (None, "cpu"):
        message(
            lambda: run_experiment(
                tiny, tmp_path, device=device, resume=True, progress=False),
            path.name, made, "force",
        )
    assert path.read_bytes() == before
    remade(path, device="cpu")
    monkeypatch.setattr("copymem.experiment.default_device",
                        lambda experiment: pytest.fail("asked the table"))
    assert run_experiment(
        tiny, tmp_path, resume=True, progress=False)[1].stopped is None


@pytest.mark.parametrize("method, delay, batch, found", [
    ("bp", 15, 20, "cpu"), ("tp", 15, 20, "cuda"), ("bp", 900, 20, "cuda"),
    ("tp", 2, 1, "cuda")])
def test_the_default_device_is_the_one_measured_faster(
        monkeypatch, method, delay, batch, found):
    e = Experiment("sized", method=method, delay=delay, batch_size=batch)
    monkeypatch.setattr("copymem.experiment.pick_device", torch.device)
    for there in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
        assert default_device(e).type == (found if there else "cpu")


def test_another_copymems_checkpoint_is_refused_by_name(tmp_path):
    tiny, path = checkpoint(tmp_path)
    remade(path, checkpoint="1")
    text = message(
        lambda: run_experiment(tiny, tmp_path, progress=False, resume=True), path.name,
        "copymem", "layout 1", "force",
    )
    assert "damaged" not in text


def test_the_row_of_the_last_evaluation_survives_a_kill_before_it_is_written(
        tmp_path, monkeypatch):
    tiny = Experiment("tiny", hidden_size=8, updates=40, eval_every=20)
    whole, history = run_experiment(tiny, tmp_path/"whole", progress=False)
    class Killed(BaseException): pass
    def killed(history, path):
        if len(history) == 2: raise Killed
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("copymem.experiment.write_history", killed)
        run_experiment(tiny, tmp_path/"parts", progress=False)
    run_experiment(tiny, tmp_path/"parts", progress=False, resume=True)
    assert read_history(tmp_path/"parts"/"tiny.csv")["update"] == history["update"]
    mine, theirs = (
        read_metadata(tmp_path/p/"tiny.safetensors") for p in ("parts", "whole"))
    untimed = lambda told: {
        k: v for k, v in told.items() if "seconds" not in k and k != "digest"}
    assert untimed(mine) == untimed(theirs)


def test_two_trainings_of_one_run_do_not_mix(tmp_path):
    tiny = Experiment("tiny", hidden_size=8, updates=40, eval_every=20)
    said = []
    def second(history):
        try: run_experiment(tiny, tmp_path, progress=False, force=True)
        except OSError as error: said.append(str(error))
    run_experiment(tiny, tmp_path, progress=False, callback=second)
    assert len(said) == 2 and all("tiny" in line and "in use" in line for line in said)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "tiny.csv", "tiny.safetensors"]


# --- any file ---

@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "reader", [load_model, read_metadata, read_history, read_sweep, load_experiments]
)
def test_nothing_waits_for_a_pipe_or_reads_for_ever(tmp_path, reader):
    os.mkfifo(tmp_path/"pipe")
    for path in (tmp_path/"pipe", "/dev/zero", tmp_path):
        message(lambda: reader(path), path)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\xff", b"a,b\n\"" + b"x" * 200_000, b"a" * 300, b"\x00" * 50],
    ids=["bytes", "field", "line", "zeros"],
)
def test_readers_of_text_name_the_file(tmp_path, content):
    path = tmp_path/"odd"
    path.write_bytes(content)
    for reader in (read_history, read_sweep, load_experiments):
        message(lambda: reader(path), path)
    message(lambda: read_bytes(path, limit=2), path, "longer")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions and links")
def test_a_new_file_keeps_permissions_links_and_what_stands_beside_it(tmp_path):
    target, link, beside = (
        tmp_path/"target", tmp_path/"link", tmp_path/".target.1-00000000.part")
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    beside.write_text("process 1 lives, and this is new")
    write_text("new", link)
    assert (
        link.is_symlink()
        and target.read_text() == "new"
        and stat.S_IMODE(target.stat().st_mode) == 0o640
    )
    assert beside.exists()
    os.utime(beside, (0, 0))
    write_text("newer", target)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "target"]
    message(lambda: write_text("x", tmp_path), tmp_path)
    before = os.stat(os.devnull)
    message(lambda: write_text("x", os.devnull), os.devnull)
    assert os.stat(os.devnull).st_ino == before.st_ino


@pytest.mark.skipif(os.name == "nt", reason="Windows has other links")
def test_a_link_planted_for_a_lock_is_not_followed(tmp_path):
    (tmp_path/"victim").write_text("precious")
    (tmp_path/".table.csv.lock").symlink_to(tmp_path/"victim")
    with pytest.raises(OSError), lock(tmp_path/"table.csv"): pass
    assert (tmp_path/"victim").read_text() == "precious"


def test_a_lock_excludes_and_leaves_nothing(tmp_path):
    count, path = tmp_path/"count", tmp_path/"path"
    code = """
import sys, time
from copymem.files import lock
done = 0
while done < 50:
    try:
        with lock(sys.argv[1]):
            n = int(open(sys.argv[2]).read())
            open(sys.argv[2], "w").write(str(n + 1))
            done += 1
    except BlockingIOError: time.sleep(0.001)
"""
    count.write_text("0")
    workers = [subprocess.Popen([sys.executable, "-c", code, path, count])
               for _ in range(3)]
    assert ([w.wait(timeout=120) for w in workers] == [0, 0, 0]
            and count.read_text() == "150")
    assert [p.name for p in tmp_path.iterdir()] == ["count"]


@pytest.mark.parametrize(
    "dtype", [torch.int64, torch.complex64, torch.float8_e4m3fn, torch.bool], ids=str
)
def test_weights_of_an_odd_type_are_refused(tmp_path, dtype):
    path = tmp_path/"odd.safetensors"
    save_file(
        {k: v.to(dtype) for k, v in RNN(8).state_dict().items()}, path,
        dict(hidden_size="8", vocab_size="10"),
    )
    message(lambda: load_model(path), path)


@pytest.mark.skipif(os.name == "nt", reason="Windows counts memory otherwise")
def test_what_metadata_claim_is_not_allocated(tmp_path):
    path = tmp_path/"big.safetensors"
    save_file(RNN(8).state_dict(), path, dict(hidden_size="60000", vocab_size="10"))
    code = "import resource, sys; from copymem.weights import load_model\n" \
           "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n" \
           "before = peak()\n" \
           "try: load_model(sys.argv[1])\n" \
           "except ValueError as error: print(error, peak() - before)"
    said = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, timeout=120
    ).stdout
    assert "60000" in said and int(said.split()[-1]) < 20_000, said


def test_what_is_read_is_copied(tmp_path):
    path = tmp_path/"a.safetensors"
    save_model(RNN(64), path)
    rnn = load_model(path)
    before = rnn.W_hh.sum().item()
    path.write_bytes(b"")  # a mapped file would end the process here
    assert rnn.W_hh.sum().item() == before


def spoiled(path, old, new):
    "A file of 8 units in which some bytes are others."
    save_model(RNN(8), path, dict(seed="0"))
    data = path.read_bytes()
    assert data.count(old)
    path.write_bytes(data.replace(old, new, 1))


def grown_header(path, text):
    "A file of 8 units whose header begins with more."
    save_model(RNN(8), path)
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = b"{" + text + data[9:8 + size]
    path.write_bytes(len(header).to_bytes(8, "little") + header + data[8 + size:])


def test_damage_to_weights_is_seen(tmp_path):
    """One bit of a number, or of what is said beside it; a key that stands twice, of
    which each reader takes another."""
    path = tmp_path/"a.safetensors"
    spoiled(path, b'"seed":"0"', b'"seed":"1"')
    message(lambda: load_model(path), path, "checksum")
    save_model(RNN(8), path)
    path.write_bytes(path.read_bytes()[:-1] + b"\x3f")
    message(lambda: load_model(path), path, "checksum")
    grown_header(path, b'"b_h":{"dtype":"F32","shape":[8],"data_offsets":[0,32]},')
    message(lambda: load_model(path), path, "twice")
    grown_header(path, b'"x":' + b"[" * 100_000 + b",")
    message(lambda: load_model(path), path)


def test_files_from_before_the_checksum_are_read(tmp_path):
    save_file(RNN(8).state_dict(), tmp_path/"a", dict(hidden_size="8", vocab_size="10"))
    assert load_model(tmp_path/"a").hidden_size == 8


def test_what_could_not_be_read_again_is_not_written(tmp_path):
    rnn, path = RNN(8), tmp_path/"a.safetensors"
    save_model(rnn, path)
    before = path.read_bytes()
    with torch.no_grad(): rnn.b_h[3] = float("nan")
    for odd in (rnn, RNN(8).to(torch.complex64), torch.nn.Linear(8, 8), None):
        message(lambda: save_model(odd, path), "rnn")
    message(lambda: save_model(RNN(8), path, ["seed"]), "metadata")
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows counts memory otherwise")
def test_reading_takes_twice_the_file_at_most(tmp_path):
    path = tmp_path/"big.safetensors"
    rnn = RNN(4)
    rnn.hidden_size = 3_000
    for name, shape in dict(W_xh=(10, 3_000), W_hh=(3_000, 3_000), b_h=(3_000,),
                            W_hy=(3_000, 10)).items():
        setattr(rnn, name, torch.nn.Parameter(torch.zeros(shape)))
    save_model(rnn, path)
    code = "import resource, sys\n" \
           "from copymem.weights import load_model, pretrained_path\n" \
           "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n" \
           "load_model(pretrained_path('15-bp'))\n" \
           "before = used()\n" \
           "load_model(sys.argv[1])\n" \
           "print(1024 * (used() - before))"
    grown = int(subprocess.run([sys.executable, "-c", code, path], capture_output=True,
                               text=True, timeout=120).stdout)
    assert grown < 2 * path.stat().st_size + 12 * 2 ** 20, grown


@pytest.mark.parametrize("path", [0, 3, None, b"a", "", "a\0b", 1.5, ["a"]], ids=repr)
@pytest.mark.parametrize("call", [
    load_model, read_metadata, read_history, read_sweep, lambda p: write_text("x", p),
    lambda p: save_model(RNN(4), p)])
def test_what_is_no_path(call, path):
    "A number would be taken for an open file, and that one closed."
    message(lambda: call(path), "path")
    os.fstat(0)


def test_weights_without_their_checkpoint_are_no_finished_run(tmp_path):
    tiny, path = checkpoint(tmp_path)
    path.unlink()
    message(lambda: run_experiment(tiny, tmp_path, resume=True, progress=False),
            path.name, "force")


def test_infinite_weights_under_a_finite_loss_end_no_run(tmp_path, monkeypatch):
    tiny = Experiment("tiny", hidden_size=8, updates=40, eval_every=20)
    def spoil(history): history.best_weights["b_h"][0] = float("inf")
    rnn, history = run_experiment(tiny, tmp_path, callback=spoil, progress=False)
    assert len(history) == 2 and not (tmp_path/"tiny.checkpoint").exists()


def test_infinite_weights_have_diverged_whatever_the_loss():
    "One bias beyond all bounds is a unit that stands still, and no loss says so."
    rnn = RNN(8, generator=torch.Generator().manual_seed(0))
    def rule(rnn, x, y):
        loss = backprop(rnn, x, y)
        if next(left, None) is None: rnn.b_h.grad[0] = float("inf")
        return loss
    left, optimizer = iter(range(2)), torch.optim.SGD(rnn.parameters(), lr=0.1)
    history = fit(rnn, rule, CopyTask(3), optimizer, 10, eval_every=2, eval_size=50,
                  progress=False)
    assert history.stopped == "diverged" and history["update"] == [2, 4]
    assert history.best is history.rows[0]
    assert all(weight.isfinite().all() for weight in rnn.parameters())


def test_a_refused_run_leaves_no_folder(tmp_path):
    huge = Experiment("huge", hidden_size=900_000_000)
    with pytest.raises(RuntimeError):
        run_experiment(huge, tmp_path/"a"/"b"/"c", progress=False)
    assert not list(tmp_path.iterdir())


STATES = {
    "threads": lambda: torch.set_num_threads(2),
    "dtype": lambda: torch.set_default_dtype(torch.float64),
    "device": lambda: torch.set_default_device("meta"),
    "products": lambda: torch.set_float32_matmul_precision("medium"),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16).__enter__(),
    "inference": lambda: torch.inference_mode().__enter__(),
    "no gradients": lambda: torch.set_grad_enabled(False),
    "deterministic": lambda: torch.use_deterministic_algorithms(True),
    "seed": lambda: torch.manual_seed(7)}


def same_whatever_is_set(code):
    """What `code` leaves in `found` is the same in every one of `STATES`: each in a
    process of its own, forked from one that has imported everything; what is set there
    stays there."""
    head, _, body = code.partition("# in each\n")
    code = f"""
import os
from test_hostile import STATES
{head}
for state in [None, *STATES]:
    pid = os.fork()
    if not pid:
        if state: STATES[state]()
{body}
        print(repr((state, found)), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True,
        timeout=300, cwd=ROOT/"tests", env={**os.environ, "OMP_NUM_THREADS": "1"})
    found = dict(map(eval, done.stdout.splitlines()))
    assert found.keys() == {None, *STATES}, done.stderr
    assert not [state for state, told in found.items() if told != found[None]]


def test_a_run_is_the_same_whatever_is_set_in_torch():
    same_whatever_is_set("""
from copymem.experiment import run_experiment
from copymem.files import digest
from copymem.settings import Experiment
runs = [Experiment("a", delay=3, method="tp", hidden_size=32, updates=20, eval_every=10,
                   warmup=5, clip=1),
        Experiment("b", delay=3, hidden_size=32, updates=20, eval_every=10, threshold=0,
                   training="growing", silence=0.5, activity=0.1)]
# in each
        ran = [run_experiment(e, progress=False) for e in runs]
        found = [(digest(rnn.state_dict(), {}), history["recall_accuracy"],
                  history["loss"]) for rnn, history in ran]
""")


def test_what_is_measured_is_the_same_whatever_is_set_in_torch():
    same_whatever_is_set("""
import torch
from copymem import probe
from copymem.data import CopyTask
from copymem.targetprop import Inverse
from copymem.train import answer, evaluate, measure
from copymem.weights import load_pretrained
rnn, inverse = load_pretrained("15-tp"), Inverse(128, torch.Generator().manual_seed(0))
x, y = CopyTask(3).sample(4, torch.Generator().manual_seed(0))
with torch.no_grad(): h = rnn.hidden_states(x)
# in each
        found = [*evaluate(rnn, CopyTask(15), 100), *measure(rnn, 15, 100),
                 answer(rnn, [0, 1, 2, 3, 4, 5, 6, 7, 0, 1]), probe.mean_slope(rnn),
                 probe.readable(rnn, noise=0.1), probe.readable_at(rnn, 12, noise=0.1),
                 probe.wish_effect(rnn, lambda x, h, local: local, n=100)]
        found += [part.detach().cpu().tolist() for part in (
            probe.symbol_map(rnn).nan_to_num(),
            probe.gradient_path(rnn, n=100).nan_to_num(),
            probe.displacement_path(rnn, inverse, n=100).nan_to_num(),
            probe.inverse_for(rnn, updates=3).c_h,
            probe.effects_ahead(rnn, x, y, h, h),
            *probe.split_wish(rnn, inverse, x, h, h))]
""")


def test_what_is_measured_is_measured_in_full_products():
    "Asked within, as not every processor has shorter ones; and left as it was found."
    kind = torch.backends.mkldnn
    new = hasattr(getattr(kind, "matmul", None), "fp32_precision")
    now = lambda: kind.matmul.fp32_precision if new else (
        torch.get_float32_matmul_precision())
    class Asked(RNN):
        def forward(self, x):
            seen.append(now())
            return super().forward(x)
    seen, before = [], torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        lowered = now()
        evaluate(Asked(8), CopyTask(3), 10)
        assert seen == ["ieee" if new else "highest"] != [lowered] == [now()]
    finally: torch.set_float32_matmul_precision(before)


def histories(**changed):
    "A history of two rows, the second changed."
    rows = [
        dict(
            update=10 * k, delay=3, loss=0.5, recall_accuracy=0.5,
            sequence_accuracy=0.0, seconds=float(k),
        )
        for k in (1, 2)
    ]
    rows[1] |= changed
    return "\n".join(
        [",".join(rows[0]), *(",".join(map(str, r.values())) for r in rows)]) + "\n"


@pytest.mark.parametrize(
    "changed",
    [
        dict(update=10), dict(update=-1), dict(delay=0), dict(loss=-1),
        dict(recall_accuracy=1.1), dict(recall_accuracy="nan"),
        dict(sequence_accuracy=0.6), dict(seconds=0.5), dict(seconds="inf"),
        dict(loss=""), dict(update="1e1"),
    ],
    ids=repr,
)
def test_impossible_histories(tmp_path, changed):
    (tmp_path/"h.csv").write_text(histories())
    assert len(read_history(tmp_path/"h.csv")) == 2
    (tmp_path/"h.csv").write_text(histories(**changed))
    message(lambda: read_history(tmp_path/"h.csv"), "h.csv")


@pytest.mark.parametrize("text", [
    "", "update,loss\n", "nonsense", "update,loss\n1,abc\n", "\x00\xff"], ids=repr)
def test_corrupt_history(tmp_path, text):
    (tmp_path/"h.csv").write_text(text, encoding="latin-1")
    message(lambda: read_history(tmp_path/"h.csv"), "h.csv")
    message(lambda: read_history(tmp_path/"none.csv"), "none.csv")


@pytest.mark.parametrize("name", [
    "NOPE", "", "../15-tp", "15-tp.safetensors", "15-TP", None])
def test_unknown_pretrained(name): message(lambda: load_pretrained(name), "15-tp")


# --- settings.ini ---

def settings(tmp_path, edit=lambda text: text):
    "A copy of the shipped settings.ini, edited."
    text = (ROOT/"settings.ini").read_text(encoding="utf-8")
    path = tmp_path/"settings.ini"
    path.write_text(edit(text), encoding="utf-8")
    return path


def set_key(section, key, value):
    "An edit that gives `key` another `value` in `section`."
    def edit(text):
        return re.sub(
            rf"(^\[{re.escape(section)}\]\n)((?:(?!\[).*\n?)*)",
            lambda m: m[1]
            + f"{key} = {value}\n"
            + re.sub(rf"^{key}\s*=.*\n", "", m[2], flags=re.M), text, flags=re.M,
        )
    return edit


@pytest.mark.parametrize(
    "key, value",
    [
        ("delay", "0"), ("delay", "-5"), ("delay", "fifteen"), ("delay", "1.5"),
        ("delay", ""), ("delay", "1e2"), ("method", "bptt"), ("method", ""),
        ("method", "BP"), ("training", "sideways"), ("updates", "0"),
        ("updates", "many"), ("seed", "-1"), ("seed", "x"), ("batch_size", "0"),
        ("batch_size", "2.5"), ("lr", "0"), ("lr", "-1"), ("lr", "nan"), ("lr", "inf"),
        ("lr", "fast"), ("readout_lr", "-1"), ("fade", "1.5"), ("fade", "-0.1"),
        ("readout_beta2", "1"), ("readout_beta2", "-0.5"), ("activity", "-0.5"),
        ("activity", "inf"), ("silence", "nan"), ("start", "loud"),
    ],
)
def test_bad_value_is_named(tmp_path, key, value):
    path = settings(tmp_path, set_key("15-tp", key, value))
    text = message(lambda: load_experiments(path), "15-tp", key, value)
    if key == "method": assert "bp" in text and "tp" in text
    if key == "training": assert "direct" in text and "growing" in text


@pytest.mark.parametrize("key", ["colour", "dealy", "name", "lr_delay", "far_gain"])
def test_unknown_key_is_named(tmp_path, key):
    path = settings(tmp_path, set_key("15-tp", key, "15"))
    message(lambda: load_experiments(path), "15-tp", key, "delay", "method")


@pytest.mark.parametrize("edit, names", [
    (lambda t: t + "\n[15-tp]\ndelay = 15\n", ["15-tp"]),
    (lambda t: t + "\n[15-tp-x\ndelay = 15\n", ["15-tp-x"]),
    (lambda t: "delay = 15\n" + t, ["section"]),
    (lambda t: t + "\n[twice]\ndelay = 15\ndelay = 16\nmethod = bp\n",
     ["twice", "delay"]),
    (lambda t: t + "\n[../evil]\ndelay = 15\nmethod = bp\n", ["../evil"]),
], ids=["section twice", "bracket", "no section", "key twice", "name"])
def test_bad_file_is_named(tmp_path, edit, names):
    path = settings(tmp_path, edit)
    message(lambda: load_experiments(path), "settings.ini", *names)


def test_unreadable_settings(tmp_path):
    message(lambda: load_experiments(tmp_path/"none.ini"), "none.ini")
    message(lambda: load_experiments(tmp_path), tmp_path.name)
    (tmp_path/"binary.ini").write_bytes(bytes(range(256)))
    message(lambda: load_experiments(tmp_path/"binary.ini"), "binary.ini")


def test_settings_are_found_from_anywhere(tmp_path, monkeypatch):
    """Here or above, else what ships; a file that is there is not passed over because
    it is wrong."""
    monkeypatch.chdir(tmp_path)
    assert load_experiments() == load_experiments(ROOT/"settings.ini")
    (tmp_path/"settings.ini").write_text("[mine]\ndelay = 3\n", encoding="utf-8")
    (tmp_path/"below").mkdir()
    monkeypatch.chdir(tmp_path/"below")
    assert list(load_experiments()) == ["mine"]
    (tmp_path/"settings.ini").write_text("not settings", encoding="utf-8")
    message(load_experiments, "settings.ini")
    theirs = "[DEFAULT]\nlib_name = theirs\n"
    (tmp_path/"settings.ini").write_text(theirs, encoding="utf-8")
    assert load_experiments() == load_experiments(ROOT/"settings.ini")


@pytest.mark.parametrize(
    "key, value",
    [
        ("delay", 0), ("method", "bptt"), ("lr", float("nan")), ("decay", 1.1),
        ("silence", -1), ("activity", float("inf")), ("start", "loud"), ("start", None),
        ("delay", 15.0), ("updates", True), ("lr", "fast"), ("hidden_size", 10**12),
    ],
)
def test_experiments_made_in_python_are_checked_too(key, value):
    message(lambda: Experiment("mine", **{key: value}), "mine", key, value)


def test_devices():
    message(lambda: load_pretrained("15-tp", device="abacus"), "abacus")


# --- the command ---

def refused(done):
    "The one line with which the command refused."
    assert (done.returncode == 2 and "Traceback" not in done.stderr
            and not done.stdout), done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert re.match(r"copymem( \w+)?: error: ", line), done.stderr
    return line


@pytest.mark.parametrize("arguments, names", [
    (["train", "NOPE"], ["NOPE", "15-tp"]), (["evaluate", "NOPE"], ["NOPE"]),
    (["sweep", "15-tp", "NOPE"], ["NOPE"]),
    (["train", "15-tp", "--settings", "none.ini"], ["none.ini"]),
    (["train", "15-tp", "--updates", "0"], ["updates", "0"]),
    (["train", "15-tp", "--updates", "x"], ["updates", "x"]),
    (["train", "15-tp", "--seed", "-1"], ["seed", "-1"]),
    (["train", "15-tp", "--device", "abacus"], ["abacus"]),
    (["train", "15-tp", "--out", "a-file"], ["a-file"]), (["fly"], ["fly"]),
    (["train"], ["NAME"]),
], ids=lambda v: " ".join(v))
def test_command_refuses(tmp_path, arguments, names):
    (tmp_path/"a-file").write_text("mine")
    shutil.copy(ROOT/"settings.ini", tmp_path)
    line = refused(run("copymem", *arguments, cwd=tmp_path))
    assert not [n for n in names if n not in line], line
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a-file", "settings.ini"]
    assert (tmp_path/"a-file").read_text() == "mine"


@pytest.mark.parametrize("arguments, names", [
    (["sweep", "15-tp", "--set", "lr"], ["--set", "lr"]),
    (["sweep", "15-tp", "--set", "lr=fast"], ["lr", "fast"]),
    (["sweep", "15-tp", "--set", "lr=1e-3,"], ["lr"]),
    (["sweep", "15-tp", "--set", "colour=red"], ["colour", "lr"]),
    (["sweep", "15-tp", "--set", "seed=1"], ["seed"]),
    (["sweep", "15-tp", "--set", "lr=1", "--set", "lr=2"], ["lr", "twice"]),
    (["sweep", "15-tp", "--seeds", "1:"], ["1:"]),
    (["sweep", "15-tp", "--seeds", "5:5"], ["seeds"]),
    (["sweep", "15-tp", "--seeds", "-1"], ["seed", "-1"]),
    (["sweep", "15-tp", "--seeds", "0:999999999"], ["seeds"]),
    (["sweep", "15-tp", "--jobs", "0"], ["jobs", "0"]),
    (["sweep", "15-tp", "--device", "abacus"], ["abacus"]),
    (["sweep", "15-tp", "--out", "a-file"], ["a-file"]),
    (["train", "15-tp", "--updates", "1000000000000000000000"], ["updates"]),
], ids=lambda v: " ".join(v))
def test_sweep_refuses(tmp_path, monkeypatch, capsys, arguments, names):
    "In this process: a second saved for each."
    (tmp_path/"a-file").write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert re.fullmatch(r"copymem: error: .+\n", said.err) and not said.out
    assert not [n for n in names if n not in said.err], said.err
    assert [p.name for p in tmp_path.rglob("*")] == ["a-file"]


def python(*arguments, cwd, **options):
    "`python ARGUMENTS`, as a person types it."
    return subprocess.run([sys.executable, *map(str, arguments)], cwd=cwd,
                          capture_output=True, timeout=300, **options)


def test_the_command_as_a_module(tmp_path):
    version = python("-m", "copymem", "--version", cwd=tmp_path, text=True).stdout
    assert (
        re.fullmatch(r"copymem \d+(\.\w+)+\n", version)
        and version == run("copymem", "--version", cwd=tmp_path).stdout
    )
    done = python("-m", "copymem", "train", "nope", cwd=tmp_path, text=True)
    assert (done.returncode == 2
            and re.fullmatch(r"copymem: error: .*nope.*\n", done.stderr))
    assert (
        python("-c", "import copymem.__main__", cwd=tmp_path).stdout == b""
    ), "importing it runs nothing"


@pytest.mark.parametrize(
    "surroundings",
    [
        dict(PYTHONIOENCODING="ascii"),
        dict(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
        dict(PYTHONIOENCODING="latin-1"),
    ],
    ids=str,
)
def test_letters_that_the_terminal_does_not_know(tmp_path, surroundings):
    (tmp_path/"settings.ini").write_text(
        "[größe-Ω]\nhidden_size = 8\nupdates = 20\n", encoding="utf-8"
    )
    for arguments in (["experiments"], ["train", "nope"], ["evaluate", "größe-Ω"]):
        done = python("-m", "copymem", *arguments, cwd=tmp_path,
                      env={**os.environ, **surroundings})
        assert (
            done.returncode == (0 if arguments == ["experiments"] else 2)
            and b"Traceback" not in done.stderr
        ), done.stderr
        assert b"gr" in done.stdout + done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has another shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_missing_streams(tmp_path, closed):
    (tmp_path/"settings.ini").write_text("[tiny]\nhidden_size = 8\nupdates = 20\n")
    for arguments, code in (
        ("experiments", 0), ("train tiny --force", 0), ("train nope", 2), ("fly", 2)):
        done = subprocess.run(
            f"{sys.executable} -m copymem {arguments} {closed}", shell=True,
            cwd=tmp_path, capture_output=True, timeout=300,
        )
        assert done.returncode == code and b"Traceback" not in done.stderr, done.stderr


def test_interrupted_before_its_first_look(tmp_path, monkeypatch, capsys):
    "A run that was never looked at keeps nothing and claims nothing."
    def interrupted(*args, **settings): raise KeyboardInterrupt
    monkeypatch.setattr(experiment, "backprop", interrupted)
    out = tmp_path/"runs"
    assert main(["train", "15-bp", "--out", str(out), "--settings",
                 str(ROOT/"settings.ini")]) == 130
    assert "nothing to keep" in capsys.readouterr().out
    assert not [p for p in out.glob("*") if p.suffix in (".safetensors", ".checkpoint")]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_other_ends_are_as_an_interrupt(tmp_path, end):
    (tmp_path/"settings.ini").write_text(
        "[long]\nhidden_size = 8\nupdates = 100000\neval_every = 10\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "copymem", "train", "long"], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    watcher = threading.Thread(target=lambda: process.stderr.read(), daemon=True)
    watcher.start()
    while not (tmp_path/"runs"/"long.safetensors").exists():
        assert process.poll() is None
    process.send_signal(end)
    assert (b"--resume goes on" in process.stdout.read()
            and process.wait(timeout=60) == 130)
    assert {p.suffix for p in (tmp_path/"runs").iterdir()} == {
        ".safetensors", ".csv", ".checkpoint"}


def test_a_diverged_run_names_only_what_is_there(tmp_path):
    (tmp_path/"settings.ini").write_text(
        "[wild]\nlr = 3e38\nhidden_size = 8\nupdates = 60\neval_every = 20\n"
    )
    for more in ([], ["--resume"]):
        done = run("copymem", "train", "wild", *more, cwd=tmp_path)
        assert (done.returncode == 1 and "diverged" in done.stdout
                and "Traceback" not in done.stderr), (done.stdout + done.stderr)
        for path in re.findall(r"weights: (\S+)", done.stdout):
            assert (tmp_path/path).exists()


def test_help_is_there(tmp_path):
    for command in ([], ["demo"], ["experiments"], ["train"], ["evaluate"], ["sweep"]):
        done = run("copymem", *command, "--help", cwd=tmp_path)
        assert (done.returncode == 0 and len(done.stdout.splitlines()) > 3
                and not done.stderr)


def test_commands_that_read_work_anywhere(tmp_path):
    for command in ("demo", "experiments"):
        done = run("copymem", command, cwd=tmp_path)
        assert (done.returncode == 0 and "15-tp" in done.stdout
                and not done.stderr), done.stderr
    assert not list(tmp_path.iterdir())


def test_training_loses_nothing_that_was_there(tmp_path):
    arguments = [
        "copymem", "train", "15-bp", "--settings", ROOT/"settings.ini",
        "--out", tmp_path, "--updates", 20,
    ]
    assert run(*arguments, cwd=tmp_path).returncode == 0
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert {"15-bp.safetensors", "15-bp.csv"} <= set(before)
    line = refused(run(*arguments, cwd=tmp_path))
    assert "force" in line and "resume" in line
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    assert run(*arguments, "--force", "--seed", 1, cwd=tmp_path).returncode == 0
    assert (tmp_path/"15-bp.safetensors").read_bytes() != before["15-bp.safetensors"]


def test_same_seed_same_weights(tmp_path):
    tiny = "[tiny]\nmethod = tp\nhidden_size = 16\nupdates = 30\nwarmup = 10\n"
    (tmp_path/"settings.ini").write_text(tiny)
    for name in "ab":
        done = run("copymem", "train", "tiny", "--out", tmp_path/name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    a, b = (load_model(tmp_path/n/"tiny.safetensors").state_dict() for n in "ab")
    assert all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_interrupted_training_goes_on_as_if_it_had_not_been(tmp_path):
    train = [
        "train", "15-bp-growing", "--settings", ROOT/"settings.ini",
        "--updates", 2000, "--out"]
    whole, parts = tmp_path/"whole", tmp_path/"parts"
    command = shutil.which("copymem", path=sysconfig.get_path("scripts"))
    process = subprocess.Popen(
        list(map(str, [command, *train, parts])), cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # a shell's background jobs ignore the signal, and so do their children
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    said = b""
    # until it has looked at its recall accuracy
    while not re.search(rb"recall\D{,3}0\.\d", said):
        more = os.read(process.stdout.fileno(), 4096)
        assert more, said.decode()
        said += more
    process.send_signal(signal.SIGINT)
    said += process.communicate(timeout=120)[0]
    assert process.returncode == 130 and b"Traceback" not in said, said.decode()

    kept, recorded = load_model(parts / "15-bp-growing.safetensors"), read_history(
        parts / "15-bp-growing.csv"
    )
    assert isinstance(kept, RNN) and 0 < recorded["update"][-1] < 2000
    for out, more in ((whole, []), (parts, ["--resume"])):
        done = run("copymem", *train, out, *more, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    a, b = (read_history(out/"15-bp-growing.csv") for out in (whole, parts))
    assert all(a[column] == b[column] for column in (
        "update", "delay", "loss", "recall_accuracy", "sequence_accuracy"))
    a, b = (load_model(out/"15-bp-growing.safetensors").state_dict()
            for out in (whole, parts))
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("stop", [20, 40, 50])
@pytest.mark.parametrize("method", ["bp", "tp"])
def test_going_on_where_the_delay_has_just_grown(tmp_path, method, stop):
    "Also just after a lengthening, with a read-out of its own rate and memory."
    e = Experiment(
        "grown", delay=9, method=method, training="growing", hidden_size=16, updates=60,
        warmup=5, eval_every=10, optimizer="amsgrad", readout_lr=0.01, fade=0.9,
        readout_beta2=0.99, start_delay=2, growth=1.5, threshold=0, clip=1,
    )
    whole, rows = run_experiment(e, tmp_path/"whole", progress=False)
    run_experiment(
        e, tmp_path/"parts", progress=False,
        callback=lambda history: history.last["update"] == stop,
    )
    parts, again = run_experiment(e, tmp_path/"parts", progress=False, resume=True)
    assert (rows["delay"][-1] == 9 and rows["delay"] == again["delay"]
            and rows["loss"] == again["loss"])
    assert all(torch.equal(a, b) for a, b in
               zip(whole.state_dict().values(), parts.state_dict().values()))


def test_rates_and_optimizers_of_the_parts():
    "The read-out has a rate and a memory of its own, the inverse a rate."
    run = Run(Experiment(
        "rates", method="tp", optimizer="amsgrad", lr=0.01, updates=10, decay=0.5,
        warmup=2,
        readout_lr=0.1, readout_beta2=0.9, inverse_lr=0.001))
    groups = run.optimizer.param_groups
    assert [(g["lr"], g["amsgrad"], g["betas"][1]) for g in groups] == [
        (0.01, True, 0.999), (0.1, True, 0.9), (0.001, True, 0.999)]
    for _ in range(10): run.step()
    assert [g["lr"] for g in groups] == pytest.approx([0, 0, 0], abs=1e-12)


def test_resuming_from_a_damaged_file_is_refused(tmp_path):
    train = ["train", "15-bp", "--settings", ROOT/"settings.ini", "--out", tmp_path]
    (tmp_path/"15-bp.checkpoint").write_bytes(b"not a checkpoint")
    line = refused(run("copymem", *train, "--updates", 10, "--resume", cwd=tmp_path))
    assert "15-bp.checkpoint" in line
    assert (tmp_path/"15-bp.checkpoint").read_bytes() == b"not a checkpoint"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    command = [
        shutil.which("copymem", path=sysconfig.get_path("scripts")), "experiments",
        "--settings", ROOT/"settings.ini",
    ]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait() == 1
