"""Writes the table of the chapter "What it costs": `python tests/benchmarks/table.py`,
on a machine that does nothing else; `--devices` writes the one that picks a device.

Whatever is compared is timed in one process, turn by turn: in each round every
candidate runs a few times, in a random order. A value is the median over the
rounds, `low` and `high` are their quartiles. A ratio is taken within each round: what
slows a whole round down leaves it alone. Each number of cores has a process of its
own, which is kept to that many; where JAX is missing its rows are left out. Memory is
counted, not timed: the most bytes of tensors that one update holds at once beyond
parameters and the optimizer's state, from the allocator's record of every allocation.
"""
import argparse, contextlib, csv, json, os, statistics, subprocess, sys, tempfile, time
from pathlib import Path

SINGLE = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
if __name__ == "__main__" and "1" == os.environ.get("COPYMEM_CORES"):
    os.environ["XLA_FLAGS"] = SINGLE  # read once, when JAX begins

import torch
from pieces import compiled, pieces
from updates import HIDDEN, SIZES, interleaved, machine, make_updates

from copymem import fast

COLUMNS = ["measure", "what", "delay", "batch", "cores", "device", "machine", "value",
           "low", "high", "unit"]
DEVICE_COLUMNS = ["rule", "delay", "batch", "units", "device", "machine", "ms",
                  "source"]
RATIOS = [("TP", "torch.nn.RNN"), ("BP", "torch.nn.RNN"), ("TP", "JAX TP"),
          ("BP", "JAX BP"), ("TP", "BP"), ("TP, autograd", "TP")]
DELAYS = [15, 30, 60, 100, 200, 500, 1000]
ROWS = [250, 1_000, 4_000, 12_000]  # states in a block; 1,000 is what copymem uses
RESULTS = Path(__file__).resolve().parents[2]/"copymem/results"


def row(measure, what, delay, batch, cores, values, unit):
    "A row of the table, from one value or from several."
    values = values if isinstance(values, list) else [values]
    low, value, high = (statistics.quantiles(values, n=4, method="inclusive")
                        if len(values) > 1 else values * 3)
    where = (delay, batch, cores, "cpu", machine())
    rounded = [float(f"{v:.4g}") for v in (value, low, high)]
    return dict(zip(COLUMNS, (measure, what, *where, *rounded, unit)))


def jax_updates(delay, batch):
    "The updates in JAX; none, with a word, where it is missing."
    try: import in_jax
    except ImportError as error:
        print(f"JAX's rows are left out: {error}", file=sys.stderr)
        return {}
    return in_jax.make_updates(delay, batch)


def updates(delay, batch, cores, rounds, calls):
    "One update of each rule, and the ratios."
    made = {**make_updates(delay, batch), **jax_updates(delay, batch)}
    times = interleaved(made, rounds, calls)
    for name, values in times.items():
        yield row("update", name, delay, batch, cores, values, "ms")
    for a, b in RATIOS:
        if a not in times or b not in times: continue
        shares = [x / y for x, y in zip(times[a], times[b])]
        yield row("ratio", f"{a} / {b}", delay, batch, cores, shares, "")


def slope(xs, ys):
    "Exponent of the power of `xs` that fits `ys` best: the slope of the logarithms."
    logs = [torch.tensor(v, dtype=torch.float64).log().tolist() for v in (xs, ys)]
    return statistics.linear_regression(*logs).slope


def growth(rounds, delays, batch=20):
    "One update at each delay, and how its time grows: with the delay, with the steps."
    names = ["TP", "BP", "torch.nn.RNN"]
    made = {delay: make_updates(delay, batch) for delay in delays}
    each = {(name, delay): made[delay][name] for name in names for delay in delays}
    times = interleaved(each, rounds, 3)  # a single call finds a cold cache
    for (name, delay), values in times.items():
        yield row("growth", name, delay, batch, 1, values, "ms")
    for name in names:
        by_round = list(zip(*(times[name, delay] for delay in delays)))
        for against, more in (("delay", 0), ("steps", 20)):
            slopes = [slope([delay + more for delay in delays], ys) for ys in by_round]
            yield row("exponent", f"{name} against {against}", "", batch, 1, slopes, "")


@contextlib.contextmanager
def quiet():
    "Keeps the profiler, which announces every start and stop, off the error stream."
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere: os.dup2(nowhere.fileno(), 2)
    try: yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def peak_bytes(function):
    "The most bytes of tensors that a call of `function` holds at once, beyond before."
    from torch.profiler import ProfilerActivity, profile
    for _ in range(2): function()
    cpu = [ProfilerActivity.CPU]
    with quiet(), profile(activities=cpu, profile_memory=True) as record: function()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder)/"trace.json"
        record.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    held = most = 0
    memory = [e for e in events if e.get("name") == "[memory]"]
    for event in sorted(memory, key=lambda e: e["ts"]):
        held += event["args"]["Bytes"]
        most = max(most, held)
    return most


