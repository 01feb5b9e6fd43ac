"""A first part of every fuzzer's cases, always the same ones; `python -m tests.fuzz
--full` does them all. And properties, on drawn examples that are the same each time."""
import sys

import hypothesis, pytest, torch
from fuzz.base import KINDS, run
from hypothesis import given, strategies as st

from copymem import backprop as textbook, fast
from copymem.data import CopyTask, recall_accuracy, sequence_accuracy
from copymem.experiment import learning_rates
from copymem.rnn import RNN
from copymem.settings import (
    CHOICES, POSITIVE, RANGES, SETTINGS, Experiment, parse_experiment)
from copymem.targetprop import Inverse, targetprop


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted as on Linux")
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_found(kind):
    tally = run(kind, KINDS[kind][1])
    assert tally.cases == KINDS[kind][1] and not tally.findings, "\n".join(
        map(str, [tally, *tally.findings[:20]]))
    assert len(tally.outcomes) > (kind in ("weights", "tables")), "nothing is taken"


# --- properties ---

SOME = hypothesis.settings(max_examples=60, deadline=None, derandomize=True,
                           database=None)
TASKS = st.builds(CopyTask, delay=st.integers(1, 40), n_symbols=st.integers(2, 12),
                  length=st.integers(1, 12))


@SOME
@given(TASKS, st.integers(1, 8), st.integers(0, 2 ** 32))
def test_a_task_asks_for_what_it_showed(task, n, seed):
    x, y = task.sample(n, torch.Generator().manual_seed(seed))
    assert x.shape == y.shape == (n, task.seq_len)
    assert torch.equal(y[:, -task.length:], x[:, :task.length])
    assert ((x == task.go).sum(1) == 1).all()
    assert (x[:, -task.length - 1] == task.go).all()
    assert (y[:, :-task.length] == task.blank).all() and y.max() < task.vocab_size
    again = task.encode(x[:, :task.length])
    assert torch.equal(again[0], x) and torch.equal(again[1], y)


@SOME
@given(TASKS, st.integers(1, 8), st.integers(0, 2 ** 32), st.data())
def test_scores_count(task, n, seed, data):
    "A share of right symbols is their number; a sequence needs all of them."
    g = torch.Generator().manual_seed(seed)
    _, y = task.sample(n, g)
    wrong = data.draw(st.sets(st.integers(0, n * task.length - 1)))
    said, spots = y.clone(), [divmod(w, task.length) for w in wrong]
    for row, place in spots: said[row, place - task.length] = task.blank
    recall = recall_accuracy(said, y, task.length)
    assert recall == (n * task.length - len(wrong)) / (n * task.length)
    assert sequence_accuracy(said, y) == (n - len({row for row, _ in spots})) / n
    assert recall >= sequence_accuracy(said, y)
    logits = torch.nn.functional.one_hot(said, task.vocab_size).float()
    assert recall_accuracy(logits, y, task.length) == recall


@SOME
@given(TASKS, st.integers(1, 9), st.integers(1, 4), st.integers(0, 99),
       st.floats(0, 2), st.floats(0, 1))
def test_rules_and_their_judges_agree(task, hidden, n, seed, silence, activity):
    "Both backpropagations with autograd, both target propagations with each other."
    g = torch.Generator().manual_seed(seed)
    rnn = RNN(hidden, task.vocab_size, g).double()
    inverse = Inverse(hidden, g).double()
    x, y = task.sample(n, g)
    loss = dict(silence=silence, activity=activity)
    found = {}
    for home in (textbook, fast):
        rnn.zero_grad()
        found[home] = home.backprop(rnn, x, y, **loss), [
            p.grad.clone() for p in rnn.parameters()]
    h = rnn.hidden_states(x)
    each = torch.nn.functional.cross_entropy(
        (h @ rnn.W_hy + rnn.b_y).transpose(1, 2), y, reduction="none")
    weight = torch.where(y == task.blank, silence, 1.0).double()
    judge = (weight * each + activity / 2 * h.square().sum(-1)).mean()
    truth = torch.autograd.grad(judge, list(rnn.parameters()))
    for said, grads in found.values():
        torch.testing.assert_close(said, judge.detach())
        for a, b in zip(grads, truth): torch.testing.assert_close(a, b)
    pair = []
    for rule in (targetprop, fast.targetprop):
        rnn.zero_grad(), inverse.zero_grad()
        rule(rnn, inverse, x, y, noise=0.1, generator=torch.Generator().manual_seed(1),
             **loss)
        pair.append([p.grad.clone() for m in (rnn, inverse) for p in m.parameters()])
    for a, b in zip(*pair): torch.testing.assert_close(a, b)


def of_setting(key):
    "What a setting may hold."
    if key in CHOICES: return st.sampled_from(CHOICES[key])
    low, *high = RANGES.get(key, (0,))
    high = high[0] if high else 1e30
    if SETTINGS[key] is int: return st.integers(low, high)
    return st.floats(low, high, exclude_min=key in POSITIVE)


@SOME
@given(st.fixed_dictionaries({key: of_setting(key) for key in SETTINGS}))
def test_settings_are_what_their_texts_say(values):
    "Written as text and read again they are the same run; what is refused is named."
    try: e = Experiment("x", **values)
    except ValueError as error:
        assert "warmup" in str(error) or "start_delay" in str(error)
        return
    assert parse_experiment("x", {k: str(v) for k, v in values.items()}) == e
    assert eval(repr(e), dict(Experiment=Experiment)) == e
    for update in (0, e.updates // 2, e.updates):
        rates = learning_rates(e, update)
        assert all(0 <= rate <= max(e.lr, e.readout_lr, e.inverse_lr) for rate in rates)
