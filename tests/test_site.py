"""What makes pages of notebooks (nbs/site), and, where a Quarto is on the PATH or
COPYMEM_SITE names a built site, that site as a visitor meets it."""
import functools, gzip, http.server, json, os, re, shutil, struct, subprocess, sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest, yaml
from filelock import FileLock
from conftest import ROOT, chromium, copy_tree, launched

sys.path.insert(0, str(ROOT))
from nbs.site import (  # noqa: E402
    api as api_page, citations, finish, pages as staged, tables)

SITE = ROOT/"nbs/site"
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*$")
ADDRESS = re.compile(r"https?://(?!www\.w3\.org/)[^\s\"')]+")
STAGE = ("import nbdev.quarto as q; q._ensure_quarto = lambda: None; "
         "q._pre_docs(n_workers=0)")


SOURCE = '''
def plain(a:int, # one, two
          b:str="é:" # and three
         ) -> int: # their sum
    "What it does."
    return a

@wrapped
def one(x): return 2 * x

@dataclass
class Task:
    "A task."
    delay: int = 15  # steps
    def go(self): return 1
    length: int = 10 # symbols

class Net(nn.Module):
    "A network."
    def __init__(self,
                 size:int=3) -> None:
        self.size = size

class Bare(Task): pass
'''


@pytest.mark.parametrize("line, meant", [
    (2, SOURCE[1:SOURCE.index("\n    \"What")]),
    (8, "def one(x):"), (9, "def one(x):"), (24, "class Bare(Task):"),
    (11, "class Task:\n    delay: int = 15  # steps\n    length: int = 10 # symbols"),
    (18, "class Net(nn.Module):\n    def __init__(self,\n"
         "                 size:int=3)")])
def test_signatures_are_those_of_the_source(line, meant):
    assert staged.header(SOURCE, line) == meant


def test_numbers_stand_to_the_right():
    text = "before\n\n| T | who | share |\n| --- | --- | :-- |\n| 15 | BP | 0.5 |\n" \
           "| 1,000 | TP | 1.0 |\n\nafter"
    assert "\n| T | who | share |\n|---:| --- | :-- |\n| 15 |" in staged.aligned(text)
    assert staged.aligned("| a |\n|---|\n| b |\n") == "| a |\n|---|\n| b |\n"
    assert "|---:|" in staged.aligned("| share |\n|---|\n| 0.57 to 1.00 |\n| - |\n")
    assert staged.aligned("a | b\n\n---\n") == "a | b\n\n---\n"


def test_only_guards_are_folded():
    for source, alone in [("assert 1 == 1", True), ("assert a\nassert b, 'c'", True),
                          ("x = 1\nassert x", False), ("x", False), ("", False),
                          ("%time x", False)]:
        assert staged.only_checks(source) is alone


def test_only_drawings_are_folded():
    drawn = "ax = new_axes()\nfor y in ys:\n    ax.plot(y)\nax.set(ylim=(0, 1))\nax"
    for source, alone in [(drawn, True), (drawn[:30], False),
                          (f"{drawn}\nassert ys", False), (f"fit(rnn)\n{drawn}", False),
                          (f"import math\n{drawn}", False),
                          (f"def f(): pass\n{drawn}", False)]:
        assert staged.only_draws(source) is alone


def cell(source, line=None):
    "A staged cell: code, or the signature of what begins at `line`."
    out = [{"data": {"text/markdown": f"[source](a.py#L{line})"}}] if line else []
    return SimpleNamespace(source=source, has_sd=bool(line), get=lambda *_: out)


def test_each_signature_stands_once_before_its_source():
    words, source = cell("words"), cell("#| exports: true\ndef a(): 1\ndef b(): 2")
    a, b, c = cell("show_doc(a)", 1), cell("show_doc(b)", 5), cell("show_doc(c)", 9)
    other = cell("#| exports: true\nclass c: 1")
    assert staged.ordered([words, b, source, a, c, other, words]) == [
        words, a, b, source, c, other, words]
    assert staged.ordered([c, b, a, words]) == [a, b, c, words]


