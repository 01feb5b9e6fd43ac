"""What is timed: one update of each rule, and what such an update cannot do without."""
import torch
import torch.nn.functional as F
from torch import nn

from copymem.backprop import backprop
from copymem.data import CopyTask
from copymem.rnn import RNN, addmm, blocks
from copymem.targetprop import Inverse, targetprop

SIZES = [(15, 20), (100, 100)]  # (delay, batch)
HIDDEN, VOCAB = 128, 10


def targetprop_by_autograd(rnn, inverse, x, y, step_size=0.5, noise=0.1, generator=None):
    "Target propagation as the text says it: autograd at each step, nothing batched over steps, the same noise and losses."
    batch, seq_len = x.shape
    states, predicted, local, loss = [rnn.W_hh.new_zeros(batch, rnn.hidden_size)], [], [], 0.0
    for x_t in x.unbind(1):
        predicted.append(rnn.step(x_t, states[-1].detach()))
        states.append(predicted[-1].detach().requires_grad_())
    for h, y_t in zip(states[1:], y.unbind(1)):
        loss_t = F.cross_entropy(h @ rnn.W_hy + rnn.b_y, y_t, reduction="sum") / y.numel()
        loss_t.backward()
        loss += loss_t.detach()
        local.append(h.detach() - step_size * y.numel() * h.grad)
    eps = noise * torch.randn(batch, rnn.hidden_size, generator=generator, dtype=rnn.W_hh.dtype)
    for h, x_next in zip(states[1:], x.unbind(1)[1:]):
        before = h.detach() + eps
        with torch.no_grad(): after = rnn.step(x_next, before)
        miss = (inverse(rnn, x_next, after) - before).square().sum() / (batch * (seq_len - 1))
        miss.backward(inputs=list(inverse.parameters()))
    target = local[-1]
    for t in reversed(range(seq_len)):
        ((predicted[t] - target).square().sum() / (2 * step_size * y.numel())).backward()
        if t == 0: break
        with torch.no_grad():
            target = inverse(rnn, x[:, t], target) + states[t] - inverse(rnn, x[:, t], states[t + 1]) + local[t - 1] - states[t]
    return loss


def targetprop_pure(weights, x, y, eps, step_size=0.5):
    "Target propagation that changes nothing in place: loss and gradients from the seven `weights`. What `torch.compile` can take whole."
    W_xh, W_hh, b_h, W_hy, b_y, V_hh, c_h = weights
    steps, tokens, after_drive = y.numel(), x.T, (2 * (W_xh + c_h))[x.T[1:]]
    drive, states = (2 * (W_xh + b_h))[tokens], [torch.zeros_like(eps)]
    for d in drive.unbind(): states.append(2 * torch.sigmoid(torch.addmm(d, states[-1], 2 * W_hh)) - 1)
    states = torch.stack(states)
    before, h, h_next = states[:-1].flatten(0, 1), states[1:], states[2:]
    log_p = torch.log_softmax(h @ W_hy + b_y, -1)
    error = log_p.exp() - F.one_hot(y.T, len(b_y))
    push = torch.tanh(eps @ W_hh)
    noisy = ((h_next + push) / (1 + h_next * push)).flatten(0, 1)
    guess = torch.sigmoid(torch.addmm(after_drive.flatten(0, 1), noisy, 2 * V_hh))
    delta = ((h[:-1] + eps + 1).flatten(0, 1) - 2 * guess) * guess * (1 - guess) * (-8 / (steps - len(x)))
    learned = noisy.T @ delta, delta.sum(0)
    local = error @ (-step_size * W_hy.T)
    reach = torch.addmm(after_drive.flatten(0, 1), h_next.flatten(0, 1), 2 * V_hh).view_as(h_next)
    shift = [local[-1]]
    for own_t, reach_t in reversed(list(zip(local[:-1] - 2 * torch.sigmoid(reach), reach))):
        shift.append(own_t + 2 * torch.sigmoid(torch.addmm(reach_t, shift[-1], 2 * V_hh)))
    delta = (torch.stack(shift[::-1]) * (1 - h ** 2)).flatten(0, 1) * (-1 / (step_size * steps))
    W_xh_grad = torch.zeros_like(W_xh).index_add(0, tokens.flatten(), delta)
    W_hy_grad, b_y_grad = h.flatten(0, 1).T @ error.flatten(0, 1) / steps, error.sum((0, 1)) / steps
    return -log_p.gather(-1, y.T[..., None]).mean(), (W_xh_grad, before.T @ delta, W_xh_grad.sum(0), W_hy_grad, b_y_grad, *learned)


