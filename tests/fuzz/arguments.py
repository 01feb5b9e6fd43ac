"""Hostile arguments. Each argument of each public function is given what it cannot
mean, and refused by name with `TypeError` or `ValueError`; what it means is taken."""
import math, os, random, warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np, torch

import copymem.backprop, copymem.fast, copymem.probe, copymem.targetprop
import copymem.train as train
from copymem import check, data, experiment, files, rows, settings, summary, sweep
from copymem import weights
from copymem.data import CopyTask
from copymem.rnn import RNN
from copymem.settings import CHOICES, POSITIVE, RANGES, SETTINGS, Experiment
from copymem.targetprop import Inverse

LARGE = 10_000  # what is meant and larger is not tried: it would be done


class Rude:
    "An object that refuses every question."
    def __repr__(self): raise RuntimeError("no")
    def __bool__(self): raise RuntimeError("no")
    def __eq__(self, other): raise RuntimeError("no")
    __hash__ = None


def seed(n=0): return torch.Generator().manual_seed(n)


VALUES = dict(  # by name; made anew for each case
    none=lambda: None, true=lambda: True, false=lambda: False, zero=lambda: 0,
    one=lambda: 1, less=lambda: -1, two=lambda: 2, three=lambda: 3, fifteen=lambda: 15,
    trillion=lambda: 10 ** 12, e30=lambda: 10 ** 30, e5000=lambda: 10 ** 5_000,
    half=lambda: 0.5, float1=lambda: 1.0, more=lambda: 1.5, below=lambda: -0.5,
    nan=lambda: math.nan, inf=lambda: math.inf, minus=lambda: -math.inf,
    small=lambda: 1e-320, large=lambda: 1e308, zero_less=lambda: -0.0,
    imaginary=lambda: 1j, fraction=lambda: Fraction(1, 2),
    decimal=lambda: Decimal("0.5"),
    empty=lambda: "", digit=lambda: "3", word=lambda: "bp", cpu=lambda: "cpu",
    abacus=lambda: "abacus", nul=lambda: "a\0b", steering=lambda: "\x1b[31m",
    long=lambda: "x" * 100_000, bytes=lambda: b"3", list=lambda: [], ints=lambda: [3],
    tuple=lambda: (), dict=lambda: {}, pairs=lambda: {"a": 1}, set=lambda: {1},
    object=object, rude=Rude, function=lambda: len, type=lambda: int,
    module=lambda: math, np_int=lambda: np.int64(3), np_float=lambda: np.float32(0.5),
    np_bool=lambda: np.bool_(True), np_many=lambda: np.array([1, 2]),
    np_nan=lambda: np.float64("nan"), np_word=lambda: np.str_("3"),
    tensor=lambda: torch.tensor(3), tensor_half=lambda: torch.tensor(0.5),
    tensor_one=lambda: torch.tensor([3]), tensor_nan=lambda: torch.tensor(math.nan),
    tensor_bool=lambda: torch.tensor(True), matrix=lambda: torch.zeros(2, 3),
    nothing=lambda: torch.zeros(0, dtype=torch.long),
    tokens=lambda: torch.zeros(2, 22, dtype=torch.long),
    others=lambda: torch.full((2, 22), 10), negative=lambda: torch.full((2, 22), -1),
    meta=lambda: torch.zeros(2, 22, dtype=torch.long, device="meta"),
    sparse=lambda: torch.zeros(2, 22).to_sparse(), path=lambda: Path("x"),
    generator=lambda: seed(), device=lambda: torch.device("cpu"), rnn=lambda: RNN(4),
    inverse=lambda: Inverse(4), linear=lambda: torch.nn.Linear(4, 4),
    task=lambda: CopyTask(2), run=lambda: Experiment("x"), iterator=lambda: iter([]),
    endless=lambda: iter(int, 1), bare=SimpleNamespace)


# --- kinds of arguments: what they mean, None where that is not for this to say ---

def whole(low, high=math.inf):
    def meant(value):
        if check.is_boolean(value): return False
        if isinstance(value, (np.ndarray, type)): return False
        try: number = value.__index__()
        except Exception: return False
        if not low <= number <= high: return False
        return None if number > LARGE else True
    return meant


def number(low=-math.inf, high=math.inf, above=False):
    def meant(value):
        plain = isinstance(value, (int, float, np.generic)) or (
            isinstance(value, torch.Tensor) and value.ndim == 0)
        if not plain or check.is_boolean(value) or isinstance(value, str) or (
                isinstance(value, int) and value > 2 ** 62): return False
        try: found = float(value)
        except Exception: return False
        return abs(found) < 3.5e38 and low <= found <= high and not (
            above and found == low)
    return meant


