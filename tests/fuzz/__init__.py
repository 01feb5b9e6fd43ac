"""Seeded fuzzers. `python -m tests.fuzz` lists them; `python -m tests.fuzz weights --n
10000` runs one; `python -m tests.fuzz --full` runs all at full size, and prints the
table. Every case has a number and is the same again: `--seed 0 --first 17 --n 1`."""
