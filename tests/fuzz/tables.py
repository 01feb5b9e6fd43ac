"""Tables of sweeps. A file is refused in one line that names file and line, or its rows
are what stands in it, and possible; what only reads leaves the file alone, and a sweep
that finds no table in it leaves it as it is."""
import csv, io, math, random

from copymem.settings import SETTINGS, Experiment
from copymem.sweep import FIGURES, SWEEP_COLUMNS, FailedRuns, read_sweep, sweep

from .base import FIELDS, odd_file, refused, spoil_bytes, spoil_table
from .histories import plain


def sound(r, rows):
    "A table as sweeps write it."
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SWEEP_COLUMNS)
    for seed in range(rows):
        e = Experiment(r.choice(["15-bp", "tiny"]), method=r.choice(["bp", "tp"]),
                       seed=seed, delay=r.choice([3, 15, 60]),
                       lr=r.choice([1e-3, 5e-4]))
        writer.writerow([e.name, *(getattr(e, k) for k in SETTINGS), *figures(r, e)])
    return text.getvalue()


def figures(r, e):
    "Figures that a run can have."
    recall, passed = round(r.random(), 8), r.random() < 0.5
    when, last = r.randint(1, e.updates), e.updates
    return [recall, round(recall * r.random(), 8), round(r.random(), 8),
            r.randint(1, last), e.delay, e.delay if passed else 0,
            when if passed else "", 0.5 if passed else "",
            0.25 if passed else "", last, 0.5, 1.5, r.choice(["cpu", "cuda"])]


def prepare(folder):
    r = random.Random("tables")
    return [sound(r, rows) for rows in (0, 1, 2, 5, 12)]


def attempt(r, folder, known, case):
    path, text = folder/"t.csv", r.choice(known)
    if case % 50 == 49:
        odd_file(r, path)
        content = None
    else:
        pool = FIELDS + tuple(r.choice(text.split("\n")).split(","))
        if r.random() < 0.75: text = spoil_table(r, text, pool)
        content = text.encode("utf-8", "surrogatepass")
        if r.random() < 0.4: content = spoil_bytes(r, content)
        path.write_bytes(content)
    try: rows = read_sweep(path)
    except Exception as error: found = refused(error, path)
    else: found = impossible(rows, content) or ("taken", "")
    if content is not None and path.read_bytes() != content: return "!rewritten", ""
    if found[0].startswith("!") or content is None: return found
    return grown(path, content, rows if found[0] == "taken" else None) or found


def grown(path, content, before):
    "What is wrong after a sweep of one run on the table, None if nothing."
    run = lambda e, device: dict(zip(FIGURES, [0.5] * 3 + [1] * 3 + [None] * 3 + [
        1, 0.5, 1.0, "cpu"]))
    new = Experiment("new", updates=77)
    try: rows = sweep([new], [5], path, run=run, jobs=1, progress=False)
    except FailedRuns as error: return "!a sound row refused", str(error)[:300]
    except Exception as error:
        if before is not None: return "!read and not swept", repr(error)[:300]
        if path.read_bytes() != content: return "!rewritten and refused", ""
        what = refused(error, path)
        return what if what[0] != "refused" else None
    again = read_sweep(path)
    if repr(rows) != repr(again) or rows[-1]["name"] != "new": return "!other rows", ""
    if before is not None and repr(again[:-1]) != repr(before): return "!lost", ""
    if len(again) < content.count(b"\n"): return "!lost a line", ""
    return None


def impossible(rows, content):
    "What is wrong with rows that were taken, None if nothing."
    text = content.decode("utf-8-sig").replace("\r\n", "\n")
    held = list(csv.DictReader(io.StringIO(text, newline="")))
    if len(held) != len(rows): return "!other rows", f"{len(held)}, {len(rows)}"
    for row, fields in zip(rows, held):
        for key, value in row.items():
            text = fields.get(key)
            if isinstance(value, (int, float)) and text is not None and not plain(
                    text, type(value)):
                return "!odd field taken", f"{key}: {text!r}"[:200]
            if isinstance(value, str) and not value.isprintable():
                return "!unprintable text taken", f"{key}: {value!r}"[:200]
        last, when = row["last_update"], row["update_99"]
        seen = dict(
            shares=0 <= row["sequence_accuracy"] <= row["recall_accuracy"] <= 1,
            loss=not row["loss"] < 0, last=1 <= last <= row["updates"],
            best=1 <= row["best_update"] <= last,
            delays=1 <= row["best_delay"] <= row["delay"] >= row["delay_99"] >= 0,
            passed=(when is None) == (row["seconds_99"] is None)
            == (row["lowest_after_99"] is None),
            when=when is None or when <= last and row["seconds_99"] <= row["seconds"],
            clock=0 <= row["seconds"] < math.inf, recall=0 <= row["last_recall"] <= 1)
        for what, holds in seen.items():
            if not holds: return f"!impossible row, {what}", str(row)[:600]
    return None