def flag(value): return isinstance(value, (bool, np.bool_)) or (
    isinstance(value, torch.Tensor) and value.dtype == torch.bool and not value.ndim)
def word(*allowed): return lambda value: isinstance(value, str) and value in allowed
def kind(*kinds): return lambda value: isinstance(value, kinds)
def device(value):
    if value is None or isinstance(value, torch.device): return True
    return isinstance(value, str) and value == "cpu"
def generator(value): return value is None or isinstance(value, torch.Generator)
def function(value): return None if callable(value) else value is None
def called(value): return None if callable(value) else False
def tokens(value):
    return (isinstance(value, torch.Tensor) and value.device.type == "cpu"
            and value.dtype == torch.long and value.shape == (2, 22)
            and 0 <= value.min() and value.max() < 10)
def scored(value): return None if isinstance(value, torch.Tensor) else False
def place(value):
    return None if isinstance(value, (str, os.PathLike)) and value and (
        "\0" not in str(value)) else False


def calls():
    """(name, function, arguments that are right, kinds of some of them) of all that is
    public and takes what a person types."""
    x, y = CopyTask(2).sample(2, seed())
    rnn, inverse = RNN(4, generator=seed()), Inverse(4, seed())
    tiny = dict(hidden_size=4, updates=2, eval_every=1, batch_size=2)
    loss = dict(silence=number(0), activity=number(0))
    yield "CopyTask", CopyTask, {}, dict(
        delay=whole(1), n_symbols=whole(2), length=whole(1))
    yield "CopyTask.sample", CopyTask(2).sample, dict(n=2), dict(
        n=whole(1), generator=generator, device=device)
    yield "CopyTask.encode", CopyTask(2, length=1).encode, dict(symbols=[1]), dict(
        symbols=lambda v: None if v is not None and not isinstance(v, (
            float, str, bytes, complex, dict, bool, Fraction)) else False)
    yield "memoryless", data.memoryless, dict(task=CopyTask(2), n=2), dict(
        task=kind(CopyTask), n=whole(1), generator=generator)
    yield "recall_accuracy", data.recall_accuracy, dict(answer=y, y=y), dict(
        answer=scored, y=scored, length=whole(10, 10))
    yield "sequence_accuracy", data.sequence_accuracy, dict(answer=y, y=y), dict(
        answer=scored, y=scored)
    yield "prepare_loaders", data.prepare_loaders, dict(
        name="copymemory", delay=2, batch_size=2, train_size=4, val_size=2), dict(
            name=word("copymemory"), delay=whole(1), batch_size=whole(1),
            train_size=whole(1), val_size=whole(1), seed=whole(0))
    yield "RNN", RNN, dict(hidden_size=4), dict(
        hidden_size=whole(1), vocab_size=whole(2), generator=generator,
        start=word("standard", "quiet"))
    yield "RNN.forward", rnn.forward, dict(x=x), dict(x=tokens)
    yield "RNN.hidden_states", rnn.hidden_states, dict(x=x), dict(x=tokens)
    yield "Inverse", Inverse, dict(hidden_size=4), dict(
        hidden_size=whole(1), generator=generator)
    for where in (copymem.backprop, copymem.fast):
        yield f"{where.__name__}.backprop", where.backprop, dict(
            rnn=rnn, x=x, y=y), dict(rnn=kind(RNN), x=tokens, y=tokens, **loss)
    for where in (copymem.targetprop, copymem.fast):
        yield f"{where.__name__}.targetprop", where.targetprop, dict(
            rnn=rnn, inverse=inverse, x=x, y=y), dict(
                rnn=kind(RNN), inverse=kind(Inverse), x=tokens, y=tokens,
                step_size=number(0, above=True), generator=generator, fade=number(0, 1),
                inverse_only=flag, noise=lambda v: None if isinstance(
                    v, torch.Tensor) else number(0)(v), **loss)
    yield "fast.unroll", copymem.fast.unroll, dict(rnn=rnn, x=x), dict(
        rnn=kind(RNN), x=tokens)
    yield from of_training(rnn, tiny)
    yield from of_probes(rnn, inverse)
    yield from of_files(rnn, tiny)
    yield from of_sweeps(tiny)


