"""Many runs: the same table from any backend; one row a run; what an interrupt
leaves."""
import csv, os, re, shutil, signal, subprocess, sys, sysconfig, time
from collections import Counter
from dataclasses import replace
from html import unescape
from itertools import combinations, count, product

import numpy, pandas, pytest
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from conftest import run
from fuzz import kills
from copymem.cli import main
from copymem.settings import Experiment
from copymem.summary import Table, arrivals, fisher, select_runs, wilson
from copymem.sweep import (
    FIGURES, SWEEP_COLUMNS, FailedRuns, open_backend, read_sweep, sweep)
from copymem.weights import results_path

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
    "The rows that `copymem sweep` wrote, by name, delay and seed, without times."
    done = run("copymem", "sweep", *arguments, "--out", folder / "table.csv",
               cwd=folder, timeout=timeout)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    rows = {
        (r["name"], r["delay"], r["seed"]):
            {k: v for k, v in r.items() if k not in TIMES}
        for r in read_sweep(folder / "table.csv")
    }
    (folder/"table.csv").rename(folder/"last.csv")
    return rows


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_table(folder):
    runs = "tiny-tp", "--delays", 3, 5, "--seeds", 0, 1
    here, dask = (
        swept(folder, *runs, "--jobs", 2), swept(folder, *runs, "--backend", "dask"))
    assert (set(here) == {("tiny-tp", d, s) for d in (3, 5) for s in (0, 1)}
            and here == dask)


