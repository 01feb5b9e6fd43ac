"""The studies' scripts run, and change in a run what they say."""
from dataclasses import replace

import pytest, torch
from conftest import ROOT
from torch.nn.functional import one_hot

from copymem import fast, many
from copymem.data import CopyTask
from copymem.rnn import RNN
from copymem.targetprop import Inverse


def seed(i): return torch.Generator().manual_seed(i)


@pytest.fixture
def studies(monkeypatch):
    "Studies by name: their experiments, and what `sweep` calls."
    monkeypatch.syspath_prepend(ROOT/"nbs/studies")
    import dose, even_part, lab, rescues
    pulled = lab.FIGURES | lab.PULL
    return dict(
        rescues=(rescues, lab.Study(rescues.ODD, {}, rescues.STARTS, rescues.KINDS)),
        even_part=(even_part, lab.Study(even_part.ODD, even_part.OWN, figures=pulled)),
        dose=(dose, lab.Study()))


@pytest.mark.parametrize("name", ["rescues", "even_part", "dose"])
def test_every_run_of_a_study_runs(studies, name):
    "Two small updates of each; a row has every figure of the table."
    module, study = studies[name]
    tiny = dict(hidden_size=8, delay=2, updates=102, eval_every=51, warmup=2)
    runs = [replace(e, **tiny) for e in module.EXPERIMENTS.values()]
    for method in ("bp", "tp"):
        group = [e for e in runs if e.method == method]
        rows = dict(study(group, "cpu"))
        assert set(rows) == set(group)
        for e, row in rows.items():
            assert set(row) == set(study.figures), e.name
            assert row["last_update"] == 102 and 0 <= row["readable"] <= 1, e.name


def made(n_hidden=8, delay=3):
    "Weights and inverse of a network in double precision, and a batch, one-hot."
    g = seed(1)
    modules = RNN(n_hidden, generator=g).double(), Inverse(n_hidden, g).double()
    for p in [*modules[0].parameters(), *modules[1].parameters()]:
        p.data += 0.1 * torch.randn(p.shape, generator=g)
    batch = [one_hot(t, 10).double() for t in CopyTask(delay).sample(4, g)]
    return [tuple(p.detach() for p in m.parameters()) for m in modules], batch


def test_the_silence_trains_the_readout_alone(studies):
    "The read-out learns as ever; the rest as if the silence had no weight."
    (weights, _), batch = made()
    ours = studies["rescues"][0].silence_to_readout(weights, (), *batch, None, {})[1]
    without, whole = (many.backprop(weights, (), *batch, None,
                                    dict(silence=w, activity=0.0))[1] for w in (0.0, 1.0))
    for a, b in zip(ours, without[:3] + whole[3:]): torch.testing.assert_close(a, b)


def test_linear_is_what_autograd_says(studies):
    module, (weights, _), batch = studies["rescues"][0], *made()
    weights = [w.requires_grad_() for w in weights]
    h = module.linear_states(weights, batch[0])
    loss, _, _ = many.local_gradients(weights, h, batch[1], 1.0, 0.0)
    expected = torch.autograd.grad(loss, weights)
    for a, b in zip(module.linear(weights, (), *batch, None, {})[1], expected):
        torch.testing.assert_close(a, b)


def test_the_polar_factor_is_near(studies):
    rnn = RNN(16, generator=seed(0))
    with torch.no_grad():
        W = [None, rnn.W_hh + 0.01 * torch.randn(16, 16, generator=seed(1))]
        studies["rescues"][0].nearest_orthogonal(W)
    torch.testing.assert_close(W[1] @ W[1].mT, torch.eye(16), atol=1e-4, rtol=0)


def test_a_displacement_is_the_sum_of_its_parts(studies):
    "Target propagation, backpropagation, and odd and even that make up the first."
    module, (weights, back), batch = studies["even_part"][0], *made()
    eps = 0.1 * torch.randn(4, 8, generator=seed(2), dtype=torch.float64)
    own = dict(step_size=0.5, fade=0.9, silence=1.0, activity=0.0)
    def by(**parts):
        none = dict.fromkeys(module.TERMS, 0.0) | dict(heard=1.0)
        return module.displaced(weights, back, *batch, eps, own | none | parts)[1]
    tp = many.targetprop(weights, back, *batch, eps, own)[1]
    bp = many.backprop(weights, (), *batch, eps, own)[1]
    odd, even = by(there=0.5, opposite=-0.5), by(there=0.5, opposite=0.5)
    both = [a + b for a, b in zip(odd, even)][:3]
    along, across = by(along=1.0), by(there=0.5, opposite=0.5, along=-1.0)
    rejoined = [a + b for a, b in zip(along, across)][:3]
    for ours, theirs in ((by(there=1.0), tp), (by(exact=1.0), bp), (both, tp[:3]),
                         (rejoined, even[:3])):
        for a, b in zip(ours, theirs): torch.testing.assert_close(a, b)
    assert even[1].norm() > 1e-3 * tp[1].norm()