def test_a_panel_becomes_a_still():
    png = "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAFCAYAAAB8ZH1oAAAAAElFTkSuQmCC"
    state = {"state": {
        "top": {"model_name": "VBoxModel", "state": {"children": ["IPY_MODEL_pic"]}},
        "pic": {"model_name": "ImageModel", "state": {}, "buffers": [{"data": png}]}}}
    assert staged.still_of({"model_id": "top"}, state) == png
    assert staged.still_of({"model_id": "gone"}, state) is None
    text = staged.still(png, "duel")
    assert 'width="10"' in text and 'alt="' in text and "JupyterLab" in text
    assert "<img" not in staged.still(None, "duel")


def test_each_table_has_its_command():
    "The script of the command names the table, and is there."
    shipped = {p.stem for p in (ROOT/"copymem/results").glob("*.csv")}
    assert shipped <= set(tables.MADE)
    for name, command in tables.MADE.items():
        script = (ROOT/command.split()[1]).read_text(encoding="utf-8")
        assert f"{name}.csv" in script, (name, command)


def test_cells_know_their_tables():
    sources = tables.Sources()
    for source, names in [
            ("rows, n = load_results('duel'), 3", {"duel"}),
            ("print(n)", set()), ("len(rows)", {"duel"}),
            ("def best(k):\n    found = rows[k]\n    return found", set()),
            ("best(1)", {"duel"}), ("[rows for rows in range(3)]", set()),
            ("(lambda rows: rows)(1)", set()), ("%time rows", set()),
            ("two = [load_results(k) for k in ('dose', 'lead')]", {"dose", "lead"}),
            ("def of(name): return load_results(name)", set()),
            ("seen = of('repair')", {"repair"}), ("of('nothing')", set()),
            ("for row in seen: last = row", {"repair"}), ("last", {"repair"}),
            ("rows = 1", set()), ("best(1)", set())]:
        assert sources.of(source) == names, source
    text = tables.line({"duel", "cost"}, "../")
    assert text.index("../results/cost.csv") < text.index("../results/duel.csv")
    assert "duel.py final`" in text


def test_names_and_years_are_linked():
    text = ("(Lee et al. 2015; Manchev & Spratling 2020), and Henaff, Szlam & LeCun "
            "(2016) and [Elman 1990](a.html) and `Elman 1990`; nobody & Elman 1990")
    assert citations.linked(text, "../") == (
        "([Lee et al. 2015](../references.qmd#ref-lee2015); [Manchev & Spratling 2020]"
        "(../references.qmd#ref-manchev2020)), and [Henaff, Szlam & LeCun (2016)]"
        "(../references.qmd#ref-henaff2016) and [Elman 1990](a.html) and `Elman 1990`; "
        "nobody & Elman 1990")
    assert citations.numbered("$$a$$\n<!-- eq-a -->\n\n[It](#eq-a)") == (
        "$$a$$ {#eq-a}\n\nIt (@eq-a)")


def test_elements_are_blocks():
    text = staged.elements("a\n\n<copymem-train odd=\"on\"></copymem-train>\n\nb")
    assert text.startswith("a\n\n```{=html}\n<copymem-train odd=\"on\"><p>Here stands")
    assert text.endswith("</p></copymem-train>\n```\n\nb")


def test_addresses_follow_the_repository():
    html = staged.launch("https://github.com/me/it", "dev", "toolbox/a.ipynb", "../")
    assert "colab.research.google.com/github/me/it/blob/dev/nbs/toolbox/a.ipynb" in html
    assert "mybinder.org/v2/gh/me/it/dev?urlpath=lab/tree/nbs/toolbox/a.ipynb" in html
    assert 'href="../notebooks/toolbox/a.ipynb?download" download="a.ipynb"' in html


def test_style_sheets_lose_only_what_nothing_uses():
    css = ("@charset \"utf-8\";.a,.gone{x:1}.gone{x:2}.a:not(.gone) b{x:'}'}"
           "@media print{.gone{x:3}.a{x:4}}@media x{.gone{x:5}}"
           "@font-face{x:6}.aa-Q{x:7}")
    assert finish.lean(css, {"a"}) == (
        "@charset \"utf-8\";.a{x:1}.a:not(.gone) b{x:'}'}@media print{.a{x:4}}"
        "@font-face{x:6}.aa-Q{x:7}")


