"""What is timed: an update of each rule, in copymem and in PyTorch's own RNN. It clears
the gradients, draws a batch, applies the rule and takes a fused Adam step."""
import platform, random, time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from copymem.data import CopyTask
from copymem.fast import backprop, targetprop
from copymem.rnn import RNN
from copymem.targetprop import Inverse, draw_noise

SIZES = [(15, 20), (100, 100), (1_000, 20)]  # (delay, batch)
HIDDEN, VOCAB = 128, 10


def machine(device="cpu"):
    "The name of the processor, or of the GPU; never that of a host."
    if device != "cpu": return torch.cuda.get_device_name(device)
    try: lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError: lines = []
    names = [line.split(":", 1)[1] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.processor() or platform.machine()


def interleaved(functions, rounds, calls, warm=2):
    "name -> milliseconds per call in each round, all turn by turn, in a random order."
    names, times = list(functions), {name: [] for name in functions}
    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    for name in names:
        for _ in range(warm): functions[name]()
    chance = random.Random(0)
    for _ in range(rounds):
        for name in chance.sample(names, len(names)):
            functions[name]()  # what ran before has left the caches to itself
            wait()
            begin = time.perf_counter()
            for _ in range(calls): functions[name]()
            wait()
            times[name].append(1e3 * (time.perf_counter() - begin) / calls)
    return times


def targetprop_by_autograd(rnn, inverse, x, y, step_size=0.5, noise=0.1,
                           generator=None):
    "Target propagation with autograd at each step, nothing batched over steps."
    states, predicted, local, loss = [rnn.b_h.expand(len(x), -1) * 0], [], [], 0
    for x_t in x.unbind(1):
        predicted.append(rnn.step(x_t, states[-1].detach()))
        states.append(predicted[-1].detach().requires_grad_())
    for h, y_t in zip(states[1:], y.unbind(1)):
        logits = h @ rnn.W_hy + rnn.b_y
        loss_t = F.cross_entropy(logits, y_t, reduction="sum") / y.numel()
        loss_t.backward()
        loss += loss_t.detach()
        local.append(-step_size * y.numel() * h.grad)
    eps = draw_noise(noise, states[0], generator)
    inverse_by_autograd(rnn, inverse, x, states, eps)
    d = local[-1]
    for t in reversed(range(x.shape[1])):
        target = (predicted[t] + d).detach()
        miss = (predicted[t] - target).square().sum() / (2 * step_size * y.numel())
        miss.backward()
        if t: d = local[t - 1] + shifted(rnn, inverse, x[:, t], states[t + 1], d)
    return loss


def inverse_by_autograd(rnn, inverse, x, states, eps):
    "What the inverse learns, step by step."
    for h, x_next in zip(states[1:], x.unbind(1)[1:]):
        before = h.detach() + eps
        with torch.no_grad(): after = rnn.step(x_next, before)
        miss = (inverse(rnn, x_next, after) - before).square().sum() / x[:, 1:].numel()
        miss.backward(inputs=list(inverse.parameters()))


@torch.no_grad()
def shifted(rnn, inverse, x_next, h_next, d):
    "How far a displacement `d` of `h_next` moves the inverse's guess."
    return inverse(rnn, x_next, h_next + d) - inverse(rnn, x_next, h_next)


def training(rule, modules, task, batch, device="cpu"):
    "A function that makes one update by `rule(*modules, x, y, generator=generator)`."
    generator = torch.Generator().manual_seed(0)
    modules = [m.to(device) for m in modules]
    weights = [p for m in modules for p in m.parameters()]
    optimizer = torch.optim.Adam(weights, lr=1e-4, fused=True)
    def update():
        optimizer.zero_grad()
        rule(*modules, *task.sample(batch, generator, device), generator=generator)
        optimizer.step()
    return update


def by_torch_rnn(rnn, read_out, x, y, generator=None):
    "`torch.nn.RNN`, one-hot input, time first (its faster layout), autograd."
    states, _ = rnn(F.one_hot(x.T, VOCAB).float())
    F.cross_entropy(read_out(states).flatten(0, 1), y.T.flatten()).backward()


def make_updates(delay, batch, device="cpu"):
    "name -> a function that makes one update, all on the same data and from one start."
    task, seed = CopyTask(delay), lambda: torch.Generator().manual_seed(1)
    make = lambda rule, *modules: training(rule, modules, task, batch, device)
    pair = lambda: (RNN(HIDDEN, VOCAB, seed()), Inverse(HIDDEN, seed()))
    by_hand = lambda rnn, x, y, generator: backprop(rnn, x, y)
    return {"TP": make(targetprop, *pair()), "BP": make(by_hand, pair()[0]),
            "torch.nn.RNN": make(by_torch_rnn, nn.RNN(VOCAB, HIDDEN),
                                 nn.Linear(HIDDEN, VOCAB)),
            "TP, autograd": make(targetprop_by_autograd, *pair())}
