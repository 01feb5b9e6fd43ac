"""Writes the table of chapter 8: `python tests/benchmarks/table.py`, on a machine that does nothing else.

Whatever is compared is timed in one process, turn by turn: in each round every candidate runs a few times, and the rounds' order
rotates. A value is the median over the rounds, `low` and `high` are their quartiles. A ratio is taken within each round, so that what
slows a whole round down leaves it alone. Memory is counted, not timed: the most bytes of tensors that one update holds at once beyond
parameters and the optimizer's state, from the allocator's own record of every allocation. (A process's resident size would say less:
it counts what the allocator keeps for later, and libraries.)
"""
import argparse, contextlib, csv, json, os, statistics, tempfile, time
from functools import partial
from pathlib import Path

import torch
from torch._inductor.exc import InductorError
from torch._inductor.utils import fresh_cache
from torch.nn.functional import embedding
from torch.profiler import ProfilerActivity, profile
from updates import HIDDEN, SIZES, VOCAB, make_updates, targetprop_by, targetprop_pure, with_inverse

from copymem import rnn as rnn_module
from copymem.data import CopyTask
from copymem.rnn import RNN, addmm, unroll

COLUMNS = ["measure", "what", "delay", "batch", "threads", "value", "low", "high", "unit"]
RATIOS = [("TP", "torch.nn.RNN"), ("TP", "torch.nn.RNN, batch first"), ("TP, autograd", "TP"), ("BP", "torch.nn.RNN"), ("TP", "products"),
          ("TP", "products, oneDNN")]
DELAYS = [15, 30, 60, 100, 200, 500, 1000]
ROWS = [250, 1_000, 4_000, 12_000]  # states in a block; 1,000 is what copymem uses
OUT = Path(__file__).resolve().parents[2]/"nbs/results/cost.csv"


def interleaved(functions, rounds, calls):
    "name -> milliseconds per call in each round, all functions turn by turn."
    names, times = list(functions), {name: [] for name in functions}
    for name in names:
        for _ in range(2): functions[name]()
    for r in range(rounds):
        for name in names[r % len(names):] + names[:r % len(names)]:
            begin = time.perf_counter()
            for _ in range(calls): functions[name]()
            times[name].append(1e3 * (time.perf_counter() - begin) / calls)
    return times


def row(measure, what, delay, batch, threads, values, unit):
    "A row of the table, from one value or from several."
    values = values if isinstance(values, list) else [values]
    low, value, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return dict(zip(COLUMNS, (measure, what, delay, batch, threads, *(float(f"{v:.4g}") for v in (value, low, high)), unit)))


def updates(delay, batch, threads, rounds, calls):
    "One update of each rule, and the ratios."
    times = interleaved(make_updates(delay, batch), rounds, calls)
    for name, values in times.items(): yield row("update", name, delay, batch, threads, values, "ms")
    for a, b in RATIOS: yield row("ratio", f"{a} / {b}", delay, batch, threads, [x / y for x, y in zip(times[a], times[b])], "")


def slope(xs, ys):
    "Exponent of the power of `xs` that fits `ys` best: the slope of the logarithms."
    return statistics.linear_regression(*([torch.tensor(v, dtype=torch.float64).log().tolist() for v in (xs, ys)])).slope


def growth(rounds, delays, batch=20):
    "One update at each delay, and the exponents of its growth: with the delay, and with the steps, of which there are 20 more."
    names = ["TP", "BP", "torch.nn.RNN"]
    made = {delay: make_updates(delay, batch) for delay in delays}
    times = interleaved({(name, delay): made[delay][name] for name in names for delay in delays}, rounds, 3)  # a single call finds a cold cache
    for (name, delay), values in times.items(): yield row("growth", name, delay, batch, 1, values, "ms")
    for name in names:
        by_round = list(zip(*(times[name, delay] for delay in delays)))
        for against, xs in (("delay", delays), ("steps", [delay + 20 for delay in delays])):
            yield row("exponent", f"{name} against {against}", "", batch, 1, [slope(xs, ys) for ys in by_round], "")


