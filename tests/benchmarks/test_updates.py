"""One update of each rule, timed: `pytest tests/benchmarks`. No time decides a test; the one check here is of numbers."""
from functools import partial

import pytest, torch
from updates import SIZES, make_updates, product_list, targetprop_by, targetprop_by_autograd, targetprop_pure

from copymem.data import CopyTask
from copymem.rnn import RNN
from copymem.targetprop import Inverse, targetprop


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("delay, batch", SIZES, ids=lambda n: str(n))
@pytest.mark.parametrize("name", list(make_updates(1, 1)))
def test_update(benchmark, name, delay, batch):
    benchmark.group = f"delay {delay}, batch {batch}"
    benchmark(make_updates(delay, batch)[name])


@pytest.mark.parametrize("delay, batch", SIZES, ids=lambda n: str(n))
def test_what_is_compared_is_equal(delay, batch):
    "The version with autograd at each step, and the one to be compiled, leave the same loss and the same gradients."
    seed = lambda: torch.Generator().manual_seed(0)
    x, y = CopyTask(delay).sample(batch, seed())
    found = []
    for rule in (targetprop, targetprop_by_autograd, partial(targetprop_by, targetprop_pure)):
        rnn, inverse = RNN(generator=seed()).double(), Inverse(generator=seed()).double()
        loss = rule(rnn, inverse, x, y, generator=seed())
        found.append([loss, *(p.grad for m in (rnn, inverse) for p in m.parameters())])
    for ours, *others in zip(*found):
        for theirs in others: torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_products_are_six_a_step():
    "Of 128 x 128 units, batch by batch or all at once; the rest has ten rows or columns, or is the noise of one step."
    task, batch = CopyTask(15), 20
    rows = sum(a.shape[0] * a.shape[1] * b.shape[1] for a, b, *_ in product_list(task, batch) if 10 not in (*a.shape, *b.shape)) / (batch * 128 ** 2)
    assert rows == 6 * task.seq_len - 4 + 1  # the inverse and the targets begin a step later; one product for the noise
