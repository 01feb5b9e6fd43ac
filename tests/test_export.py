"""The package is what the notebooks export, and the notebooks are clean."""
import re

from conftest import NOTEBOOKS, ROOT, files_of, run


def difference(a, b):
    return sorted(k for k in a.keys() | b.keys() if a.get(k) != b.get(k))


def test_export_leaves_no_diff(tree):
    before = files_of(tree)
    for module in (tree/"copymem").glob("*.py"):
        # a module that no notebook exports does not come back
        if module.name != "__init__.py": module.unlink()
    done = run("nbdev-export", cwd=tree)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert not difference(before, files_of(tree)), "run nbdev-export"


def test_notebooks_are_clean(tree):
    before = files_of(tree)
    done = run("nbdev-clean", cwd=tree)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert not difference(before, files_of(tree)), "run nbdev-clean"


def test_one_notebook_a_module():
    """nbdev lets a second notebook with the same default_exp replace the first,
    silently."""
    names = [name for path in NOTEBOOKS for name in re.findall(
        r"#\|\s*default_exp:?\s+([\w.]+)", (ROOT/path).read_text(encoding="utf-8"))]
    assert names and len(names) == len(set(names))
