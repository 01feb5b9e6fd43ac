"""A kill, or a disk that is full from then on, at every single file operation of a run
that is plain, stops early, grows or diverges. Resumed, it ends as if nothing had been:
the same weights, history and metadata, and no file besides."""
import errno, os, random, sys, traceback, warnings
from pathlib import Path

from copymem.experiment import run_experiment
from copymem.settings import Experiment
from copymem.weights import read_history, read_metadata

from .checkpoints import end_of, quick

BASE = dict(delay=2, hidden_size=6, batch_size=2, updates=30, eval_every=10)
RUNS = (Experiment("plain", method="tp", warmup=15, **BASE),
        Experiment("stops", stop_at=0.01, **BASE), Experiment("wild", lr=3e38, **BASE),
        Experiment("grows", training="growing", threshold=0, **BASE | dict(delay=4)))
WRITES = ("open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.rmdir")
WAYS = "kill", "half", "full"


class Fault:
    "Counts file operations in a folder; does at one of them what `way` says."
    def __init__(self):
        self.folder, self.at, self.way, self.n, self.busy = None, -1, "", 0, False
        sys.addaudithook(self.hook)
        write = Path.write_bytes
        def halves(path, data):
            if self.way == "half" and self.n >= self.at > 0:
                write(path, data[:len(data) // 2])
                os._exit(9)
            return write(path, data)
        Path.write_bytes = halves

    def hook(self, event, arguments):
        if self.folder is None or event not in WRITES or self.busy: return
        if not str(arguments[0]).startswith(self.folder): return
        self.n += 1
        if self.n < self.at or self.at < 0: return
        if self.way == "kill": os._exit(9)
        adds = event in ("os.mkdir", "os.rename") or event == "open" and (
            arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if self.way == "full" and adds:
            raise OSError(errno.ENOSPC, "No space left on device", arguments[0])


FAULT = []


def train(e, folder, at=-1, way=""):
    "In a process of its own: (how it ended, file operations)."
    fault, (read, write) = FAULT[0], os.pipe()
    pid = os.fork()
    if not pid:
        code = 0
        try:
            fault.folder, fault.at, fault.way, fault.n = str(folder), at, way, 0
            run_experiment(e, folder, resume=True, progress=False)
        except OSError: code = 3
        except BaseException:
            os.write(write, traceback.format_exc()[-900:].encode())
            code = 4
        finally:
            fault.folder = None
            os.write(write, f"\n{fault.n}".encode())
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as f: said = f.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said


def what_is_left(e, folder):
    "All that an end is compared by."
    weights = folder/f"{e.name}.safetensors"
    told, rnn = {}, None
    if weights.exists():
        told = {k: v for k, v in read_metadata(weights).items()
                if "seconds" not in k and k != "digest"}
    rows = read_history(folder/f"{e.name}.csv")
    rnn, history = run_experiment(e, folder, resume=True, progress=False)
    kept = list(zip(rows["update"], rows["delay"], rows["recall_accuracy"]))
    return end_of(rnn, history), told, kept, sorted(p.name for p in folder.iterdir())


def prepare(folder):
    quick()
    warnings.simplefilter("ignore")
    FAULT.append(Fault())
    cases = []
    for e in RUNS:
        code, said = train(e, folder/e.name)
        end, operations = what_is_left(e, folder/e.name), int(said.split("\n")[-1])
        assert not code and operations > 20, said
        cases += [(e, end, at, way) for at in range(1, operations + 1) for way in WAYS]
    random.Random("faults").shuffle(cases)
    return cases


def attempt(r, folder, known, case):
    if case >= len(known): return "no more", ""
    e, end, at, way = known[case]
    told = f"{e.name}, {way} at file operation {at}"
    code, said = train(e, folder/"run", at, way)
    if code == 4: return "!other exception", f"{told}: {said}"
    code, said = train(e, folder/"run")
    if code: return "!not resumed", f"{told}: {said}"
    found = what_is_left(e, folder/"run")
    for what, a, b in zip(("weights", "metadata", "history", "files"), found, end):
        if a == b: continue
        return f"!other {what}", f"{told}: {str(a)[-200:]} for {str(b)[-200:]}"
    return "as if nothing had been", told