def memory(delays, batch=20):
    "Peak memory of an update at each delay; how many states (128 floats) a step adds."
    peaks = {}
    for delay in delays:
        for name, update in make_updates(delay, batch).items():
            if name == "TP, autograd" and delay > 200: continue  # a huge record
            peaks[name, delay] = peak_bytes(update)
            yield row("memory", name, delay, batch, 1, peaks[name, delay] / 1e6, "MB")
    for name in dict.fromkeys(name for name, _ in peaks):
        a, b = [delay for n, delay in peaks if n == name][-2:]
        states = (peaks[name, b] - peaks[name, a]) / ((b - a) * batch * HIDDEN * 4)
        yield row("memory per step", name, b, batch, 1, states, "states")


def block_sizes(rounds, delay=100, batch=100):
    "One target-propagation update with other sizes of block."
    update, before = make_updates(delay, batch)["TP"], fast.ROWS
    def with_rows(rows):
        def call():
            fast.ROWS = rows
            update()
        return call
    try: times = interleaved({rows: with_rows(rows) for rows in ROWS}, rounds, 1)
    finally: fast.ROWS = before
    for rows, values in times.items():
        yield row("blocks", f"{rows} states", delay, batch, 1, values, "ms")


def table(cores, few=15, many=121, calls=3, delays=DELAYS):
    "All rows on that many cores, one by one."
    torch.set_num_threads(cores)
    for delay, batch in SIZES if cores == 1 else SIZES[:2]:
        often = (few, 1) if delay > 15 else (many, calls)
        yield from updates(delay, batch, cores, *often)
    for name, values in pieces(many).items():
        yield row("piece", name, 15, 20, cores, values, "µs")
    if cores > 1: return
    yield from growth(few, delays)
    yield from block_sizes(few)
    yield from memory(delays)
    for name, (unit, values) in compiled(many).items():
        yield row("compile", name, 15, 20, 1, values, unit)


def on_cores(cores, out, *options):
    "The rows that a process of its own, kept to that many cores, writes to `out`."
    kept = dict(os.environ, COPYMEM_CORES=str(cores), OMP_NUM_THREADS=str(cores))
    limit = None
    if hasattr(os, "sched_setaffinity"):
        chosen = sorted(os.sched_getaffinity(0))[:cores]
        limit = lambda: os.sched_setaffinity(0, chosen)
    subprocess.run([sys.executable, __file__, "--out", str(out), *options], env=kept,
                   check=True, preexec_fn=limit)
    return read(out)


def devices(rounds=11):
    "Milliseconds an update of both rules takes on the CPU, one core, and on the GPU."
    torch.set_num_threads(1)
    for device in ["cpu"] + ["cuda"] * torch.cuda.is_available():
        for delay, batch in SIZES:
            made = make_updates(delay, batch, device)
            times = interleaved({k: made[k] for k in ("BP", "TP")}, rounds, 3)
            for name, values in times.items():
                made_row = (name.lower(), delay, batch, HIDDEN, device, machine(device),
                            float(f"{statistics.median(values):.3g}"), "table.py")
                yield dict(zip(DEVICE_COLUMNS, made_row))


def keep_others(rows, path):
    "`rows`, after those that other machines left in the table at `path`."
    ours = {(r["device"], r["machine"]) for r in rows}
    old = read(path) if path.exists() else []
    return [r for r in old if (r["device"], r["machine"]) not in ours] + rows


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(rows, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def said(rows):
    "`rows` as they come, each printed."
    for r in rows:
        print(*r.values(), sep=" · ", flush=True)
        yield r


def main():
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--out", type=Path, help="where to (default: copymem/results)")
    for name, text in (("--quick", "a few rounds, to try it out"),
                       ("--devices", "write devices.csv instead")):
        parser.add_argument(name, action="store_true", help=text)
    a = parser.parse_args()
    if a.devices:
        out = a.out or RESULTS/"devices.csv"
        return write(keep_others(list(said(devices(3 if a.quick else 11))), out), out)
    if cores := int(os.environ.get("COPYMEM_CORES", 0)):
        few = dict(few=3, many=3, calls=1, delays=DELAYS[::3]) if a.quick else {}
        return write(list(said(table(cores, **few))), a.out)
    begin, options = time.perf_counter(), ["--quick"] * a.quick
    with tempfile.TemporaryDirectory() as folder:
        rows = [r for cores in (1, 2)
                for r in on_cores(cores, Path(folder)/f"{cores}.csv", *options)]
    write(rows, out := a.out or RESULTS/"cost.csv")
    print(f"{len(rows)} rows in {out}, {time.perf_counter() - begin:.0f} s")


if __name__ == "__main__": main()