def of_training(rnn, tiny):
    task, scores = CopyTask(2), dict(rnn=RNN(4), n=4)
    yield "pick_device", train.pick_device, {}, dict(device=device)
    yield "evaluate", train.evaluate, dict(scores, task=task), dict(
        rnn=kind(RNN), task=kind(CopyTask), n=whole(1), seed=whole(0),
        batch_size=whole(1))
    yield "measure", train.measure, dict(scores, delay=2), dict(
        rnn=kind(RNN), delay=whole(1), n=whole(1), seed=whole(0))
    yield "answer", train.answer, dict(rnn=rnn, symbols=[1] * 10), dict(
        rnn=kind(RNN), delay=whole(1))
    yield "Growing", train.Growing, {}, dict(
        start=whole(1), factor=number(1), threshold=number(0, 1))
    yield "Growing.next_delay", train.Growing(factor=3e38).next_delay, dict(
        delay=3, recall=1.0, goal=9), dict()
    yield "fit", fit, dict(rnn=rnn, task=task, updates=2, eval_size=4), dict(
        rnn=kind(RNN), rule=called, task=kind(CopyTask), optimizer=lambda v: False,
        updates=whole(1), batch_size=whole(1), generator=generator,
        scheduler=lambda v: v is None, clip=number(0), growing=lambda v: v is None,
        eval_every=whole(1), eval_size=whole(1), stop_at=number(0, 1),
        history=lambda v: v is None, callback=function, threads=whole(1, 1_000),
        progress=flag)
    for key in SETTINGS:
        bounds = RANGES.get(key, (0,))
        kinds = (word(*CHOICES[key]) if key in CHOICES else whole(*bounds)
                 if SETTINGS[key] is int else number(*bounds, above=key in POSITIVE))
        yield "Experiment", Experiment, dict(
            name="x", delay=20_000, updates=20_000), {key: kinds}
    yield "Experiment", Experiment, dict(name="x"), dict(
        name=lambda v: None if isinstance(v, str) and v.isalnum() and len(v) < 99
        else False)
    yield "run_experiment", experiment.run_experiment, dict(
        experiment=Experiment("x", **tiny), progress=False), dict(
            experiment=lambda v: None if isinstance(v, Experiment) else False,
            out=lambda v: v is None or place(v), device=device, resume=flag, force=flag,
            callback=function, progress=flag)
    yield "level_of", experiment.level_of, dict(
        experiment=Experiment("x", **tiny), update=1), dict(
            experiment=kind(Experiment), update=whole(0, 2))
    yield "learning_rates", experiment.learning_rates, dict(
        experiment=Experiment("x", **tiny), update=1), dict(
            experiment=kind(Experiment), update=whole(0, 2))
    yield "default_device", experiment.default_device, dict(
        experiment=Experiment("x", **tiny)), dict(experiment=kind(Experiment))


def fit(rnn, rule=copymem.fast.backprop, optimizer="its own", **options):
    if isinstance(optimizer, str) and optimizer == "its own":
        optimizer = torch.optim.Adam(RNN(4).parameters())
        if isinstance(rnn, RNN): optimizer = torch.optim.Adam(rnn.parameters())
    return train.fit(rnn, rule, options.pop("task"), optimizer, options.pop("updates"),
                     **{"progress": False, **options})


def of_probes(rnn, inverse):
    probe, some = copymem.probe, dict(delay=whole(1), n=whole(1), seed=whole(0))
    base = dict(rnn=rnn, delay=2)
    yield "mean_slope", probe.mean_slope, dict(base, n=4), dict(rnn=kind(RNN), **some)
    yield "readable", probe.readable, dict(base, n=40), dict(
        rnn=kind(RNN), noise=number(0), **some)
    yield "readable_at", probe.readable_at, dict(base, n=40, step=3), dict(
        rnn=kind(RNN), step=whole(0, 21), noise=number(0), **some)
    yield "gradient_path", probe.gradient_path, dict(base, n=4), dict(
        rnn=kind(RNN), position=whole(0, 9), **some)
    yield "displacement_path", probe.displacement_path, dict(
        base, n=4, inverse=inverse), dict(
            rnn=kind(RNN), inverse=kind(Inverse), position=whole(0, 9),
            step_size=number(0, above=True), **some)
    yield "inverse_for", probe.inverse_for, dict(base, updates=2), dict(
        rnn=kind(RNN), delay=whole(1), updates=whole(0), noise=number(0),
        lr=number(0, above=True), seed=whole(0))


