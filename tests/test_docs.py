"""The site: nbdev stages every page without a complaint, and what the pages name is
there. No Quarto needed."""
import re, subprocess, sys
from pathlib import Path
from urllib.parse import unquote

import nbformat, pytest, yaml
from conftest import NOTEBOOKS, ROOT, copy_tree

STAGE = ("import nbdev.quarto as q; q._ensure_quarto = lambda: None; "
         "q._pre_docs(n_workers=0)")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(<?([^()\s>]+)>?(?:\s+\"[^\"]*\")?\)"
                  r"|\bhref=[\"']([^\"']+)[\"']")
PICTURE = re.compile(r"!\[[^\]]*\]\(<?([^()\s>]+)>?[^)]*\)|\bsrc=[\"']([^\"']+)[\"']")
OUTSIDE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.I)


@pytest.fixture(scope="module")
def staging(tmp_path_factory):
    "What `nbdev-docs` hands to Quarto, and what it said on the way."
    tree = copy_tree(tmp_path_factory.mktemp("docs")/"tree")
    done = subprocess.run([sys.executable, "-c", STAGE], cwd=tree, capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return tree/"_proc", done.stdout + done.stderr


@pytest.fixture(scope="module")
def staged(staging): return staging[0]


@pytest.fixture(scope="module")
def pages(staged):
    return {p.relative_to(staged).as_posix():
            nbformat.v4.reads(p.read_text(encoding="utf-8"))
            for p in sorted(staged.rglob("*.ipynb"))}


@pytest.fixture(scope="module")
def sheets(staged):
    "The pages that are no notebooks."
    return {p.name: p.read_text(encoding="utf-8") for p in sorted(staged.glob("*.qmd"))}


def front_matter(nb): return yaml.safe_load(nb.cells[0].source.strip().strip("-"))


def markdown(nb):
    "A page's prose, code blocks left out, and the HTML and Markdown of its outputs."
    texts = [c.source for c in nb.cells if c.cell_type == "markdown"]
    texts += [out.data[mime] for c in nb.cells if c.cell_type == "code"
              for out in c.outputs for mime in ("text/markdown", "text/html")
              if mime in out.get("data", {})]
    return re.sub(r"^(`{3,}|~{3,}).*?^\1", "", "\n\n".join(texts), flags=re.M | re.S)


def code(nb): return "\n".join(c.source for c in nb.cells if c.cell_type == "code")


def slug(heading):
    "The identifier that Pandoc gives a heading."
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*$\\]", r"\1", heading)
    text = re.sub(r"[^\w\s.-]", "", text).strip().lower()
    return re.sub(r"^[^a-z]+", "", re.sub(r"\s+", "-", text)) or "section"


def anchors(nb):
    text = markdown(nb)
    headings = re.findall(r"^#{1,6}\s+(.+?)\s*(?:\{[^}]*\})?\s*$", text, re.M)
    return {slug(h) for h in headings} | set(re.findall(r"\{#([\w.-]+)", text)) | \
        set(re.findall(r"\bid=[\"']([\w.-]+)", text)) | \
        set(re.findall(r"^#\|\s*label:\s*(\S+)", code(nb), re.M))


def listed(contents):
    for item in contents:
        if isinstance(item, str): yield item
        else: yield from (
            listed(item.get("contents", [])) if "contents" in item else [item["href"]])


def targets(pattern, text): return [unquote(a or b) for a, b in pattern.findall(text)]


def test_staging_is_silent(staging, pages):
    assert not staging[1]
    assert sorted(pages) == sorted(p.removeprefix("nbs/") for p in NOTEBOOKS)


