"""The studies' scripts run, and change in a run what they say."""
from dataclasses import replace

import pytest, torch
from conftest import ROOT

from copymem import fast
from copymem.data import CopyTask
from copymem.rnn import RNN


@pytest.fixture
def rescues(monkeypatch):
    monkeypatch.syspath_prepend(ROOT/"nbs/studies")
    import rescues
    return rescues


def test_every_rescue_runs(rescues):
    "Two small updates of each; the row has every figure of the table."
    for name, experiment in rescues.EXPERIMENTS.items():
        tiny = replace(experiment, hidden_size=8, delay=2, updates=2, eval_every=1)
        found = rescues.run(tiny)
        assert set(found) == set(rescues.main.__defaults__[0]), name
        assert found["last_update"] == 2 and 0 <= found["readable"] <= 1, name


def test_the_silence_trains_the_readout_alone(rescues):
    "The read-out learns as ever; the rest as if the silence had no weight."
    x, y = CopyTask(3).sample(4, torch.Generator().manual_seed(0))
    def grads(rule, **options):
        rnn = RNN(8, generator=torch.Generator().manual_seed(1)).double()
        rule(rnn, x, y, **options)
        return [p.grad for p in rnn.parameters()]
    ours, whole = grads(rescues.silence_to_readout), grads(fast.backprop)
    for a, b in zip(ours, grads(fast.backprop, silence=0.0)[:3] + whole[3:]):
        torch.testing.assert_close(a, b)


def test_the_polar_factor_is_near(rescues):
    rnn = RNN(16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        g = torch.Generator().manual_seed(1)
        rnn.W_hh += 0.01 * torch.randn(16, 16, generator=g)
        rescues.nearest_orthogonal(rnn)
    torch.testing.assert_close(rnn.W_hh @ rnn.W_hh.T, torch.eye(16), atol=1e-4, rtol=0)
