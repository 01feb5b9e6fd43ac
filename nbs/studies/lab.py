"""What the studies share: a run as PROTOCOL.md has it, what is looked at in it, and the
command line that fills a table. `python nbs/studies/rescues.py --help` shows the
latter."""
import argparse
import math
from pathlib import Path
from statistics import median

import torch

from copymem import fast
from copymem.probe import mean_slope, readable, readable_at
from copymem.rnn import RNN
from copymem.settings import Experiment
from copymem.sweep import FailedRuns, Table, select_runs, sweep, wilson
from copymem.train import fit

RESULTS = Path(__file__).resolve().parents[2]/"copymem/results"
FIRST_REPORT_SEED, BLOCK = 1_000, 20
FIGURES = dict(update_99=int, recall=float, best_recall=float, slope=float,
               readable=float, readable_silent=float, slope_100=float,
               readable_100=float, last_update=int, seconds=float, device=str)
NOISE = 0.01  # absolute, on the states that are read


def protocol(name, **changed):
    "An `Experiment` with the settings common to all runs, and what a row changes."
    common = dict(updates=6_000, clip=1.0, decay=0.0, eval_every=50, stop_at=0.99)
    return Experiment(name, **{**common, **changed})


class Look:
    "Called after each evaluation: looks inside after 100 updates, and at the end."
    def __init__(self, rnn, experiment):
        self.rnn, self.experiment, self.found = rnn, experiment, {}

    def __call__(self, history):
        "Never ends a run."
        update, delay = history.last["update"], self.experiment.delay
        ended = history.stopped or update == self.experiment.updates
        if not (ended or update == 100): return
        found = dict(slope=mean_slope(self.rnn, delay),
                     readable=readable(self.rnn, delay, noise=NOISE))
        if update == 100: self.found |= {f"{key}_100": v for key, v in found.items()}
        if not ended: return
        silent = readable_at(self.rnn, delay + 9, delay, noise=NOISE)
        self.found |= found | dict(readable_silent=sum(silent) / len(silent))


def groups(rnn, experiment):
    "Adam's parameter groups: one rate for all, or another for the read-out."
    e = experiment
    return [dict(params=[rnn.W_xh, rnn.W_hh, rnn.b_h], lr=e.lr),
            dict(params=[rnn.W_hy, rnn.b_y], lr=e.readout_lr or e.lr)]


def train(rnn, rule, experiment, generator, more=(), change=None):
    "Trains as the protocol says, with `change(rnn)` after every step; a row's figures."
    e, look = experiment, Look(rnn, experiment)
    optimizer = torch.optim.Adam([*groups(rnn, e), *more], fused=True,
                                 amsgrad=e.optimizer == "amsgrad")
    if change is not None: optimizer.register_step_post_hook(lambda *_: change(rnn))
    history = fit(rnn, rule, e.task, optimizer, e.updates, batch_size=e.batch_size,
                  generator=generator, clip=e.clip, eval_every=e.eval_every,
                  stop_at=e.stop_at, callback=look, progress=False)
    if history.stopped == "interrupted": raise KeyboardInterrupt
    passed = history.reached(0.99)
    return dict(update_99=passed and passed["update"],
                recall=history.last["recall_accuracy"],
                best_recall=history.best["recall_accuracy"],
                last_update=history.last["update"], seconds=history.last["seconds"],
                device="cpu",
                **dict.fromkeys(("slope_100", "readable_100")) | look.found)


def begin(experiment, kind=RNN):
    "A network and the generator that made it, which goes on to draw its sequences."
    g = torch.Generator().manual_seed(experiment.seed)
    return kind(experiment.hidden_size, experiment.task.vocab_size, g,
                experiment.start), g


def backprop_of(experiment):
    "Backpropagation with the weights that an experiment gives silence and activity."
    e = experiment
    return lambda rnn, x, y: fast.backprop(rnn, x, y, e.silence, e.activity)


def line(rows, name, delay):
    "One line for all seeds of a run: how many arrived, when, and what is inside."
    found = select_runs(rows, name, delay)
    when = [r["update_99"] or math.inf for r in found]
    low, high = wilson(passed := sum(map(math.isfinite, when)), len(found))
    inside = ("recall", "slope", "readable", "readable_silent")
    return {"run": name, "T": delay, "arrived": f"{passed} of {len(found)}",
            "95 % interval": f"{low:.2f} to {high:.2f}", "median update": median(when),
            **{key: median(r[key] for r in found) for key in inside}}


def main(text, experiments, run, table, figures=FIGURES):
    "The command line of a study: fills `table`, and prints a line for every run."
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--delays", type=int, nargs="+", default=[15, 30, 60])
    parser.add_argument("--block", type=int, default=0,
                        help="of report seeds (default: 0)")
    parser.add_argument("--seeds", type=int, default=BLOCK,
                        help="how many (default: 20)")
    parser.add_argument("--tune", action="store_true",
                        help="tuning seeds, a table apart")
    parser.add_argument("--only", nargs="+", choices=list(experiments), metavar="RUN")
    parser.add_argument("--jobs", type=int, default=-1,
                        help="at a time (default: a core each)")
    o = parser.parse_args()
    first = 0 if o.tune else FIRST_REPORT_SEED + BLOCK * o.block
    out = Path("runs")/table if o.tune else RESULTS/table
    names = o.only or list(experiments)
    try: rows = sweep([experiments[n] for n in names], range(first, first + o.seeds),
                      out, delays=o.delays, run=run, figures=figures, jobs=o.jobs)
    except FailedRuns as error: raise SystemExit(str(error))
    print(Table(line(rows, name, delay) for delay in o.delays for name in names))