def test_site_configuration(staged, pages, sheets):
    assert (ROOT/"nbs/_quarto.yml").is_symlink(), (
        "nbs/_quarto.yml is a file and should be a link: git config core.symlinks true "
        "&& rm nbs/_quarto.yml && git checkout nbs/_quarto.yml")
    assert not (staged/"_quarto.yml").is_symlink()
    config = yaml.safe_load((staged/"_quarto.yml").read_text())
    for name in config["metadata-files"]:
        assert yaml.safe_load((staged/name).read_text())
    html, website = config["format"]["html"], config["website"]
    layers = [name for mode in ("light", "dark") for name in html["theme"][mode][1:]]
    for name in (*layers, *config["filters"], *html["highlight-style"].values(),
                 config["bibliography"], website["favicon"], config["image"][1:],
                 html["include-before-body"]): assert (staged/name).is_file(), name
    assert {html["theme"][mode][0] for mode in ("light", "dark")} == {"default"}
    assert html["respect-user-color-scheme"] and html["html-math-method"] == "mathml"
    assert html["canonical-url"] and website["search"] and website["llms-txt"]
    assert sorted(listed(website["sidebar"]["contents"])) == sorted(
        [*pages, *(name for name in sheets if name != "404.qmd")])
    items = [item for part in website["sidebar"]["contents"] if "contents" in part
             for item in part["contents"] if "href" in item]
    numbered = [item for item in items if item["href"][:2].isdigit()]
    assert len(numbered) == len([p for p in pages if p[:2].isdigit()])
    for item in numbered:
        title = front_matter(pages[item["href"]])["title"]
        assert item["text"].startswith(f"{int(item['href'][:2])} {title} ["), item


def test_front_matter(pages):
    outputs = set()
    for path, nb in pages.items():
        meta = front_matter(nb)
        assert nb.cells[0].cell_type == "raw" and meta["title"].strip(), path
        outputs.add((Path(path).parent, meta["output-file"]))
    assert len(outputs) == len(pages), "two pages would become one file"


# They refuse, and teach nothing: hidden.
GUARDS = {"check_symbols", "placed", "check_length", "check_tokens"}


def test_source_is_shown(pages):
    """A chapter's page says how long it takes, and has each function that the chapter
    builds: one signature, and its source, folded, unless it is one of the guards."""
    for path, nb in pages.items():
        if not re.match(r"\d\d_", path): continue
        assert re.search(r"^\*(?:\d+ minutes|[Aa]n hour)\b", markdown(nb), re.M), path
        module = ROOT/"copymem"/f"{path[3:].removesuffix('.ipynb')}.py"
        names = re.findall(r"^(?:def|class) ([a-zA-Z]\w*)", module.read_text(
            encoding="utf-8"), re.M) if module.is_file() else []
        signed = re.findall(r"^show_doc\((\w+)\)", code(nb), re.M)
        assert sorted(signed) == sorted(set(names)), path
        sources = [c.source for c in nb.cells if c.cell_type == "code"]
        for name in names:
            built = [source for source in sources if re.search(
                rf"^(?:def|class) {name}\b", source, re.M)]
            assert len(built) == (name not in GUARDS), (path, name)
            assert all("#| code-fold: true\n" in source for source in built), name


def taken_along(path, link):
    """Whether `link` on `path` is to its notebook or a table, copied beside the pages,
    or to an entry of the list of references."""
    table = re.fullmatch(r"((?:\.\./)*)results/(\w+\.csv)", link)
    if table: return table[1].count("/") == path.count("/") and (
        ROOT/"copymem/results"/table[2]).is_file()
    listed = re.fullmatch(r"((?:\.\./)*)references\.qmd#ref-(\w+)", link)
    if listed: return listed[1].count("/") == path.count("/") and (
        f"{{{listed[2]},\n" in (ROOT/"nbs/references.bib").read_text(encoding="utf-8"))
    found = re.fullmatch(r"(?:\.\./)*notebooks/(.+\.ipynb)\?download", link)
    return bool(found) and found[1] == path and (ROOT/"nbs"/path).is_file()


