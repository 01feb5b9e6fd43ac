"""Settings files. A file is refused in one line, or its runs are what stands in it,
each of them one that can be: every setting in its range, every rate from it finite."""
import configparser, math
from dataclasses import asdict
from pathlib import Path

from copymem.experiment import learning_rates
from copymem.settings import CHOICES, RANGES, SETTINGS, load_experiments

from .base import TESTS, refused, spoil_lines, spoiled_file

VALUES = ("", "0", "-1", "1", "nan", "inf", "-inf", "1e308", "1e-320", "1e400", "0.5",
          "2", "1_000", " 3 ", "\u0663", "0x10", "9" * 30, "9" * 5_000, "true", "None",
          "bp", "tp", "BP", "growing", "quiet", "amsgrad", "${lr}", "%(lr)s",
          "x\x1b[1m", "<b>", "1 # one", "1 ; one", "y" * 9_999,
          "999999999", "1000000001", "\x00")
NAMES = ("15-tp", "x", "", " ", "DEFAULT", "../x", "a/b", "\x1b[31m", "\u202ex",
         "n" * 101, "n" * 10_000, "a b", "[", "]", "-x", ".x",
         "CON", "\u00fc", "default")


def prepare(folder):
    return (TESTS.parent/"settings.ini").read_text(encoding="utf-8")


def spoil(r, text):
    "Settings with a line that is another."
    lines = text.split("\n")
    for _ in range(r.choice([1, 1, 1, 2, 4])):
        i, how = r.randrange(len(lines)), r.randrange(8)
        key, value = r.choice([*SETTINGS, "colour", "name", "", "LR"]), r.choice(VALUES)
        heads = [i for i, line in enumerate(lines) if line.startswith("[")]
        head = r.choice(heads or [0])
        if how < 4: lines.insert(head + 1, f"{key}{r.choice([' = ', '=', ':'])}{value}")
        elif how == 4: lines.insert(i, f"[{r.choice(NAMES)}]")
        elif how == 5: lines[head] = f"[{r.choice(NAMES)}]"
        elif how == 6:
            lines.insert(i, r.choice(["  more", "=", "\ufeff", "]", ":", "[x"]))
        else: return spoil_lines(r, "\n".join(lines))
    return "\n".join(lines)


def attempt(r, folder, known, case):
    path = folder/"settings.ini"
    content = spoiled_file(r, path, case, known, spoil, 0.8, 0.3) or b""
    try: found = load_experiments(path)
    except Exception as error: return refused(error, path)
    return impossible(found, content) or ("taken", "")


def impossible(found, content):
    "What is wrong with runs that were taken, None if nothing."
    parser = configparser.ConfigParser(interpolation=None,
                                       inline_comment_prefixes=("#",))
    parser.read_string(content.decode("utf-8-sig").replace("\r\n", "\n"))
    if list(found) != parser.sections(): return "!other runs", ""
    for name, e in found.items():
        if not name.isprintable() or Path(name).name != name or name.startswith("."):
            return "!a name that is a path", repr(name)
        for key, value in asdict(e).items():
            if key == "name": continue
            text = parser[name].get(key)
            if text is not None and value != SETTINGS[key](text):
                return "!other value", f"{key}: {text[:99]!r}"
            if key in CHOICES and value not in CHOICES[key]: return "!word", key
            if key not in CHOICES and not (
                    math.isfinite(value) and value >= RANGES.get(key, (0,))[0]):
                return "!out of range", f"{key}: {value}"
        for update in (0, 1, e.updates // 2, e.updates):
            if not all(map(math.isfinite, learning_rates(e, update))):
                return "!a rate that is not finite", str(e)[:200]
        if e.training == "growing" and e.start_delay > e.delay: return "!start", str(e)
        if e.method == "tp" and e.warmup >= e.updates: return "!no update", str(e)[:200]
    return None
