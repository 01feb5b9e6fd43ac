"""The fast rules leave what the textbook's leave, on each device and many at once, and
both keep autograd's contract: what a hand-written gradient cannot follow is refused."""
import pytest, torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from copymem import backprop, fast, many, targetprop
from copymem.data import CopyTask
from copymem.rnn import RNN
from copymem.targetprop import Inverse
from copymem.train import evaluate

DEVICES = ["cpu", "library"] + ["cuda"] * torch.cuda.is_available()
SIZES = [(1, 1, 1), (3, 2, 1), (17, 5, 4), (32, 4, 15), (8, 300, 9), (5, 3, 60)]
OPTIONS = [{}, dict(silence=0.0), dict(silence=0.3, activity=0.2),
           dict(fade=0.7, step_size=1.3, activity=0.1)]
BOTH = pytest.mark.parametrize("rooms", [(backprop, targetprop), (fast, fast)],
                               ids=["textbook", "fast"])


def seed(n): return torch.Generator().manual_seed(n)


def modules(hidden=8, dtype=torch.float64, start=0, spread=0.3):
    "A network and an inverse whose weights are all different from zero."
    made = RNN(hidden, generator=seed(start)), Inverse(hidden, seed(start + 1))
    for module in made:
        for p in module.parameters():
            p.data += spread * torch.randn(p.shape, generator=seed(7))
    return [module.to(dtype) for module in made]


def left(rule, found, x, y, **options):
    "The loss and every gradient that `rule` leaves in `found`."
    for module in found: module.zero_grad()
    loss = rule(*found, x, y, **options)
    return [loss, *(p.grad for module in found for p in module.parameters())]


def close(ours, theirs, most=1e-11):
    "Equal but for the order of sums, which processors round each in its own way."
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert ((a.cpu() - b.cpu()).abs().max()
                <= most * b.abs().max().clamp(min=1e-9).cpu())


@pytest.fixture(params=DEVICES)
def device(request, monkeypatch):
    "Where the fast rule runs: a CPU, the library's RNN on a CPU, a GPU."
    if request.param == "library":
        monkeypatch.setattr(fast, "by_library", lambda weight: True)
    return "cuda" if request.param == "cuda" else "cpu"


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("hidden, batch, delay", SIZES)
def test_fast_is_the_textbook(device, hidden, batch, delay, options):
    x, y = CopyTask(delay).sample(batch, seed(hidden))
    noise = 0.2 * torch.randn(batch, hidden, generator=seed(batch), dtype=torch.float64)
    plain = {k: v for k, v in options.items() if k in ("silence", "activity")}
    found, quick = modules(hidden), [m.to(device) for m in modules(hidden)]
    close(left(fast.backprop, quick[:1], x, y, **plain),
          left(backprop.backprop, found[:1], x, y, **plain))
    close(left(fast.targetprop, quick, x, y, noise=noise, **options),
          left(targetprop.targetprop, found, x, y, noise=noise, **options))
    with torch.no_grad(): h = found[0].hidden_states(x)
    close([fast.unroll(quick[0], x)[1:].transpose(0, 1)], [h])


@pytest.mark.parametrize("rule", [backprop.backprop, fast.backprop])
def test_in_single_precision(rule):
    "float32 stays near float64, at the size that is trained."
    x, y = CopyTask(15).sample(20, seed(0))
    close(left(rule, modules(128, torch.float32, spread=0.01)[:1], x, y),
          left(backprop.backprop, modules(128, spread=0.01)[:1], x, y), 2e-5)


@pytest.mark.parametrize("method", ["bp", "tp"])
def test_many_are_what_each_is_alone(method):
    "Settings of their own, float64, two updates after the warm-up's one."
    task, found = CopyTask(4), [modules(6, start=10 * i) for i in range(3)]
    settings = dict(step_size=[0.5, 0.2, 1.0], noise=[0.0, 0.1, 0.3],
                    fade=[1.0, 0.8, 0.9], silence=[1.0, 0.3, 0.0],
                    activity=[0.0, 0.1, 0.0], clip=[0.0, 0.1, 1.0])
    rnns, inverses = zip(*found)
    together = many.Networks(task, rnns, inverses if method == "tp" else None,
                             [seed(i) for i in range(3)], batch_size=5,
                             amsgrad=[False, True, False], **settings)
    rates = torch.tensor([[1e-3, 1e-2, 3e-3], [1e-2, 1e-2, 1e-3], [3e-3, 1e-3, 1e-2]])
    for i in range(3): many.update(together, rates.double(), inverse_only=i == 0)
    for i, (rnn, inverse) in enumerate(found):
        own, g = {k: v[i] for k, v in settings.items()}, seed(i)
        clip, alone = own.pop("clip"), dict(inverse_only=True)
        groups = [(rnn.W_xh, rnn.W_hh, rnn.b_h), (rnn.W_hy, rnn.b_y),
                  inverse.parameters()]
        optimizer = torch.optim.Adam([dict(params=p, lr=rate.item()) for p, rate in
                                      zip(groups, rates[:, i])], amsgrad=i == 1)
        for k in range(3):
            optimizer.zero_grad()
            x, y = task.sample(5, g)
            if method == "tp":
                fast.targetprop(rnn, inverse, x, y, generator=g, inverse_only=k == 0,
                                **own)
            elif k: fast.backprop(rnn, x, y, own["silence"], own["activity"])
            if clip and rnn.b_y.grad is not None:
                nn.utils.clip_grad_norm_(rnn.parameters(), clip)
            optimizer.step()
        close([*together.state_dict(i).values()], [*rnn.parameters()], 1e-9)
    scores = many.evaluate(together, 250)
    for ours, (rnn, _) in zip(scores, found):
        assert ours == pytest.approx(tuple(evaluate(rnn, task, 250)), abs=1e-6)


