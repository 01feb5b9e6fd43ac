"""Study 6, does it generalise? Other sizes, another optimizer, another start, other
tasks; ten seeds each.

    python nbs/studies/generalise.py
"""
from dataclasses import dataclass
from functools import partial

import torch
from lab import Study, main, protocol

from copymem import many
from copymem.data import CopyTask

SIZES, RATES, DOSES = (64, 256, 512), ("0.01", "0.03", "0.1"), ("0", "0.1", "0.3", "1")
LENGTHS = ("1", "2", "3", "5")  # symbols to repeat, where it is not ten
RULES = {"bp": {}, "bp-penalty-0.03": dict(activity=0.03), "bp-no-silence":
         dict(silence=0.0), "tp": dict(method="tp")}


@dataclass(frozen=True)
class Adding(CopyTask):
    "Two of T numbers from 0 to 3 are marked, one in each half; say their sum."
    length: int = 1
    seq_len = property(lambda self: self.delay + 1)

    def sample(self, n, generator=None, device=None):
        "Tokens: 0 to 3, 4 more where marked, the recall signal; a sum at its step."
        where, half = generator.device if generator else "cpu", self.delay // 2
        draw = lambda high, *shape: torch.randint(high, shape, generator=generator,
                                                  device=where)
        x = draw(4, n, self.seq_len)
        marks = torch.cat([draw(half, n, 1), half + draw(self.delay - half, n, 1)], 1)
        y = torch.full_like(x, self.blank)
        y[:, -1] = x.gather(1, marks).sum(1)
        x.scatter_add_(1, marks, torch.full_like(marks, 4))
        x[:, -1] = self.go
        return x.to(device or "cpu"), y.to(device or "cpu")


class Wandering(CopyTask):
    "The symbols come after 0 to T - 1 blanks, so that how long they wait varies."
    def sample(self, n, generator=None, device=None):
        "As `CopyTask.sample`, each sequence with a delay of its own."
        where = generator.device if generator else None
        x, y = super().sample(n, generator, where)
        late = torch.randint(self.delay, (n, 1), generator=generator, device=x.device)
        wait = self.delay - 1 + self.length  # steps before the recall signal
        at = torch.arange(wait, device=x.device).expand(n, -1)
        x[:, :wait] = x[:, :wait].gather(1, (at - late) % wait)
        return x.to(device or "cpu"), y.to(device or "cpu")


class Binary(CopyTask):
    "Every symbol is one of two."
    def sample(self, n, generator=None, device=None):
        "As `CopyTask.sample`, the even symbols as 0 and the odd ones as 1."
        x, y = super().sample(n, generator, device)
        return tuple(torch.where(tokens < self.n_symbols, tokens % 2, tokens)
                     for tokens in (x, y))


class Momentum(many.ManyAdam):
    "Stochastic gradient descent with momentum 0.9, for n networks."
    def step(self, grads, rates):
        "One step of every network."
        for w, g, (m, _, _), rate in zip(self.weights, grads, self.memory, rates):
            m.mul_(0.9).add_(g)
            w.sub_(rate.view(-1, *[1] * (w.ndim - 1)) * m)


@torch.no_grad()
def gaussian(run):
    "`W_hh` normal with variance 1 / hidden, instead of orthogonal."
    W = run.rnn.W_hh
    W.copy_(torch.randn(W.shape, generator=run.generator) / len(W) ** 0.5)


def runs():
    "Every run of this study."
    for name, own in RULES.items():
        yield protocol(f"gaussian-{name}", **own)
        yield protocol(f"wandering-{name}", **own)
        for size in SIZES: yield protocol(f"{size}-{name}", hidden_size=size, **own)
        for rate in RATES: yield protocol(f"sgd-{rate}-{name}", lr=float(rate), **own)
    for dose in DOSES: yield protocol(f"adding-{dose}-bp", silence=float(dose))
    for length in LENGTHS: yield protocol(f"length-{length}-bp")
    yield protocol("length-5-bp-penalty-0.03", activity=0.03)
    yield protocol("binary-bp")
    yield protocol("wandering-bp-penalty-0.003", activity=0.003)
    yield protocol("256-bp-slow", hidden_size=256, lr=5e-4)
    yield protocol("512-bp-slow", hidden_size=512, lr=2.5e-4)
    yield protocol("512-bp-slow-readout", hidden_size=512, readout_lr=2.5e-4)
    yield protocol("adding-1-bp-penalty-0.03", activity=0.03)
    yield protocol("adding-1-tp", method="tp")
    fast = dict(method="tp", readout_lr=1e-2)
    yield protocol("64-tp-fast-readout", hidden_size=64, **fast)
    yield protocol("gaussian-tp-fast-readout", **fast)


EXPERIMENTS = {e.name: e for e in runs()}
named = lambda start, value: {name: value for name in EXPERIMENTS
                              if name.startswith(start)}
TASKS = {"adding": Adding, "wandering": Wandering, "binary": Binary, **{
    f"length-{n}-": partial(CopyTask, length=int(n)) for n in LENGTHS}}
STUDY = Study(odd=named("sgd", dict(optimizer=Momentum)),
              starts=named("gaussian", gaussian),
              tasks={name: task for start, task in TASKS.items()
                     for name in named(start, task)})

if __name__ == "__main__":
    main(__doc__, EXPERIMENTS, "generalise.csv", STUDY, delays=(15,), seeds=10)
