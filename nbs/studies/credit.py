"""Study 9, credit: how far what target propagation sends back resembles the gradient.
The cosine of the odd part of what it sends for the recall with what backpropagation
sends, after 100 updates of the network and at the end. And what becomes of the rule
when its inverse begins as the transpose of the recurrence, or stays that and learns
nothing, or has learned for four times as long before the network begins; and when
all rates fall in the second half.

    python nbs/studies/credit.py
"""
from lab import (CREDIT, FIGURES, PULL, SMALL, STILL, TWO_RATES, Study, Tied, main,
                 protocol, transposed)

TIED = dict(method="tp", warmup=0, inverse_lr=STILL)
EXPERIMENTS = {e.name: e for e in [
    protocol("tp", method="tp"),
    protocol("tp-transposed", method="tp"),
    protocol("tp-transposed-decay", method="tp", decay=0.5),
    protocol("tp-decay", method="tp", decay=0.5),
    protocol("tp-warm", method="tp", warmup=2_000),
    protocol("tp-two-rates-transposed", method="tp", **TWO_RATES),
    protocol("tp-tied", **TIED),
    protocol("tp-tied-penalty-0.03", activity=0.03, **TIED),
    protocol("tp-tied-small", **TIED, **SMALL),
    protocol("tp-tied-small-penalty-0.03", activity=0.03, **TIED, **SMALL)]}

STUDY = Study(starts={name: transposed for name in EXPERIMENTS if "transposed" in name},
              alone={name: Tied for name in EXPERIMENTS if "tied" in name},
              figures=FIGURES | PULL | CREDIT)

if __name__ == "__main__":
    main(__doc__, EXPERIMENTS, "credit.csv", STUDY, seeds=5)