@pytest.mark.parametrize("method", ["bp", "tp"])
def test_a_rule_of_ones_own_gets_what_a_network_is(method):
    """Of one network: its weights, its inverse, a batch one-hot, noise, and settings,
    the usual ones and those that nobody else knows."""
    task, seen, usual = CopyTask(4), [], dict(bp=many.backprop, tp=many.targetprop)

    def ruled(weights, back, x_hot, y_hot, eps, own):
        seen.append((*(tuple(t.shape) for t in (*weights, *back, x_hot, y_hot, eps)),
                     frozenset(own)))
        loss, grads, to_back = usual[method](weights, back, x_hot, y_hot, eps, own)
        return loss, [own["part"] * g for g in grads], to_back

    def networks(**options):
        rnns, inverses = zip(*(modules(6, start=10 * i) for i in range(2)))
        return many.Networks(task, rnns, inverses if method == "tp" else None,
                             [seed(i) for i in range(2)], batch_size=5, clip=0.0,
                             activity=[0.0, 0.1], **options)
    ours, theirs = networks(rule=ruled, part=[1.0, 0.5]), networks()
    batch = many.draw(ours)
    found, expected = (many.gradients(n, **batch) for n in (ours, theirs))
    for a, b in zip(found[1], expected[1]):
        close([a[0], 2 * a[1]], [b[0], b[1]])
    close([found[0], *found[2]], [expected[0], *expected[2]])
    shapes = {(10, 6), (6, 6), (6,), (6, 10), (10,), (5, 24, 10), (5, 6) if
              method == "tp" else (5, 0)}
    assert len(seen) == 1 and shapes == set(seen[0][:-1])
    assert seen[0][-1] == {"part"} | many.OWN.keys() - {"noise"}
    with pytest.raises(TypeError, match="part"): networks(part=1.0)


# --- autograd's contract, of both versions ---

def update(rooms, found, **options):
    "One call of each rule; the gradients of the network after both."
    x, y = CopyTask(3).sample(4, seed(3))
    rooms[0].backprop(found[0], x, y)
    rooms[1].targetprop(*found, x, y, generator=seed(4), **options)
    return x, y


@BOTH
def test_frozen_weights_get_no_gradient(rooms):
    found = modules()
    for p in (found[0].W_hh, found[0].b_y, found[1].c_h): p.requires_grad_(False)
    update(rooms, found)
    assert (found[0].W_hh.grad is None and found[0].b_y.grad is None
            and found[1].c_h.grad is None)
    assert found[0].W_xh.grad is not None and found[1].V_hh.grad is not None
    for p in found[0].parameters(): p.grad = None
    for p in [*found[0].parameters(), *found[1].parameters()]: p.requires_grad_(False)
    update(rooms, found)
    assert all(p.grad is None for p in found[0].parameters())


@BOTH
@pytest.mark.parametrize("change", [
    lambda rnn: parametrize.register_parametrization(rnn, "W_hh", nn.Tanh()),
    lambda rnn: parametrizations.orthogonal(rnn, "W_hh"),
    lambda rnn: parametrizations.weight_norm(rnn, "W_hh")],
    ids=["tanh", "orthogonal", "norm"])
def test_a_parametrized_weight_trains_as_under_autograd(rooms, change):
    found, (x, y) = modules()[0], CopyTask(3).sample(4, seed(3))
    change(found)
    found(x).flatten(0, 1)
    nn.functional.cross_entropy(found(x).flatten(0, 1), y.flatten()).backward()
    judge = [p.grad.clone() for p in found.parameters()]
    close(left(rooms[0].backprop, [found], x, y)[1:], judge)


@BOTH
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("change", [
    lambda rnn: prune.l1_unstructured(rnn, "W_hh", 0.5),
    lambda rnn: nn.utils.weight_norm(rnn, "W_hh"),
    lambda rnn: rnn.register_forward_hook(lambda *_: None)],
    ids=["pruned", "norm", "hook"])
