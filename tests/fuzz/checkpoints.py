"""Checkpoints. A spoiled one is refused in one line and left as it is with all that
lies beside it; or the run goes on from it and ends as an undisturbed one does. Where
the checksum was made to fit, the run ends in words, and no process dies."""
import json, math, shutil, warnings
from pathlib import Path

from safetensors.torch import save

from copymem.experiment import run_experiment
from copymem.files import digest, load_tensors
from copymem.settings import Experiment
from copymem.train import COLUMNS

from .base import odd_file, refused, spoil_bytes
from .tensors import SIZES, spoil_header, spoil_numbers

BASE = dict(hidden_size=6, batch_size=2, updates=30, eval_every=10)
TP = dict(method="tp", warmup=15, optimizer="amsgrad")
RUNS = [
    (Experiment("plain", delay=2, **BASE), 10),
    (Experiment("tp", delay=2, **TP, **BASE), 10),
    (Experiment("tp", delay=2, **TP, **BASE), 20),
    (Experiment("grown", delay=4, training="growing", threshold=0, growth=1.5, **BASE),
     20),
    (Experiment("last", delay=2, readout_lr=0.1, readout_beta2=0.9, **BASE), 30),
    (Experiment("reached", delay=2, stop_at=0.01, **BASE), 10),
    (Experiment("wild", delay=2, lr=3e38, **BASE), 10)]
TOLD = ("history", "stopped", "device", "checkpoint")


def quick():
    "Evaluations of few sequences: what is tried here is no score."
    import copymem.experiment as home, copymem.train as train
    evaluate = train.evaluate
    small = lambda rnn, task, n=20, *more, **most: evaluate(rnn, task, min(n, 20))
    train.evaluate, home.measure = small, lambda rnn, delay, *_: small(
        rnn, train.CopyTask(delay))


class Killed(BaseException): pass


def prepare(folder):
    "Each run undisturbed, and its files as a kill after an update leaves them."
    quick()
    warnings.simplefilter("ignore")
    known = []
    for number, (e, at) in enumerate(RUNS):
        place = folder/str(number)
        def stop(history):
            if history.last["update"] == at: raise Killed
        whole = run_experiment(e, folder/f"whole{number}", progress=False)
        try: run_experiment(e, place, callback=stop, progress=False)
        except Killed: pass
        path = place/f"{e.name}.checkpoint"
        assert path.exists(), e
        known.append((e, place, *load_tensors(path), end_of(*whole)))
    return known


def end_of(rnn, history):
    "What an end is compared by: weights, history without times, why it ended."
    weights = {k: v.tolist() for k, v in rnn.state_dict().items()}
    return repr((weights, history.stopped, [
        [row[k] for k in COLUMNS if k != "seconds"] for row in history.rows]))


def spoil_strings(r, metadata):
    "Strings that say something else; the history above all."
    metadata, how = dict(metadata), r.randrange(8)
    rows = json.loads(metadata["history"])
    row, key = r.choice(rows), r.choice(list(COLUMNS))
    if how < 3:
        row[key] = r.choice([0, -1, 1, 10, 20, 30, 10 ** 30, 0.5, -0.5, 1.5, math.nan,
                             math.inf, None, True, "1", [], {}, "\x1b[31m"])
    elif how == 3:
        rows = r.choice([[], None, {}, rows[:-1], rows + rows, rows[::-1], 7])
    elif how == 4: row.pop(key) if r.random() < 0.5 else row.update(more=1)
    metadata["history"] = json.dumps(rows)
    if how == 5:
        metadata["stopped"] = r.choice(
            ["", "reached", "interrupted", "diverged", "callback", "bored", "\x1b"])
    elif how == 6:
        metadata[r.choice(list(metadata))] = r.choice([*SIZES, "cuda", "mps", "meta"])
    elif how == 7: metadata.pop(r.choice(list(metadata)))
    return metadata


def spoiled(r, data, tensors, metadata):
    "(may it end otherwise?, bytes)"
    how = r.randrange(6)
    if how == 0: return False, spoil_bytes(r, data)
    if how == 1: return False, spoil_header(r, data)
    if how in (2, 4): tensors = spoil_numbers(r, tensors)
    if how in (3, 5): metadata = spoil_strings(r, metadata)
    if how > 3 and not set(TOLD) - metadata.keys():
        metadata["digest"] = digest(tensors, {k: metadata[k] for k in TOLD})
    try: return how > 3, save({k: v.contiguous() for k, v in tensors.items()}, metadata)
    except Exception: return False, spoil_bytes(r, data)


def attempt(r, folder, known, case):
    e, place, tensors, metadata, end = r.choice(known)
    shutil.copytree(place, folder, dirs_exist_ok=True)
    path, free = folder/f"{e.name}.checkpoint", False
    if case % 50 == 49:
        path.unlink()
        odd_file(r, path)
    else:
        free, content = spoiled(r, path.read_bytes(), tensors, metadata)
        path.write_bytes(content)
    before = files(folder)
    try: found = run_experiment(e, folder, resume=True, progress=False)
    except Exception as error:
        if files(folder) != before: return "!changed and refused", str(error)[:200]
        if isinstance(error, FileExistsError): return "refused", ""
        return refused(error, path)
    if free:
        whole = end_of(*found)
        if path.exists() and found[1].stopped != "diverged": return "!left over", ""
        return ("taken" if whole == end else "taken, made to fit"), ""
    if end_of(*found) != end: return "!another end", str(found[1].stopped)
    return "taken", ""


def files(folder):
    "Names and contents of the regular files in a folder."
    return {p.name: p.read_bytes() if p.is_file() and p.resolve().parent == folder
            .resolve() else None for p in Path(folder).iterdir()}