def of_files(rnn, tiny):
    for read in (weights.load_model, weights.read_metadata, weights.read_history,
                 sweep.read_sweep, files.read_bytes, files.read_text,
                 files.read_header, files.load_tensors, files.read_table):
        yield read.__name__, read, dict(path="none"), dict(path=place)
    yield "load_experiments", settings.load_experiments, {}, dict(
        path=lambda v: v is None or place(v))
    yield "load_model", weights.load_model, dict(path=weights.pretrained_path(
        "15-bp")), dict(device=device)
    yield "load_pretrained", weights.load_pretrained, dict(name="15-bp"), dict(
        name=word("15-bp", "15-tp"), device=device)
    yield "load_history", weights.load_history, dict(name="15-bp"), dict(
        name=word("15-bp"))
    yield "load_results", weights.load_results, dict(name="devices"), dict(
        name=word("devices"))
    yield "results_path", weights.results_path, dict(name="devices"), dict(
        name=word("devices"))
    yield "save_model", weights.save_model, dict(rnn=rnn, path="a"), dict(
        rnn=kind(RNN), path=place, metadata=lambda v: isinstance(v, (dict, type(None))))
    yield "write_history", weights.write_history, dict(
        history=train.History(), path="a"), dict(
            history=kind(train.History), path=place)
    yield "write_text", files.write_text, dict(text="a", path="a"), dict(
        text=kind(str), path=place)
    yield "save_tensors", files.save_tensors, dict(
        tensors={}, path="a", metadata={}), dict(path=place)
    yield "lock", entered, dict(path="a"), dict(path=place)
    yield "parse_experiment", settings.parse_experiment, dict(
        name="x", settings={}), dict(
            name=lambda v: None if isinstance(v, str) and v.isalnum() and len(v) < 99
            else False, settings=lambda v: v == {} if type(v) is dict else False)


def entered(path):
    with files.lock(path): pass


def of_sweeps(tiny):
    e = Experiment("x", **tiny)
    run = lambda experiment, device: dict(n=1)
    base = dict(experiments=[e], seeds=[0], out="t.csv", run=run, figures=dict(n=int),
                jobs=1, progress=False)
    yield "sweep", sweep.sweep, base, dict(
        experiments=lambda v: False, seeds=lambda v: None if isinstance(v, (
            list, np.ndarray, set, tuple, torch.Tensor)) else False,
        out=place, delays=lambda v: None if isinstance(v, (
            list, np.ndarray, set, tuple, torch.Tensor)) or hasattr(v, "__next__")
        else False, grid=lambda v: v is None or v == {} if isinstance(v, (
            dict, type(None))) else False, run=called,
        together=function, figures=lambda v: None if isinstance(v, dict) else False,
        jobs=lambda v: whole(-1)(v) and v != 0, backend=lambda v: v is None,
        address=lambda v: v is None, device=device, progress=flag)
    yield "wilson", summary.wilson, dict(passed=1, n=3), dict(
        passed=whole(0, 3), n=whole(1))
    yield "fisher", summary.fisher, dict(passed=1, n=3, others=1, m=3), dict(
        passed=whole(0, 3), n=whole(1, 10_000), others=whole(0, 3),
        m=whole(1, 10_000))
    row = dict(zip(["name", *SETTINGS], ["x", *(getattr(e, k) for k in SETTINGS)]))
    one = dict(rows=[row], name="x", delay=15)
    yield "select_runs", summary.select_runs, one, dict(
        delay=whole(1), rows=lambda v: None if isinstance(v, (list, tuple)) else False,
        name=lambda v: None if isinstance(v, str) else False)
    for over in (summary.arrivals, summary.over_seeds, summary.how_far):
        yield over.__name__, over, dict(found=[]), dict(found=lambda v: False)
    yield "train_row", rows.train_row, dict(experiment=e), dict(
        experiment=lambda v: None if isinstance(v, Experiment) else False,
        device=device)


def prepare(folder):
    warnings.simplefilter("ignore")
    grid = [(name, call, right, key, meant, word)
            for name, call, right, kinds in calls()
            for key, meant in kinds.items() for word in VALUES]
    random.Random("arguments").shuffle(grid)
    return grid


def attempt(r, folder, known, case):
    name, call, right, key, meant, word = known[case % len(known)]
    value = VALUES[word]()
    try: means = meant(value)
    except Exception: means = False
    if means is None: return "not for this to say", ""
    told = f"{name}({key}={word})"
    try:
        with torch.random.fork_rng(devices=[]): call(**{**right, key: value})
    except (TypeError, ValueError) as error: found = named(str(error), key, name, means)
    except OSError as error: found = "refused" if means else f"!{type(error).__name__}"
    except Exception as error: found = f"!other exception, {type(error).__name__}"
    else: found = "taken" if means else "!taken without meaning"
    return found, told


def named(text, key, name, means):
    "What a refusal is."
    if means: return f"!refused though meant: {text[:100]}"
    if len(text) > 3_000: return "!endless message"
    return "refused" if key in text else f"!unnamed: {text[:100]}"