def test_the_table_is_tidy(folder):
    rows = swept(folder, "tiny-tp", "--delays", 3, 5, "--seeds", 0, "--jobs", 1)
    table = pandas.read_csv(folder/"last.csv")
    assert (
        list(table.columns) == list(SWEEP_COLUMNS)
        and len(table) == 2
        and table.delay.sort_values().tolist() == [3, 5]
    )
    assert (
        table.seconds.gt(0).all()
        and table.recall_accuracy.between(0, 1).all()
        and table.update_99.isna().all()
    )
    assert {r["delay"] for r in rows.values()} == {3, 5}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_an_interrupted_sweep_keeps_what_is_finished_and_goes_on(folder):
    table = folder/"table.csv"
    command = [
        shutil.which("copymem", path=sysconfig.get_path("scripts")), "sweep", "tiny-tp",
        "long-bp", "--seeds", "0", "1", "--jobs", "1", "--out", table,
    ]
    process = subprocess.Popen(list(map(str, command)), cwd=folder,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while not (table.exists() and table.read_text().count("\n") > 1):
        assert process.poll() is None, process.stdout.read().decode()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 130 and b"Traceback" not in said, said.decode()

    kept = table.read_text()
    finished = {(r["name"], r["seed"]) for r in read_sweep(table)}
    assert ("tiny-tp", 0) in finished and len(finished) < 4
    done = run("copymem", "sweep", "tiny-tp", "--seeds", 0, 1, "--jobs", 1,
               "--out", table, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert table.read_text().startswith(kept), "what was finished is written again"
    assert {(r["name"], r["seed"]) for r in read_sweep(table)} == finished | {
        ("tiny-tp", 1)}


def test_a_table_cut_short_or_with_runs_of_other_settings(folder):
    swept(folder, "tiny-tp", "--seeds", 0, "--jobs", 1)
    whole = (folder/"last.csv").read_text()
    # the power failed while the line was written
    (folder/"table.csv").write_text(whole[:-20])
    assert run("copymem", "sweep", "tiny-tp", "--seeds", 0, "--jobs", 1,
               "--out", "table.csv", cwd=folder).returncode == 0
    rows = [
        [v for k, v in row.items() if k not in TIMES]
        for text in (whole, (folder / "table.csv").read_text())
        for row in csv.DictReader(text.splitlines())
    ]
    assert len(rows) == 2 and rows[0] == rows[1]
    (folder/"settings.ini").write_text(SETTINGS.replace("updates = 60", "updates = 80"))
    before = (folder/"table.csv").read_text()
    assert run("copymem", "sweep", "tiny-tp", "--seeds", 0, "--jobs", 1,
               "--out", "table.csv", cwd=folder).returncode == 0
    rows = read_sweep(folder/"table.csv")
    assert (folder / "table.csv").read_text().startswith(before) and [
        r["updates"] for r in rows
    ] == [60, 80]
    with pytest.raises(ValueError, match="updates"): select_runs(rows, "tiny-tp", 15)
    assert select_runs(rows, "tiny-tp", 15, updates=80) == rows[1:]


# --- what is one run ---

TINY = Experiment("tiny", hidden_size=8, updates=20, warmup=5)
KINDS = dict(drawn=int)


def counting():
    "A study's function that counts its calls."
    calls = count()
    return lambda experiment, device: dict(drawn=next(calls))


def drawn(out, *experiments, seeds=(0,), function=None, **options):
    "The rows of a sweep that does nothing but count."
    return sweep(experiments, seeds, out, run=function or counting(), figures=KINDS,
                 jobs=1, progress=False, **options)


OTHER = dict(
    method="tp", training="growing", start="quiet", optimizer="amsgrad", growth=1.5)


@pytest.mark.parametrize("key", [k for k in SWEEP_COLUMNS if k not in FIGURES
                                 and k not in ("name", "delay", "seed")])
def test_runs_that_differ_in_one_setting_are_two(tmp_path, key):
    value = getattr(TINY, key)
    other = replace(
        TINY,
        **{
            key: (
                OTHER[key]
                if key in OTHER
                else value + 1 if isinstance(value, int) else value / 2 + 0.01
            )
        }
    )
    function = counting()
    for _ in range(2):
        rows = drawn(tmp_path/"t.csv", TINY, other, TINY, function=function)
        assert [row["drawn"] for row in rows] == [0, 1] and rows[0][key] != rows[1][key]


def test_arguments_of_any_kind(tmp_path):
    options = dict(delays=numpy.array([3, 5]),
                   grid=dict(lr=iter(numpy.array([1e-3, 1e-2])), clip=range(2)))
    rows = drawn(
        tmp_path/"t.csv", TINY, seeds=(numpy.int64(s) for s in (0, 1, 1)), **options)
    keys = [(r["seed"], r["delay"], r["lr"], r["clip"]) for r in rows]
    assert keys == [(s, d, lr, c) for s in (0, 1) for d in (3, 5) for lr in (1e-3, 1e-2)
                    for c in (0.0, 1.0)]
    assert rows == read_sweep(tmp_path/"t.csv", KINDS)


@pytest.mark.parametrize(
    "options, name",
    [
        (dict(grid=dict(lr=[1e-3, "x"])), "lr"), (dict(grid=dict(lr=[1e-3, -1])), "lr"),
        (dict(grid=dict(training=["growing"], start_delay=[1, 99])), "start_delay"),
        (dict(grid=dict(lr=count())), "lr"), (dict(grid=dict(lr=0.1)), "lr"),
        (dict(grid=dict(name=["x"])), "name"), (dict(delays=[15, 0]), "delays"),
        (dict(seeds=[0, -1]), "seeds"), (dict(seeds=[0, 10**7]), "seed"),
        (dict(seeds="01"), "seeds"), (dict(seeds=None), "seeds"),
        (dict(device="abacus"), "device"), (dict(backend="abacus"), "backend"),
        (dict(figures=dict(lr=float)), "lr"), (dict(figures={"a,b": float}), "a,b"),
    ],
)
def test_everything_is_checked_before_the_first_run(tmp_path, options, name):
    def function(experiment, device): pytest.fail("a run began")
    options = dict(seeds=[0], figures=KINDS, jobs=1, progress=False) | options
    with pytest.raises((TypeError, ValueError), match=name):
        sweep([TINY], out=tmp_path/"t.csv", run=function, **options)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="jobs"):
        sweep([TINY], [0], tmp_path/"t.csv", run=function, jobs=0)
    with pytest.raises(TypeError, match="15-tp"):
        sweep(["15-tp"], [0], tmp_path/"t.csv", run=function)


@pytest.mark.parametrize("answer", [
    dict(drawn=0.5), dict(drawn="many"), dict(drawn={}), dict(other=1), None, 3],
    ids=repr)
def test_a_run_whose_figures_do_not_fit_costs_its_row_only(tmp_path, answer):
    function = lambda experiment, device: (
        answer if experiment.seed == 1 else dict(drawn=numpy.float64(7))
    )
    with pytest.raises(FailedRuns) as caught:
        drawn(tmp_path/"t.csv", TINY, seeds=range(3), function=function)
    told = str(caught.value).splitlines()
    assert len(told) == 2 and told[0].startswith("1 of 3") and "seed=1" in told[1]
    assert [(r["seed"], r["drawn"]) for r in read_sweep(tmp_path/"t.csv", KINDS)] == [
        (0, 7), (2, 7)]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no sessions")
@pytest.mark.slow
def test_a_killed_sweep_leaves_no_process_behind(folder):
    "SIGKILL asks nobody: its workers look for themselves whether it lives."
    (folder/"settings.ini").write_text(
        "[long]\nhidden_size = 8\nupdates = 100000\n[short]\nhidden_size = 8\n"
        "updates = 20\neval_every = 10\n")
    process = kills.start(["sweep", "short", "long", "--seeds", "0:2", "--jobs", "2",
                           "--out", "t.csv"], folder)
    try:
        while not (folder/"t.csv").exists() or len(read_sweep(folder/"t.csv")) < 2:
            assert process.poll() is None
            time.sleep(0.1)
        assert len(kills.living(process.pid)) > 2
        process.kill()
        process.wait()
        until = time.monotonic() + 60
        while kills.living(process.pid) and time.monotonic() < until: time.sleep(0.1)
        assert not kills.living(process.pid)
    finally:
        for pid in kills.living(process.pid): os.kill(pid, signal.SIGKILL)


def test_a_sweep_goes_on_past_a_run_that_cannot_be(folder, capfd, monkeypatch):
    monkeypatch.chdir(folder)
    (folder/"settings.ini").write_text(SETTINGS + "[huge]\nhidden_size = 1000000000\n")
    code = main(["sweep", "huge", "tiny-tp", "--seeds", "0:2", "--jobs", "1",
                 "--out", "t.csv"])
    told = [line for line in capfd.readouterr().err.splitlines()
            if line.startswith("copymem")]
    assert (
        code == 1
        and len(told) == 3
        and all("huge" in line and "memory" in line for line in told[1:])
    ), told
    assert [(r["name"], r["seed"], r["device"])
            for r in read_sweep(folder / "t.csv")] == [
                ("tiny-tp", 0, "cpu"), ("tiny-tp", 1, "cpu")]


# --- together ---

def trained(seen=None, fails=()):
    "A function that trains a group; it notes the groups, and fails at these seeds."
    def together(experiments, device):
        if seen is not None: seen.append([(e.delay, e.seed) for e in experiments])
        for e in experiments[::-1]:  # in any order
            if e.seed in fails: raise RuntimeError(f"seed {e.seed} cannot be")
            yield e, dict(drawn=100 * e.delay + e.seed)
    return together


def test_runs_of_one_shape_train_together(tmp_path):
    "In groups of equal shape; those whose delay grows alone; none of them twice."
    grown, seen = replace(TINY, name="grown", training="growing"), []
    options = dict(together=trained(seen), device="cpu", delays=[3, 5])
    for _ in range(2):
        rows = drawn(tmp_path/"t.csv", TINY, grown, seeds=range(3),
                     function=lambda experiment, device: dict(drawn=-1), **options)
    together = {(r["delay"], r["seed"]): r["drawn"]
                for r in rows if r["name"] == "tiny"}
    assert seen == [[(d, s) for s in range(3)] for d in (3, 5)]
    assert together == {(d, s): 100 * d + s for d in (3, 5) for s in range(3)}
    assert [r["drawn"] for r in rows if r["name"] == "grown"] == [-1] * 6


def test_what_a_group_cannot_do_costs_the_rest_of_the_group(tmp_path):
    with pytest.raises(FailedRuns) as caught:
        drawn(tmp_path/"t.csv", TINY, seeds=range(4), delays=[3, 5], device="cpu",
              together=trained(fails=[2]))
    told, rows = str(caught.value).splitlines(), read_sweep(tmp_path/"t.csv", KINDS)
    assert told[0].startswith("6 of 8") and len(told) == 7
    assert all("seed 2 cannot be" in line for line in told[1:])
    assert sorted((r["delay"], r["seed"]) for r in rows) == [(3, 3), (5, 3)]


def test_one_job_writes_each_row_as_its_run_ends(tmp_path):
    "Also of runs that train together: a group of hours is not lost with its last run."
    written = []
    def together(experiments, device):
        for i, e in enumerate(experiments):
            if i: written.append(len(read_sweep(tmp_path/"t.csv", KINDS)))
            yield e, dict(drawn=i)
    drawn(tmp_path/"t.csv", TINY, seeds=range(3), device="cpu", together=together)
    assert written == [1, 2]


# --- the table ---

def test_two_sweeps_of_one_table_do_not_mix(tmp_path):
    code = """
import sys, time
from copymem.settings import Experiment
from copymem.sweep import sweep
def slow(experiment, device):
    time.sleep(0.05)
    return dict(drawn=1)
tiny = Experiment("tiny", hidden_size=8, updates=20, warmup=5)
sweep([tiny], range(20), sys.argv[1], run=slow, figures=dict(drawn=int), jobs=1,
      progress=False)
"""
    start = lambda: subprocess.Popen([sys.executable, "-c", code, tmp_path/"t.csv"],
                                     stderr=subprocess.PIPE, text=True)
    both = [start(), start()]
    ends = [(p.communicate(timeout=120)[1], p.returncode) for p in both]
    refused = [said for said, code in ends if code]
    assert len(refused) < 2 and all(
        "t.csv is in use" in said.splitlines()[-1] for said in refused
    ), ends
    rows = drawn(tmp_path/"t.csv", TINY, seeds=range(20))
    assert ([r["drawn"] for r in rows] == [1] * 20
            and [p.name for p in tmp_path.iterdir()] == ["t.csv"])


# What the first edition's tables have besides; at an lr_delay of 0 none of it acted.
PAST = dict(lr_delay="0.0", lr_power="1.0", readout_lr_power="-1.5",
            far_readout_lr="0.0", far_beta2="0.0", far_gain="0.0")


def first_edition(path, rows=3):
    "The beginning of a shipped table, as the first edition wrote it."
    table = pandas.read_csv(
        results_path("duel_best"), dtype=str, keep_default_na=False)[:rows]
    old = [c for c in table.columns
           if c not in ("start", "silence", "activity", "readout_beta2", "device")]
    table = table.assign(**PAST)
    table[[old[-1], *old[:-1], *PAST]].to_csv(path, index=False)
    return read_sweep(results_path("duel_best"))[:rows]


def test_tables_of_the_first_edition_are_read_and_grow(tmp_path, monkeypatch):
    path = tmp_path/"old.csv"
    found = first_edition(path)
    assert read_sweep(path) == found
    before, runs = path.read_bytes(), [
        Experiment(**{k: v for k, v in row.items() if k not in FIGURES})
        for row in found
    ]
    os.utime(path, (1, 1))
    options = dict(run=lambda experiment, device: {k: found[0][k] for k in FIGURES},
                   jobs=1, progress=False)
    for e in runs: sweep([e], [e.seed], path, **options)
    assert (path.read_bytes() == before
            and path.stat().st_mtime == 1), "nothing was to be done"
    rows = sweep([replace(runs[0], silence=0.5)], [0], path, **options)
    assert rows[:3] == found and rows[3]["silence"] == 0.5 and rows == read_sweep(path)
    assert list(pandas.read_csv(path).columns) == list(SWEEP_COLUMNS)


@pytest.mark.parametrize("text", [
    "notes", "notes\n", "a,b\n1,2\n", "name,delay\n", "\n", "name,name\n"], ids=repr)
def test_what_is_no_table_is_left_as_it_is(tmp_path, text):
    path = tmp_path/"t.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match="t.csv"): drawn(path, TINY)
    with pytest.raises(ValueError, match="t.csv"): read_sweep(path)
    assert path.read_text() == text and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "key, value",
    [
        ("recall_accuracy", "1.5"), ("recall_accuracy", ""), ("recall_accuracy", "nan"),
        ("seconds", "-1"), ("best_update", "1.5"), ("last_update", ""), ("lr", "-1"),
        ("method", "abacus"), ("name", "../x"), ("name", "<b>x</b>"),
        ("lr_delay", "14"), ("lr_delay", "x"),
    ],
)
def test_impossible_rows_are_refused(tmp_path, key, value):
    first_edition(tmp_path/"t.csv")
    table = pandas.read_csv(tmp_path/"t.csv", dtype=str, keep_default_na=False)
    table.loc[1, key] = value
    table.to_csv(tmp_path/"t.csv", index=False)
    with pytest.raises(ValueError, match="line 3.*"): read_sweep(tmp_path/"t.csv")


