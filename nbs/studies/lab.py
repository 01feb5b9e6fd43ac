"""What the studies share: runs as PROTOCOL.md has them, many at once, what is looked at
in each, and the command line that fills a table (`python nbs/studies/rescues.py
--help`)."""
import argparse
import math
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, median

import numpy as np
import torch
from torch.nn.functional import cosine_similarity, one_hot

from copymem import many
from copymem.cli import ended_as_by_hand
from copymem.contract import leave_grads, weights_of
from copymem.data import CopyTask
from copymem.experiment import Run, train_run
from copymem.probe import readable, readable_at
from copymem.rnn import RNN
from copymem.rows import run_together, since
from copymem.settings import Experiment
from copymem.summary import Table, arrivals, select_runs
from copymem.sweep import FailedRuns, sweep
from copymem.targetprop import draw_noise
from copymem.train import cpu_threads

RESULTS = Path(__file__).resolve().parents[2]/"copymem/results"
FIRST_REPORT_SEED, BLOCK = 1_000, 20
FIGURES = dict(update_99=int, recall=float, best_recall=float, slope=float,
               readable=float, readable_silent=float, slope_100=float,
               readable_100=float, last_update=int, seconds=float, device=str)
STAYING = dict(lowest_after_99=float, below_after_99=int)  # of runs that go on
PULL = dict(even_cosine=float, even_share=float, even_cosine_100=float,
            even_share_100=float)  # of target propagation, in addition
CREDIT = dict(credit_near=float, credit_far=float, credit_near_100=float,
              credit_far_100=float)  # likewise
NOISE = 0.01  # absolute, on the states that are read
STILL = 1e-30  # a rate at which no weight moves
TWO_RATES = dict(lr=1e-4, readout_lr=1e-2)
SMALL = dict(step_size=0.05)  # of target propagation, a tenth of its own


def protocol(name, **changed):
    "An `Experiment` with the settings common to all runs, and what a row changes."
    tp = changed.get("method") == "tp"
    common = dict(updates=6_000, clip=1.0, decay=0.0, eval_every=50, stop_at=0.99,
                  optimizer="amsgrad" if tp else "adam")
    return Experiment(name, **{**common, **changed})


def transposed(run):
    "A start: the inverse as the transpose, which undoes an orthogonal recurrence."
    with torch.no_grad(): run.inverse.V_hh.copy_(run.rnn.W_hh.T)


class Tied(Run):
    "Its inverse is the transpose at every update (with `inverse_lr` at `STILL`)."
    def rule(self, *batch, **how):
        "The same, after that."
        transposed(self)
        return super().rule(*batch, **how)


# --- what is looked at in a run ---

def pull(weights, back, experiment, carry, credit):
    """Of displacements before the recall: the even part's cosine with h, even / odd.
    With `credit`, of the recall's alone: the odd part's cosine with backpropagation's,
    in the last silent state and in those that heard symbols."""
    e, task = experiment, experiment.task
    x, y = task.sample(200, torch.Generator().manual_seed(2))
    hot = [one_hot(tokens, task.vocab_size).to(weights[0]) for tokens in (x, y)]
    h = many.states_of(weights, hot[0])
    wish = -e.step_size * many.local_gradients(weights, h, hot[1], e.silence,
                                               e.activity)[2]
    silent = task.delay + task.length
    def parts(wish):
        there, opposite = (carry(weights, back, hot[0], h, sign * wish, e.fade)
                           for sign in (1, -1))
        return [part[:, :silent] / 2 for part in (there + opposite, there - opposite)]
    even, odd = parts(wish)
    found = dict(even_cosine=cosine_similarity(even, h[:, :silent], -1).mean().item(),
                 even_share=(even.norm() / odd.norm()).item())
    if not credit: return found
    wish[:, :silent] = 0
    exact = many.propagate_gradients(weights[1], h, wish)[:, :silent]
    cosine = cosine_similarity(parts(wish)[1], exact, -1).mean(0)
    return found | dict(credit_near=cosine[-1].item(),
                        credit_far=cosine[:task.length].mean().item())


