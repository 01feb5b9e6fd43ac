"""The page that lists every public name with one line, and the minutes in the sidebar:
`python nbs/site/api.py` writes both, out of the modules and notebooks as they stand."""
import ast, re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
HEAD = """---
title: Every public name
description: "Module by module, each with one line, its signature one link away."
toc-depth: 2
---

<!-- Written by `python nbs/site/api.py`. -->
"""


def pages(contents):
    "The notebooks in the sidebar's order."
    for item in contents:
        if isinstance(item, dict) and "contents" in item:
            yield from pages(item["contents"])
        else: yield item if isinstance(item, str) else item["href"]


def front(path):
    "(title, module) of a notebook."
    import nbformat
    nb = nbformat.read(path, as_version=4)
    text = "\n".join(c.source for c in nb.cells)
    module = re.search(r"^#\| default_exp (\S+)", text, re.M)
    return re.search(r"^# (.+)$", text, re.M)[1], module and module[1]


def one_line(text):
    "The first sentence of a docstring, on one line, safe in a table of Markdown."
    text = " ".join((text or "").split("\n\n")[0].split())
    return re.sub(r"(?<!`)([|*<])", r"\\\1", text)


def value_of(node, source):
    "What a constant is, where that is short; else how much it holds."
    text = " ".join(ast.get_source_segment(source, node).split())
    if len(text) <= 48: return as_code(text)
    if isinstance(node, ast.Dict): return f"a dict of {len(node.keys)}"
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return f"a {type(node).__name__.lower()} of {len(node.elts)}"
    return as_code(f"{text[:44].rstrip()} …")


def as_code(text):
    "Code in a cell of a table, whatever ticks and bars stand in it."
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " * (len(ticks) > 1)
    return f"{ticks}{space}{text}{space}{ticks}".replace("|", r"\|")


def names_of(path):
    "(name, kind, one line) of everything in a module's `__all__`, in its order."
    source = path.read_text(encoding="utf-8")
    tree, public, found = ast.parse(source), [], {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node in tree.body:
            what = "class" if isinstance(node, ast.ClassDef) else "function"
            found.setdefault(node.name, (what, one_line(ast.get_docstring(node))))
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            there = "value", f"that of [`copymem.{node.module}`](#{node.module})"
            found |= {a.name: there for a in node.names if a.name not in found}
        if not isinstance(node, (ast.Assign, ast.AnnAssign)): continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for name, value in assigned(targets[0], node.value):
            if name == "__all__": public += ast.literal_eval(value)
            else: found.setdefault(name, ("value", value_of(value, source)))
    return [(name, *found.get(name, ("value", ""))) for name in public]


def assigned(target, value):
    "The (name, value) pairs of an assignment."
    if isinstance(target, ast.Name) and value is not None: yield target.id, value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts): yield from assigned(one, other)


def section(notebook, symbols):
    "A module's part of the page, or nothing."
    title, module = front(ROOT/"nbs"/notebook)
    path = ROOT/f"copymem/{module}.py"
    rows = names_of(path) if module and path.is_file() else []
    if not rows: return ""
    text = [f"## copymem.{module} {{#{module}}}", "", f"[{title}]({notebook})", "",
            "| name | what it is |", "|:---|:---|"]
    for name, kind, line in rows:
        link = symbols.get(f"copymem.{module}.{name}") if kind != "value" else None
        anchor = link and f"{notebook}#{link.partition('#')[2]}"
        shown = f"[`{name}`]({anchor})" if link else f"`{name}`"
        text.append(f"| {shown} | {line} |")
    return "\n".join(text) + "\n"


def api():
    "The whole page."
    config = yaml.safe_load((ROOT/"_quarto.yml").read_text(encoding="utf-8"))
    index = {}
    exec((ROOT/"copymem/_modidx.py").read_text(encoding="utf-8"), index)
    symbols = {name: place[0] for module in index["d"]["syms"].values()
               for name, place in module.items()}
    parts = [section(page, symbols) for page in
             pages(config["website"]["sidebar"]["contents"]) if page.endswith("ipynb")]
    return HEAD + "\n" + "\n".join(part for part in parts if part)


def with_minutes(config):
    "The site's configuration, each chapter's minutes those of its notebook."
    import nbformat
    def one(match):
        nb = nbformat.read(ROOT/"nbs"/match[4], as_version=4)
        text = "\n".join(c.source for c in nb.cells if c.cell_type == "markdown")
        said = re.search(r"^\*(\d+ minutes|[Aa]n hour|(?:\w+ )?hours?)\b", text, re.M)
        words = said[1].replace("minutes", "min") if said else match[2]
        return f"{match[1]}{words.replace('An hour', '60 min')}{match[3]}{match[4]}"
    return re.sub(r"( \[)([^\]]+)(\]\{\.minutes\}\"\n +href: )(\S+)", one, config)


if __name__ == "__main__":
    path = ROOT/"_quarto.yml"
    path.write_text(with_minutes(path.read_text(encoding="utf-8")), encoding="utf-8",
                    newline="\n")
    (ROOT/"nbs/api.qmd").write_text(api(), encoding="utf-8", newline="\n")
