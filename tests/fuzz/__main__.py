"""`python -m tests.fuzz [KIND ...]`: runs fuzzers and prints what came of each."""
import argparse, sys, time

from .base import KINDS, run, serve


def main():
    top = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    top.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    top.add_argument("--n", type=int, help="cases (default: as in CI)")
    top.add_argument("--full", action="store_true", help="all kinds at full size")
    top.add_argument("--seed", type=int, default=0)
    top.add_argument("--first", type=int, default=0, help="the first case's number")
    options = top.parse_args()
    odd = set(options.kinds) - set(KINDS)
    if odd or not (options.kinds or options.full):
        top.error(f"KIND: {', '.join(KINDS)}")
    found, table = 0, []
    for kind in options.kinds or KINDS:
        n = options.n or KINDS[kind][0 if options.full else 1]
        begun, tally = time.monotonic(), run(kind, n, options.seed, options.first)
        print(f"{tally} ({time.monotonic() - begun:.0f} s)", flush=True)
        for case, what, more in tally.findings:
            again = f"{kind} --seed {options.seed} --first {case} --n 1"
            print(f"  {again}: {what}: {more}")
        found += len(tally.findings)
        table.append((kind, tally))
    print("\n| tried | cases | found |\n|---|---|---|")
    for kind, tally in table:
        found_here = len(tally.findings)
        print(f"| {kind} | {tally.cases:,}, seed {tally.seed} | {found_here} |")
    return bool(found)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]: serve(sys.argv[2], *map(int, sys.argv[3:]))
    else: sys.exit(main())
