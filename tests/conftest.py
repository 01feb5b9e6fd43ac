"""What the repository's checks share: where it is, copies to work on, and the commands as a person types them."""
import os, shutil, subprocess, sys, sysconfig
from pathlib import Path

import nbformat, pytest

# Matrices this small gain nothing from a second thread, and lose much to it on a busy machine. For everything started here.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT/"nbs").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)

LEAVE_OUT = {".git", "__pycache__", ".ipynb_checkpoints", ".pytest_cache", "_docs", "_proc", "build", "dist", "runs"}


def ignored(folder, names):
    "The `names` in `folder` that a fresh clone lacks."
    return [n for n in names if n in LEAVE_OUT or n.endswith(".egg-info") or (Path(folder)/n/"pyvenv.cfg").exists()]


def copy_tree(to):
    "The repository as it stands now, committed or not, copied to the folder `to`."
    return Path(shutil.copytree(ROOT, to, symlinks=True, ignore=ignored))


def files_of(folder):
    "Every file under `folder`, by its relative path, as bytes."
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*"))
            if p.is_file() and not set(p.relative_to(folder).parts) & LEAVE_OUT}


def run(name, *args, cwd, timeout=300, **env):
    "Run the installed command `name` in `cwd`, and return what it did."
    command = shutil.which(name, path=sysconfig.get_path("scripts"))
    assert command, f"{name} is not installed beside {sys.executable}"
    return subprocess.run([command, *map(str, args)], cwd=cwd, timeout=timeout, capture_output=True, text=True,
                          env={**os.environ, **env})


@pytest.fixture
def tree(tmp_path):
    "A copy of the repository that the test may change."
    return copy_tree(tmp_path/"tree")


@pytest.fixture(scope="session")
def shared_tree(tmp_path_factory):
    "A copy of the repository that the tests of a session share."
    return copy_tree(tmp_path_factory.mktemp("shared")/"tree")


@pytest.fixture(params=NOTEBOOKS)
def notebook(request):
    "Each notebook in turn: its path in the repository, and its saved content."
    return request.param, nbformat.read(ROOT/request.param, as_version=4)
