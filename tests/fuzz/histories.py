"""Histories. A file is refused in one line, or its rows are those that stand in it, and
such that a run can have written them."""
import csv, io, math

from copymem.weights import read_history

from .base import refused, spoil_table, spoiled_file

KINDS = dict(update=int, delay=int, loss=float, recall_accuracy=float,
             sequence_accuracy=float, seconds=float)


def sound(r):
    "A history as runs write them."
    lines, update, delay, seconds = [",".join(KINDS)], 0, 1, 0.0
    for _ in range(r.randrange(12)):
        update += r.choice([1, 20, 500])
        delay += r.choice([0, 0, 1, 7])
        seconds += round(r.random(), 6)
        recall = round(r.random(), 6)
        row = [update, delay, round(r.expovariate(2), 6), recall,
               round(recall * r.random(), 6), round(seconds, 6)]
        if r.random() < 0.02: row[2] = "nan"
        lines.append(",".join(map(str, row)))
    return "\n".join(lines) + "\n"


def prepare(folder): return None


def attempt(r, folder, known, case):
    path, text = folder/"h.csv", sound(r)
    content = spoiled_file(r, path, case, text, spoil_table, 0.7, 0.4) or b""
    try: rows = read_history(path).rows
    except Exception as error: return refused(error, path)
    return impossible(rows, content) or ("taken", "")


def impossible(rows, content):
    "What is wrong with rows that were taken, None if nothing."
    text = content.decode("utf-8-sig").replace("\r\n", "\n")
    held = list(csv.DictReader(io.StringIO(text, newline="")))
    if len(held) != len(rows): return "!other rows", f"{len(held)}, {len(rows)}"
    before = dict(update=0, delay=1, seconds=0.0)
    for row, fields in zip(rows, held):
        for key, kind in KINDS.items():
            if not plain(fields[key], kind):
                return "!odd field taken", f"{key}: {fields[key]!r}"[:200]
            value = kind(fields[key])
            if value != row[key] and not (math.isnan(value) and math.isnan(row[key])):
                return "!other value", f"{key}: {fields[key]!r}"
        if not (before["update"] < row["update"] and 1 <= row["delay"]
                and before["seconds"] <= row["seconds"] < math.inf
                and 0 <= row["sequence_accuracy"] <= row["recall_accuracy"] <= 1
                and not row["loss"] < 0):
            return "!impossible row", str(row)[:200]
        before = row
    return None


def plain(text, kind):
    "Is a field a number in ASCII, without a space?"
    return not text or all("!" <= c <= "~" for c in text)
