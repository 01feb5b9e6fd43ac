"""Study 4, the duel: one search for both rules, then the winners at six delays.

    python nbs/studies/duel.py search        # 32 draws a rule, two tuning seeds
    python nbs/studies/duel.py best          # the best four of each in full
    python nbs/studies/duel.py edge          # BP's winner beyond the space's edge
    python nbs/studies/duel.py final         # the winners, twenty report seeds
"""
import argparse
import math
import random
from dataclasses import replace

from lab import BLOCK, FIRST_REPORT_SEED, RESULTS, as_a_command, protocol, rank

from copymem.settings import SETTINGS
from copymem.summary import Table, arrivals
from copymem.sweep import sweep
from copymem.table import read_sweep

DRAWS, FULL = 32, 20_000
DELAYS = (3, 5, 10, 15, 30, 60)
TABLE = dict(search="duel_search.csv", best="duel_best.csv", edge="duel_edge.csv",
             final="duel.csv")
LIMITS = (0.03, 0.01, 0.003)  # of the norm, below the search's least


def log_uniform(chance, low, high):
    "A number between `low` and `high`, its logarithm uniform, in three digits."
    return float(f"{math.exp(chance.uniform(math.log(low), math.log(high))):.3g}")


def draws():
    "`DRAWS` settings of each rule from one space; TP's own come in addition."
    found, chance = [], random.Random(0)
    for _ in range(DRAWS):
        both = dict(lr=log_uniform(chance, 1e-4, 1e-2),
                    clip=chance.choice((0.0, 0.1, 1.0, 10.0)),
                    decay=chance.choice((0.0, 0.5, 1.0)),
                    optimizer=chance.choice(("adam", "amsgrad")),
                    batch_size=chance.choice((20, 50)), eval_every=100)
        own = dict(step_size=log_uniform(chance, 0.05, 2),
                   noise=log_uniform(chance, 0.01, 0.5),
                   inverse_lr=log_uniform(chance, 1e-4, 1e-2))
        found += [protocol("duel-bp", method="bp", **both),
                  protocol("duel-tp", method="tp", **both, **own)]
    return found


def ranked(rows, method):
    "The draws of a rule, the best first: by arrivals, then updates, then recall."
    groups, keys = {}, [k for k in SETTINGS if k not in ("seed", "updates")]
    for row in rows:
        if row["method"] != method: continue
        groups.setdefault(tuple(row[k] for k in keys), []).append(row)
    best = sorted(groups.values(), key=lambda rows: rank(rows, "recall_accuracy"))
    return [(protocol(f"duel-{method}", **dict(zip(keys, [rows[0][k] for k in keys]))),
             rows) for rows in best]


def winners():
    "The settings of each rule that were best in full."
    rows = read_sweep(RESULTS/TABLE["best"])
    return [replace(ranked(rows, m)[0][0], updates=FULL) for m in ("bp", "tp")]


def lines(rows, methods=("bp", "tp"), most=4):
    "The best draws of each rule in a table."
    return Table({"rule": m, **{k: getattr(e, k) for k in (
        "lr", "clip", "decay", "optimizer", "batch_size", "step_size", "noise",
        "inverse_lr")}, **arrivals(found)}
        for m in methods for e, found in ranked(rows, m)[:most])


def main():
    "The command line."
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("part", choices=list(TABLE))
    parser.add_argument("--delays", type=int, nargs="+", default=DELAYS)
    parser.add_argument("--block", type=int, default=0, help="of report seeds")
    parser.add_argument("--jobs", type=int, default=-1, help="default: a core each")
    parser.add_argument("--device", help="of the final; default: a GPU if there is one")
    parser.add_argument("--out", help="another table")
    o = parser.parse_args()
    out = o.out or RESULTS/TABLE[o.part]
    if o.part == "search": rows = sweep(draws(), (0, 1), out, jobs=o.jobs, device="cpu")
    if o.part == "best":
        searched = read_sweep(RESULTS/TABLE["search"])
        best = [replace(e, updates=FULL) for m in ("bp", "tp")
                for e, _ in ranked(searched, m)[:4]]
        rows = sweep(best, range(2, 7), out, jobs=o.jobs, device="cpu")
    if o.part == "edge":
        closer = [replace(winners()[0], clip=limit) for limit in LIMITS]
        rows = sweep(closer, range(2, 7), out, jobs=o.jobs, device="cpu")
    if o.part != "final": return print(lines(rows))
    first = FIRST_REPORT_SEED + BLOCK * o.block
    rows = sweep(winners(), range(first, first + BLOCK), out, delays=o.delays,
                 jobs=o.jobs, device=o.device)
    print(Table({"rule": m, "T": T, **arrivals([r for r in rows if r["method"] == m
                 and r["delay"] == T])} for T in o.delays for m in ("bp", "tp")))


if __name__ == "__main__":
    with as_a_command(): main()
