"""Study 0, what a network remembers before any training: read by least squares, under
three sizes of noise on its states; and what the blank's drive makes of them.

    python nbs/studies/untrained.py
"""
import torch
from lab import main, protocol

from copymem.experiment import Run
from copymem.probe import mean_slope, readable

EXPERIMENTS = {e.name: e for e in [protocol("untrained"),
                                   protocol("untrained-quiet", start="quiet")]}
SEEN = dict(readable=float, readable_1e2=float, readable_1e3=float, slope=float,
            mean_state=float, spread=float, device=str)


@torch.no_grad()
def run(experiment, device):
    "One network as it begins."
    e, rnn = experiment, Run(experiment, "cpu").rnn
    x, _ = e.task.sample(200, torch.Generator().manual_seed(2))
    h = rnn.hidden_states(x)[:, e.task.length + e.delay // 2]
    read = lambda noise: readable(rnn, e.delay, 400, noise)
    return dict(readable=read(0.0), readable_1e2=read(0.01), readable_1e3=read(0.001),
                slope=mean_slope(rnn, e.delay), mean_state=h.mean(0).norm().item(),
                spread=h.std(0).norm().item(), device="cpu")


if __name__ == "__main__":
    main(__doc__, EXPERIMENTS, "untrained.csv", run, (15, 30, 60, 120, 240, 500, 1_000),
         figures=SEEN)
