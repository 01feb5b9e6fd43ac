"""Study 2, its second half: target propagation through other inverses, and which way
the even part of their displacements points.

    python nbs/studies/inverses.py
"""
from functools import partial

import torch
from lab import FIGURES, PULL, ByRule, Study, main, protocol

from copymem import many

DAMPING, STEEPEST = 0.01, 0.99  # of what is inverted; the largest state atanh is told
EXPERIMENTS = {e.name: e for e in [protocol(f"inverse-{name}", method="tp") for name in
                                   ("fixed", "factored", "analytic", "difference")]}


def damped_inverse(W, rounds=30):
    "W^T (W W^T + DAMPING)^-1, by Newton's iteration (Schulz 1933)."
    eye = torch.eye(len(W), dtype=W.dtype, device=W.device)
    A = W @ W.T + DAMPING * eye
    X = A / A.abs().sum(0).max() ** 2
    for _ in range(rounds): X = X @ (2 * eye - A @ X)
    return W.T @ X


def factored(weights, back, x_hot, h, wish, fade):
    "Displacements by the damped inverse of each step's Jacobian: linear in the wish."
    P, slope, d = damped_inverse(weights[1]), 1 - h ** 2, [wish[:, -1]]
    for t in reversed(range(h.shape[1] - 1)):
        s = slope[:, t + 1]
        d.append(wish[:, t] + fade * (d[-1] * s / (s * s + DAMPING)) @ P)
    return torch.stack(d[::-1], 1)


def analytic(weights, back, x_hot, h, wish, fade):
    "Displacements by the step solved for its state: through atanh, which expands."
    P, d = damped_inverse(weights[1]), [wish[:, -1]]
    before = lambda h_next: torch.atanh(h_next.clamp(-STEEPEST, STEEPEST)) @ P
    for t in reversed(range(h.shape[1] - 1)):
        h_next = h[:, t + 1]
        d.append(wish[:, t] + fade * (before(h_next + d[-1]) - before(h_next)))
    return torch.stack(d[::-1], 1)


def keep(weights, back, x_hot, h, eps):
    "An inverse that does not learn."
    return tuple(torch.zeros_like(w) for w in back)


def learn_difference(weights, back, x_hot, h, eps):
    "The gradient of |g(f(h + eps)) - g(f(h)) - eps|^2 (Meulemans et al. 2020)."
    (W_xh, W_hh, b_h), (V_hh, c_h), drive = weights[:3], back, x_hot[:, 1:] @ weights[0]
    noisy = torch.tanh((h[:, :-1] + eps[:, None]) @ W_hh + drive + b_h)
    guesses = [torch.tanh(after @ V_hh + drive + c_h) for after in (noisy, h[:, 1:])]
    gap = 2 * (guesses[0] - guesses[1] - eps[:, None]) / guesses[0][..., 0].numel()
    deltas = [sign * gap * (1 - g ** 2) for sign, g in zip((1, -1), guesses)]
    to_V = sum(torch.einsum("nti,ntj->ij", after, delta)
               for after, delta in zip((noisy, h[:, 1:]), deltas))
    return to_V, sum(deltas).sum((0, 1))


CARRIES = {"inverse-factored": factored, "inverse-analytic": analytic}
LEARNS = {"inverse-difference": learn_difference}
ODD = {name: dict(rule=partial(many.targetprop, learn=LEARNS.get(name, keep),
                               carry=CARRIES.get(name, many.propagate_targets)))
       for name in EXPERIMENTS}
ALONE = {name: partial(ByRule, ODD[name]["rule"], {}) for name in EXPERIMENTS}
STUDY = Study(ODD, alone=ALONE, carries=CARRIES, figures=FIGURES | PULL)

if __name__ == "__main__":
    main(__doc__, EXPERIMENTS, "inverses.csv", STUDY, delays=(15,))
