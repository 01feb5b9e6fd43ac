"""The table of chapter 8 is the one that tests/benchmarks/table.py writes, and is whole. Nothing here depends on a time."""
import csv

import pytest, torch
from conftest import ROOT


@pytest.fixture
def table(monkeypatch):
    "The command's module."
    monkeypatch.syspath_prepend(ROOT/"tests/benchmarks")
    import table
    return table


def test_cost_table_is_whole(table):
    with open(ROOT/"nbs/results/cost.csv", encoding="utf-8") as f: rows = list(csv.DictReader(f))
    assert list(rows[0]) == table.COLUMNS
    keys = [tuple(row[c] for c in ("measure", "what", "delay", "batch", "threads")) for row in rows]
    assert len(keys) == len(set(keys))
    wanted = {("ratio", f"{a} / {b}", str(delay), str(batch), str(threads))
              for a, b in table.RATIOS for delay, batch in table.SIZES for threads in (1, 2)}
    wanted |= {(measure, name, str(delay), "20", "1") for measure in ("growth", "memory")
               for name in ("TP", "BP", "torch.nn.RNN") for delay in table.DELAYS}
    assert wanted <= set(keys), "a quick run, or an old one: run tests/benchmarks/table.py on a quiet machine"
    for row in rows: assert 0 < float(row["low"]) <= float(row["value"]) <= float(row["high"]), row


def test_memory_is_counted(table):
    "As by hand, but for some bytes in which PyTorch wraps a number."
    start = torch.ones(1000)
    for held, function in [(1, lambda: start + 1), (3, lambda: (start + 1) + (start + 2)), (1, lambda: (start + 1).add_(1))]:
        assert table.peak_bytes(function) == pytest.approx(4000 * held, abs=50)


def test_exponent(table):
    assert table.slope([1, 2, 5], [3, 12, 75]) == pytest.approx(2)
