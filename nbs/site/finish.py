"""After the pages: notebooks and the tables behind the figures as files to take along,
pages as Markdown, prose in the search, figures that a phone scrolls, style sheets
without what no page uses, pictures of 256 colours. Quarto runs this in the staged
folder, `_proc`."""
import base64, hashlib, io, json, os, re, shutil
from html.parser import HTMLParser
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

QUIET = {"pre", "script", "style", "button", "math"}
NOTICE = ("/* From Bootstrap 5.3.1, Bootstrap Icons 1.13.1 (The Bootstrap Authors) and "
          "Quarto (Posit Software, PBC), all under the MIT licence. */\n")
MADE = ("aa-", "tippy", "headroom")  # names that scripts put together
INLINE = {"a", "b", "strong", "em", "i", "code", "span", "sub", "sup", "wbr"}
VOID = {"img", "br", "hr", "meta", "link", "input", "source", "wbr", "col", "area"}


class Prose(HTMLParser):
    "The words of a page's parts, by the name of the part, without its code."
    def __init__(self):
        super().__init__()
        self.parts, self.stack = {}, []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        part = self.stack[-1][1] if self.stack else ""
        if tag == "main": part = "main"
        if tag == "section" and "level2" in (attrs.get("class") or ""):
            part = attrs.get("id", part)
        quiet = tag in QUIET or bool(self.stack) and self.stack[-1][2]
        if tag not in VOID: self.stack.append((tag, part, quiet))
        if tag not in INLINE: self.handle_data(" ")

    def handle_endtag(self, tag):
        while self.stack and self.stack.pop()[0] != tag: pass

    def handle_data(self, data):
        if self.stack and self.stack[-1][1] and not self.stack[-1][2]:
            self.parts.setdefault(self.stack[-1][1], []).append(data)


def prose(path):
    "The words of a page's parts."
    reader = Prose()
    reader.feed(path.read_text(encoding="utf-8"))
    return {part: " ".join("".join(words).split())
            for part, words in reader.parts.items()}


def search_prose(out):
    "Let the search find what the pages say, and functions by their headings."
    path, pages, kept = out/"search.json", {}, []
    for entry in json.loads(path.read_text(encoding="utf-8")):
        name, _, part = entry["href"].partition("#")
        if name not in pages: pages[name] = prose(out/name)
        text = pages[name].get(part or "main", "")
        if text: kept.append({**entry, "text": text.replace("<", "&lt;")})
    path.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")


def copy_all(root, out):
    "Every notebook and every shipped table."
    for kind, source, target in (("**/*.ipynb", root/"nbs", out/"notebooks"),
                                 ("*.csv", root/"copymem/results", out/"results")):
        for path in sorted(source.glob(kind)):
            if ".ipynb_checkpoints" in path.parts: continue
            to = target/path.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, to)


def index_markdown(out):
    "Pages as Markdown beside the pages, also as docstrings name them, all in llms.txt."
    for path in sorted(out.rglob("*.llms.md")):
        page = re.sub(r"^\d+_", "", path.name.removesuffix(".llms.md"))
        shutil.copy2(path, path.with_name(f"{page}.html.md"))
    listed = out/"llms.txt"
    head = listed.read_text(encoding="utf-8").partition("## Pages\n")[0]
    site = re.search(r"<loc>(.*/)[^/]*</loc>", (out/"sitemap.xml").read_text())[1]
    site = re.sub(r"toolbox/$", "", site)
    names = [p.relative_to(out).as_posix() for p in out.rglob("*.llms.md")]
    place = lambda n: ("/" in n, n != "index.llms.md", not n[:2].isdigit(), n)
    lines = [f"- [{heading(out/n)}]({site}{n})" for n in sorted(names, key=place)
             if not n.startswith("404")]
    listed.write_text(f"{head}## Pages\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


def heading(path):
    "What a page of Markdown is called."
    found = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.M)
    return found[1] if found else path.name


def rules(css):
    "A style sheet's pieces: (what stands before the brace, what stands inside)."
    start = i = depth = 0
    while i < len(css):
        if css[i] in "\"'":
            i = css.index(css[i], i + 1)
        elif css[i] == "{":
            if not depth: head, begin = css[start:i], i + 1
            depth += 1
        elif css[i] == "}":
            depth -= 1
            if not depth:
                yield head, css[begin:i]
                start = i + 1
        elif css[i] == ";" and not depth:
            yield css[start:i + 1], None
            start = i + 1
        i += 1