def test_hooks_are_refused_by_name(rooms, change):
    found = modules()
    change(found[0])
    for rule, given in ((rooms[0].backprop, found[:1]), (rooms[1].targetprop, found)):
        with pytest.raises(TypeError, match="rnn must have no module hooks"):
            left(rule, given, *CopyTask(3).sample(2))


class Relu(RNN):
    def step(self, x_t, h): return torch.relu(self.W_xh[x_t] + h @ self.W_hh + self.b_h)


class Loud(RNN):
    def forward(self, x): return 2 * super().forward(x)


class Odd(Inverse):
    def forward(self, rnn, x_next, h_next): return h_next


@BOTH
def test_another_way_forward_is_refused_by_name(rooms):
    replaced = modules()[0]
    replaced.step = lambda x_t, h: h
    x, y = CopyTask(3).sample(2)
    for rnn, name in ((Relu(8), "step"), (Loud(8), "forward"), (replaced, "step"),
                      (nn.Linear(2, 2), "RNN")):
        for call in (lambda: rooms[0].backprop(rnn, x, y),
                     lambda: rooms[1].targetprop(rnn, Inverse(8), x, y)):
            with pytest.raises(TypeError, match=f"rnn must .*{name}"): call()
    with pytest.raises(TypeError, match="inverse must .*forward"):
        rooms[1].targetprop(RNN(8), Odd(8), x, y)


@BOTH
def test_hooks_on_gradients_are_called(rooms):
    found, (x, y), seen = modules(), CopyTask(3).sample(4, seed(3)), []
    found[0].W_hh.register_hook(lambda grad: 2 * grad)
    found[0].b_h.register_post_accumulate_grad_hook(lambda p: seen.append(p))
    plain = left(rooms[0].backprop, modules()[:1], x, y)
    hooked = left(rooms[0].backprop, found[:1], x, y)
    torch.testing.assert_close(hooked[2], 2 * plain[2])
    assert len(seen) == 1


@BOTH
def test_under_autocast_the_rules_keep_their_precision(rooms):
    x, y = CopyTask(3).sample(4, seed(3))
    judge, found = modules(dtype=torch.float32), modules(dtype=torch.float32)
    plain = left(rooms[1].targetprop, judge, x, y, generator=seed(1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        close(left(rooms[1].targetprop, found, x, y, generator=seed(1)), plain, 0)


@BOTH
@pytest.mark.parametrize("setting", ["device", "dtype"])
def test_torch_defaults_change_nothing(rooms, setting):
    def run():
        rnn, inverse = RNN(8, generator=seed(0)), Inverse(8, seed(1))
        x, y = CopyTask(3).sample(4, seed(2))
        grads = left(rooms[1].targetprop, [rnn, inverse], x, y, generator=seed(3))
        return [*grads, torch.tensor(
            evaluate(rnn, CopyTask(3), 10), dtype=torch.float64, device="cpu")]
    plain = run()
    try:
        if setting == "device": torch.set_default_device("meta")
        else: torch.set_default_dtype(torch.float64)
        changed = run()
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
    assert all(a.dtype == b.dtype and a.device == b.device and torch.equal(a, b)
               for a, b in zip(plain, changed))


@BOTH
def test_what_an_update_cannot_mean(rooms):
    (rnn, inverse), (x, y) = modules(), CopyTask(3).sample(2)
    outside = torch.where(y == 8, 10, y)
    for name, call in {
            "y ": lambda: rooms[0].backprop(rnn, x, outside),
            "x ": lambda: rooms[0].backprop(rnn, x.float(), y),
            "silence": lambda: rooms[0].backprop(rnn, x, y, silence=-1.0),
            "activity": lambda: rooms[1].targetprop(
                rnn, inverse, x, y, activity=float("nan")),
            "noise": lambda: rooms[1].targetprop(rnn, inverse, x, y, noise=-0.1),
            "step_size": lambda: rooms[1].targetprop(rnn, inverse, x, y, step_size=0),
            "inverse": lambda: rooms[1].targetprop(
                rnn, Inverse(9).double(), x, y)}.items():
        with pytest.raises((TypeError, ValueError), match=name): call()
    assert all(p.grad is None for p in rnn.parameters())


def test_evaluate_asks_the_network_itself():
    "Also one that is no RNN of ours, and a long task in bounded memory."
    class Oracle(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.largest = nn.Parameter(torch.ones(())), 0
        def forward(self, x):
            self.largest = max(self.largest, x.numel())
            y = torch.full_like(x, 8)
            y[:, -10:] = x[:, :10]
            return 9 * self.scale * nn.functional.one_hot(y, 10)
    oracle = Oracle()
    assert evaluate(oracle, CopyTask(5), 30).sequence_accuracy == 1
    assert evaluate(oracle, CopyTask(5_000), 100).recall_accuracy == 1
    assert oracle.largest <= 250_000
