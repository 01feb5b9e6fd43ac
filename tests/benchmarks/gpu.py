"""The GPU check, three minutes at most: `python tests/benchmarks/gpu.py`. Are the fast
rules equal to the textbook there, what does an update take, and one of many networks?
On a GPU, `--out copymem/results/gpu.csv` keeps what was found. Without one it says so,
and checks the GPU's code path on the CPU."""
import argparse
import csv
from statistics import median

import torch
from updates import HIDDEN, SIZES, interleaved, machine, make_updates

from copymem import backprop, fast, many, targetprop
from copymem.data import CopyTask
from copymem.rnn import RNN
from copymem.targetprop import Inverse

SMALL = [(1, 1, 1), (17, 5, 4), (32, 20, 15), (128, 20, 15), (64, 100, 60),
         (16, 7, 300)]  # (hidden units, batch, delay)
OPTIONS = [{}, dict(silence=0.1, activity=0.3, fade=0.7, step_size=1.3)]


def left(room, device, hidden, batch, delay, options, dtype=torch.float64,
         spread=0.1):
    "The losses and all gradients that the two rules of `room` leave."
    seed = lambda: torch.Generator().manual_seed(hidden)
    rnn, inverse = RNN(hidden, generator=seed()), Inverse(hidden, seed())
    for p in [*rnn.parameters(), *inverse.parameters()]:
        p.data += spread * torch.randn(p.shape, generator=seed())
    modules = [m.to(device, dtype) for m in (rnn, inverse)]
    x, y = CopyTask(delay).sample(batch, seed(), device)
    eps = 0.1 * torch.randn(batch, hidden, generator=seed(), dtype=torch.float64)
    plain = {k: v for k, v in options.items() if k in ("silence", "activity")}
    found = [room[0](rnn, x, y, **plain), *(p.grad.clone() for p in rnn.parameters())]
    rnn.zero_grad()
    found.append(room[1](*modules, x, y, noise=eps.to(device), **options))
    return [t.cpu() for t in found + [p.grad for m in modules for p in m.parameters()]]


def equality(device):
    "The largest difference between fast on `device` and the textbook on the CPU."
    textbook = backprop.backprop, targetprop.targetprop
    quick, gaps = (fast.backprop, fast.targetprop), []
    for size in SMALL:
        for options in OPTIONS:
            ours = left(quick, device, *size, options)
            theirs = left(textbook, "cpu", *size, options)
            gaps += [((a - b).abs().max() / b.abs().max().clamp(min=1e-9)).item()
                     for a, b in zip(ours, theirs)]
    return max(gaps)


def single_precision(device):
    "The same in float32 on `device`, at two sizes for which cuDNN has two algorithms."
    textbook = backprop.backprop, targetprop.targetprop
    quick, gaps = (fast.backprop, fast.targetprop), []
    for size in ((128, 20, 15), (300, 20, 15)):
        ours = left(quick, device, *size, {}, torch.float32, 0.01)
        theirs = left(textbook, "cpu", *size, {}, spread=0.01)
        gaps += [((a - b).abs().max() / b.abs().max().clamp(min=1e-9)).item()
                 for a, b in zip(ours, theirs)]
    return max(gaps)


def by_library_on_cpu():
    "`equality` of what a GPU runs, on the CPU."
    kept, fast.by_library = fast.by_library, lambda weight: True
    try: return equality("cpu")
    finally: fast.by_library = kept


def times(device, rounds, calls):
    "(rule, delay) -> milliseconds of an update."
    found = {}
    for delay, batch in SIZES:
        made = make_updates(delay, batch, device)
        made.pop("TP, autograd")
        each = interleaved(made, rounds, calls if delay == 15 else max(1, calls // 5))
        found |= {(name, delay): median(values) for name, values in each.items()}
    return found


def made(n, method, device, task=CopyTask(15)):
    "`n` networks that train together."
    seeds = [torch.Generator().manual_seed(i) for i in range(n)]
    inverses = [Inverse(HIDDEN, g) for g in seeds] if method == "TP" else None
    rnns = [RNN(HIDDEN, generator=g) for g in seeds]
    return many.Networks(task, rnns, inverses, seeds, device=device)


def networks(n, method, device):
    "A function that makes one update of `n` networks at once."
    together, rates = made(n, method, device), torch.full((3, n), 1e-4)
    return lambda: many.update(together, rates)


@torch.no_grad()
def captured(method, device, n=8, updates=5):
    "How far replayed updates lead from the same ones done call by call."
    replayed, plain = made(n, method, device), made(n, method, device)
    rates = torch.full((3, n), 1e-3)
    for i in range(updates):
        alone = method == "TP" and i == 0
        many.update(replayed, rates, inverse_only=alone)
        many.learn(plain, **many.draw(plain), rates=rates.to(device),
                   inverse_only=alone)
    pairs = zip(replayed.weights + replayed.back, plain.weights + plain.back)
    return max(((a - b).abs().max() / b.abs().max()).item() for a, b in pairs)


def together(method, device, n=128, rounds=11):
    "Milliseconds of an update of one network, and of one of `n` at once."
    both = {1: networks(1, method, device), n: networks(n, method, device)}
    each = interleaved(both, rounds, many.AHEAD)  # a round draws once
    return median(each[1]), median(each[n]) / n


FOUND = []  # rows of the table


def figure(what, value, aim):
    print(f"{what:64} {value:9.3g}   {aim}", flush=True)
    FOUND.append(dict(figure=what, value=f"{value:.3g}", aim=aim))


def write(path, where):
    "What was found, and where, as a table."
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["figure", "value", "aim", "machine"],
                               lineterminator="\n")
        table.writeheader()
        table.writerows(row | dict(machine=where) for row in FOUND)


def on_gpu(device="cuda"):
    print(f"{machine(device)}, one core of {machine()}, torch {torch.__version__}")
    figure("largest relative difference from the textbook, float64", equality(device),
           "aim: at most 1e-10")
    figure("the same in float32", single_precision(device), "aim: at most 2e-5")
    for method in ("BP", "TP"):
        figure(f"{method}, eight networks, replayed against call by call",
               captured(method, device), "aim: at most 1e-5")
    torch.backends.cudnn.allow_tf32 = False  # for torch.nn.RNN, as copymem has it
    gpu, cpu = times(device, 11, 20), times("cpu", 3, 5)
    for (name, delay), ms in gpu.items():
        figure(f"{name}, T = {delay}: ms, GPU", ms, f"one core: {cpu[name, delay]:.3g}")
    for name, aim in (("TP", 1.2), ("BP", 1.0)):
        for delay, _ in SIZES:
            figure(f"{name} / torch.nn.RNN, T = {delay}, GPU",
                   gpu[name, delay] / gpu["torch.nn.RNN", delay], f"aim: at most {aim}")
    for method in ("BP", "TP"):
        one, each = together(method, device)
        figure(f"{method}, one network, captured: ms", one, "")
        figure(f"{method}, 128 networks at once: µs each", 1e3 * each, "")
        figure(f"{method}, the first / the second", one / each, "aim: at least 35")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", help="a table of what a GPU did")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    if torch.cuda.is_available():
        on_gpu()
        return write(out, machine("cuda")) if out else None
    print("no GPU here: nothing is timed; what a GPU would run is checked on the CPU")
    figure("largest relative difference from the textbook, float64",
           by_library_on_cpu(), "aim: at most 1e-10")
    for method in ("BP", "TP"):
        figure(f"{method}, eight networks, update against learn",
               captured(method, "cpu"), "aim: 0")


if __name__ == "__main__": main()