def lean(css, words):
    "A style sheet without the rules for classes that nothing on the site has."
    kept = []
    for head, body in rules(css):
        bare = head.strip()
        if body is None: kept.append(head)
        elif re.match(r"@(?:media|supports|layer|container)", bare):
            inner = lean(body, words)
            if inner: kept.append(f"{head}{{{inner}}}")
        elif "--quarto-scss-export" in body: continue
        elif bare.startswith("@"): kept.append(f"{head}{{{body}}}")
        else:
            some = [one for one in re.split(r",(?![^(\[]*[)\]])", head)
                    if used(one, words)]
            if some: kept.append(f"{','.join(some)}{{{body}}}")
    return "".join(kept)


def used(selector, words):
    "Whether every class that a selector asks for is somewhere on the site."
    bare = re.sub(r":(?:not|is|where|has)\([^)]*\)|\[[^\]]*\]", "", selector)
    return all(name in words or name.startswith(MADE) for name in
               re.findall(r"\.(-?[A-Za-z_][\w-]*)", bare))


def slim(out):
    "Style sheets cut down to what the pages and their scripts can come to show."
    text = [p.read_text(encoding="utf-8") for kind in ("*.html", "*.js")
            for p in out.rglob(kind)]
    words = set(re.findall(r"[\w-]+", " ".join(text)))
    for path in out.glob("site_libs/bootstrap/*.css"):
        css = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)
        path.write_text(NOTICE + lean(css, words), encoding="utf-8")


LABELS = [  # (what Quarto writes, what a keyboard and a screen reader need)
    (r'<div (aria-describedby="fig-[^"]*")>', r'<div \1 tabindex="0" role="group">'),
    (r'(<div id="fig-[^>]*?) alt="[^"]*"', r"\1"),
    (r"<pre(?= class=\"sourceCode|>)", r'<pre tabindex="0"'),
    (r'(?s)(?<!<span class="math display">)(<math display="block".*?</math>)',
     r'<span class="math display">\1</span>'),
    (r'<span class="math display">', r'<span class="math display" tabindex="0">'),
    (r'<nav id="quarto-sidebar"', r'<nav id="quarto-sidebar" aria-label="The course"'),
    (r'<nav class="quarto-secondary-nav"',
     r'<nav class="quarto-secondary-nav" aria-label="This page"'),
    (r'<nav class="page-navigation"',
     r'<nav class="page-navigation" aria-label="Before and after"'),
    (r'(<a [^>]*data-bs-toggle="collapse"[^>]*) role="navigation"',
     r'\1 role="button"'),
    (r' target="_blank"', "")]


def tidy(path):
    "Labels, keyboards and stills; later figures wait until they are come to."
    text = old = path.read_text(encoding="utf-8")
    for pattern, new in LABELS: text = re.sub(pattern, new, text)
    head, *images = re.split(r"(?=<img )", text)
    text = head + "".join(image if i == 0 or "loading=" in image else
                          image.replace("<img ", '<img loading="lazy" ', 1)
                          for i, image in enumerate(images))
    def filed(match):
        data = base64.b64decode(match[1])
        name = f"still-{hashlib.sha256(data).hexdigest()[:12]}.png"
        path.with_name(name).write_bytes(data)
        return f'src="{name}"'
    text = re.sub(r'src="data:image/png;base64,([^"]+)"', filed, text)
    if text != old: path.write_text(text, encoding="utf-8")


def paletted(png, most=0.5):
    """A picture in 256 colours, or as it was where that is no smaller or the mean pixel
    would be off by more than `most` of 255 levels."""
    was = Image.open(io.BytesIO(png))
    if was.mode == "P" or "A" in was.mode and was.getchannel("A").getextrema()[0] < 255:
        return png
    full = was.convert("RGB")
    few = full.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=2,
                        dither=Image.Dither.NONE)
    off = ImageStat.Stat(ImageChops.difference(full, few.convert("RGB"))).mean
    few.save(made := io.BytesIO(), "PNG", optimize=True)
    return min(png, made.getvalue(), key=len) if max(off) <= most else png


def finish(root, out):
    "All of it, for the project under `root` and its site in `out`."
    copy_all(root, out)
    index_markdown(out)
    for path in sorted(out.rglob("*.html")): tidy(path)
    for path in (*out.rglob("figure-html/*.png"), *out.rglob("still-*.png")):
        path.write_bytes(paletted(path.read_bytes()))
    search_prose(out)
    slim(out)


if __name__ == "__main__":
    finish(Path.cwd().resolve().parent, Path(os.environ["QUARTO_PROJECT_OUTPUT_DIR"]))
