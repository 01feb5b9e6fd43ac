"""Study 4, its anchors: networks with gates, and one of rectified units that starts as
the identity, of as many parameters as the tanh network (19,082); ten seeds each, at
the best of four rates.

    python nbs/studies/gated.py --tune --seeds 2 --delays 15    # the four rates
    python nbs/studies/gated.py
"""
from dataclasses import replace

import torch
from lab import RESULTS, main, protocol, rank
from torch import nn
from torch.nn.functional import one_hot

from copymem.table import read_sweep
from copymem.train import fit

KINDS = {"gru": (nn.GRU, 73), "lstm": (nn.LSTM, 62), "irnn": (nn.RNN, 128)}
RATES = ("0.0001", "0.0003", "0.001", "0.003")
TUNED = RESULTS/"gated_search.csv"
SEARCH = {f"{name}-{rate}": protocol(f"{name}-{rate}", hidden_size=size, lr=float(rate))
          for name, (_, size) in KINDS.items() for rate in RATES}
SEEN = dict(update_99=int, recall=float, best_recall=float, last_update=int,
            parameters=int, seconds=float, device=str)


def best(rows):
    "Of each kind the run at the best rate of those tried."
    tried, found = {}, {}
    for row in rows: tried.setdefault(row["name"], []).append(row)
    for kind in KINDS:
        names = [name for name in SEARCH if name in tried and name.startswith(kind)]
        name = min(names, key=lambda name: rank(tried[name]), default=f"{kind}-0.001")
        found[kind] = replace(SEARCH[name], name=kind)
    return found


EXPERIMENTS = best(read_sweep(TUNED, SEEN) if TUNED.exists() else [])


class Gated(nn.Module):
    "Tokens in, logits out, as `RNN`; PyTorch's own starts but for what is said here."
    def __init__(self, kind, hidden_size, vocab_size):
        super().__init__()
        options = dict(nonlinearity="relu") if kind is nn.RNN else {}
        self.layer = kind(vocab_size, hidden_size, batch_first=True, **options)
        self.read_out = nn.Linear(hidden_size, vocab_size)
        if kind is nn.RNN: self.as_identity()
        if kind is nn.LSTM: self.open_forget_gates()

    def as_identity(self):
        "Le, Jaitly & Hinton (2015): the identity, biases at zero; small inputs."
        nn.init.eye_(self.layer.weight_hh_l0)
        nn.init.normal_(self.layer.weight_ih_l0, std=0.1)
        nn.init.zeros_(self.layer.bias_ih_l0)
        nn.init.zeros_(self.layer.bias_hh_l0)

    def open_forget_gates(self):
        "Jozefowicz, Zaremba & Sutskever (2015): the forget gates' bias begins at 1."
        n = self.layer.hidden_size
        with torch.no_grad(): self.layer.bias_ih_l0[n:2 * n] = 1

    def forward(self, x):
        "Logits of tokens `x` (batch, seq_len): (batch, seq_len, vocab)."
        hot = one_hot(x, self.layer.input_size).to(self.read_out.weight)
        return self.read_out(self.layer(hot)[0])


def by_autograd(net, x, y):
    "A rule for `fit`: backpropagation by autograd."
    loss = nn.functional.cross_entropy(net(x).flatten(0, 1), y.flatten())
    loss.backward()
    return loss.detach()


def run(experiment, device):
    "One network, trained as the protocol has it."
    e, (kind, size) = experiment, KINDS[experiment.name.partition("-")[0]]
    torch.manual_seed(e.seed)
    net = Gated(kind, size, e.task.vocab_size)
    history = fit(net, by_autograd, e.task, torch.optim.Adam(net.parameters(), e.lr),
                  e.updates, batch_size=e.batch_size, clip=e.clip,
                  generator=torch.Generator().manual_seed(e.seed),
                  eval_every=e.eval_every, stop_at=e.stop_at, progress=False)
    if history.stopped == "interrupted": raise KeyboardInterrupt  # half a run is no row
    passed = history.reached(0.99)
    return dict(update_99=passed and passed["update"],
                recall=history.last["recall_accuracy"],
                best_recall=history.best["recall_accuracy"],
                last_update=history.last["update"],
                parameters=sum(p.numel() for p in net.parameters()),
                seconds=history.last["seconds"], device="cpu")


if __name__ == "__main__":
    main(__doc__, EXPERIMENTS, "gated.csv", run, (15, 60), seeds=10, figures=SEEN,
         tune=(SEARCH, TUNED))
