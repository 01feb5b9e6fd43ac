"""The leading figure: four runs at T = 15 from one start, the first report seed, each
looked at every 50 updates and left running when it has arrived.

    python nbs/studies/lead.py

Minutes on one core. What is said of them is counted over seeds elsewhere: rescues.py,
even_part.py.
"""
import argparse
import csv

import torch
from even_part import ODD, OWN
from lab import FIRST_REPORT_SEED, NOISE, RESULTS, one_by_one, protocol

from copymem.experiment import Run
from copymem.probe import mean_slope, readable
from copymem.rnn import RNN
from copymem.rows import run_together
from copymem.train import evaluate

EXPERIMENTS = {e.name: e for e in [
    protocol(name, seed=FIRST_REPORT_SEED, delay=15, stop_at=0.0, updates=4_000,
             **changed)
    for name, changed in {"bp": {}, "bp-penalty-0.03": dict(activity=0.03),
                          "tp": dict(method="tp"),
                          "tp-odd": dict(method="tp")}.items()]}


@torch.no_grad()
def look(rnn, experiment, update, recall):
    "A row of the table."
    delay = experiment.delay
    return dict(run=experiment.name, update=update, recall=round(recall, 4),
                slope=round(mean_slope(rnn, delay), 4),
                readable=round(readable(rnn, delay, noise=NOISE), 4))


def trace(experiment):
    "The rows of a run: at its start, and at each evaluation."
    e, run = experiment, Run(experiment, "cpu")
    first = evaluate(run.rnn, e.task, 1_000).recall_accuracy
    rows = [look(run.rnn, e, 0, first)]
    def keep(run, weights, back):
        rnn = RNN(e.hidden_size)
        rnn.load_state_dict(weights)
        last = run.history.last
        rows.append(look(rnn, e, last["update"], last["recall_accuracy"]))
    if e.name not in ODD: list(one_by_one([run], keep))
    else:
        own = {key: [value] for key, value in OWN[e.name].items()}
        list(run_together([run], "cpu", keep, **ODD[e.name], **own))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", default=RESULTS/"lead.csv", help="another table")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    rows = [row for e in EXPERIMENTS.values() for row in trace(e)]
    with open(out, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
