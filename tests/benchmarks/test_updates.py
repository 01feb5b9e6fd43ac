"""An update of each rule, timed: `pytest tests/benchmarks`. No time decides a test;
what is checked is that versions that are compared leave the same gradients."""
import pytest, torch
from updates import SIZES, make_updates, targetprop_by_autograd

from copymem import fast
from copymem.data import CopyTask
from copymem.rnn import RNN
from copymem.targetprop import Inverse

BY_SIZE = pytest.mark.parametrize("delay, batch", SIZES, ids=lambda n: str(n))


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@BY_SIZE
@pytest.mark.parametrize("name", list(make_updates(1, 1)))
def test_update(benchmark, name, delay, batch):
    benchmark.group = f"delay {delay}, batch {batch}"
    benchmark(make_updates(delay, batch)[name])


@BY_SIZE
@pytest.mark.parametrize("name", ["JAX TP", "JAX BP"])
def test_update_in_jax(benchmark, name, delay, batch):
    in_jax = pytest.importorskip("in_jax", exc_type=ImportError)
    benchmark.group = f"delay {delay}, batch {batch}"
    benchmark(in_jax.make_updates(delay, batch)[name])


def start(dtype, hidden=24, delay=15, batch=4):
    "A network, an inverse, a batch and noise; every weight different from zero."
    seed = lambda: torch.Generator().manual_seed(0)
    modules = [RNN(hidden, generator=seed()), Inverse(hidden, seed())]
    for p in [p for m in modules for p in m.parameters()]:
        p.data += 0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1))
    eps = 0.1 * torch.randn(batch, hidden, generator=seed())
    x, y = CopyTask(delay).sample(batch, seed())
    return [m.to(dtype) for m in modules], x, y, eps.to(dtype)


def left(rule, modules, x, y, **options):
    "The loss, and the gradients that `rule` leaves."
    loss = rule(*modules, x, y, **options)
    return [loss.detach(), *(p.grad for m in modules for p in m.parameters())]


def close(ours, theirs, most):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs): assert (a - b).abs().max() <= most * b.abs().max()


def test_autograd_at_each_step_leaves_the_same():
    found = []
    for rule in (fast.targetprop, targetprop_by_autograd):
        modules, x, y, eps = start(torch.float64)
        found.append(left(rule, modules, x, y, noise=eps))
    close(*found, 1e-12)


@pytest.mark.parametrize("dtype, most", [(torch.float32, 2e-4), (torch.float64, 1e-12)])
@pytest.mark.parametrize("name", ["backprop", "targetprop"])
def test_jax_leaves_the_same(name, dtype, most):
    jax = pytest.importorskip("jax", exc_type=ImportError)
    import in_jax
    (rnn, inverse), x, y, eps = start(dtype)
    if name == "backprop": ours = left(fast.backprop, [rnn], x, y)
    else: ours = left(fast.targetprop, [rnn, inverse], x, y, noise=eps)
    with jax.enable_x64(dtype == torch.float64):
        numbers = [jax.numpy.array(t.numpy()) for t in (x.T, y.T, eps)]
        weights = [in_jax.to_jax(m) for m in (rnn, inverse)]
        loss, grads, to_back = jax.jit(getattr(in_jax, name))(*weights, *numbers)
        theirs = [torch.tensor(jax.device_get(a)) for a in (loss, *grads, *to_back)]
    close(ours, theirs, most)