def test_figures_stand_as_text(tmp_path):
    rows = sweep(
        [TINY], [0], tmp_path/"t.csv",
        run=lambda e, d: dict(
            said="a\nb\x1b[31m,\"c", none=None, x=1 / 3, n=numpy.bool_(True)),
        figures=dict(said=str, none=float, x=float, n=int), jobs=1, progress=False,
    )
    assert [rows[0][k] for k in ("said", "none", "x", "n")] == [
        "a b\ufffd[31m,\"c", None, 0.33333333, 1]


# --- the rest ---

@pytest.mark.parametrize("text", [
    "[a](https://b.example)", "![a](b.png)", "www.b.example", "WWW.b.example",
    "a@b.example", "mailto:a", "$x$", r"\(x\)", r"\begin{x}", "**a** _b_", "`$x$ ``",
    "<b>a", "&lt;", "~~a~~", "a^2^", r"a|b", r"a\|b", "\\"])
def test_what_a_table_says_is_shown_as_text(text):
    "In a notebook it is one cell and one piece of code, with no link in it."
    page = markdown2html_mistune(repr(Table([{"run": text, "n": 1}])))
    cells = re.findall("<td>(.*?)</td>", page)
    code = re.fullmatch("<code>([^<]*)</code>", cells[0])
    assert cells[1:] == ["1"] and code, page
    # a parser may keep the backslashes in front of a bar
    assert unescape(code[1]).replace("\\", "") == text.replace("\\", "")


