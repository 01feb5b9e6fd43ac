"""Study 9, credit: how far what target propagation sends back resembles the gradient.
The cosine of the odd part of what it sends for the recall with what backpropagation
sends, after 100 updates of the network and at the end.

    python nbs/studies/credit.py
"""
from lab import CREDIT, FIGURES, PULL, Study, main, protocol

EXPERIMENTS = {"tp": protocol("tp", method="tp")}

STUDY = Study(figures=FIGURES | PULL | CREDIT)

if __name__ == "__main__":
    main(__doc__, EXPERIMENTS, "credit.csv", STUDY, seeds=5)
