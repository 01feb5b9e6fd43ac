"""Many runs: the same table from any backend, at any delay; what an interrupt leaves, and how it goes on."""
import csv, os, shutil, signal, subprocess, sysconfig, time

import pandas, pytest

from conftest import run
from copymem.experiment import SWEEP_COLUMNS, read_sweep

TIMES = ("seconds", "seconds_99")

SETTINGS = """
[tiny-tp]
method = tp
hidden_size = 16
updates = 60
warmup = 10
eval_every = 20

[long-bp]
hidden_size = 16
updates = 3000
"""


@pytest.fixture
def folder(tmp_path):
    "A folder with a settings file of its own."
    (tmp_path/"settings.ini").write_text(SETTINGS)
    return tmp_path


def swept(folder, *arguments, timeout=300):
    "The rows that `copymem sweep` wrote, by name, delay and seed, without what depends on the clock."
    done = run("copymem", "sweep", *arguments, "--out", folder/"table.csv", cwd=folder, timeout=timeout)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    rows = {(r["name"], r["delay"], r["seed"]): {k: v for k, v in r.items() if k not in TIMES} for r in read_sweep(folder/"table.csv")}
    (folder/"table.csv").rename(folder/"last.csv")
    return rows


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_table(folder):
    runs = "tiny-tp", "--delays", 3, 5, "--seeds", 0, 1
    here, dask = swept(folder, *runs, "--jobs", 2), swept(folder, *runs, "--backend", "dask")
    assert set(here) == {("tiny-tp", d, s) for d in (3, 5) for s in (0, 1)} and here == dask


def test_the_table_is_tidy(folder):
    rows = swept(folder, "tiny-tp", "--delays", 3, 5, "--seeds", 0, "--jobs", 1)
    table = pandas.read_csv(folder/"last.csv")
    assert list(table.columns) == list(SWEEP_COLUMNS) and len(table) == 2 and table.delay.sort_values().tolist() == [3, 5]
    assert table.seconds.gt(0).all() and table.recall_accuracy.between(0, 1).all() and table.update_99.isna().all()
    assert {r["delay"] for r in rows.values()} == {3, 5}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_an_interrupted_sweep_keeps_what_is_finished_and_goes_on(folder):
    table = folder/"table.csv"
    command = [shutil.which("copymem", path=sysconfig.get_path("scripts")), "sweep", "tiny-tp", "long-bp", "--seeds", "0", "1",
               "--jobs", "1", "--out", table]
    process = subprocess.Popen(list(map(str, command)), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while not (table.exists() and table.read_text().count("\n") > 1):
        assert process.poll() is None, process.stdout.read().decode()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 130 and b"Traceback" not in said, said.decode()

    kept = table.read_text()
    finished = {(r["name"], r["seed"]) for r in read_sweep(table)}
    assert ("tiny-tp", 0) in finished and len(finished) < 4
    done = run("copymem", "sweep", "tiny-tp", "--seeds", 0, 1, "--jobs", 1, "--out", table, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert table.read_text().startswith(kept), "what was finished is written again"
    assert {(r["name"], r["seed"]) for r in read_sweep(table)} == finished | {("tiny-tp", 1)}


def test_a_table_cut_short_or_of_other_settings(folder):
    swept(folder, "tiny-tp", "--seeds", 0, "--jobs", 1)
    whole = (folder/"last.csv").read_text()
    (folder/"table.csv").write_text(whole[:-20])  # the power failed while the line was written
    assert run("copymem", "sweep", "tiny-tp", "--seeds", 0, "--jobs", 1, "--out", "table.csv", cwd=folder).returncode == 0
    rows = [[v for k, v in row.items() if k not in TIMES] for text in (whole, (folder/"table.csv").read_text())
            for row in csv.DictReader(text.splitlines())]
    assert len(rows) == 2 and rows[0] == rows[1]
    (folder/"settings.ini").write_text(SETTINGS.replace("updates = 60", "updates = 80"))
    done = run("copymem", "sweep", "tiny-tp", "--seeds", 0, "--out", "table.csv", cwd=folder)
    assert done.returncode == 2 and "updates = 60" in done.stderr and "80" in done.stderr


@pytest.mark.parametrize("options, names", [(["--backend", "abacus"], ["abacus", "dask"]), (["--address", "tcp://x:1"], ["address", "dask"]),
                                            (["--delays", "0"], ["delay", "0"])])
def test_hostile_options(folder, options, names):
    done = run("copymem", "sweep", "tiny-tp", *options, cwd=folder)
    assert done.returncode == 2 and all(name in done.stderr for name in names) and "Traceback" not in done.stderr, done.stderr
    assert not (folder/"runs"/"sweep.csv").exists()