def test_the_interval():
    """Each bound p solves |share - p| = z sqrt(p (1 - p) / n) (Brown, Cai & DasGupta
    2001)."""
    for passed, n in ((0, 5), (2, 5), (5, 5), (19, 20)):
        for p in wilson(passed, n):
            assert p in (0.0, 1.0) or abs(passed / n - p) == pytest.approx(
                1.959964 * (p * (1 - p) / n) ** 0.5, rel=1e-6
            )


@pytest.mark.parametrize("n, m", [(1, 1), (3, 5), (4, 4), (5, 2)])
def test_fishers_p_counts_every_shuffle(n, m):
    "Of all ways to lay the arrivals among the runs, those at most as likely as this."
    for a, b in product(range(n + 1), range(m + 1)):
        shared = Counter(sum(place < n for place in places)
                         for places in combinations(range(n + m), a + b))
        rare = sum(ways for ways in shared.values() if ways <= shared[a])
        assert fisher(a, n, b, m) == rare / shared.total()
        assert fisher(b, m, a, n) == fisher(a, n, b, m) == fisher(n - a, n, m - b, m)


@pytest.mark.parametrize("updates, middle", [
    ([300, 100, 200], "200"), ([4000, None, 2000], "4,000"), ([100, None], "-"),
    ([None, None, 100], "-"), ([None] * 4, "-"), ([100, 201], "150")])
