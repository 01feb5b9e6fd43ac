"""Study 8, how far: direct training at long delays, both rules, with and without the
penalty, beside a network whose recurrence is frozen. Its `readable` is what least
squares reads from an untrained network.

    python nbs/studies/far.py
    python nbs/studies/far.py --delays 200 --only bp-quiet --seeds 3
"""
from dataclasses import replace

from lab import SMALL, STILL, main, protocol, transposed

from copymem.experiment import Run, exact, train_run
from copymem.probe import mean_slope, readable
from copymem.rows import row_of
from copymem.table import FIGURES

RULES = {"bp": {}, "bp-penalty-0.03": dict(activity=0.03),
         "tp": dict(method="tp", optimizer="adam", warmup=100),
         "tp-penalty-0.03": dict(method="tp", optimizer="adam", warmup=100,
                                 activity=0.03)}
QUIET = dict(start="quiet", updates=800, decay=1.0, readout_lr=0.3, readout_beta2=0.99)
LONG = dict(updates=1_600)
TRANSPOSED = QUIET | RULES["tp"] | dict(warmup=0)
AS_IT_IS = dict(updates=2_000, lr=2e-4, readout_lr=0.3, readout_beta2=0.99)
EXPERIMENTS = {e.name: e for e in [
    *(protocol(f"{name}-quiet", **QUIET, **own) for name, own in RULES.items()),
    protocol("frozen-quiet", **QUIET | dict(lr=STILL)),
    protocol("tp-quiet-long", **QUIET | LONG, **RULES["tp"]),
    protocol("frozen-quiet-long", **QUIET | LONG | dict(lr=STILL)),
    protocol("tp-quiet-small", **QUIET | SMALL, **RULES["tp"]),
    protocol("tp-quiet-transposed", **TRANSPOSED),
    protocol("tp-quiet-transposed-small", **TRANSPOSED | SMALL),
    *(protocol(name, **AS_IT_IS, **own) for name, own in RULES.items()),
    protocol("frozen", **AS_IT_IS | dict(lr=STILL)),
    protocol("bp-slow", **AS_IT_IS | dict(readout_lr=0.0)),
    protocol("bp-fast-readout", **AS_IT_IS | dict(lr=1e-3))]}
SEEN = FIGURES | dict(rate=float, slope=float, readable=float)


def run(experiment, device):
    """One run; a quiet network learns at 1 / T^2, told as its `rate`, and with it an
    inverse that begins as its transpose."""
    e, is_transposed = experiment, "transposed" in experiment.name
    if e.start == "quiet" and e.lr != STILL: e = replace(e, lr=e.delay ** -2)
    if is_transposed: e = replace(e, inverse_lr=e.lr)
    with exact():
        made = Run(e, device)
        if is_transposed: transposed(made)
        rnn, history = train_run(made, progress=False)
    if history.stopped == "interrupted": raise KeyboardInterrupt
    found = row_of(e, rnn, history, rnn.b_h.device.type)
    read = readable(rnn, e.delay, noise=0.01) if e.name.startswith("frozen") else None
    return found | dict(rate=e.lr, slope=mean_slope(rnn, e.delay), readable=read)


if __name__ == "__main__":
    main(__doc__, EXPERIMENTS, "long_delays.csv", run, (60, 100, 200, 500, 1_000),
         figures=SEEN)
