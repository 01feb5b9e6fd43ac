"""What a page gets on its way to the site, after nbdev's own processors: live elements
or stills in the place of Jupyter's panels, one signature and one folded source for each
function, folded checks, numbers to the right, the tables behind the figures, and
links that run the notebook."""
import ast, base64, functools, re, textwrap
from pathlib import Path

from fastcore.nbio import mk_cell
from nbdev.config import get_config
from nbdev.process import Processor

from nbs.site import citations, tables

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
ELEMENT = re.compile(r"^<(copymem-[a-z]+)[^>]*>", re.M)  # a line that embeds one
MODULE = "assets/playground/playground.js"
NUMBER = re.compile(r"[-−+±~<>≤≥]?\s*[\d.,]+\s*(?:%|s|ms|of \d+)?"
                    r"(?:\s*±.*| to [\d.]+)?|[-–—]?|")
DEFINED = re.compile(r"/(\w+/\w+\.py)#L(\d+)")  # of a documented name, in its link
SIGNATURE = re.compile(r"^```python\n.*?^```$", re.M | re.S)


parsed = functools.cache(ast.parse)  # a module has many names, and is parsed once


def is_docs(cell): return getattr(cell, "has_sd", False)


def header(source, line):
    "What begins at `line` of a module, as written there, up to its first statement."
    lines, kinds = source.splitlines(), (ast.FunctionDef, ast.ClassDef)
    (node,) = (node for node in ast.walk(parsed(source)) if isinstance(node, kinds)
               and line in [n.lineno for n in (node, *node.decorator_list)])
    head = until(lines, node)
    if isinstance(node, ast.FunctionDef): return head
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            init = textwrap.dedent(until(lines, part)).removesuffix(" -> None:")
            return f"{head}\n{textwrap.indent(init, '    ')}"
    return "\n".join([head, *(row for part in node.body if isinstance(
        part, ast.AnnAssign) for row in lines[part.lineno - 1:part.end_lineno])])


def until(lines, node):
    "The lines of a definition before its body, or what its one line has of them."
    first, last = node.lineno - 1, node.body[0]
    rows = lines[first:last.lineno]
    rows[-1] = rows[-1].encode()[:last.col_offset].decode()
    return textwrap.dedent("\n".join(rows)).rstrip()


def signed(text):
    "The documentation of a name, with its signature in the words of its source."
    path, line = DEFINED.search(text).groups()
    source = (get_config().config_path/path).read_text(encoding="utf-8")
    return SIGNATURE.sub(lambda _: f"```python\n{header(source, int(line))}\n```", text,
                         count=1)


def only_checks(source):
    "Whether a cell does nothing but assert."
    try: body = ast.parse(source).body
    except SyntaxError: return False
    return bool(body) and all(isinstance(node, ast.Assert) for node in body)


def only_draws(source):
    "Whether a longer cell only draws: it claims, makes and trains nothing."
    return source.strip().count("\n") > 3 and not re.search(
        r"^\s*(assert|def|class|import|from)\b|\b(fit|watch)\(", source, re.M)


def aligned(text):
    "A Markdown table's columns of numbers set to the right."
    def one(match):
        head, rule, rows = match.groups()
        cells = [[c.strip() for c in re.split(r"(?<!\\)\|", r.strip().strip("|"))]
                 for r in rows.strip().splitlines()]
        marks = rule.strip().strip("|").split("|")
        for i, mark in enumerate(marks):
            column = [row[i] for row in cells if i < len(row)]
            if ":" not in mark and any(re.search(r"\d", c) for c in column) and all(
                    NUMBER.fullmatch(c.strip("*` ")) for c in column): marks[i] = "---:"
        return f"{head}\n|{'|'.join(marks)}|\n{rows}"
    return re.sub(r"^(\|.*\|) *\n(\|[\s:|-]+\|) *\n((?:\|.*(?:\n|\Z))+)", one, text,
                  flags=re.M)


def still_of(view, widgets):
    "The first picture inside a saved panel, as base64, or None."
    models, todo = widgets.get("state", {}), [view.get("model_id")]
    while todo:
        model = models.get(todo.pop(0), {})
        if model.get("model_name") == "ImageModel":
            for buffer in model.get("buffers", ()):
                if buffer.get("data"): return buffer["data"]
        children = model.get("state", {}).get("children", ())
        todo += [c.removeprefix("IPY_MODEL_") for c in children]