def test_arrivals_count_who_never_came(updates, middle):
    "The median of when is that of all, and none where half of them never arrive."
    line = arrivals([dict(update_99=u) for u in updates])
    passed, n = sum(u is not None for u in updates), len(updates)
    low, high = wilson(passed, n)
    assert line == {"arrived": f"{passed} of {n}", "median update": middle,
                    "95 % interval": f"{low:.2f} to {high:.2f}"}


def test_a_missing_extra_is_named_with_its_remedy(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["sweep", "tiny-tp", "--backend", "dask"]) == 2
    assert ("pip install 'copymem[dask]'" in capsys.readouterr().err
            and not (folder/"runs").exists())


@pytest.mark.slow
def test_a_cluster_of_our_own_listens_here_alone():
    psutil = pytest.importorskip("psutil")  # Dask needs it
    with open_backend("dask"):
        us = psutil.Process()
        open_here = [
            c
            for p in (us, *us.children(recursive=True))
            for c in p.net_connections("inet")
            if c.status == psutil.CONN_LISTEN
        ]
        assert open_here and {c.laddr.ip for c in open_here} <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    "options, names",
    [
        (["--backend", "abacus"], ["abacus", "dask"]),
        (["--address", "tcp://x:1"], ["address", "dask"]),
        (["--delays", "0"], ["delay", "0"]), (["--set", "clip=0,-1"], ["clip", "-1"]),
    ],
)
def test_hostile_options(folder, options, names):
    done = run("copymem", "sweep", "tiny-tp", *options, cwd=folder)
    assert (
        done.returncode == 2
        and all(name in done.stderr for name in names)
        and "Traceback" not in done.stderr
    ), done.stderr
    assert not (folder/"runs"/"sweep.csv").exists()