@contextlib.contextmanager
def quiet():
    "Lets nothing through to the error stream, not from C++ either: PyTorch's profiler announces every start and stop."
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere: os.dup2(nowhere.fileno(), 2)
    try: yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def peak_bytes(function):
    "The most bytes of tensors that a call of `function` holds at once, beyond what was there before."
    for _ in range(2): function()
    with quiet(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record: function()
    with tempfile.TemporaryDirectory() as folder:
        record.export_chrome_trace(f"{folder}/trace.json")
        events = [e for e in json.loads(Path(f"{folder}/trace.json").read_text())["traceEvents"] if e.get("name") == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda e: e["ts"]):
        held += event["args"]["Bytes"]
        most = max(most, held)
    return most


def memory(delays, batch=20):
    "Peak memory of one update at each delay, and its growth, in states (128 numbers of 4 bytes for each sequence) a step."
    peaks = {}
    for delay in delays:
        for name, update in make_updates(delay, batch).items():
            if name.startswith("products") or name == "TP, autograd" and delay > 200: continue  # its record would be huge
            peaks[name, delay] = peak_bytes(update)
            yield row("memory", name, delay, batch, 1, peaks[name, delay] / 1e6, "MB")
    for name in dict.fromkeys(name for name, _ in peaks):
        a, b = [delay for n, delay in peaks if n == name][-2:]
        yield row("memory per step", name, b, batch, 1, (peaks[name, b] - peaks[name, a]) / ((b - a) * batch * HIDDEN * 4), "states")


def block_sizes(rounds, delay=100, batch=100):
    "One target-propagation update with other sizes of block."
    update, before = make_updates(delay, batch)["TP"], rnn_module.ROWS
    def with_rows(rows):
        def call():
            rnn_module.ROWS = rows
            update()
        return call
    try: times = interleaved({rows: with_rows(rows) for rows in ROWS}, rounds, 1)
    finally: rnn_module.ROWS = before
    for rows, values in times.items(): yield row("blocks", f"{rows} states", delay, batch, 1, values, "ms")


def compiled(rounds, calls, delay=15, batch=20):
    "Target propagation as `torch.compile` makes it: its update, the ratio to the products, and the seconds of compiling. Needs a C++ compiler."
    fast = torch.compile(targetprop_pure, fullgraph=True, dynamic=False)
    update, made = with_inverse(partial(targetprop_by, fast), CopyTask(delay), batch), make_updates(delay, batch)
    begin = time.perf_counter()
    try:
        with fresh_cache(): update()
    except InductorError as error:
        print(f"torch.compile is left out: {error}")
        return
    yield row("compile", "first call", delay, batch, 1, time.perf_counter() - begin, "s")
    times = interleaved({"TP": made["TP"], "TP, compiled": update, "products": made["products"]}, rounds, calls)
    for name, values in times.items(): yield row("compile", name, delay, batch, 1, values, "ms")
    yield row("compile", "TP, compiled / products", delay, batch, 1, [x / y for x, y in zip(times["TP, compiled"], times["products"])], "")


@torch.no_grad()
def pieces(threads, rounds, delay=15, batch=20):
    "The elementary operations that the rules are made of, and what was put in place of some, in microseconds."
    g, task = torch.Generator().manual_seed(0), CopyTask(delay)
    rnn = RNN(HIDDEN, VOCAB, g)
    x, _ = task.sample(batch, g)
    states, W, tokens = unroll(rnn, x)[1:], rnn.W_hh.detach(), x.T.flatten()
    one, all_ = states[5], states.flatten(0, 1)
    logits, eps, unit = all_ @ rnn.W_hy.detach(), 0.1 * torch.randn(batch, HIDDEN, generator=g), torch.ones(())
    logits_first = logits.T.contiguous()
    small, large = torch.empty_like(one), torch.empty_like(all_)

    def noisy_by_a_product(): return embedding(tokens, rnn.W_xh + rnn.b_h).addmm_((states + eps).flatten(0, 1), W).tanh_()
    def noisy_by_addition():
        push = torch.tanh(eps @ W)
        return (states + push).div_(torch.addcmul(unit, states, push))

    functions = {"product, one step": lambda: torch.mm(one, W, out=small), "product, all steps": lambda: torch.mm(all_, W, out=large),
                 "product, all steps, oneDNN": lambda: addmm(large, all_, W), "product, one step, oneDNN": lambda: addmm(small, one, W),
                 "tanh, one step": lambda: torch.tanh(one, out=small), "tanh, all steps": lambda: torch.tanh(all_, out=large),
                 "sigmoid, one step": lambda: torch.sigmoid(one, out=small), "sigmoid, all steps": lambda: torch.sigmoid(all_, out=large),
                 "log_softmax, tokens last": lambda: torch.log_softmax(logits, -1),
                 "log_softmax, tokens first": lambda: torch.log_softmax(logits_first, 0),
                 "noise, each step its own": lambda: torch.randn(all_.shape, generator=g),
                 "noise, shared": lambda: torch.randn(one.shape, generator=g),
                 "noisy step, by a product": noisy_by_a_product, "noisy step, by addition": noisy_by_addition}
    for name, values in interleaved(functions, rounds, 20).items():
        yield row("piece", name, delay, batch, threads, [1e3 * v for v in values], "µs")


def table(quick=False):
    "All rows, one by one."
    few, many, calls, delays = (3, 3, 1, DELAYS[::3]) if quick else (21, 61, 7, DELAYS)
    def on(threads):
        torch.set_num_threads(threads)
        for delay, batch in SIZES: yield from updates(delay, batch, threads, *((few, 1) if batch > 20 else (many, calls)))
        yield from pieces(threads, many)
    yield from on(1)
    yield from growth(few, delays)
    yield from block_sizes(few)
    yield from memory(delays)
    yield from compiled(many, calls)
    yield from on(2)


def main():
    parser = argparse.ArgumentParser(description="Measure what an update costs, and write the table of chapter 8.")
    parser.add_argument("--out", type=Path, default=OUT, help="where to write (default: nbs/results/cost.csv)")
    parser.add_argument("--quick", action="store_true", help="three rounds, to try it out; the figures mean little")
    arguments = parser.parse_args()
    rows = []
    for r in table(arguments.quick):
        rows.append(r)
        print(f"{r['measure']:16} {r['what']:32} {r['delay']!s:>5} {r['batch']:>4} {r['threads']:>2} "
              f"{r['value']:>10.4g} {r['unit']:7} ({r['low']:.4g} to {r['high']:.4g})", flush=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} rows in {arguments.out}")


if __name__ == "__main__": main()
