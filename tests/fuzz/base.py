"""What the fuzzers share: cases that are the same again, a child process that may die
of one, and how bytes are spoiled."""
import json, os, queue, random, subprocess, sys, tempfile, threading
from collections import Counter
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
KINDS = dict(  # module: how many cases at full size, and in CI
    weights=(10_000, 600), checkpoints=(4_000, 120), histories=(4_000, 600),
    tables=(4_000, 400), settings=(4_000, 400), arguments=(4_400, 1_500),
    lines=(315, 80), faults=(600, 30), kills=(100, 2))
SECONDS = dict(kills=400, faults=120)  # that one case may take; others a minute
MEMORY = 4 << 30 # that a child may address beyond what it begins with


@dataclass
class Tally:
    "What came of some cases."
    kind: str
    seed: int
    cases: int = 0
    outcomes: Counter = field(default_factory=Counter)
    findings: list = field(default_factory=list)  # (case, what, more)

    def add(self, case, what, more):
        self.cases += 1
        if what.startswith("!"): self.findings.append((case, what[1:], more))
        self.outcomes[what.removeprefix("!")] += 1

    def __str__(self):
        said = ", ".join(f"{n:,} {what}" for what, n in self.outcomes.most_common())
        return f"{self.kind}: {self.cases:,} cases, seed {self.seed}: {said}"


def rng_of(kind, seed, case): return random.Random(f"{kind}/{seed}/{case}")


def run(kind, n, seed=0, first=0) -> Tally:
    "Tries cases `first` to `first + n` in child processes; a dead one is replaced."
    tally, case = Tally(kind, seed), first
    while case < first + n:
        for at, what, more in child(kind, seed, case, first + n):
            tally.add(at, what, more)
            case = at + 1
    return tally


def child(kind, seed, first, last):
    """(case, what came of it, more) from one child process, the last one being its
    death where it dies or hangs."""
    command = [sys.executable, "-m", "fuzz", "--child", kind, seed, first, last]
    process = subprocess.Popen(
        list(map(str, command)), cwd=TESTS, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})
    lines, errors = queue.Queue(), []
    def read():
        for line in process.stdout: lines.put(line)
        lines.put(None)
    threads = [threading.Thread(target=read, daemon=True), threading.Thread(
        target=lambda: errors.append(process.stderr.read()), daemon=True)]
    for thread in threads: thread.start()
    at, waiting, seconds = first, True, SECONDS.get(kind, 60)
    while True:
        try: line = lines.get(timeout=seconds * (5 if waiting else 1))
        except queue.Empty: line, hung = None, True
        else: hung = False
        if line is None: break
        found = json.loads(line)
        waiting = False
        if len(found) == 1: at = found[0]
        else: yield found
        if len(found) == 3 and found[0] == last - 1: break
    if hung: process.kill()
    code = process.wait()
    for thread in threads: thread.join()
    process.stdout.close(), process.stderr.close()
    if waiting: raise RuntimeError(f"{kind} does not begin: {errors[0]}")
    if hung: yield at, "!hang", ""
    elif code:
        yield at, f"!death by {code}", errors[0][-2000:] if errors else ""


def serve(kind, seed, first, last):
    "What the child does: a line before each case, and one after it."
    module = import_module(f"fuzz.{kind}")
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is tried may print
    say = lambda *found: print(json.dumps(found), file=out)
    with tempfile.TemporaryDirectory() as folder:
        known = module.prepare(Path(folder)/"known")
        limit_memory()
        for case in range(first, last):
            say(case)
            place = Path(folder)/str(case)
            place.mkdir()
            os.chdir(place)
            say(case, *module.attempt(rng_of(kind, seed, case), place, known, case))
            os.chdir(folder)
            remove(place)


def remove(folder):
    "Removes a folder, links not followed."
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink(): remove(path)
        else: path.unlink()
    folder.rmdir()


def status(key):
    "A line of /proc/self/status in bytes, 0 where there is none."
    try: text = Path("/proc/self/status").read_text()
    except OSError: return 0
    return 1024 * int(text.split(f"{key}:")[1].split()[0])


def limit_memory():
    "Lets this process address `MEMORY` more than now, where that can be said."
    try: import resource
    except ImportError: return
    most = status("VmSize") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


class Peak:
    "The most memory that a block took beyond what was there, in `grown`, in bytes."
    def __enter__(self):
        try: Path("/proc/self/clear_refs").write_text("5")
        except OSError: pass
        self.before = status("VmRSS")
        return self

    def __exit__(self, *_): self.grown = max(0, status("VmHWM") - self.before)


def refused(error, path, documented=(OSError, ValueError)):
    "What a refusal is: as documented, one printable line, and with the file's name."
    told = str(error)
    if not isinstance(error, documented) or type(error) is UnicodeDecodeError:
        return f"!other exception, {type(error).__name__}", told[:300]
    if str(path) not in told and getattr(error, "filename", None) is None:
        return "!unnamed", told[:300]
    if not told.isprintable(): return "!unprintable", repr(told)[:300]
    if len(told) > 2_000: return "!endless message", told[:300]
    return "refused", ""


