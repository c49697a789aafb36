"""Words to people and programs: the only place that writes to the terminal."""

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final, TextIO

BLOCKS: Final = " ▁▂▃▄▅▆▇█"
SIGNS: Final = " .:-=+*#@"


def say(text: str = "") -> None:
    """One line of the answer, on standard output."""
    sys.stdout.write(f"{text}\n")


def flush() -> None:
    """Show at once what was said: also where it goes into a pipe."""
    sys.stdout.flush()


def complain(text: str) -> None:
    """One line about what is wrong, on standard error."""
    sys.stderr.write(f"{text}\n")


def say_json(value: Any) -> None:
    """One object a line, for programs."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def say_part(text: str) -> None:
    """A part of the answer that is too long to be held whole."""
    sys.stdout.write(text)


def colour_wanted(stream: TextIO | None = None, env: Mapping[str, str] = os.environ) -> bool:
    """Colour only on a terminal, and never under NO_COLOR (no-color.org) or TERM=dumb."""
    stream = stream or sys.stdout
    return stream.isatty() and not env.get("NO_COLOR") and env.get("TERM") != "dumb"


def paint(text: str, *, code: str) -> str:
    """``text`` in an SGR colour where colour is wanted."""
    return f"\x1b[{code}m{text}\x1b[0m" if colour_wanted() else text


def columns() -> int:
    """How wide the terminal is; 80 where there is none, or what COLUMNS says."""
    return shutil.get_terminal_size().columns


def heights(stream: TextIO | None = None) -> str:
    """Nothing and eight heights of a bar: blocks on a terminal that can show them, else ASCII."""
    stream = stream or sys.stdout
    if not stream.isatty():
        return SIGNS
    try:
        BLOCKS.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return SIGNS
    return BLOCKS


def width(text: str) -> int:
    """Columns on a terminal: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def printable(text: str) -> str:
    """Text from outside, without the control characters that could drive a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns, two spaces between; "" for no rows."""
    cells = [list(headings), *[[printable(cell) for cell in row] for row in rows]]
    widths = [max(width(row[i]) for row in cells) for i in range(len(headings))]
    lines = []
    for row in cells:
        padded = [cell + " " * (w - width(cell)) for cell, w in zip(row, widths, strict=True)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines) if rows else ""
