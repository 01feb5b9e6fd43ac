"""Every notebook runs from top to bottom, and what is saved in it is what a reader
should see."""
import re
from collections import Counter
from itertools import product
from pathlib import Path

import nbformat, pytest
from nbclient import NotebookClient

WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
MACHINE_PATH = re.compile(
    r"(?<![\w./:~-])/(?:home|root|tmp|Users|work|usr|opt|var|mnt|private)/\S*"
    r"|\b[A-Z]:\\\\?\w\S*|\S*site-packages\S*")
ANSWERS = Path(__file__).parent/"exercises"  # two right ones and three wrong ones each
EMBEDDED = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=\s]+")


def code_cells(nb): return [c for c in nb.cells if c.cell_type == "code"]


def kinds(cell):
    "What a cell shows, without its content: a set of MIME types and stream names."
    return {kind for out in cell.outputs for kind in (
        out.data if "data" in out else [out.get("name", out.output_type)])}


def widget_states(nb):
    return nb.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})


def widget_errors(nb):
    "Errors that ipywidgets swallowed into an output widget."
    return [out for model in widget_states(nb).values()
            for out in model["state"].get("outputs", [])
            if out.get("output_type") == "error"]


def texts(nb):
    "Everything in a notebook that is text, with the number of its cell."
    for i, cell in enumerate(nb.cells):
        yield i, cell.source
        for out in cell.get("outputs", []):
            yield i, out.get("text", "")
            for mime, data in out.get("data", {}).items():
                if mime.startswith("text/"): yield i, data
    for model in widget_states(nb).values():
        yield "widgets", " ".join(
            v for v in model["state"].values() if isinstance(v, str))


def exercises(nb):
    "Of each exercise: what checks an answer, and the folded solution's code."
    for cell, after in zip(nb.cells, nb.cells[1:]):
        names = re.match(r"(\w+(?:, \w+)*) = \.\.\.(?:, \.\.\.)*\n", cell.source)
        if cell.cell_type != "code" or not names: continue
        fold = re.search(
            r"<summary>Solution</summary>(.*?)</details>", after.source, re.S)[1]
        block = re.search(r"```python\n(.*?)```", fold, re.S)
        code = [block[1]] if block else [
            m for m in re.findall(r"`([^`]+)`", fold) if re.match(r"\w+ = ", m)]
        yield cell.source[names.end():], "\n".join(code)


def answers_of(path): return ANSWERS/Path(path).with_suffix(".py").name


def answers(path):
    "Readers' answers to a chapter's exercises: (number, 'right' or 'wrong', code)."
    parts = re.split(r"^# (\d) (right|wrong)\b.*\n", path.read_text(), flags=re.M)
    return [(int(n), kind, code) for n, kind, code in zip(*[iter(parts[1:])] * 3)]


def changed_kinds(saved, nb):
    "Code cells that show something else than what is saved: (number, before, now)."
    pairs = zip(code_cells(saved), code_cells(nb))
    return [(i, kinds(old), kinds(new)) for i, (old, new) in enumerate(pairs)
            if kinds(old) != kinds(new)]


def tried(nb, path):
    """Cells that try every answer to a chapter's exercises: right ones pass the check,
    wrong ones fail it."""
    if not re.match(r"nbs/\d", path): return
    checks = [check for check, _ in exercises(nb)]
    for check, solution in exercises(nb):
        yield nbformat.v4.new_code_cell(f"{solution}\n{check}")
    for n, kind, code in answers(answers_of(path)):
        answer = f"{code}\n{checks[n - 1]}"
        if kind == "wrong":
            answer = (f"try: exec({answer!r}, globals())\nexcept AssertionError: pass\n"
                      f"else: raise ValueError({'accepted: ' + code!r})")
        yield nbformat.v4.new_code_cell(answer)


def test_exercises_are_tried(notebook):
    "Of each of a chapter's two exercises, two right answers and three wrong ones."
    path, nb = notebook
    if not re.match(r"nbs/\d", path): return
    kinds = Counter((n, kind) for n, kind, _ in answers(answers_of(path)))
    assert len(list(exercises(nb))) == 2 and set(kinds) == set(
        product((1, 2), ("right", "wrong")))
    assert all(kinds[n, "right"] >= 2 and kinds[n, "wrong"] >= 3 for n in (1, 2))


@pytest.mark.timeout(300)
def test_runs(notebook, shared_tree):
    """From top to bottom in a real kernel, which then solves the exercises: by the
    folded solutions, and as readers might, rightly and wrongly. Notebooks that
    test_browser runs in JupyterLab are left out here (conftest.py)."""
    path, saved = notebook
    nb = nbformat.read(shared_tree/path, as_version=4)
    nb.cells += list(tried(nb, path))
    NotebookClient(
        nb, timeout=240, kernel_name="python3", store_widget_state=True,
        resources={"metadata": {"path": str((shared_tree/path).parent)}}).execute()
    assert not widget_errors(nb)
    assert not changed_kinds(saved, nb), f"run {path} again and save it"


def test_saved_without_error(notebook):
    """No error and no warning; a line on the error stream that a lesson shows on
    purpose is welcome."""
    path, nb = notebook
    failed = [c.source for c in code_cells(nb) for out in c.outputs
              if out.output_type == "error" or out.get("name") == "stderr"
              and re.search(r"Warning|Traceback", out.text)]
    assert not failed and not widget_errors(nb)


def test_pictures_are_described(notebook):
    path, nb = notebook
    bare = [c.source for c in code_cells(nb)
            if any(kind.startswith("image/") for kind in kinds(c))
            and not re.search(r"^#\|\s*fig-alt:\s*\S", c.source, re.M)]
    assert not bare, f"{path}: a picture without fig-alt"
    empty = [m.group() for c in nb.cells if c.cell_type == "markdown"
             for m in re.finditer(r"!\[\s*\]\(\S+\)", c.source)]
    assert not empty, f"{path}: a picture without a description"


def test_no_machine_paths(notebook):
    path, nb = notebook
    found = [(i, m.group()) for i, text in texts(nb)
             for m in MACHINE_PATH.finditer(EMBEDDED.sub("", text))]
    assert not found


def test_widgets_keep_their_state(notebook):
    path, nb = notebook
    shown = {out.data[WIDGET]["model_id"] for c in code_cells(nb)
             for out in c.outputs if WIDGET in out.get("data", {})}
    missing = shown - set(widget_states(nb))
    assert not missing, (f"{path}: a page without a kernel cannot draw these; "
                         "run it with store_widget_state=True")


def test_runs_alone(notebook):
    "A notebook needs no other notebook and no path set up beforehand."
    path, nb = notebook
    bad = [c.source for c in code_cells(nb)
           if re.search(r"^\s*%(run|load)\b|sys\.path", c.source, re.M)]
    assert not bad