# --- how bytes and text are spoiled ---

def flip(r, data):
    "One to eight bits turned."
    data = bytearray(data)
    for _ in range(r.randint(1, 8)):
        if data: data[r.randrange(len(data))] ^= 1 << r.randrange(8)
    return bytes(data)


def cut(r, data): return data[:r.randrange(len(data) + 1)]
def longer(r, data): return data + r.randbytes(r.choice([1, 7, 100, 5_000]))
def nothing(r, data): return r.choice([b"", b"\0" * 50, b"\xff" * 50])


def drop(r, data):
    start = r.randrange(len(data) + 1)
    return data[:start] + data[start + r.randint(1, 40):]


def insert(r, data):
    start = r.randrange(len(data) + 1)
    new = r.choice([r.randbytes(r.randint(1, 40)), b"\0", b"\xef\xbb\xbf", b"\r", b"\n",
                    b"\x1b[31m", "\u202e\u0661".encode(), b"\xff", b'"', b","])
    return data[:start] + new + data[start:]


def repeat(r, data):
    start = r.randrange(len(data) + 1)
    part = data[start:start + r.randint(1, 200)]
    return data[:start] + part * r.randint(2, 5) + data[start:]


def overwrite(r, data):
    start, n = r.randrange(len(data) + 1), r.randint(1, 40)
    new = r.choice([bytes(n), b"\xff" * n, r.randbytes(n)])
    return (data[:start] + new + data[start + n:])[:len(data)]


BYTES = (flip, flip, cut, longer, nothing, drop, insert, repeat, overwrite)


def odd_file(r, path):
    "Something at `path` that is no regular file, or one that has no end."
    make = r.choice(["pipe", "folder", "zero", "null", "loop", "lost", "full"])
    if make == "pipe": os.mkfifo(path)
    elif make == "folder": path.mkdir()
    elif make == "loop": path.symlink_to(path.name)
    elif make == "lost": path.symlink_to("nowhere")
    else: path.symlink_to(f"/dev/{make}")


def spoiled_file(r, path, case, text, spoil, often, bytes_often):
    """Writes `text` to `path`, its words or bytes spoiled as `often` as that; or now
    and then no file at all. Returns what was written, None for no file."""
    if case % 50 == 49: return odd_file(r, path)
    if r.random() < often: text = spoil(r, text)
    content = text.encode("utf-8", "surrogatepass")
    if r.random() < bytes_often: content = spoil_bytes(r, content)
    path.write_bytes(content)
    return content


# Fields that no writer writes, and some that it does.
FIELDS = ("", "0", "-1", "1", "nan", "inf", "-inf", "1e309", "-0.0", "1.5", "0.5", "2",
          "1e2", "1_0", " 1", "\u0661", "0x10", "9" * 30, "9" * 5_000, "true", "None",
          "<b>x</b>", "=1+1", "a\x1b[31m", "x" * 200_000, "\x00", "\u202e", '"', "a,b",
          "[x](y)", "1e-320", "999999999999", "bp", "tp", "15-tp", "../x", "\ufeff1")


def spoil_lines(r, text):
    "A text with a line doubled, gone, moved, or an end of another kind."
    lines = text.split("\n")
    i, j = r.randrange(len(lines)), r.randrange(len(lines))
    how = r.randrange(6)
    if how == 0: lines.insert(j, lines[i])
    elif how == 1: lines.pop(i)
    elif how == 2: lines[i], lines[j] = lines[j], lines[i]
    elif how == 3: lines[i] += r.choice(["\r", ",", ",1", " ", "\t", "\x0b", "\u2028"])
    elif how == 4: lines[i] = lines[i][:r.randrange(len(lines[i]) + 1)]
    else: return text.replace("\n", r.choice(["\r", "\r\n", "\n\n", ""]))
    return "\n".join(lines)


def spoil_table(r, text, pool=FIELDS):
    "A CSV text with fields that are others, or lines spoiled."
    if r.random() < 0.3: return spoil_lines(r, text)
    lines = text.split("\n")
    for _ in range(r.choice([1, 1, 1, 2, 5])):
        i = r.randrange(len(lines))
        fields = lines[i].split(",")
        k = r.randrange(len(fields))
        if r.random() < 0.1: fields.pop(k)
        elif r.random() < 0.1: fields.insert(k, fields[r.randrange(len(fields))])
        elif r.random() < 0.1: fields[k] = f'"{fields[k]}"'
        else: fields[k] = r.choice(pool)
        lines[i] = ",".join(fields)
    return "\n".join(lines)


def spoil_bytes(r, data):
    for _ in range(r.choice([1, 1, 1, 2, 4])): data = r.choice(BYTES)(r, data)
    return data