def test_pictures_lose_nothing_that_is_seen():
    import io
    from PIL import Image
    def png(image):
        image.save(made := io.BytesIO(), "PNG")
        return made.getvalue()
    few = Image.new("RGB", (64, 64), "#FCFBF9")
    few.paste((10, 90, 146), (8, 8, 24, 24))
    many = Image.effect_noise((64, 64), 90)
    many = Image.merge("RGB", (many, many.rotate(90), many.rotate(180)))
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    light = finish.paletted(png(few))
    assert len(light) < len(png(few))
    assert Image.open(io.BytesIO(light)).convert("RGB").tobytes() == few.tobytes()
    for kept in (png(many), png(clear), light): assert finish.paletted(kept) == kept


def test_formulas_scroll_inside_themselves(tmp_path):
    math = '<math display="block"><mi>a</mi></math>'
    page = tmp_path/"a.html"
    for was in (math, f'<span class="math display">{math}</span>'):
        page.write_text(f"<p>{was} and <math display='inline'></math></p>")
        finish.tidy(page)
        assert page.read_text() == (
            f'<p><span class="math display" tabindex="0">{math}</span>'
            " and <math display='inline'></math></p>")


def test_search_reads_prose(tmp_path):
    (tmp_path/"a.html").write_text(
        "<body><nav>no</nav><main><p>one <b>two</b><br></p>"
        "<section id='s' class='level2'><h2>S</h2><p>three<img src='x'> four</p>"
        "<pre>code</pre></section></main></body>")
    assert finish.prose(tmp_path/"a.html") == {"main": "one two", "s": "S three four"}
    (tmp_path/"search.json").write_text(json.dumps([
        {"href": "a.html", "text": "x"}, {"href": "a.html#s", "text": "code"},
        {"href": "a.html#empty", "text": "code"}]))
    finish.search_prose(tmp_path)
    assert [e["text"] for e in json.loads((tmp_path/"search.json").read_text())] == [
        "one two", "S three four"]


def test_names_and_minutes_are_in_step():
    "`python nbs/site/api.py` brings them there."
    assert (ROOT/"nbs/api.qmd").read_text(encoding="utf-8") == api_page.api()
    config = (ROOT/"_quarto.yml").read_text(encoding="utf-8")
    assert config == api_page.with_minutes(config)
    route = (ROOT/"nbs/index.ipynb").read_text(encoding="utf-8")
    for minutes, page in re.findall(
            r"\[(\d+) min\]\{\.minutes\}\"\n +href: (\S+)", config):
        assert re.search(rf"\]\({page}\) \|[^|]+\| {minutes} \|", route), page


def test_references():
    bib = (ROOT/"nbs/references.bib").read_text(encoding="utf-8")
    entries = dict(re.findall(r"^@\w+\{(\w+),\n(.*?)^\}", bib, re.M | re.S))
    assert len(entries) == bib.count("\n@") + 1
    for key, entry in entries.items():
        assert {"author", "title", "year"} <= set(re.findall(r"(\w+) = \{", entry)), key
        assert re.search(r"\b(?:doi|eprint|url|number) = \{.+?\}", entry), key
    cited = (ROOT/"CITATION.cff").read_text(encoding="utf-8")
    for mark in re.findall(r"^ +doi: (\S+)|arXiv:([\d.]+)", cited, re.M):
        assert "".join(mark) in bib


def light_of(colour):
    "WCAG's relative luminance of #rrggbb."
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), parts))


