"""The one family of pages and figures, cut to what they write:
`python nbs/site/fonts.py FOLDER`, where FOLDER holds the OpenType files of Inter
(https://rsms.me/inter/, SIL Open Font License 1.1; 4.0 was used). Needs fonttools and
brotli. Figures read copymem/fonts, pages read nbs/site/fonts."""
import argparse
from pathlib import Path

from fontTools import subset

ROOT = Path(__file__).resolve().parents[2]
FACES = ("Regular", "Italic", "Bold")
# what the pages write (another letter comes from the system's font): each kilobyte is
# loaded before a page is read
PAGES = [*range(0x20, 0x7f), *map(ord, "\xa0±²³·½×äãéöüß–—‖‘’“”…⁶→−≤≥αβγδεηλσ")]
# what figures may: names, Greek, arrows and operators
FIGURES = [*range(0x20, 0x7f), *range(0xa0, 0x180), *range(0x391, 0x3ca), 0x2c9, 0x2016,
           *range(0x2010, 0x2027), *range(0x2030, 0x203b), *range(0x2070, 0x208f),
           *range(0x2190, 0x2194), *range(0x2202, 0x2266), 0x20ac, 0x25cf, 0x25cb,
           0x2713, 0x2717]


def cut(source, target, kept, flavor=None):
    "Write the glyphs `kept` of `source` to `target`, its licence in its own names."
    o = subset.Options(flavor=flavor, name_IDs=["*"], name_languages=["*"],
                       layout_features=["kern", "tnum", "ccmp", "mark", "locl"])
    font = subset.load_font(source, o)
    font.recalcTimestamp = False
    cutter = subset.Subsetter(o)
    cutter.populate(unicodes=kept)
    cutter.subset(font)
    target.parent.mkdir(exist_ok=True)
    subset.save_font(font, target, o)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1e3:.0f} kB")


def main():
    "The command line."
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for face in FACES:
        source = folder/f"Inter-{face}.otf"
        cut(source, ROOT/"copymem/fonts"/source.name, FIGURES)
        if face == "Italic": continue  # a browser slants the upright one
        cut(source, ROOT/"nbs/site/fonts"/f"Inter-{face}.woff2", PAGES, "woff2")


if __name__ == "__main__": main()
