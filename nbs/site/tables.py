"""Which shipped table a cell's figure or rows come from, and the command that made the
table: the one list of these. `python nbs/studies/X.py` goes on where it was
interrupted, and `--out` writes elsewhere."""
import ast

RULE_SEARCH = "python nbs/studies/duel.py "
MADE = {name: f"python nbs/studies/{name}.py" for name in (
    "credit", "dose", "even_part", "gated", "generalise", "inverses", "lead", "repair",
    "rescues", "staying", "untrained")} | {
    "cost": "python tests/benchmarks/table.py",
    "devices": "python tests/benchmarks/table.py --devices",
    "playground": "python tests/benchmarks/playground.py "
                  "--out copymem/results/playground.csv",
    "gpu": "python tests/benchmarks/gpu.py --out copymem/results/gpu.csv",
    "duel_search": RULE_SEARCH + "search",
    "duel_best": RULE_SEARCH + "best",
    "duel_edge": RULE_SEARCH + "edge",
    "duel": RULE_SEARCH + "final",
    "gated_search": "python nbs/studies/gated.py --tune --seeds 2 --delays 15",
    "long_delays": "python nbs/studies/far.py"}


def line(names, up):
    "What stands below a figure or rows that come from the tables `names`."
    made = [f"[{name}.csv]({up}results/{name}.csv), made by `{MADE[name]}`"
            for name in sorted(names)]
    label = "Table" if len(made) == 1 else "Tables"
    return f"::: {{.from-table}}\n{label}: {'; '.join(made)}.\n:::"


class Sources:
    """The tables that each cell of a notebook reads, by itself or through names that
    cells above it have made. A name can also stand for whichever table it is asked
    for: then the words of the statement that uses it say which."""
    def __init__(self):
        self.names, self.functions = {}, {}  # name -> (tables, asks), name -> its node

    def of(self, source):
        "The tables that a cell with this source shows, the cell's names kept."
        try: body = ast.parse(source).body
        except SyntaxError: return set()
        return set().union(*map(self.statement, body)) if body else set()

    def statement(self, node):
        "A statement's tables; what it assigns or defines has them from here on."
        if isinstance(node, (ast.Import, ast.ImportFrom)): return set()
        if several(node):  # a, b = 1, 2
            return set().union(*(self.statement(ast.Assign([name], value)) for
                                 name, value in zip(node.targets[0].elts,
                                                    node.value.elts)))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            self.functions[node.name] = node
            self.names.pop(node.name, None)
            return set()
        tables, asks = self.read(node)
        words = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)
                 and isinstance(n.value, str)} & set(MADE)
        if asks and words: tables, asks = tables | words, False
        for name in assigned(node): self.names[name] = tables, asks
        return tables

    def read(self, node, seen=frozenset()):
        "(tables, whether it asks for one that is not named here)."
        tables, asks, inner = set(), False, own(node)
        for n in ast.walk(node):
            if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "load_results":
                name = n.args and getattr(n.args[0], "value", None)
                if isinstance(name, str): tables.add(name)
                else: asks = True
            if (not isinstance(n, ast.Name) or n.id in inner
                    or not isinstance(n.ctx, ast.Load)): continue
            more = self.names.get(n.id)
            if more is None and n.id in self.functions and n.id not in seen:
                more = self.read(self.functions[n.id], seen | {n.id})
            if more: tables, asks = tables | more[0], asks or more[1]
        return tables, asks


def several(node):
    "Whether a statement gives some names a value each."
    return (isinstance(node, ast.Assign) and len(node.targets) == 1
            and isinstance(node.targets[0], ast.Tuple)
            and isinstance(node.value, ast.Tuple)
            and len(node.targets[0].elts) == len(node.value.elts))


def own(node):
    "The names that only a function or a comprehension inside `node` knows."
    names = {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    targets = [n.target for n in ast.walk(node) if isinstance(n, ast.comprehension)]
    names |= {n.id for target in targets for n in ast.walk(target)
              if isinstance(n, ast.Name)}
    return names | (stored(node) if isinstance(node, ast.FunctionDef) else set())


def stored(node):
    "The names that are given a value anywhere inside `node`."
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)
            and isinstance(n.ctx, ast.Store)}


def assigned(node): return stored(node) - own(node)
