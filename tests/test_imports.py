"""Arrows run one way: what each module may import, and what the package works
without."""
import ast, os, re, subprocess, sys
from importlib.metadata import packages_distributions, requires

import nbformat, pytest
from conftest import ROOT

MODULES = {p.stem for p in (ROOT/"copymem").glob("*.py") if not p.stem.startswith("_")}
MAY_IMPORT = {
    "check": set(),
    "moved": set(),  # a table of dotted strings
    "data": set(),
    "rnn": set(),
    "contract": {"rnn"},  # what a rule of our own owes to autograd
    "backprop": {"rnn", "contract"},
    "targetprop": {"rnn", "contract"},
    "train": {"data", "contract"},
    "fast": {"rnn", "contract", "targetprop"},
    "many": {"data", "rnn", "fast"},
    "files": set(),
    "probe": {"contract", "data", "rnn", "backprop", "targetprop", "train"},
    "weights": {"files", "rnn", "train"},
    "settings": {"files", "data"},
    "checkpoint": {"files", "settings", "train", "weights"},
    "experiment": {"files", "contract", "data", "rnn", "fast", "backprop", "targetprop",
                   "train", "weights", "settings", "checkpoint"},
    "table": {"files", "settings"},
    "rows": {"experiment", "many", "settings", "train"},
    "summary": {"files", "settings", "table"},
    "sweep": {"files", "experiment", "many", "settings", "train", "table", "rows"},
    "site": {"files", "data", "rnn", "backprop", "targetprop", "probe", "weights"},
    "lettering": set(),
    "plot": {"lettering"},
    "tokens": {"plot"},
    "pictures": {"plot", "tokens"},
}
EVERY_ROOM = {"check", "moved"}     # what an argument may be; where old names went
# nothing imports these, and they may import all
LAST = {"widgets", "inside", "live", "steep", "panel"}
MAY_IMPORT["cli"] = set(MAY_IMPORT) - {"lettering", "plot", "tokens", "pictures"}
MAY_IMPORT |= {room: MODULES for room in LAST & MODULES}


def imported(module):
    "The modules of copymem that `module` imports, anywhere in its code."
    found = set()
    for node in ast.walk(ast.parse(
            (ROOT/"copymem"/f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import): names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ("copymem." if node.level else "") + (node.module or "")
            names = [base] + [f"{base.rstrip('.')}.{a.name}" for a in node.names]
        else: continue
        found |= {n.split(".")[1] for n in names if n.startswith("copymem.")} & (
            MODULES | set(MAY_IMPORT))
    return found


@pytest.mark.parametrize("module", sorted(MODULES | set(MAY_IMPORT)))
def test_import_table(module):
    assert imported(module) <= MAY_IMPORT[module] | EVERY_ROOM
    assert module in LAST or not imported(module) & LAST


def closure(names):
    "Distributions that `names` need, and those that these need, without extras."
    seen, queue = set(), list(names)
    while queue:
        name = re.sub(r"[-_.]+", "-", queue.pop()).lower()
        if name in seen: continue
        seen.add(name)
        try: needs = requires(name) or []
        except ModuleNotFoundError: continue  # for another platform
        queue += [re.match(r"[\w.-]+", r)[0] for r in needs if "extra ==" not in r]
    return seen


def import_with(distributions, *modules):
    """Import `modules` in a fresh interpreter where nothing but `distributions` and
    what these need can be imported."""
    allowed = closure(distributions)
    blocked = {name for name, dists in packages_distributions().items() if not any(
        re.sub(r"[-_.]+", "-", d).lower() in allowed for d in dists)} - {"copymem"}
    assert {"ipywidgets", "matplotlib", "IPython", "jupyterlab"} <= blocked
    code = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {sorted(blocked)!r}:
            raise ModuleNotFoundError(f'{{name}} is not installed', name=name)
sys.meta_path.insert(0, Block())
import importlib
for m in {modules!r}: importlib.import_module(m)
"""
    return subprocess.run([sys.executable, "-W", "ignore", "-c", code],
                          capture_output=True, text=True, cwd=ROOT)


def test_rnn_needs_only_torch():
    done = import_with(["torch"], "copymem.rnn")
    assert done.returncode == 0, done.stderr


def test_package_works_without_the_course():
    base = [re.match(r"[\w.-]+", r)[0]
            for r in requires("copymem") if "extra ==" not in r]
    course = {"lettering", "plot", "tokens", "pictures", *LAST}
    done = import_with(base, *(f"copymem.{m}" for m in sorted(MODULES - course)))
    assert done.returncode == 0, done.stderr


def test_the_block_blocks():
    done = import_with(["torch"], "copymem.plot")
    assert done.returncode and "is not installed" in done.stderr


@pytest.mark.parametrize(
    "module", ["lettering", "plot", "tokens", "pictures", *sorted(LAST)])
def test_a_missing_extra_is_named(module):
    base = [re.match(r"[\w.-]+", r)[0] for r in requires("copymem")
            if "extra ==" not in r]
    done = import_with(base, f"copymem.{module}")
    assert done.returncode and "pip install 'copymem[course]'" in done.stderr


@pytest.mark.parametrize("kernel, said", [(True, True), (False, False)])
def test_a_notebook_without_a_screen_is_told(kernel, said):
    "MPLBACKEND=Agg draws figures that nobody sees: in a notebook that takes a word."
    code = "import sys; sys.modules.update(ipykernel=sys); " * kernel
    done = subprocess.run([sys.executable, "-c", code + "import copymem.plot"],
                          capture_output=True, text=True, cwd=ROOT,
                          env={**os.environ, "MPLBACKEND": "Agg"})
    assert done.returncode == 0 and ("MPLBACKEND is Agg" in done.stderr) == said


def test_notebooks_import_only_what_the_course_installs():
    # Dask: asked for by a flag and imported only then
    wanted = re.compile("extra == .(course|dask)")
    course = {re.match(r"[\w.-]+", r)[0] for r in requires("copymem")
              if "extra ==" not in r or wanted.search(r)}
    dists, allowed = packages_distributions(), closure(course) | {"copymem"}
    for path in sorted((ROOT/"nbs").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts: continue
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type != "code" or cell.source.startswith("%%"): continue
            source = re.sub(r"^\s*[%!].*$", "pass", cell.source, flags=re.M)
            for node in ast.walk(ast.parse(source)):
                names = ([a.name for a in node.names] if isinstance(node, ast.Import)
                         else [node.module] if isinstance(node, ast.ImportFrom) else [])
                for top in ({n.partition(".")[0] for n in names}
                            - set(sys.stdlib_module_names)):
                    assert {re.sub(r"[-_.]+", "-", d).lower() for d in dists.get(
                        top, [])} & allowed, f"{path.name} imports {top}"
