"""Trainings and sweeps by the command, ended at a random moment by a random signal, and
called again: the same weights, history and table as undisturbed, and no process is
left."""
import os, signal, subprocess, sys, time

from copymem.sweep import read_sweep
from copymem.weights import load_model, read_history

from .checkpoints import end_of

SETTINGS = """
[slow]
hidden_size = 8
updates = 300
eval_every = 50
delay = 3
training = growing
threshold = 0.2
decay = 0.3

[slow-tp]
method = tp
hidden_size = 8
updates = 150
warmup = 50
eval_every = 50
delay = 3
"""
ENDS = [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
TRAIN = ["train", "slow", "--out", "runs"]
SWEEP = ["sweep", "slow", "slow-tp", "--seeds", "0:2", "--jobs", "2", "--out", "t.csv"]


def start(words, folder):
    "The command in a session of its own, whose processes can be counted."
    return subprocess.Popen([sys.executable, "-m", "copymem", *words], cwd=folder,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True)


def living(session):
    "Processes of a session that are no zombies."
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try: fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        except OSError: continue
        if int(fields[3]) == session and fields[0] != "Z": found.append(int(pid))
    return found


def finish(words, folder):
    process = start(words, folder)
    return process.wait(timeout=300)


def result(folder, what):
    "What an undisturbed call leaves, without times."
    if what == "train":
        history = read_history(folder/"runs"/"slow.csv")
        rnn = load_model(folder/"runs"/"slow.safetensors")
        files = sorted(p.name for p in (folder/"runs").iterdir())
        return end_of(rnn, history), files
    rows = [{k: v for k, v in row.items() if "seconds" not in k}
            for row in read_sweep(folder/"t.csv")]
    return sorted(map(repr, rows)), sorted(p.name for p in folder.iterdir())


def prepare(folder):
    folder.mkdir()
    known = {}
    for what, words in dict(train=TRAIN, sweep=SWEEP).items():
        place = folder/what
        place.mkdir()
        (place/"settings.ini").write_text(SETTINGS)
        begun = time.monotonic()
        assert finish(words, place) == 0
        known[what] = words, time.monotonic() - begun, result(place, what)
    return known


def attempt(r, folder, known, case):
    what = "train" if case % 2 else "sweep"
    words, took, whole = known[what]
    (folder/"settings.ini").write_text(SETTINGS)
    process, end = start(words, folder), r.choice(ENDS)
    after = r.uniform(0.3, 1) * took
    told = f"{what}, {end.name} after {after:.2f} s of {took:.2f}"
    try: process.wait(timeout=after)
    except subprocess.TimeoutExpired: process.send_signal(end)
    try: process.wait(timeout=60)
    except subprocess.TimeoutExpired: return "!does not end", told
    until = time.monotonic() + 30
    while living(process.pid) and time.monotonic() < until: time.sleep(0.1)
    if left := living(process.pid):
        for pid in left: os.kill(pid, signal.SIGKILL)
        return "!orphans", f"{told}: {len(left)}"
    more = ["--resume"] if what == "train" else []
    if code := finish(words + more, folder): return f"!code {code}", told
    found = result(folder, what)
    if found != whole: return "!another end", f"{told}: {str(found)[-300:]}"
    return "as if nothing had been", told
