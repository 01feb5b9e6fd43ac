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


def test_site_configuration(staged, pages):
    assert ((ROOT/"nbs/_quarto.yml").is_symlink()
            and not (staged/"_quarto.yml").is_symlink())
    config = yaml.safe_load((staged/"_quarto.yml").read_text())
    for name in config["metadata-files"]:
        assert yaml.safe_load((staged/name).read_text())
    for name in (config["format"]["html"]["css"], *config["filters"]):
        assert (staged/name).is_file()
    assert (set(config["format"]["html"]["theme"]) == {"light", "dark"}
            and config["website"]["search"])
    assert sorted(listed(config["website"]["sidebar"]["contents"])) == sorted(pages)
    course = next(item for item in config["website"]["sidebar"]["contents"]
                  if "contents" in item)["contents"]
    assert all(item["text"] == f"{int(item['href'][:2])} "
               f"{front_matter(pages[item['href']])['title']}" for item in course)


def test_front_matter(pages):
    outputs = set()
    for path, nb in pages.items():
        meta = front_matter(nb)
        assert nb.cells[0].cell_type == "raw" and meta["title"].strip(), path
        outputs.add((Path(path).parent, meta["output-file"]))
    assert len(outputs) == len(pages), "two pages would become one file"


def test_source_is_shown(pages):
    """A chapter's page says how long it takes, and shows the source of what the chapter
    builds, not its signatures alone."""
    for path, nb in pages.items():
        if not re.match(r"\d\d_", path): continue
        assert re.search(r"^\*\d+ minutes\.", markdown(nb), re.M), path
        module = ROOT/"copymem"/f"{path[3:].removesuffix('.ipynb')}.py"
        names = re.findall(r"^(?:def|class) (\w+)", module.read_text(encoding="utf-8"),
                           re.M) if module.is_file() else []
        assert not [name for name in names if not re.search(
            rf"^(?:def|class) {name}\b", code(nb), re.M)], path


def test_links(staged, pages):
    written = {(Path(path).parent/front_matter(nb)["output-file"]).as_posix(): path
               for path, nb in pages.items()}
    broken = []
    for path, nb in pages.items():
        for link in targets(LINK, markdown(nb)):
            if OUTSIDE.match(link): continue
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
            shows = any(mime.startswith("image/") for out in cell.outputs
                        for mime in out.get("data", {}))
            if options.get("label", "").startswith("fig-"):
                assert {"fig-cap", "fig-alt"} <= set(options), (path, cell.source)
            if shows: assert "fig-alt" in options, (path, cell.source)
        referred = set(re.findall(r"(?<![\w`])@(fig-[\w-]+)", markdown(nb)))
        assert referred <= set(labels) | anchors(nb), path


def test_one_address():
    """The address of the repository stands in pyproject.toml, and whatever nbdev
    derives from it; nowhere else."""
    generated = {"copymem/_modidx.py", "pyproject.toml"}
    for path in sorted(p for p in ROOT.rglob("*") if p.suffix in {
            ".md", ".yml", ".toml", ".cff", ".ini", ".ipynb"}):
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
