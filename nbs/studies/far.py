"""Study 8, how far: direct training at long delays, both rules, with and without the
penalty, from both starts, beside a network whose recurrence is frozen. The frozen one's
`readable` is what least squares reads from an untrained network.

    python nbs/studies/far.py
    python nbs/studies/far.py --delays 200 --only bp-quiet --seeds 3
"""
from dataclasses import replace

from lab import Study, main, protocol

UPDATES, STILL = 800, 1e-30  # a rate at which no weight moves
RULES = {"bp": {}, "bp-penalty": dict(activity=0.03),
         "tp": dict(method="tp", optimizer="adam", warmup=100),
         "tp-penalty": dict(method="tp", optimizer="adam", warmup=100, activity=0.03),
         "frozen": {}}
EXPERIMENTS = {e.name: e for e in [
    protocol(name + end, start=start, updates=UPDATES, decay=1.0, readout_lr=0.3,
             readout_beta2=0.99, **own)
    for name, own in RULES.items()
    for start, end in (("standard", ""), ("quiet", "-quiet"))]}


class Far(Study):
    "Runs whose network learns at 1 / T^2, and whose read-out at one rate everywhere."
    def __call__(self, experiments, device):
        rated = {replace(e, lr=STILL if e.name.startswith("frozen") else e.delay ** -2):
                 e for e in experiments}
        for e, row in super().__call__(list(rated), device): yield rated[e], row

    def reads(self, experiment, ended):
        return ended and experiment.name.startswith("frozen")


STUDY = Far()

if __name__ == "__main__":
    main(__doc__, EXPERIMENTS, "long_delays.csv", STUDY, delays=(200, 500, 1_000))
