"""What the repository's checks share: where it is, copies to work on, and the commands
as a person types them."""
import os, shutil, subprocess, sys, sysconfig
from contextlib import contextmanager
from pathlib import Path

import nbformat, pytest
from playwright.sync_api import sync_playwright

# Matrices this small gain nothing from a second thread, and lose much to it on a busy
# machine. For everything started here.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
TRACKED = [path for path in subprocess.run(
    ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
).stdout.split("\0") if path and (ROOT/path).exists()]
NOTEBOOKS = sorted(
    path for path in TRACKED if path.startswith("nbs/") and path.endswith(".ipynb"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    "A notebook runs once: in JupyterLab, where test_browser is among the tests."
    in_lab = {f"nbs/{item.callspec.params['room']}.ipynb" for item in items
              if item.name.startswith("test_room[")}
    again = [item for item in items if item.name.startswith("test_runs[")
             and item.callspec.params["notebook"] in in_lab]
    if again: config.hook.pytest_deselected(items=again)
    items[:] = [item for item in items if item not in again]


def copy_tree(to):
    "What git tracks, as it stands in the folder now, copied to the folder `to`."
    for path in TRACKED:
        (to/path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT/path, to/path, follow_symlinks=False)
    return to


def files_of(folder):
    "Every file of the copy in `folder`, by its relative path, as bytes."
    return {p.relative_to(folder).as_posix(): p.read_bytes()
            for p in sorted(folder.rglob("*"))
            if p.is_file() and "__pycache__" not in p.parts}


def run(name, *args, cwd, timeout=300, **env):
    "Run the installed command `name` in `cwd`, and return what it did."
    command = shutil.which(name, path=sysconfig.get_path("scripts"))
    assert command, f"{name} is not installed beside {sys.executable}"
    return subprocess.run([command, *map(str, args)], cwd=cwd, timeout=timeout,
                          capture_output=True, text=True, env={**os.environ, **env})


def chromium():
    "Where a Chromium is, or None."
    return next(filter(None, map(shutil.which, (
        "chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def launched(path):
    "A browser without a window or a profile, that asks nobody anything."
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=path, args=[
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser():
    path = chromium()
    assert path, "no Chromium found: apt-get install chromium"
    with launched(path) as browser: yield browser


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
