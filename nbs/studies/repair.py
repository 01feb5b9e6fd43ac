"""Study 3, repair: ten networks that 6,000 updates of backpropagation left stuck go on
by target propagation, by backpropagation with the penalty, or by it alone again.

    python nbs/studies/repair.py
"""
import torch
from lab import FIGURES, Study, main, one_by_one, protocol

from copymem.experiment import Run
from copymem.rows import run_together

STUCK = protocol("bp")
EXPERIMENTS = {e.name: e for e in [protocol("repair-tp", method="tp"),
                                   protocol("repair-bp-penalty-0.03", activity=0.03),
                                   protocol("repair-bp-again")]}


class Repair(Study):
    "Runs that begin with what backpropagation left of a network of their seed."
    def __call__(self, experiments, device):
        first, left = experiments[0], {}
        runs = [Run(protocol("bp", seed=seed, delay=first.delay,
                             hidden_size=first.hidden_size, updates=STUCK.updates),
                    "cpu") for seed in sorted({e.seed for e in experiments})]
        def keep(run, weights, back):
            weights = {name: w.clone() for name, w in weights.items()}
            left[run.experiment.seed] = weights, run.history.last["recall_accuracy"]
        cpu = torch.device(device).type == "cpu"
        for _ in one_by_one(runs, keep) if cpu else run_together(runs, device, keep):
            pass
        def stuck(run):
            run.rnn.load_state_dict(left[run.experiment.seed][0])
        self.starts = dict.fromkeys(EXPERIMENTS, stuck)
        for e, row in super().__call__(experiments, device):
            yield e, row | dict(recall_before=left[e.seed][1])


STUDY = Repair(figures=FIGURES | dict(recall_before=float))

if __name__ == "__main__":
    main(__doc__, EXPERIMENTS, "repair.csv", STUDY, delays=(15,), seeds=10)
