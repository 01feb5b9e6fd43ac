"""The table of the chapter "What it costs" is what tests/benchmarks/table.py writes and
is whole; the GPU check runs where there is no GPU. Nothing here depends on a time."""
import importlib, math, os, subprocess, sys

import pytest, torch
from conftest import ROOT

from copymem.weights import load_results

BENCHMARKS = ROOT/"tests/benchmarks"


@pytest.fixture
def command(monkeypatch):
    "A command's module, by its name."
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def test_cost_table_is_whole(command):
    table, rows = command("table"), load_results("cost")
    assert list(rows[0]) == table.COLUMNS
    keys = [tuple(row[c] for c in ("measure", "what", "delay", "batch", "cores"))
            for row in rows]
    assert len(keys) == len(set(keys))
    on = [(size, cores) for cores in (1, 2) for size in table.SIZES[:4 - cores]]
    wanted = {("ratio", f"{a} / {b}", *size, cores)
              for a, b in table.RATIOS for size, cores in on}
    wanted |= {(measure, name, delay, 20, 1) for measure in ("growth", "memory")
               for name in ("TP", "BP", "torch.nn.RNN") for delay in table.DELAYS}
    assert wanted <= set(keys), "a quick run, an old one, or one without JAX"
    for row in rows:
        assert 0 < row["low"] <= row["value"] <= row["high"], row
        assert row["device"] == "cpu" and row["machine"]


def test_device_table_has_both_rules_on_both_devices(command):
    table, rows = command("table"), load_results("devices")
    assert list(rows[0]) == table.DEVICE_COLUMNS
    found = {(row["rule"], row["device"], row["delay"], row["batch"]) for row in rows}
    assert found >= {(rule, device, *size) for rule in ("bp", "tp")
                     for device in ("cpu", "cuda") for size in table.SIZES}
    assert all(math.isfinite(row["ms"]) and row["ms"] > 0 for row in rows)


def test_rows_of_other_machines_stay(command, tmp_path):
    table = command("table")
    make = lambda **new: {c: "1" for c in table.DEVICE_COLUMNS} | new
    old = [make(machine="a", ms="5"), make(machine="b")]
    table.write(old, tmp_path/"devices.csv")
    kept = table.keep_others([make(machine="a", ms="2")], tmp_path/"devices.csv")
    assert [(row["machine"], row["ms"]) for row in kept] == [("b", "1"), ("a", "2")]


def test_memory_is_counted(command):
    "As by hand, but for some bytes in which PyTorch wraps a number."
    start, peak_bytes = torch.ones(1000), command("table").peak_bytes
    functions = {lambda: start + 1: 1, lambda: (start + 1) + (start + 2): 3,
                 lambda: (start + 1).add_(1): 1}
    for function, held in functions.items():
        assert peak_bytes(function) == pytest.approx(4000 * held, abs=50)


def test_exponent(command):
    assert command("table").slope([1, 2, 5], [3, 12, 75]) == pytest.approx(2)


def test_gpu_check_without_a_gpu():
    command = [sys.executable, str(BENCHMARKS/"gpu.py")]
    done = subprocess.run(command, text=True, timeout=120, capture_output=True,
                          env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
    assert done.returncode == 0, done.stderr
    assert "no GPU here" in done.stdout
    assert float(done.stdout.split("float64")[1].split()[0]) < 1e-10


@pytest.mark.parametrize("method", ["BP", "TP"])
def test_gpu_check_knows_how_many_networks_are_run(command, method):
    update = command("gpu").networks(3, method, "cpu")
    assert update().shape == (3,)