def test_figures_name_their_tables(pages):
    "Below each that comes from a shipped table: the table, and what made it."
    for path, label, names in [
            ("index.ipynb", "fig-lead", {"lead"}), ("06_duel.ipynb", "fig-bill", {
                "cost", "duel"}), ("toolbox/fast.ipynb", "fig-cost", {"cost"})]:
        nb = pages[path]
        (i,) = (i for i, c in enumerate(nb.cells)
                if re.search(rf"^#\| label: {label}$", c.source, re.M))
        below = nb.cells[i + 1].source
        assert set(re.findall(r"results/(\w+)\.csv\)", below)) == names
        assert len(re.findall(r"made by `python [\w/]+\.py", below)) == len(names)
    assert not any("results/" in c.source for c in pages["01_data.ipynb"].cells)


def test_links_of_the_other_pages(staged, pages, sheets):
    "Every name of the API page is a heading of the page it leads to."
    for name, text in sheets.items():
        for link in targets(LINK, text):
            path, _, anchor = link.partition("#")
            if not path:  # a heading of its own
                assert f"{{#{anchor}}}" in text, (name, link)
                continue
            assert path in sheets or path in pages, (name, link)
            assert not anchor or anchor in anchors(pages[path]), (name, link)


def test_nothing_is_dead(pages):
    "No panel that needs a kernel is on a page; signatures are the sources' own words."
    modules = "".join(p.read_text(encoding="utf-8") for p in (ROOT/"copymem").glob(
        "*.py"))
    for path, nb in pages.items():
        assert "widgets" not in nb.metadata, path
        for cell in nb.cells:
            for out in cell.get("outputs", ()):
                assert "jupyter.widget" not in " ".join(out.get("data", {})), path
        for text in re.findall(r"^```python\n((?:def|class) .*?)^```", "\n".join(
                out.data["text/markdown"] for c in nb.cells if c.cell_type == "code"
                for out in c.outputs if "text/markdown" in out.get("data", {})),
                re.M | re.S):
            assert all(line.strip() in modules for line in text.splitlines()), text


def test_live_elements_load(pages):
    "A page that embeds the playground loads its module, and no other page does."
    for path, nb in pages.items():
        text = "\n".join(c.source for c in nb.cells if c.cell_type == "markdown")
        loads = re.findall(r"<script type=\"module\" src=\"([^\"]+)\"", text)
        assert len(loads) == bool(re.search(r"^<copymem-", text, re.M)), path
        for name in loads:
            assert ((ROOT/"nbs"/path).parent/name).is_file(), (path, name)


def test_citations(pages, sheets):
    "No raw key is left in the text; what it names is linked to the list."
    bib = (ROOT/"nbs/references.bib").read_text(encoding="utf-8")
    keys = set(re.findall(r"^@\w+\{(\w+),", bib, re.M))
    linked = set()
    for path, nb in pages.items():
        cited = set(re.findall(r"(?<![\w`/@.])-?@([a-z]+\d{4}\w*)", markdown(nb)))
        assert cited <= keys, (path, cited - keys)
        linked |= set(re.findall(r"references\.qmd#ref-(\w+)\)", markdown(nb)))
    assert {"elman1990", "lee2015", "henaff2016", "reddi2018"} <= linked <= keys


def test_equations(pages):
    "The ones that are named have a number, and are referred to by it."
    for path, name in (("02_rnn.ipynb", "step"), ("03_backprop.ipynb", "delta"),
                       ("04_targetprop.ipynb", "target")):
        text = markdown(pages[path])
        assert f"$$ {{#eq-{name}}}" in text and f"(@eq-{name})" in text, path
    assert not any("<!-- eq-" in markdown(nb) for nb in pages.values())


