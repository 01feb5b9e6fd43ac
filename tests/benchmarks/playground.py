"""How many of twenty seeds show on a page what the playground's training is to show:
backpropagation stuck, with a penalty or without the push that all share there in
seconds, target propagation there, and without its even part stuck. The mathematics is
the page's; twenty networks learn in one batched update. The page's settings were chosen
on seeds below 100; these are others.

    python tests/benchmarks/playground.py --out copymem/results/playground.csv
    python tests/benchmarks/playground.py --kinds tp --seeds 3 --updates 6000
"""
import argparse, csv, sys, time
from functools import partial
from pathlib import Path

import torch

from copymem import many
from copymem.data import CopyTask
from copymem.rnn import RNN
from copymem.targetprop import Inverse

sys.path.insert(0, str(Path(__file__).resolve().parents[2]/"nbs/studies"))
from rescues import held, unshared

# As in nbs/assets/playground/train.js
FIXED = dict(step_size=1.41, noise=0.063, clip=1.0)
INVERSE_RATE, WARMUP, BATCH, ENOUGH = 3e-3, 100, 20, 0.99


def odd_targets(weights, back, x_hot, h, local, fade):
    "Displacements without their even part."
    there, opposite = (many.propagate_targets(weights, back, x_hot, h, sign * local,
                                              fade) for sign in (1, -1))
    return (there - opposite) / 2


KINDS = {
    "bp": dict(rule=many.backprop),
    "bp-penalty": dict(rule=many.backprop, activity=0.03),
    "bp-unpushed": dict(rule=partial(held, unshared)),
    "tp": dict(rule=many.targetprop),
    "tp-odd": dict(rule=partial(many.targetprop, carry=odd_targets))}


def networks_of(kind, units, delay, seeds, changed):
    "Networks that begin as those of a run of these seeds."
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    rnns = [RNN(units, generator=g) for g in generators]
    tp = kind.startswith("tp")
    inverses = [Inverse(units, g) for g in generators] if tp else []
    own = {**FIXED, **changed, **KINDS[kind]}
    return many.Networks(CopyTask(delay), rnns, inverses, generators, batch_size=BATCH,
                         amsgrad=[tp] * len(seeds), **own)


def arrivals(kind, args):
    "The update at which each seed passes 0.99, or None; and each one's last recall."
    seeds = range(args.first, args.first + args.seeds)
    nets = networks_of(kind, args.units, args.delay, seeds,
                       dict(step_size=args.step_size, noise=args.noise))
    rates = torch.tensor([args.rate, args.rate, args.inverse_rate])[:, None]
    rates = rates.expand(3, args.seeds)
    at, clock = [None] * args.seeds, time.process_time()
    for update in range(1, args.updates + 1):
        warming = kind.startswith("tp") and update <= WARMUP
        many.update(nets, rates, inverse_only=warming)
        if update % 50: continue
        recalls = [scores[1] for scores in many.evaluate(nets, 200)]
        at = [a or (update if r >= ENOUGH else None) for a, r in zip(at, recalls)]
        if all(at): break
        if update % 500 == 0:
            there = sum(a is not None for a in at)
            print(f"  {kind} {update}: {there} there, now "
                  f"{sorted(round(r, 2) for r in recalls)}, "
                  f"{time.process_time() - clock:.0f} s", flush=True)
    return at, recalls


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    for name, default in dict(units=96, delay=5, first=1_000, seeds=20,
                              updates=3000).items():
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in dict(rate=1.5e-3, inverse_rate=INVERSE_RATE, step_size=1.41,
                              noise=0.063).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=default)
    parser.add_argument("--out", help="a table to write")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(vars(args), flush=True)
    rows = []
    for kind in args.kinds:
        at, recalls = arrivals(kind, args)
        there = [a for a in at if a]
        print(f"{kind}: {len(there)} of {args.seeds} arrive, at {sorted(there)}; "
              f"recall at the end {min(recalls):.2f} to {max(recalls):.2f}", flush=True)
        rows += [dict(run=kind, seed=seed, update_99=a or "", recall=round(r, 4))
                 for seed, (a, r) in enumerate(zip(at, recalls), args.first)]
    if not args.out: return
    with open(args.out, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
