"""The house stays one that a stranger finds the way in: bounds on what a file, a
function and a line may grow to, and the names of the first edition."""
import ast, importlib, warnings

import nbformat, pytest
from conftest import NOTEBOOKS, ROOT, TRACKED

MODULES = [p for p in TRACKED if p.startswith("copymem/") and p.endswith(".py")
           and p != "copymem/_modidx.py"]  # that one nbdev writes for itself
FIRST_EDITION = """
    data: check_int copy_sequences CopyTask memoryless answer_tokens recall_accuracy
        sequence_accuracy prepare_loaders
    rnn: ROWS tanh_backward RNN check_tokens unroll
    backprop: propagate_gradients backprop
    targetprop: Inverse learn_inverse propagate_targets targetprop
    train: COLUMNS pick_device Scores evaluate replacing rank History record Growing
        cpu_threads fit save_tensors load_tensors save_model read_metadata load_model
    experiment: RANGES POSITIVE CHOICES SETTINGS TEST_SEED FIGURES SWEEP_COLUMNS
        BACKENDS Experiment parse_experiment find_settings load_experiments
        learning_rates Run save_run check_settings restore_run measure
        save_result open_run run_experiment train_run pretrained_folder pretrained_names
        pretrained_path load_pretrained load_history pretrained_experiments inverse_for
        answer sweep_row read_sweep open_backend sweep Table select_runs over_seeds
        how_far
    plot: TOKEN_COLORS BLANK_COLOR GO_COLOR METHOD_COLORS OTHER_COLORS PAGE INK QUIET
        WRONG STATE_MAP GRID_MAP contrast token_colors new_axes show_tokens plot_states
        plot_horizon plot_curves plot_positions plot_grid to_png
    widgets: parse_symbols task_explorer state_viewer gradient_horizon target_explorer
        live_training duel
    cli: SAMPLE marks demo list_experiments choose train_run evaluate_run sweep_table
        parser main
"""


def published():
    "(module, name) of what the first edition published and this one still answers to."
    home = None
    for word in FIRST_EDITION.split():
        if word.endswith(":"): home = word[:-1]
        else: yield home, word


def bodies(source):
    "(what, name, lines) of every function's body and of every class."
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield "body", node.name, node.body[-1].end_lineno - node.body[0].lineno + 1
        if isinstance(node, ast.ClassDef):
            yield "class", node.name, node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", MODULES)
def test_small_enough_to_read(path):
    source = (ROOT/path).read_text(encoding="utf-8")
    most = dict(body=20, **{"class": 40})
    assert source.count("\n") <= 300
    assert not [found for found in bodies(source) if found[2] > most[found[0]]]


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_code_is_narrow(path):
    "At most 88 columns; an option of a cell is one line however long it is."
    cells = nbformat.read(ROOT/path, as_version=4).cells
    wide = [line for cell in cells if cell.cell_type == "code"
            for line in cell.source.splitlines() if len(line) > 88 and line[:2] != "#|"]
    assert not wide


@pytest.mark.parametrize("path", [p for p in TRACKED if p.endswith(".py")
                                  and not p.startswith("copymem/")])
def test_tests_are_narrow(path):
    lines = (ROOT/path).read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if len(line) > 88]


@pytest.mark.parametrize("module, name", list(published()))
def test_first_edition_names_still_work(module, name):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = getattr(importlib.import_module(f"copymem.{module}"), name)
    said = [str(w.message) for w in caught if w.category is DeprecationWarning
            and str(w.message).startswith("copymem.")]
    home = getattr(found, "__module__", None)
    assert found is not None and len(said) <= 1
    if said: assert home is None or not str(home).endswith(f".{module}")