def size_of(png):
    "Width and height of a PNG in base64."
    head = base64.b64decode(png[:64])
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def still(png, name):
    "What stands on the page where the notebook has the panel `name`."
    name = name or "panel"
    say = (f"`{name}` answers in JupyterLab: this page has no kernel. Run the notebook "
           "by one of the links at the top, and type or pull there.")
    if not png: return f"::: {{.panel-still}}\n{say}\n:::"
    width, _ = size_of(png)
    return (f"::: {{.panel-still}}\n<img src=\"data:image/png;base64,{png.strip()}\" "
            f"width=\"{width}\" alt=\"A still of the panel {name}.\">\n\n"
            f"A still. {say}\n:::")


class Page(Processor):
    "One page: its cells one by one, then their order and what stands around them."
    def __init__(self, nb):
        super().__init__(nb)
        cfg, path = get_config(), getattr(nb, "path_", None)
        self.name = path and Path(path).resolve().relative_to(
            cfg.nbs_path.resolve()).as_posix()
        self.up = "../" * (self.name or "").count("/")
        self.site = f"{cfg.doc_host}{cfg.doc_baseurl}/"
        self.repo, self.branch = cfg.git_url, cfg.branch
        sources, shipped = tables.Sources(), {
            path.stem for path in cfg.config_path.glob("copymem/results/*.csv")}
        self.tables = {cell.get("id"): sources.of(cell.source) & shipped
                       for cell in nb.cells if cell.cell_type == "code"}

    def cell(self, cell):
        cell.metadata.pop("execution", None)  # times of day
        if cell.cell_type == "markdown": cell.source = self.words(cell.source)
        for out in cell.get("outputs", ()):
            data = out.get("data", {})
            if "text/markdown" not in data: continue
            text = data["text/markdown"]
            text = text if isinstance(text, str) else "".join(text)
            data["text/markdown"] = self.words(
                signed(text) if is_docs(cell) else text)
        if cell.cell_type == "code" and not is_docs(cell): fold(cell)

    def words(self, text):
        "Tables aligned; links inside the site relative, and none inside another."
        text = re.sub(r"\[\[(`[^`]+`)\]\([^)\s]*\)\]\(", r"[\1](", aligned(text))
        text = re.sub(  # a method has no heading of its own; its class has
            rf"(\]\({re.escape(self.site)}[\w/]+\.html#\w+)\.[\w.-]+\)", r"\1)", text)
        text = text.replace(f"]({self.site}", f"]({self.up}")
        return elements(citations.linked(citations.numbered(text), self.up))

    def end(self):
        self.nb.cells = [c for cell in ordered(self.nb.cells)
                         for c in (cell, *self.behind(cell))]
        self.heading()
        self.panels()
        if self.name: self.around()
        self.nb.metadata.pop("widgets", None)  # its player comes from elsewhere

    def heading(self):
        "A page that begins with signatures gets a heading above theirs."
        for i, cell in enumerate(self.nb.cells):
            if cell.cell_type == "markdown" and re.search("^## ", cell.source, re.M):
                return
            if is_docs(cell):
                return self.nb.cells.insert(i, mk_cell("## What it gives", "markdown"))

    def behind(self, cell):
        "Below a figure, or rows, the tables that it comes from."
        names = self.tables.get(cell.get("id")) if cell.cell_type == "code" else None
        if names and any(mime in out.get("data", {}) for out in cell.outputs
                         for mime in ("image/png", "text/markdown", "text/html")):
            yield mk_cell(tables.line(names, self.up), "markdown")

    def panels(self):
        "A still for each panel, or nothing where a live element stands beside it."
        cells = self.nb.cells
        widgets = self.nb.metadata.get("widgets", {}).get(STATE, {})
        for i, cell in enumerate(cells):
            beside = [lines[at] for c, at in zip(cells[max(0, i - 1):i + 2:2], (-1, 0))
                      if c.cell_type == "markdown" and (lines := [
                          line for line in c.source.strip().splitlines()
                          if not line.startswith("```")])]
            for out in cell.get("outputs", ()):
                view = out.get("data", {}).pop(VIEW, None)
                if view is None: continue
                name = re.findall(r"^(?:\w+ = )?(\w+)\(", cell.source, re.M)
                out.data = {"text/markdown": "" if any(map(ELEMENT.match, beside)) else
                            still(still_of(view, widgets), name[-1] if name else None)}

    def around(self):
        "Links that run or fetch the notebook, and the playground's module."
        first = self.name == "index.ipynb"
        text = (BEGIN if first else "") + launch(
            self.repo, self.branch, self.name, self.up)
        if any(ELEMENT.search(c.source) for c in self.nb.cells
               if c.cell_type == "markdown"):
            text += f'<script type="module" src="{self.up}{MODULE}"></script>\n'
        self.nb.cells.insert(2, mk_cell(f"```{{=html}}\n{text}```", "markdown"))


