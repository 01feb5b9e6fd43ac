"""Command lines. A mistake is one line on the standard error, exit code 2, no traceback
and no file; what is none does what it says."""
import contextlib, io, os, re, subprocess, traceback
from itertools import product




PATHS = ["", " ", "a-file/x", "a-file", "pipe", "/dev/null/x", "/dev/full", "no\0ne",
         "~", "~nobody-here/x", "sp ace", "new\nline", "\u00fcn\u00ef-\u03a9", "\udcff",
         "x" * 5_000, "/".join("x" * 2_000), "x/" * 3_000, "/proc/none", ".", "..",
         "-", "a\x1b[31m", "loop", "lost/x", "CON", "a" * 255]
NUMBERS = ["", "0", "-1", "x", "1.5", "1e3", "nan", "9" * 19, "9" * 30, "9" * 5_000,
           "\u0661", " 1", "1_0", "0x1", "None", "1\n2"]
TINY = """
[tiny]
hidden_size = 4
updates = 2
eval_every = 1
delay = 2
batch_size = 2
"""


def lines():
    "All command lines, as lists of words."
    yield from (["train", "tiny", "--out", p] for p in PATHS)
    yield from (["train", "tiny", "--settings", p] for p in PATHS)
    yield from (["sweep", "tiny", "--seeds", "0", "--jobs", "1", "--out", p]
                for p in PATHS)
    yield from (["train", "tiny", f"--{k}", v]
                for k, v in product(["seed", "updates"], NUMBERS))
    yield from (["sweep", "tiny", "--jobs", "1", f"--{k}", v]
                for k, v in product(["seeds", "delays", "jobs"], NUMBERS))
    yield from (["evaluate", "15-bp", "--n", "4", f"--{k}", v]
                for k, v in product(["delay", "n", "seed"], NUMBERS))
    yield from (["demo", *v] for v in (["1"] * 9, ["8"] * 10, ["x"] * 10, ["-1"] * 10,
                                       ["1"] * 10, ["9" * 30] * 10, ["1.5"] * 10, []))
    for name in ("", "NOPE", "../x", "a\nb", "x\x1b[31m", "200-tp-growing", "n" * 9_999,
                 "\udcff", "tiny\0", "DEFAULT"):
        yield from ([word, name] for word in ("train", "evaluate", "sweep"))
    yield from (["sweep", "tiny", "--seeds", "0", "--jobs", "1", "--set", v] for v in (
        "", "=", "lr", "lr=", "=1", "lr=1,,2", "lr=x", "name=x", "seed=1", "delay=1",
        "\x1b=1", "lr=1e39", "hidden_size=1000000000", "method=bptt",
        "lr=" + "1," * 9_999, "a" * 9_999 + "=1", "training=growing"))
    many = ",".join(map(str, range(1, 3_001)))
    yield ["sweep", "tiny", "--set", f"delay={many}"]
    yield ["sweep", "tiny", "--set", f"updates={many}", "--set", f"warmup={many}",
           "--seeds", "0:9999"]
    for word in ("train", "evaluate", "sweep", "demo"):
        for device in ("abacus", "", "meta", "cuda:99", "xpu", "\x1b[31m", "9"):
            yield [word, *(["15-bp"] if word != "demo" else []), "--device", device]
    yield from ([], ["fly"], ["--fly"], ["train"],
                ["train", "--resume", "--force", "tiny"],
                ["--version"], ["--help"], ["train", "--help"], ["experiments", "x"],
                ["sweep", "tiny", "--backend", "abacus"], ["\x1b[31m"], ["train", "-h"],
                ["sweep", "tiny", "--address", "tcp://127.0.0.1:1"], ["x" * 99_999],
                ["sweep", "tiny", "--backend", "loky", "--address", "x"],
                ["experiments"], ["train", "tiny"], ["train", "tiny", "--resume"],
                ["train", "huge"], ["evaluate", "15-bp", "--delay", "99999999999"])


def prepare(folder):
    from copymem.cli import main
    from .base import rng_of
    found = [line for line in lines()]
    rng_of("lines", 0, 0).shuffle(found)
    return main, found


def setting(folder):
    "What lies where a command is tried."
    (folder/"settings.ini").write_text(
        TINY + TINY.replace("tiny", "huge").replace("= 4", "= 900000000"))
    (folder/"a-file").write_text("mine")
    (folder/"loop").symlink_to("loop")
    (folder/"lost").symlink_to("nowhere")
    os.mkfifo(folder/"pipe")


def here(folder, depth=3):
    "Paths below a folder, not deeper than a few levels."
    found = set()
    for path in folder.iterdir() if depth else ():
        found.add(str(path))
        if path.is_dir() and not path.is_symlink(): found |= here(path, depth - 1)
    return found


def attempt(r, folder, known, case):
    main, found = known
    words = found[case % len(found)]
    setting(folder)
    os.environ["HOME"] = str(folder)
    before, told = here(folder), repr(words)[:200]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try: code = main(words)
        except SystemExit as end: code = end.code
        except BaseException: code = traceback.format_exc()
    said, after = err.getvalue(), here(folder)
    lines = said.splitlines()
    what = judged(code, lines, after - before)
    deep = [p for p in folder.iterdir() if p.is_dir() and not p.is_symlink()]
    if deep: subprocess.run(["rm", "-rf", "--", *deep], check=True)  # 2,000 levels
    return what, f"{told}: {said[-300:]!r}" if what.startswith("!") else told


def judged(code, lines, new):
    if code in (0, 1): return f"done, {code}"
    if code != 2: return f"!code {str(code)[-300:]}"
    if len(lines) != 1: return f"!{len(lines)} lines"
    if not re.match(r"copymem( \w+)?: error: \S", lines[0]): return "!another line"
    if not lines[0].isprintable(): return "!unprintable"
    if len(lines[0]) > 3_000: return "!endless line"
    if new: return f"!files {sorted(new)[:3]}"
    return "refused"
