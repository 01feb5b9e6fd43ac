"""Study 2, what in target propagation does it: its displacement is split into the part
that turns with the wish (odd) and the part that does not (even).

    python nbs/studies/even_part.py
    python nbs/studies/even_part.py --delays 15 --only tp tp-odd --seeds 1
"""
from lab import FIGURES, PULL, Study, main, protocol

from copymem import many

STEP_SIZES, FADES = ("0.005", "0.05", "0.2", "1", "2"), ("0", "0.5", "0.9")
TIMES, PENALTIES = ("0.3", "3", "10"), ("0.03", "0.1")
EXPERIMENTS = {e.name: e for e in [protocol(name, method="tp", **changed) for
    name, changed in [
        ("tp", {}), ("tp-odd", {}), ("bp-alone", {}), ("bp-even", {}),
        ("bp-even-along", {}), ("bp-even-across", {}), ("local-even", {}),
        *((f"bp-even-{times}", {}) for times in TIMES),
        ("bp-alone-decay", dict(decay=0.5)), ("bp-even-decay", dict(decay=0.5)),
        *((f"tp-odd-penalty-{a}", dict(activity=float(a))) for a in PENALTIES),
        *((f"tp-step-{eta}", dict(step_size=float(eta))) for eta in STEP_SIZES),
        *((f"tp-fade-{fade}", dict(fade=float(fade))) for fade in FADES),
        ("tp-silence-to-readout", {}), ("tp-no-silence", dict(silence=0.0)),
        ("tp-penalty-0.03", dict(activity=0.03))]]}


# How a step is displaced: by what comes back for its wish, for the opposite wish, by
# backpropagation's own gradient, by the even part along h and by the wish alone; and
# the weight of the silence's wishes.
TERMS = ("there", "opposite", "exact", "along", "alone", "heard")
OWN = {name: dict(zip(TERMS, values)) for name, values in {
    "tp-odd":         (0.5, -0.5, 0, 0, 0, 1),
    "bp-alone":       (0, 0, 1, 0, 0, 1),  # the control of the next three
    "bp-even":        (0.5, 0.5, 1, 0, 0, 1),
    "bp-even-along":  (0, 0, 1, 1, 0, 1),
    "bp-even-across": (0.5, 0.5, 1, -1, 0, 1),
    "local-even":     (0.5, 0.5, 0, 0, 1, 1),
    "bp-alone-decay": (0, 0, 1, 0, 0, 1),
    "bp-even-decay": (0.5, 0.5, 1, 0, 0, 1),
    **{f"bp-even-{n}": (float(n) / 2, float(n) / 2, 1, 0, 0, 1) for n in TIMES},
    **{f"tp-odd-penalty-{a}": (0.5, -0.5, 0, 0, 0, 1) for a in PENALTIES},
    "tp-silence-to-readout": (1, 0, 0, 0, 0, 0)}.items()}


def displaced(weights, back, x_hot, y_hot, eps, own):
    "Target propagation with each step displaced by the sum of `TERMS`."
    h, loss_of = many.states_of(weights, x_hot), (own["silence"], own["activity"])
    loss, error, _ = many.local_gradients(weights, h, y_hot, *loss_of)
    heard = many.local_gradients(weights, h, y_hot, own["heard"], loss_of[1])[2]
    wish = -own["step_size"] * heard
    there, opposite = (many.propagate_targets(weights, back, x_hot, h, sign * wish,
                                              own["fade"]) for sign in (1, -1))
    exact, even = many.propagate_gradients(weights[1], h, wish), (there + opposite) / 2
    along = (even * h).sum(-1, keepdim=True) / (h * h).sum(-1, keepdim=True) * h
    d = sum(own[k] * part for k, part in zip(TERMS, (there, opposite, exact, along,
                                                     wish)))
    grads = many.weight_gradients(x_hot, h, -d / own["step_size"], error)
    return loss, grads, many.learn_inverse(weights, back, x_hot, h, eps)


ODD = {name: dict(rule=displaced) for name in OWN}

STUDY = Study(ODD, OWN, figures=FIGURES | PULL)

if __name__ == "__main__":
    main(__doc__, EXPERIMENTS, "even_part.csv", STUDY)