@torch.no_grad()
def targetprop_by(pure, rnn, inverse, x, y, noise=0.1, generator=None):
    "Leaves the gradients of `pure`, which is `targetprop_pure` or that compiled."
    weights = [p for module in (rnn, inverse) for p in module.parameters()]
    loss, grads = pure(weights, x, y, noise * torch.randn(len(x), rnn.hidden_size, generator=generator, dtype=rnn.W_hh.dtype))
    for weight, grad in zip(weights, grads): weight.grad = grad
    return loss


def training(rule, modules, task, batch):
    "A function that makes one update: zero_grad, a fresh batch, `rule(x, y, generator)`, a fused Adam step."
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam([p for m in modules for p in m.parameters()], lr=1e-4, fused=True)
    def update():
        optimizer.zero_grad()
        x, y = task.sample(batch, generator)
        rule(x, y, generator)
        optimizer.step()
    return update


def torch_rnn(task, batch, batch_first=False):
    "`torch.nn.RNN`, one-hot input, a linear read-out, autograd. Time first is the faster of its two layouts."
    rnn, read_out = nn.RNN(VOCAB, HIDDEN, batch_first=batch_first), nn.Linear(HIDDEN, VOCAB)
    def rule(x, y, generator):
        if not batch_first: x, y = x.T, y.T
        states, _ = rnn(F.one_hot(x, VOCAB).float())
        F.cross_entropy(read_out(states).flatten(0, 1), y.flatten()).backward()
    return training(rule, (rnn, read_out), task, batch)


def product_list(task, batch):
    """(a, b, out, large) of every matrix product in one target-propagation update, in its order and blocks, into memory that stands
    ready; the large ones are those that copymem hands to oneDNN."""
    steps, g = task.seq_len, torch.Generator().manual_seed(0)
    rand = lambda *shape: 0.1 * torch.randn(shape, generator=g)
    states, other, out = (rand(steps + 1, batch, HIDDEN) for _ in range(3))
    error, W, W_yh, eps = rand(VOCAB, steps * batch).T, rand(HIDDEN, HIDDEN), rand(VOCAB, HIDDEN), rand(batch, HIDDEN)
    logits, pushed, square, narrow = rand(VOCAB, steps * batch), rand(batch, HIDDEN), rand(HIDDEN, HIDDEN), rand(VOCAB, HIDDEN)
    flat = lambda a, part=slice(None): a[1:][part].flatten(0, 1)
    found = [(before, W, after, False) for before, after in zip(states[:-1], out[1:])]      # the states
    found += [(W_yh, flat(states).T, logits, False), (error, W_yh, flat(out), False), (eps, W, pushed, False)]  # logits, local targets, noise
    for part in blocks(steps - 1, batch):
        found += [(flat(states, part), W, flat(out, part), True),                           # the inverse's guesses
                  (flat(states, part).T, flat(other, part), square, True)]                  # what V_hh learns
    for part in blocks(steps - 1, batch): found.append((flat(states, part), W, flat(out, part), True))  # where the inverse is asked
    found += [(after, W, own, False) for after, own in zip(other[2:], out[1:-1])]           # the targets
    for part in blocks(steps, batch):
        found += [(flat(states, part).T, flat(other, part), square, True),                  # what W_hh learns
                  (error.unflatten(0, (steps, batch))[part].flatten(0, 1).T, flat(states, part), narrow, False)]  # what W_hy learns
    return found


def products(task, batch, onednn=False):
    "A function that multiplies what a target-propagation update multiplies, and does nothing else: by `torch.mm`, or the large ones by oneDNN."
    found = product_list(task, batch)
    def update():
        for a, b, out, large in found: addmm(out, a, b) if onednn and large else torch.mm(a, b, out=out)
    return update


def with_inverse(rule, task, batch):
    "A function that makes one update by a rule that has an inverse."
    rnn, inverse = RNN(HIDDEN, VOCAB, torch.Generator().manual_seed(1)), Inverse(HIDDEN, torch.Generator().manual_seed(1))
    return training(lambda x, y, generator: rule(rnn, inverse, x, y, generator=generator), (rnn, inverse), task, batch)


def make_updates(delay, batch):
    "name -> a function that makes one update, all on the same data and from the same start."
    task, rnn = CopyTask(delay), RNN(HIDDEN, VOCAB, torch.Generator().manual_seed(1))
    return {"TP": with_inverse(targetprop, task, batch),
            "BP": training(lambda x, y, generator: backprop(rnn, x, y), (rnn,), task, batch),
            "torch.nn.RNN": torch_rnn(task, batch),
            "torch.nn.RNN, batch first": torch_rnn(task, batch, batch_first=True),
            "TP, autograd": with_inverse(targetprop_by_autograd, task, batch),
            "products": products(task, batch),
            "products, oneDNN": products(task, batch, onednn=True)}
