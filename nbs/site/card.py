"""The picture that a link to the site unfolds into: `python nbs/site/card.py`."""
import io
from pathlib import Path

import torch
from copymem.data import CopyTask
from copymem.lettering import FAMILY
from copymem.plot import GO_COLOR, INK, METHOD_COLORS, PAGE, QUIET, TOKEN_COLORS, WRONG
from copymem.train import answer
from copymem.weights import load_pretrained
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from PIL import Image

ROWS = ["asked", "after backpropagation", "after target propagation"]


def box(ax, i, j, token, wrong):
    "One symbol, framed and crossed where it is wrong."
    ax.add_patch(FancyBboxPatch(
        (i, -1.6 * j), 0.84, 0.84, boxstyle="round,pad=0,rounding_size=0.14",
        facecolor=TOKEN_COLORS[token], edgecolor=WRONG if wrong else "none",
        linewidth=5))
    ax.annotate(str(token), (i + 0.42, 0.42 - 1.6 * j), (0, -0.36 * 27), fontsize=27,
                color=GO_COLOR if token in (1, 4) else "white", fontweight="bold",
                ha="center", textcoords="offset points")
    across, up = [i, i + 0.84], [-1.6 * j, 0.84 - 1.6 * j]
    if wrong: ax.plot(across, up, color=WRONG, linewidth=4)


def card():
    "A figure of 1200 by 630 points: the question, and what two networks recall."
    x, _ = CopyTask(15).sample(1, torch.Generator().manual_seed(0))
    asked = x[0, :10].tolist()
    said = [answer(load_pretrained(f"15-{rule}"), asked)[2][25:]
            for rule in ("bp", "tp")]
    fig = Figure(figsize=(12, 6.3), dpi=100, facecolor=PAGE)
    ax = fig.add_axes([0.06, 0.02, 0.9, 0.66])
    ax.set(xlim=(0, 14.6), ylim=(-3.6, 1.4), aspect="equal")
    ax.axis("off")
    for j, (row, label) in enumerate(zip([asked, *said], ROWS)):
        color = [QUIET, METHOD_COLORS["BP"], METHOD_COLORS["TP"]][j]
        for i, token in enumerate(row): box(ax, i, j, token, token != asked[i])
        ax.text(10.25, 0.4 - 1.6 * j, label.replace(" ", "\n", 1), va="center",
                fontsize=20, color=color, fontweight="bold")
    fig.text(0.06, 0.86, "copymem", fontsize=46, color=INK, fontweight="bold")
    fig.text(0.06, 0.755, "Why a plain recurrent network forgets, built step by step",
             fontsize=23, color=QUIET)
    for text in fig.findobj(Text): text.set_fontfamily(FAMILY)
    return fig


if __name__ == "__main__":
    held = io.BytesIO()
    card().savefig(held, facecolor=PAGE)
    Image.open(held).convert("RGB").quantize(96).save(
        Path(__file__).with_name("card.png"), optimize=True)
