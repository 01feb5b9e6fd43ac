"""Names and years in the text, as `Lee et al. (2015)`, linked to the references;
equations numbered where a comment in the notebook names them, and referred to so.
JupyterLab shows the plain words."""
import functools, re
from pathlib import Path

BIB = Path(__file__).resolve().parents[1]/"references.bib"
AS_IT_IS = re.compile(r"(^```.*?^```$|\$\$.*?\$\$|`[^`\n]+`|\[[^\]\n]*\]\([^)\n]*\)"
                      r"|<[^>\n]*>)", re.M | re.S)
NAMED = re.compile(r"\$\$\n*<!-- (eq-[\w-]+) -->")
REFERRED = re.compile(r"\[([^\]\n]+)\]\(#(eq-[\w-]+)\)")


@functools.cache
def phrases(bib=BIB):
    "Pattern -> key: how the text names each entry of the list."
    found = {}
    for key, entry in re.findall(r"^@\w+\{(\w+),\n(.*?)^\}", bib.read_text(
            encoding="utf-8"), re.M | re.S):
        authors = re.search(r"author = \{(.*?)\},?$", entry, re.M)[1].split(" and ")
        names = [re.escape(author.partition(",")[0]) for author in authors]
        year = re.search(r"year = \{(\d+)\}", entry)[1]
        full = " (?:&|and) ".join(filter(None, (", ".join(names[:-1]), names[-1])))
        who = full if len(names) < 3 else rf"(?:{full}|{names[0]} et al\.)"
        found[rf"(?<![\w-])(?<!& ){who},? (?:\({year}\)|{year}\b)"] = key
    return found


def linked(text, up):
    "`text` with each of those phrases a link to its entry."
    parts = AS_IT_IS.split(text)
    for i in range(0, len(parts), 2):
        for pattern, key in phrases().items():
            to = f"]({up}references.qmd#ref-{key})"
            parts[i] = re.sub(pattern, rf"[\g<0>{to}", parts[i])
    return "".join(parts)


def numbered(text):
    "`text` with its named equations numbered, and their numbers where they are meant."
    return REFERRED.sub(r"\1 (@\2)", NAMED.sub(r"$$ {#\1}", text))
