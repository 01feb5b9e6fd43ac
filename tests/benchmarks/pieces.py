"""The elementary operations that the rules are made of, what was put in place of some,
what was tried in place of others, and `torch.compile` of the whole."""
import time
from functools import partial

import torch
from torch._inductor.exc import InductorError
from torch._inductor.utils import fresh_cache
from torch.nn.functional import embedding, one_hot
from updates import HIDDEN, VOCAB, interleaved

from copymem import many
from copymem.data import CopyTask
from copymem.fast import tanh_backward, targetprop, unroll
from copymem.rnn import RNN
from copymem.targetprop import Inverse


def start(delay=15, batch=20):
    "A generator, a network, its tokens, states and their logits, time first."
    g = torch.Generator().manual_seed(0)
    rnn = RNN(HIDDEN, VOCAB, g).requires_grad_(False)
    x, _ = CopyTask(delay).sample(batch, g)
    states = unroll(rnn, x)[1:]
    return g, rnn, x, states, states.flatten(0, 1) @ rnn.W_hy


def one_step(states, W):
    "Of the operations on a single step's states."
    one, transposed, out = states[5], W.T.contiguous(), torch.empty_like(states[5])
    back, slope = transposed.T, torch.ones_like(one)  # what is not 1 would underflow
    wide = torch.zeros(HIDDEN, HIDDEN + 16)[:, :HIDDEN].copy_(W)
    steps = torch.rand_like(states).unbind()
    def loop(W):
        for before, after in zip(steps, steps[1:]): after.addmm_(before, W).tanh_()
    return {"product, one step": lambda: torch.mm(one, W, out=out),
            "product, one step, transposed": lambda: torch.mm(one, back, out=out),
            "loop over all steps": lambda: loop(W),
            "loop over all steps, wider rows": lambda: loop(wide),
            "tanh, one step": lambda: torch.tanh(one, out=out),
            "sigmoid, one step": lambda: torch.sigmoid(one, out=out),
            "slope, one step, tanh_backward": lambda: tanh_backward(out, one),
            "slope, one step, stored": lambda: slope.mul_(slope)}


def all_steps(g, rnn, x, states, logits):
    "Of the operations on all steps at once."
    flat, tokens, unit = states.flatten(0, 1), x.T.flatten(), torch.ones(())
    out, first, rows = torch.empty_like(flat), logits.T.contiguous(), rnn.W_xh + rnn.b_h
    total, eps = torch.zeros_like(rows), 0.1 * torch.randn(states[0].shape, generator=g)
    def by_addition():
        push = torch.tanh(eps @ rnn.W_hh)
        return (states + push).div_(torch.addcmul(unit, states, push))
    def by_a_product():
        before = (states + eps).flatten(0, 1)
        return embedding(tokens, rows).addmm_(before, rnn.W_hh).tanh_()
    return {"product, all steps": lambda: torch.mm(flat, rnn.W_hh, out=out),
            "tanh, all steps": lambda: torch.tanh(flat, out=out),
            "sigmoid, all steps": lambda: torch.sigmoid(flat, out=out),
            "log_softmax, tokens last": lambda: torch.log_softmax(logits, -1),
            "log_softmax, tokens first": lambda: torch.log_softmax(first, 0),
            "noise, each step its own": lambda: torch.randn(flat.shape, generator=g),
            "noise, shared": lambda: torch.randn(eps.shape, generator=g),
            "noisy step, by a product": by_a_product,
            "noisy step, by addition": by_addition,
            "rows by token, indexed": lambda: rows[tokens],
            "rows by token, embedding": lambda: embedding(tokens, rows),
            "sums by token, one-hot": lambda: one_hot(tokens, VOCAB).float().T @ flat,
            "sums by token, index_add_": lambda: total.index_add_(0, tokens, flat)}


@torch.no_grad()
def pieces(rounds):
    "name -> microseconds in each round."
    made = start()
    functions = {**one_step(made[3], made[1].W_hh), **all_steps(*made)}
    times = interleaved(functions, rounds, 20)
    return {name: [1e3 * v for v in values] for name, values in times.items()}


@torch.no_grad()
def compiled(rounds):
    """name -> unit and values: gradients by `copymem.fast`, and by the pure rule of
    `copymem.many` as `torch.compile` makes it; empty without a C++ compiler."""
    _, rnn, x, _, _ = start()
    inverse, y = Inverse(HIDDEN).requires_grad_(False), x
    hot, eps = one_hot(x, VOCAB).float(), 0.1 * torch.randn(len(x), HIDDEN)
    rule = torch.compile(many.targetprop, fullgraph=True, dynamic=False)
    weights, back = tuple(rnn.parameters()), tuple(inverse.parameters())
    pure = lambda rule: rule(weights, back, hot, hot, eps, 0.5, 1.0, 1.0, 0.0)
    begin = time.perf_counter()
    try:
        with fresh_cache(): pure(rule)
    except InductorError as error:
        print(f"torch.compile is left out: {error}")
        return {}
    seconds = time.perf_counter() - begin
    rnn.requires_grad_(True), inverse.requires_grad_(True)
    ours = partial(targetprop, rnn, inverse, x, y, noise=eps)
    times = interleaved({"copymem": ours, "compiled": partial(pure, rule)}, rounds, 3)
    return {"first call": ("s", seconds), **{k: ("ms", v) for k, v in times.items()}}