@torch.no_grad()
def look_inside(study, experiment, weights, back, ended):
    "The figures of a network, and of its inverse if it has one; none if it diverged."
    if not all(np.isfinite(w).all() for w in weights + back): return {}
    e, kind = experiment, study.kinds.get(experiment.name, RNN)
    task, weights = study.task_of(e), [torch.from_numpy(w) for w in weights]
    rnn = kind(e.hidden_size, task.vocab_size)
    for p, value in zip(rnn.parameters(), weights): p.data = value
    found = {}
    if kind is RNN:
        h = rnn.hidden_states(task.sample(200, torch.Generator().manual_seed(2))[0])
        found["slope"] = (1 - h ** 2).mean().item()
    reads = study.reads(e, ended) and task == CopyTask(e.delay)
    if reads: found["readable"] = readable(rnn, e.delay, noise=NOISE)
    if back:
        back = [torch.from_numpy(w) for w in back]
        carry = study.carries.get(e.name, many.propagate_targets)
        found |= pull(weights, back, e, carry, "credit_far" in study.figures)
    if not ended: return {f"{key}_100": value for key, value in found.items()}
    if not reads: return found
    silent = readable_at(rnn, e.delay + 9, e.delay, noise=NOISE)
    return found | dict(readable_silent=sum(silent) / len(silent))


class Looks:
    "Called after evaluations: looks inside after 100 updates, and at the end."
    def __init__(self, device, study):
        self.pool, self.study, self.waiting = None, study, {}
        if torch.device(device).type == "cpu": return
        self.pool = ProcessPoolExecutor(  # a GPU does not wait for what is looked at
            max(1, min(8, os.cpu_count() - 1)), get_context("spawn"),
            torch.set_num_threads, (1,))

    def __call__(self, run, weights, back):
        e, update = run.experiment, run.history.last["update"]
        ended = bool(run.history.stopped) or update == e.updates
        warmup = e.warmup if e.method == "tp" else 0
        looks = self.waiting.setdefault(e, [])
        for due, end in ((update == warmup + 100, False), (ended, True)):
            if not due: continue
            each = [[w.numpy().copy() for w in group]
                    for group in (weights.values(), back)]
            do = self.pool.submit if self.pool else partial
            looks.append(do(look_inside, self.study, e, *each, end))

    def of(self, experiment):
        "All that was found in a run."
        found = {}
        for look in self.waiting.pop(experiment):
            found |= look.result() if self.pool else look()
        return found


def row_of(run, found, device):
    "The figures of a run that has ended."
    history = run.history
    passed = history.reached(0.99)
    recalls = [row["recall_accuracy"] for row in since(history, passed)]
    return dict(update_99=passed and passed["update"],
                recall=history.last["recall_accuracy"],
                best_recall=history.best["recall_accuracy"],
                lowest_after_99=min(recalls, default=None),
                below_after_99=sum(recall < 0.9 for recall in recalls),
                last_update=history.last["update"], seconds=history.last["seconds"],
                device=device, **found)


# --- runs, many at once ---

def one_by_one(runs, looks):
    "As `run_together`, of runs by the two rules themselves: sooner on a CPU."
    for run in runs:
        def tell(history):
            back = run.inverse.parameters() if run.inverse else ()
            looks(run, run.rnn.state_dict(), [p.detach() for p in back])
        _, history = train_run(run, tell, progress=False)
        if history.stopped == "interrupted": raise KeyboardInterrupt
        yield run


class ByRule(Run):
    "A run by a rule as `many` takes it, one at a time: sooner on a CPU."
    def __init__(self, by, own, experiment, device):
        self.by, self.own = by, own
        super().__init__(experiment, device)

    @torch.no_grad()
    def rule(self, rnn, x, y, inverse_only=False):
        "The same gradients."
        e, weights, eps = self.experiment, weights_of(rnn), None
        back = tuple(self.inverse.parameters()) if self.inverse else ()
        hot = [one_hot(tokens, rnn.vocab_size).to(rnn.b_h) for tokens in (x, y)]
        if back:
            like = rnn.b_h.expand(len(x), -1)
            eps = draw_noise(e.noise, like, self.generator)
        own = dict(silence=e.silence, activity=e.activity, step_size=e.step_size,
                   fade=e.fade, **self.own)
        loss, grads, to_back = self.by(weights, back, *hot, eps, own)
        leave_grads(back, to_back)
        if not inverse_only: leave_grads(weights, grads)
        return loss