def contrast(a, b):
    high, low = sorted((light_of(a), light_of(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_themes_can_be_read(mode):
    scss = (SITE/f"{mode}.scss").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", scss))
    for name in ("ink", "quiet", "link"):
        for ground in ("page", "code-bg", "side"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    theme = json.loads((SITE/f"code-{mode}.theme").read_text(encoding="utf-8"))
    assert theme["background-color"] == colours["code-bg"]
    for name, style in theme["text-styles"].items():
        assert contrast(style["text-color"], colours["code-bg"]) >= 4.5, name
    if mode == "light":
        from copymem.plot import PAGE
        assert colours["page"] == PAGE


def test_nothing_comes_from_elsewhere():
    for path in [*SITE.iterdir(), *(ROOT/"nbs/assets").rglob("*")]:
        if path.suffix not in {".scss", ".css", ".js", ".html", ".lua", ".svg"}:
            continue
        text = re.sub(r"/\*.*?\*/|(?m:^\s*//.*$)", "", path.read_text(encoding="utf-8"),
                      flags=re.S)
        assert not ADDRESS.findall(text), path


def test_workflows_are_pinned():
    for path in sorted((ROOT/".github/workflows").glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
        uses = re.findall(r"uses:.*", text)
        assert uses and all(PINNED.match(line) for line in uses), path


def test_card_and_icon():
    png = (SITE/"card.png").read_bytes()
    assert struct.unpack(">II", png[16:24]) == (1200, 630) and len(png) < 80_000
    assert (SITE/"favicon.svg").read_text().startswith("<svg")


# The site itself


def quarto():
    "The Quarto on the PATH, if it can build this site."
    found = shutil.which("quarto")
    said = found and subprocess.run([found, "--version"], capture_output=True,
                                    text=True).stdout.strip()
    parts = re.match(r"(\d+)\.(\d+)\.(\d+)", said or "")
    return found if parts and tuple(map(int, parts.groups())) >= (1, 10, 18) else None


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    "(folder, what Quarto said): one that is built already, or built now, once."
    if os.environ.get("COPYMEM_SITE"): return Path(os.environ["COPYMEM_SITE"]), ""
    if not quarto(): pytest.skip("no Quarto from 1.10.18 on is on the PATH")
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ: base = base.parent  # all workers' one
    tree, said = base/"site", base/"site.log"
    with FileLock(base/"site.lock"):
        if not said.exists(): said.write_text(rendered(tree), encoding="utf-8")
    return tree/"_proc/_docs", said.read_text(encoding="utf-8")


def rendered(tree):
    "Render a copy of the repository in the folder `tree`; what Quarto said."
    copy_tree(tree)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for command, cwd in (([sys.executable, "-c", STAGE], tree),
                         ([quarto(), "render", "--no-cache", "--output-dir", "_docs"],
                          tree/"_proc")):
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True,
                              timeout=900, env={**os.environ, "PATH": path})
        assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


class Reader(HTMLParser):
    "What a page loads, links to, names and shows."
    def __init__(self, text):
        super().__init__()
        self.loads, self.links, self.ids, self.images, self.heads = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if attrs.get("id") and tag != "link": self.ids.append(attrs["id"])
        if tag == "img": self.images.append(attrs)
        if tag in ("script", "img", "source", "iframe", "video", "embed"):
            self.loads.append(attrs.get("src"))
        if tag == "link" and attrs.get("rel") not in ("canonical", "next", "prev"):
            self.loads.append(attrs.get("href"))
        if tag == "a" and attrs.get("href"): self.links.append(attrs["href"])


@pytest.fixture(scope="module")
def shown(site):
    "Every page that shows something, by its name."
    texts = {p.relative_to(site[0]).as_posix(): p.read_text(encoding="utf-8")
             for p in sorted(site[0].rglob("*.html"))}
    return {name: (text, Reader(text)) for name, text in texts.items()
            if 'http-equiv="refresh"' not in text and not name.startswith(
                ("site_libs/", "assets/")) and "<main" in text}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_quarto_warns_of_nothing(site):
    assert not re.findall(r"^.*\b(?:WARN|ERROR)\b.*$", site[1], re.M)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_pages_are_whole(site, shown):
    base = ROOT/"nbs"
    assert len(shown) >= len(list(base.glob("*.ipynb")))
    for name, (text, page) in shown.items():
        assert not [a for a in page.loads if a and urlsplit(a).netloc], name
        assert len(page.ids) == len(set(page.ids)), (
            name, [i for i in page.ids if page.ids.count(i) > 1][:5])
        assert all((i.get("alt") or "").strip() for i in page.images), name
        for leak in ("torch._C.", "__main__.", "NoneType", "jupyter-widgets",
                     "require.min.js", "MathJax", "polyfill"):
            assert leak not in text, (name, leak)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_links_lead_somewhere(site, shown):
    broken = []
    for name, (_, page) in shown.items():
        for link in page.links:
            at = urlsplit(link)
            if at.scheme or at.netloc or name == "404.html": continue
            here = os.path.dirname(name)
            to = (os.path.normpath(os.path.join(here, unquote(at.path)))
                  if at.path else name)
            target = site[0]/to
            if target.is_dir(): to, target = f"{to}/index.html", target/"index.html"
            anchor = unquote(at.fragment)
            if not target.is_file() or anchor and to in shown and \
                    anchor not in shown[to][1].ids: broken.append((name, link))
    assert not broken


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_links_unfold_into_the_card(site, shown):
    "Not into a page's first picture, and not beside the page."
    base = re.search(r'<link rel="canonical" href="([^"]*)"', shown["api.html"][0])[1]
    card = base.removesuffix("api.html") + "site/card.png"
    assert (site[0]/"site/card.png").is_file()
    for name, (text, _) in shown.items():
        found = re.findall(
            r'<meta (?:property="og|name="twitter):image" content="([^"]*)', text)
        assert found == [card, card], name


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_pages_are_light(site, shown):
    "Compressed, without figures: at most 250 kB, the landing page's first view 350."
    size = lambda p: len(gzip.compress(p.read_bytes())) if p.is_file() else 0
    letters = [*site[0].glob("site_libs/bootstrap/**/*.woff2")]
    assert letters
    for name, (text, page) in shown.items():
        here = (site[0]/name).parent
        files = {here/a.partition("?")[0] for a in page.loads
                 if a and not a.endswith(".png") and not a.startswith("data:")}
        assert sum(map(size, [site[0]/name, *files, *letters])) <= 250_000, name


@pytest.fixture(scope="module")
def address(site):
    "Where the site is served, on this machine alone."
    base = re.search(r"<loc>https?://[^/]+(/.*?)[\w.-]*\.html", (
        site[0]/"sitemap.xml").read_text())[1].removesuffix("toolbox/")
    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_): pass
        def translate_path(self, path):  # a 404 page asks by the site's whole path
            return super().translate_path("/" + path.removeprefix(base).lstrip("/"))
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Silent, directory=site[0]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


ACROSS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
UNFOLD = "document.querySelectorAll('details').forEach(fold => fold.open = true)"
LINES = """() => [...document.querySelectorAll('main p')].map(p => {
  const range = document.createRange(), text = p.textContent;
  range.selectNodeContents(p);
  const rows = new Set([...range.getClientRects()].map(r => Math.round(r.bottom / 12)));
  return [text.length, p.getBoundingClientRect().height /
          parseFloat(getComputedStyle(p).lineHeight)];
}).filter(([n, rows]) => rows > 5.5).map(([n, rows]) => n / rows)"""


def visitor():
    "A browser; without one there is nothing to visit with."
    return launched(chromium() or pytest.skip("no Chromium is on the PATH"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_a_visitor_meets_no_error(address, shown, mode, width):
    """Nor does axe, every fold opened; nothing runs off sideways, and nothing is asked
    of another host."""
    from test_playground import complaints
    with visitor() as browser:
        for name in shown:
            said, asked = [], []
            page = browser.new_page(color_scheme=mode,
                                    viewport=dict(width=width, height=800))
            page.on("console", lambda m: m.type == "error" and said.append(m.text))
            page.on("pageerror", lambda e: said.append(str(e)))
            page.on("request", lambda r: asked.append(r.url))
            page.goto(address + name, wait_until="load")
            page.wait_for_timeout(150)
            page.evaluate(UNFOLD)
            assert not said, (name, said)
            ours = (address, "data:", "blob:")
            assert not [a for a in asked if not a.startswith(ours)], name
            assert page.evaluate(ACROSS) <= 0, name
            assert page.evaluate("document.body.classList.contains('quarto-dark')") == (
                mode == "dark"), name
            assert not complaints(page), name
            page.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_lines_are_as_long_as_in_a_book(address):
    with visitor() as browser:
        page = browser.new_page(viewport=dict(width=1440, height=900))
        page.goto(address)
        lengths = page.evaluate(LINES)
    assert lengths and 55 <= sum(lengths) / len(lengths) <= 75, lengths