def elements(text):
    "Each element that a line embeds as HTML, with words for where no script runs."
    return re.sub(r"^<(copymem-[a-z]+)([^>]*)></\1>$", r"```{=html}\n<\1\2>"
                  + UNSCRIPTED + r"</\1>\n```", text, flags=re.M)


def fold(cell):
    """Fold what has a signature above it, what only guards and what only draws; the
    author's word goes. Tokens are marked: they keep their colours in the dark."""
    marks = re.findall(r"^#\| *([\w-]+):(.*)$", cell.source, re.M)
    bare = re.sub(r"^#\|.*\n?", "", cell.source, flags=re.M)
    options = {key: value.strip() for key, value in marks}  # the last of a name stands
    if re.search(r"^(?:def|class) ", bare, re.M) and "exports" in options:
        options["code-fold"] = "true"
        options["code-summary"] = options["code-summary"].replace("Exported s", "S")
    elif only_checks(bare) and not cell.outputs and "code-fold" not in options:
        options = {"code-fold": "true", "code-summary": '"The check"', **options}
    elif "fig-cap" in options and "code-fold" not in options and only_draws(bare):
        options = {"code-fold": "true", "code-summary": '"The code of this figure"',
                   **options}
    if re.search(r"^show_tokens\(", bare, re.M): options["classes"] = "tokens"
    cell.source = "".join(f"#| {k}: {v}\n" for k, v in options.items()) + bare


def line_of(cell):
    "Where the source of a documented name begins, as its link says."
    text = "".join(out.get("data", {}).get("text/markdown", "")
                   for out in cell.get("outputs", ()))
    found = re.search(r"#L(\d+)", text)
    return int(found[1]) if found else 0


def ordered(cells):
    "Signatures in the order of their definitions, each before its folded source."
    done, i = [], 0
    while i < len(cells):
        run = []
        while i < len(cells) and (is_docs(cells[i]) or run and
                                  "#| exports" in cells[i].source):
            run.append(cells[i])
            i += 1
        docs = sorted((c for c in run if is_docs(c)), key=line_of)
        for source in (c for c in run if not is_docs(c)):
            names = set(re.findall(r"^(?:def|class) (\w+)", source.source, re.M))
            mine = [c for c in docs if set(re.findall(r"\((\w+)\)", c.source)) <= names]
            done += [*mine, source]
            docs = [c for c in docs if c not in mine]
        done += docs
        if not run:
            done.append(cells[i])
            i += 1
    return done


UNSCRIPTED = "<p>Here stands a playground, where the browser may run scripts.</p>"
BEGIN = '<p class="begin"><a href="data.html">Begin with chapter 1</a></p>\n'


def launch(repo, branch, name, up):
    "Where this page's notebook runs, and where it is to be had."
    inside = repo.removeprefix("https://github.com/")
    links = [("Run in Colab", f"https://colab.research.google.com/github/{inside}"
              f"/blob/{branch}/nbs/{name}"),
             ("Run in Binder", f"https://mybinder.org/v2/gh/{inside}/{branch}"
              f"?urlpath=lab/tree/nbs/{name}")]
    html = "\n".join(f'<a href="{href}">{text}</a>' for text, href in links)
    return (f'<nav class="launch" aria-label="This notebook">\n{html}\n'
            f'<a href="{up}notebooks/{name}?download" '
            f'download="{Path(name).name}">Download notebook</a>\n'
            f'<span>In Colab, run this cell first: <code>%pip install '
            f"'copymem[course] @ git+{repo}'</code></span>\n</nav>\n")