@dataclass
class Study:
    "What its runs do otherwise, by their names, and what a row of its table holds."
    odd: dict = field(default_factory=dict)    # rule, change and more: see `many`
    own: dict = field(default_factory=dict)    # numbers that the rule asks for
    starts: dict = field(default_factory=dict) # start(run), before the first update
    kinds: dict = field(default_factory=dict)  # of network, where it is not `RNN`
    carries: dict = field(default_factory=dict) # displacements, see `pull`
    tasks: dict = field(default_factory=dict)  # by delay, where it is not `CopyTask`
    alone: dict = field(default_factory=dict)  # a `Run` by the same rule, on a CPU
    figures: dict = field(default_factory=lambda: FIGURES)

    def __call__(self, experiments, device):
        "For `sweep`: trains runs of equal shape, and yields each with its figures."
        looks, place = Looks(device, self), torch.device(device).type
        for group in self.alike(experiments):
            with cpu_threads(1):
                name = group[0].name
                runs = [self.alone.get(e.name, Run)(e, "cpu") for e in group]
                for run in runs:
                    if start := self.starts.get(run.experiment.name): start(run)
                plain = name in self.alone or name not in {**self.odd, **self.tasks}
                ended = (one_by_one(runs, looks) if plain and place == "cpu" else
                         run_together(runs, device, looks, **self.options(group)))
                for run in ended:
                    found = row_of(run, looks.of(run.experiment), place)
                    yield run.experiment, {k: found.get(k) for k in self.figures}
        if looks.pool: looks.pool.shutdown()

    def alike(self, experiments):
        "Groups of runs with the same rule."
        groups = {}
        for e in experiments:
            key = (e.name in self.alone, self.tasks.get(e.name),
                   *self.odd.get(e.name, {}).items())
            groups.setdefault(key, []).append(e)
        return groups.values()

    def options(self, group):
        "Theirs for `Networks`."
        names = [e.name for e in group]
        own = {k: [self.own[n][k] for n in names] for k in self.own.get(names[0], ())}
        return self.odd.get(names[0], {}) | own | dict(task=self.task_of(group[0]))

    def reads(self, experiment, ended):
        "Is a read-out fitted to the states? At long delays that takes long."
        return True

    def task_of(self, experiment):
        "What a run is trained and evaluated on."
        return self.tasks.get(experiment.name, CopyTask)(experiment.delay)


def rank(rows, recall="recall"):
    "Sorts settings by their runs: more arrived, then sooner, then recalled more."
    when = [row["update_99"] or math.inf for row in rows]
    return (-sum(row["update_99"] is not None for row in rows), median(when),
            -mean(row[recall] for row in rows))


def line(rows, name, delay, figures=FIGURES):
    "One line for all seeds of a run: how many arrived, when, and what is inside."
    found = select_runs(rows, name, delay)
    inside = [k for k in ("recall", "recall_accuracy", "slope", "readable",
                          "readable_1e2", "readable_1e3", "readable_silent",
                          "even_cosine_100", "mean_state", "spread") if k in figures]
    middle = {key: [r[key] for r in found if r[key] is not None] for key in inside}
    when = arrivals(found) if "update_99" in figures else {"seeds": len(found)}
    return {"run": name, "T": delay, **when,
            **{k: f"{median(each):.2f}" if each else "-" for k, each in middle.items()}}


@contextmanager
def as_a_command():
    "What is inside ends as `copymem sweep` does: no process of it trains on."
    try:
        with ended_as_by_hand(): yield
    except (FailedRuns, BlockingIOError) as error: raise SystemExit(str(error))
    except KeyboardInterrupt: raise SystemExit(130)


def main(text, experiments, table, study, delays=(15, 30, 60), seeds=BLOCK,
         figures=None, tune=None):
    """The command line of a study: a `Study`, or a function of one run and `figures`.
    On tuning seeds: of `tune`, runs and their table; else the same runs, in `runs/`."""
    parser = argparse.ArgumentParser(description=text,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--delays", type=int, nargs="+", default=delays)
    parser.add_argument("--block", type=int, default=0,
                        help="of report seeds (default: 0)")
    parser.add_argument("--seeds", type=int, default=seeds, help="how many")
    parser.add_argument("--tune", action="store_true",
                        help="tuning seeds, a table apart")
    parser.add_argument("--only", nargs="+", metavar="RUN",
                        choices=[*experiments, *(tune[0] if tune else ())])
    parser.add_argument("--out", default=None, help="another table")
    parser.add_argument("--jobs", type=int, default=-1,
                        help="at a time, without a GPU (default: a core each)")
    parser.add_argument("--device", default=None, help="default: a GPU if there is one")
    o = parser.parse_args()
    first = 0 if o.tune else FIRST_REPORT_SEED + BLOCK * o.block
    if o.tune: experiments, table = tune or (experiments, Path("runs")/table)
    out = o.out or (table if o.tune else RESULTS/table)
    names, figures = o.only or list(experiments), figures or study.figures
    how = dict(together=study) if isinstance(study, Study) else dict(run=study)
    with as_a_command():
        rows = sweep([experiments[n] for n in names], range(first, first + o.seeds),
                     out, delays=o.delays, figures=figures, jobs=o.jobs,
                     device=o.device, **how)
    print(Table(line(rows, name, delay, figures) for delay in o.delays
                for name in names))
