"""Study 2, what in target propagation does it: its displacement is split into the part
that turns with the wish (odd) and the part that does not (even).

    python nbs/studies/even_part.py
    python nbs/studies/even_part.py --delays 15 --only tp tp-odd --seeds 1
"""
from functools import partial

import torch
from lab import FIGURES, PULL, TWO_RATES, ByRule, Study, main, protocol

from copymem import fast, many
from copymem.contract import weights_of
from copymem.experiment import Run
from copymem.targetprop import draw_noise

STEP_SIZES, FADES = ("0.005", "0.05", "0.2", "1", "2"), ("0", "0.5", "0.9")
TIMES, PENALTIES = ("0.3", "3", "10"), ("0.03", "0.1")
SHARED = "tp-odd-penalty-shared-0.03"
EXPERIMENTS = {e.name: e for e in [protocol(name, method="tp", **changed) for
    name, changed in [
        ("tp", {}), ("tp-odd", {}), ("bp-alone", {}), ("bp-even", {}),
        ("bp-even-along", {}), ("bp-even-across", {}), ("local-even", {}),
        ("tp-even-shared", {}), ("tp-even-own", {}), (SHARED, {}),
        ("bp-even-shared", {}), ("bp-even-own", {}),
        *((f"bp-even-{times}", {}) for times in TIMES),
        ("bp-alone-decay", dict(decay=0.5)), ("bp-even-decay", dict(decay=0.5)),
        *((f"tp-odd-penalty-{a}", dict(activity=float(a))) for a in PENALTIES),
        *((f"tp-step-{eta}", dict(step_size=float(eta))) for eta in STEP_SIZES),
        *((f"tp-fade-{fade}", dict(fade=float(fade))) for fade in FADES),
        ("tp-silence-to-readout", {}), ("tp-no-silence", dict(silence=0.0)),
        ("tp-penalty-0.03", dict(activity=0.03)),
        ("tp-slow", dict(lr=1e-4)), ("tp-fast-readout", dict(readout_lr=1e-2)),
        ("tp-two-rates", TWO_RATES)]]}


# How a step is displaced: by what comes back for its wish, for the opposite wish, by
# backpropagation's own gradient, by the even part along h, by what the batch's even
# parts share and by the wish alone; the weight of the silence's wishes; and, for one
# run, the penalty on the batch's mean state.
TERMS = ("there", "opposite", "exact", "along", "common", "alone", "heard")
OWN = {name: dict(zip(TERMS, values), pull=0.03 * (name == SHARED))
       for name, values in {
    SHARED:           (0.5, -0.5, 0, 0, 0, 0, 1),
    "tp-odd":         (0.5, -0.5, 0, 0, 0, 0, 1),
    "tp-even-shared": (0.5, -0.5, 0, 0, 1, 0, 1),
    "tp-even-own":    (1, 0, 0, 0, -1, 0, 1),
    "bp-alone":       (0, 0, 1, 0, 0, 0, 1),  # the control of the next five
    "bp-even":        (0.5, 0.5, 1, 0, 0, 0, 1),
    "bp-even-along":  (0, 0, 1, 1, 0, 0, 1),
    "bp-even-across": (0.5, 0.5, 1, -1, 0, 0, 1),
    "bp-even-shared": (0, 0, 1, 0, 1, 0, 1),
    "bp-even-own":    (0.5, 0.5, 1, 0, -1, 0, 1),
    "local-even":     (0.5, 0.5, 0, 0, 0, 1, 1),
    "bp-alone-decay": (0, 0, 1, 0, 0, 0, 1),
    "bp-even-decay": (0.5, 0.5, 1, 0, 0, 0, 1),
    **{f"bp-even-{n}": (float(n) / 2, float(n) / 2, 1, 0, 0, 0, 1) for n in TIMES},
    **{f"tp-odd-penalty-{a}": (0.5, -0.5, 0, 0, 0, 0, 1) for a in PENALTIES},
    "tp-silence-to-readout": (1, 0, 0, 0, 0, 0, 0)}.items()}


def displaced(weights, back, x_hot, y_hot, eps, own):
    "Target propagation with each step displaced by the sum of `TERMS`."
    h, loss_of = many.states_of(weights, x_hot), (own["silence"], own["activity"])
    loss, error, _ = many.local_gradients(weights, h, y_hot, *loss_of)
    heard = many.local_gradients(weights, h, y_hot, own["heard"], loss_of[1])[2]
    mean = h.mean(0, keepdim=True)
    loss = loss + own["pull"] / 2 * mean.square().sum(-1).mean()
    wish = -own["step_size"] * (heard + own["pull"] * mean)
    there, opposite = (many.propagate_targets(weights, back, x_hot, h, sign * wish,
                                              own["fade"]) for sign in (1, -1))
    exact, even = many.propagate_gradients(weights[1], h, wish), (there + opposite) / 2
    along = (even * h).sum(-1, keepdim=True) / (h * h).sum(-1, keepdim=True) * h
    common = even.mean(0, keepdim=True)
    d = sum(own[k] * part for k, part in zip(TERMS, (there, opposite, exact, along,
                                                     common, wish)))
    grads = many.weight_gradients(x_hot, h, -d / own["step_size"], error)
    return loss, grads, many.learn_inverse(weights, back, x_hot, h, eps)


class Displaced(Run):
    "A run by `displaced`, where only what comes back and the gradient count."
    @torch.no_grad()
    def rule(self, rnn, x, y, inverse_only=False):
        "The same gradients, sooner on a CPU."
        e, weights = self.experiment, weights_of(rnn)
        back = self.inverse.V_hh, self.inverse.c_h
        states = fast.states_of(weights, x)
        loss, error = fast.output_error(weights, states, y, e.silence, e.activity)
        eps = draw_noise(e.noise, states[0], self.generator)
        fast.leave(back, fast.learn_inverse(weights, back, x, states, eps))
        if not inverse_only:
            deltas = self.deltas(weights, back, x, states, error)
            fast.leave(weights, fast.weight_gradients(weights, x, states, error, deltas,
                                                      -1 / e.step_size))
        return loss

    def deltas(self, weights, back, x, states, error):
        "What moves each step before its tanh, block by block, the last first."
        e, own = self.experiment, OWN[self.experiment.name]
        def wish(sign):
            return fast.local_gradients(weights, states, error, -sign * e.step_size,
                                        e.activity)
        ways = [(own[term], fast.propagate_targets(weights, back, x, states, wish(sign),
                                                   e.fade))
                for term, sign in (("there", 1), ("opposite", -1)) if own[term]]
        if own["exact"]:
            ways += [(own["exact"],
                      fast.propagate_gradients(weights[1], states, wish(1)))]
        for parts in zip(*(way for _, way in ways)):
            yield parts[0][0], sum(n * d for (n, _), (_, d) in zip(ways, parts))


ODD = {name: dict(rule=displaced) for name in OWN}
ALONE = {name: partial(ByRule, displaced, own) if own["common"] or own["pull"]
         else Displaced for name, own in OWN.items()
         if own["heard"] and not own["along"] and not own["alone"]}

STUDY = Study(ODD, OWN, alone=ALONE, figures=FIGURES | PULL)

if __name__ == "__main__":
    main(__doc__, EXPERIMENTS, "even_part.csv", STUDY)
