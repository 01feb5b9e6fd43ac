"""The wheel holds what it needs, and works alone: no extras, no repository around
it."""
import os, re, subprocess, sys, sysconfig, zipfile

import pytest
from conftest import ROOT, copy_tree

pytestmark = pytest.mark.slow


def call(*args, cwd):
    return subprocess.run(
        list(map(str, args)), cwd=cwd, capture_output=True, text=True, timeout=550,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        | {"SOURCE_DATE_EPOCH": "1700000000"},
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    done = call(
        sys.executable, "-m", "build", "--wheel", "--outdir", folder / "dist",
        copy_tree(folder / "tree"), cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    (path,) = (folder/"dist").glob("*.whl")
    return path


def test_holds_the_package_and_the_weights(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        p.relative_to(ROOT).as_posix()
        for p in (ROOT/"copymem").rglob("*")
        if p.suffix in {".py", ".safetensors", ".csv", ".typed", ".otf"}
    }
    expected |= {"copymem/settings.ini", "copymem/fonts/OFL.txt"}
    assert {
        "copymem/pretrained/15-tp.safetensors", "copymem/results/duel.csv",
        "copymem/results/rescues.csv", "copymem/results/devices.csv",
    } <= expected
    assert {n for n in names if n.startswith("copymem/")} == expected
    assert any(n.endswith("LICENSE") for n in names)


@pytest.mark.timeout(900)
def test_works_without_extras(wheel, tmp_path):
    call(sys.executable, "-m", "venv", tmp_path/"venv", cwd=tmp_path)
    scripts = tmp_path/"venv"/("Scripts" if os.name == "nt" else "bin")
    done = call(scripts/"python", "-m", "pip", "install", wheel, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    empty = tmp_path/"empty"
    empty.mkdir()

    done = call(scripts / "python", "-c",
                "import copymem.rnn as m; print(m.__file__); m.RNN()", cwd=empty)
    assert done.returncode == 0 and str(tmp_path) in done.stdout, done.stderr

    code = "import copymem.weights as w, copymem.settings as s; " \
           "print(len(w.load_results('rescues')), s.find_settings(), " \
           "*s.load_experiments())"
    done = call(scripts/"python", "-c", code, cwd=empty)
    assert (done.returncode == 0 and str(tmp_path) in done.stdout
            and "15-tp" in done.stdout.split()), done.stderr

    done = call(scripts/"copymem", "demo", cwd=empty)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert (
        len(re.findall(r"7\D+4\D+2\D+3\D+6\D+3\D+3\D+5\D+1\D+3", done.stdout)) >= 3
    ), "the input, the expected output, 15-tp's answer"
    assert not list(empty.iterdir())


def test_from_an_archive_it_computes_and_says_why_it_cannot_read(wheel, tmp_path):
    archive = f"import sys; sys.path.insert(0, {str(wheel)!r}); "
    done = call(sys.executable, "-c", archive + "import copymem.rnn as m; m.RNN(); "
                "print(m.__file__)", cwd=tmp_path)
    assert done.returncode == 0 and wheel.name in done.stdout, done.stderr
    for read in ("weights as m; m.load_pretrained('15-tp')",
                 "weights as m; m.load_results('duel')",
                 "settings as m; m.load_experiments()"):
        done = call(sys.executable, "-c", archive + f"import copymem.{read}",
                    cwd=tmp_path)
        assert done.stderr.endswith(f"install it, pip install {wheel}\n"), done.stderr


def test_an_editable_clone_is_found_from_the_folder_above_it(tmp_path):
    "There a clone named copymem is a folder of the package's name without being it."
    clone = copy_tree(tmp_path/"copymem")
    call(sys.executable, "-m", "venv", tmp_path/"venv", cwd=tmp_path)
    python = tmp_path/"venv"/("Scripts" if os.name == "nt" else "bin")/"python"
    done = call(python, "-m", "pip", "install", "--no-deps", "-e", clone, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    code = f"import sys; sys.path.append({sysconfig.get_path('purelib')!r}); " \
           "import copymem.settings as s; " \
           "print(s.__file__, s.shipped_settings(), *s.load_experiments())"
    for folder in (tmp_path, clone, clone/"nbs"):
        done = call(python, "-c", code, cwd=folder)
        assert done.returncode == 0, done.stderr
        module, settings, *names = done.stdout.split()
        assert (
            module == str(clone / "copymem" / "settings.py")
            and settings == str(clone / "settings.ini")
            and "15-tp" in names
        )


def built(folder, *more):
    "What `python -m build` makes of a fresh copy of the tree, by suffix, as bytes."
    done = call(sys.executable, "-m", "build", *more, "--outdir", folder/"dist",
                copy_tree(folder/"tree"), cwd=folder)
    assert done.returncode == 0, done.stderr
    return {path.suffix: path.read_bytes() for path in (folder/"dist").iterdir()}


def test_whoever_builds_gets_the_same_bytes(wheel, tmp_path):
    "Also the wheel that is built from the source distribution."
    first = built(tmp_path/"a")
    assert first == {**first, **built(tmp_path/"b", "--sdist")}
    assert first[".whl"] == wheel.read_bytes()


USER = """
from pathlib import Path

import torch
from copymem.backprop import backprop
from copymem.data import CopyTask, recall_accuracy
from copymem.experiment import load_experiments, run_experiment
from copymem.rnn import RNN
from copymem.summary import Table, over_seeds, select_runs
from copymem.sweep import sweep
from copymem.table import read_sweep
from copymem.targetprop import Inverse, targetprop
from copymem.train import History, Scores, evaluate, fit
from copymem.weights import load_model, save_model

def learn(folder: Path) -> float:
    task, g = CopyTask(delay=5), torch.Generator().manual_seed(0)
    x, y = task.sample(20, generator=g)
    rnn, inverse = RNN(16, generator=g), Inverse(16, g)
    loss: torch.Tensor = backprop(rnn, x, y)
    targetprop(rnn, inverse, x, y, step_size=0.5, generator=g)
    optimizer = torch.optim.Adam(rnn.parameters())
    history: History = fit(rnn, backprop, task, optimizer, 10, generator=g)
    scores: Scores = evaluate(rnn, task, n=100)
    save_model(rnn, folder / "a.safetensors", {"seed": 0})
    again: RNN = load_model(folder / "a.safetensors", device="cpu")
    return scores.loss + loss.item() + recall_accuracy(again(x), y) + len(history)

def many(out: Path) -> str:
    run = load_experiments()["15-bp"]
    rnn, history = run_experiment(run, out.parent, resume=True)
    sweep([run], range(3), out, grid={"lr": [1e-3]}, backend=None)
    return repr(Table([over_seeds(select_runs(read_sweep(out), run.name, run.delay))]))
"""


def test_code_that_uses_it_passes_the_strictest_types(tmp_path):
    (tmp_path/"user.py").write_text(USER)
    done = call(sys.executable, "-m", "mypy", "--strict", "user.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path/"user.py").write_text(USER.replace("n=100", "n='100'"))
    done = call(sys.executable, "-m", "mypy", "--strict", "user.py", cwd=tmp_path)
    assert done.returncode == 1 and 'Argument "n"' in done.stdout, done.stdout


def test_the_package_itself_passes_the_strictest_types():
    done = call(sys.executable, "-m", "mypy", "--strict", "copymem", cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
