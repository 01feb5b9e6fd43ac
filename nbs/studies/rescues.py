"""Study 1, rescues at the full loss: what lets backpropagation arrive,
one change a run.

    python nbs/studies/rescues.py
    python nbs/studies/rescues.py --delays 15 --only bp bp-penalty-0.03 --seeds 1
"""
from functools import partial

import torch
from lab import STILL, TWO_RATES, ByRule, Study, main, protocol

from copymem import many
from copymem.rnn import RNN

PENALTIES = ("0.003", "0.01", "0.03", "0.1", "0.3")
EXPERIMENTS = {e.name: e for e in [
    protocol("bp"), protocol("bp-linear"), protocol("bp-orthogonal"),
    *(protocol(f"bp-penalty-{dose}", activity=float(dose)) for dose in PENALTIES),
    protocol("bp-silence-to-readout"), protocol("bp-quiet", start="quiet"),
    protocol("bp-centred"), protocol("bp-bias-3"), protocol("bp-bias-6"),
    protocol("bp-two-rates", **TWO_RATES),
    protocol("bp-slow", lr=1e-4), protocol("bp-fast-readout", readout_lr=1e-2),
    protocol("bp-frozen", lr=STILL, readout_lr=1e-3),
    protocol("bp-frozen-fast-readout", lr=STILL, readout_lr=1e-2),
    protocol("bp-penalty-shared-0.03", activity=0.03),
    protocol("bp-penalty-own-0.03", activity=0.03), protocol("bp-unshared"),
    protocol("bp-held"), protocol("bp-unshared-held"),
    protocol("bp-unshared-held-quiet", start="quiet"),
    protocol("bp-unshared-held-own-0.03", activity=0.03),
    protocol("bp-unpaired-held"), protocol("bp-lessened-held"),
    protocol("bp-push-alone"),
    protocol("bp-no-outward"), protocol("bp-no-inward")]}


class Linear(RNN):
    "The same network without its tanh."
    def step(self, x_t, h): return self.W_xh[x_t] + h @ self.W_hh + self.b_h


def linear_states(weights, x_hot):
    "Its states."
    (W_xh, W_hh, b_h), states = weights[:3], []
    h = torch.zeros_like(x_hot[:, 0] @ W_xh)
    for drive in (x_hot @ W_xh + b_h).unbind(1): states.append(h := drive + h @ W_hh)
    return torch.stack(states, 1)


def linear(weights, back, x_hot, y_hot, eps, own):
    "Its backpropagation."
    h = linear_states(weights, x_hot)
    loss, error, local = many.local_gradients(weights, h, y_hot, 1.0, 0.0)
    g = many.propagate_gradients(weights[1], torch.zeros_like(h), local)
    return loss, many.weight_gradients(x_hot, h, g, error, slope=1.0), ()


def silence_to_readout(weights, back, x_hot, y_hot, eps, own):
    "Backpropagation where the silence's errors train the read-out and go no further."
    h = many.states_of(weights, x_hot)
    loss, error, _ = many.local_gradients(weights, h, y_hot, 1.0, 0.0)
    _, _, recall = many.local_gradients(weights, h, y_hot, 0.0, 0.0)
    g = many.propagate_gradients(weights[1], h, recall)
    return loss, many.weight_gradients(x_hot, h, g, error), ()


def by_parts(weights, x_hot, y_hot, activity, part, left_out=None):
    """Backpropagation with the penalty on `part(h)` of the states (batch, steps,
    hidden), and without `left_out(g, h)` of the gradients at them."""
    h = many.states_of(weights, x_hot)
    loss, error, local = many.local_gradients(weights, h, y_hot, 1.0, 0.0)
    size = part(h)
    g = many.propagate_gradients(weights[1], h, local + activity * size)
    if left_out: g = g - left_out(g, h)
    loss = loss + activity / 2 * size.square().sum(-1).mean()
    return loss, many.weight_gradients(x_hot, h, g, error), ()


def common(g, h=None):
    "What all sequences of a batch share at a step: their mean."
    return g.mean(0, keepdim=True).expand_as(g)


def apart(g, h=None):
    "What each has beside that mean."
    return g - common(g)


