"""Study 7, staying there: runs that go on for 20,000 updates, whatever they reach.

    python nbs/studies/staying.py
"""
from lab import FIGURES, STAYING, TWO_RATES, Study, main, protocol

EXPERIMENTS = {e.name: e for e in [
    protocol(name, updates=20_000, eval_every=100, stop_at=0.0, **changed)
    for name, changed in {
        "tp": dict(method="tp"),
        "tp-adam": dict(method="tp", optimizer="adam"),
        "tp-penalty-0.03": dict(method="tp", activity=0.03),
        "tp-adam-penalty-0.03": dict(method="tp", optimizer="adam", activity=0.03),
        "bp-two-rates": TWO_RATES,
        "bp-two-rates-amsgrad": dict(optimizer="amsgrad", **TWO_RATES),
        "bp-two-rates-penalty-0.03": dict(activity=0.03, **TWO_RATES),
        "bp-penalty-0.03": dict(activity=0.03),
        "bp-penalty-0.03-amsgrad": dict(activity=0.03, optimizer="amsgrad")}.items()]}

STUDY = Study(figures=FIGURES | STAYING)

if __name__ == "__main__":
    main(__doc__, EXPERIMENTS, "staying.csv", STUDY, delays=(15, 60))
