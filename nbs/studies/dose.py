"""Study 5, the driver by dose: how much the silence's loss weighs, under both starts
and for both rules.

    python nbs/studies/dose.py
    python nbs/studies/dose.py --delays 15 --only bp-0.1 bp-0.1-quiet --seeds 5
"""
from lab import Study, main, protocol

WEIGHTS = ("0", "0.03", "0.1", "0.3", "1")
EXPERIMENTS = {e.name: e for e in [
    protocol(f"{method}-{weight}{end}", method=method, silence=float(weight),
             start=start, updates=6_000 if weight == "1" else 3_000)
    for method in ("bp", "tp") for weight in WEIGHTS
    for start, end in (("standard", ""), ("quiet", "-quiet"))]}

STUDY = Study()

if __name__ == "__main__": main(__doc__, EXPERIMENTS, "dose.csv", STUDY)