def test_links(staged, pages):
    written = {(Path(path).parent/front_matter(nb)["output-file"]).as_posix(): path
               for path, nb in pages.items()}
    broken = []
    for path, nb in pages.items():
        for link in targets(LINK, markdown(nb)):
            if OUTSIDE.match(link) or taken_along(path, link): continue
            name, _, anchor = link.partition("#")
            target = (staged/path).parent/name if name else staged/path
            inside = (target.resolve().relative_to(staged.resolve()).as_posix()
                      if target.resolve().is_relative_to(staged.resolve()) else None)
            page = written.get(inside, inside)
            if page in pages:
                if anchor and anchor not in anchors(pages[page]):
                    broken.append((path, link))
            elif inside is None or not target.is_file() or anchor:
                broken.append((path, link))
        for picture in targets(PICTURE, markdown(nb)):
            if (not OUTSIDE.match(picture)
                    and not ((staged/path).parent/picture).is_file()):
                broken.append((path, picture))
    assert not broken


def test_figures(pages):
    """A numbered figure has a caption and a description; whatever is referred to is on
    the page, once."""
    for path, nb in pages.items():
        labels = re.findall(r"^#\|\s*label:\s*(\S+)", code(nb), re.M)
        assert len(labels) == len(set(labels)), path
        for cell in nb.cells:
            if cell.cell_type != "code": continue
            options = dict(re.findall(
                r"^#\|\s*(label|fig-cap|fig-alt):\s*(.+)$", cell.source, re.M))
            marks = re.findall(r"^#\|\s*([\w-]+):", cell.source, re.M)
            assert len(marks) == len(set(marks)), (path, cell.source)
            shows = any(mime.startswith("image/") for out in cell.outputs
                        for mime in out.get("data", {}))
            if options.get("label", "").startswith("fig-"):
                assert {"fig-cap", "fig-alt"} <= set(options), (path, cell.source)
            if shows: assert "fig-alt" in options, (path, cell.source)
        referred = set(re.findall(
            r"(?<![\w`])@((?:fig|eq|tbl|sec)-[\w-]*\w)", markdown(nb)))
        assert referred <= set(labels) | anchors(nb), path


def test_one_address():
    """The address of the repository stands in pyproject.toml, and whatever nbdev
    derives from it; nowhere else."""
    generated = {"copymem/_modidx.py", "pyproject.toml", "nbs/nbdev.yml"}
    for path in sorted(p for p in ROOT.rglob("*") if p.suffix in {
            ".md", ".yml", ".toml", ".cff", ".ini", ".ipynb", ".qmd", ".scss", ".lua"}):
        if ({".git", "_proc", "_docs", ".github"} & set(path.parts)
                or path.relative_to(ROOT).as_posix() in generated): continue
        assert "OWNER" not in path.read_text(encoding="utf-8"), path


def test_readme():
    text = (ROOT/"README.md").read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    named = targets(LINK, prose) + targets(PICTURE, prose) + \
        re.findall(r"`((?:[\w.-]+/)*[\w-]+"
                   r"\.(?:ipynb|ini|toml|ya?ml|md|cff|py|safetensors|csv)"
                   r"|(?:[\w.-]+/)+)`", prose)
    local = {n.partition("#")[0] for n in named
             if not OUTSIDE.match(n) and not n.startswith(("#", "runs/"))}
    assert local and not [n for n in sorted(local) if not (ROOT/n).exists()]
    assert all(alt.strip() for alt in re.findall(r"!\[([^\]]*)\]", prose))
    for command in ("pip install -e '.[course]' && jupyter lab nbs",
                    "pip install -e '.[dev]' && pytest -n 2 --dist worksteal"):
        assert command in text


def test_pages_that_vanished_redirect(pages):
    "A link to a chapter of the first edition leads to the one that took its place."
    aliases = {old: path for path, nb in pages.items()
               for old in front_matter(nb).get("aliases", ())}
    assert aliases == {"07_delay.html": "09_staying.ipynb",
                       "08_growing.html": "10_far.ipynb",
                       "09_thousand.html": "10_far.ipynb"}