def shared(weights, back, x_hot, y_hot, eps, own):
    "The penalty on what all states of a step have in common, their mean in the batch."
    return by_parts(weights, x_hot, y_hot, own["activity"], common)


def each_own(weights, back, x_hot, y_hot, eps, own):
    "The penalty on what each state has beside that mean."
    return by_parts(weights, x_hot, y_hot, own["activity"], apart)


def halves(g, h=None):
    """What one half of a batch shares and the other has reversed: as many numbers as
    what all share, none of it shared."""
    sign = torch.where(torch.arange(len(g)) < len(g) // 2, 1, -1).to(g).view(-1, 1, 1)
    return sign * common(sign * g)


def as_much(g, h=None):
    "Of each gradient alike, so much that a step has left what it has without a push."
    size = lambda g: g.square().sum((0, -1), keepdim=True).sqrt()
    return (1 - size(apart(g)) / size(g)).nan_to_num() * g


def one_way(outward, g, h):
    "What pushes a unit out, or in, for all of a batch alike."
    out = common(g) * common(h) < 0  # a step against g leads away from zero
    return common(g) * (out if outward else ~out)


def without(left_out, weights, back, x_hot, y_hot, eps, own):
    """Without a part of each step's gradients at the states; the penalty, if any, on
    what each state has of its own."""
    return by_parts(weights, x_hot, y_hot, own["activity"], apart, left_out)


unshared = partial(without, common)


def held(rule, weights, back, x_hot, y_hot, eps, own):
    "A rule, with what moves all states alike, `b_h` and the blank's row, as it began."
    loss, grads, _ = rule(weights, back, x_hot, y_hot, eps, own)
    W_xh, b_h = grads[0].clone(), torch.zeros_like(grads[2])
    W_xh[..., -2, :] = 0
    return loss, (W_xh, grads[1], b_h, *grads[3:]), ()


def nearest_orthogonal(weights):
    "Moves `W_hh` to its polar factor: two steps of Newton and Schulz, from near it."
    for _ in range(2):
        W = weights[1]
        W.copy_(1.5 * W - 0.5 * W @ W.mT @ W)


@torch.no_grad()
def centred(run):
    "`b_h` cancels the blank's drive."
    run.rnn.b_h.copy_(-run.rnn.W_xh[run.rnn.blank])


@torch.no_grad()
def preset(run):
    "The output bias of the blank begins at the number that the run's name ends with."
    run.rnn.b_y[run.rnn.blank] = float(run.experiment.name.split("-")[-1])


ODD = {"bp-linear": dict(rule=linear, states=linear_states),
       "bp-silence-to-readout": dict(rule=silence_to_readout),
       "bp-orthogonal": dict(change=nearest_orthogonal),
       "bp-penalty-shared-0.03": dict(rule=shared),
       "bp-penalty-own-0.03": dict(rule=each_own), "bp-unshared": dict(rule=unshared),
       "bp-held": dict(rule=partial(held, many.backprop)),
       **{f"bp-unshared-held{start}": dict(rule=partial(held, unshared))
          for start in ("", "-quiet", "-own-0.03")},
       "bp-unpaired-held": dict(rule=partial(held, partial(without, halves))),
       "bp-lessened-held": dict(rule=partial(held, partial(without, as_much))),
       "bp-push-alone": dict(rule=partial(without, apart)),
       "bp-no-outward": dict(rule=partial(without, partial(one_way, True))),
       "bp-no-inward": dict(rule=partial(without, partial(one_way, False)))}
STARTS = {"bp-centred": centred, "bp-bias-3": preset, "bp-bias-6": preset}
KINDS = {"bp-linear": Linear}

BY_PARTS = "bp-penalty", "bp-un", "bp-held", "bp-lessened", "bp-push", "bp-no-"
ALONE = {name: partial(ByRule, how["rule"], {}) for name, how in ODD.items()
         if name.startswith(BY_PARTS)}

STUDY = Study(ODD, {}, STARTS, KINDS, alone=ALONE)

if __name__ == "__main__":
    main(__doc__, EXPERIMENTS, "rescues.csv", STUDY)
