"""Bytes to text that YAML may hold, and libyaml's complaints in words with the way out."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml

from citypatrol.errors import Problem

LARGEST: Final = 32_000_000
"""Bytes of a file."""
_FORBIDDEN: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_WORDS: Final = (
    ("violates indentation", "a tab cannot indent; use spaces"),
    ("mapping values are not allowed", "a ':' cannot stand here; put text with ': ' in quotes"),
    ("did not find expected key", "this fits nothing above it; check indentation and quotes"),
    ("did not find expected '-'", "expected '- ' as in the list above; check the indentation"),
    ("could not find expected ':'", "what begins here is no key: it has no ': ' and no value"),
    ("block sequence entries", "a list cannot begin here; write '- ' on a line of its own"),
    ("unknown escape character", "unknown escape in double quotes; use single quotes"),
    ("invalid Unicode character", "this escape is no character"),
    ("expected alphabetic or numeric", "text must not begin with '*' or '&'; put it in quotes"),
    ("undefined tag handle", "tags ('!...') are not read; put the text in quotes"),
    ("expected node content", "a value is missing here"),
    ("expected comment or line", "text must not begin with '|' or '>'; put it in quotes"),
)
_FULL_WIDTH: Final = re.compile("[：，｛｝［］]")
_NO_BLANK: Final = re.compile(r"\s*(- )?[\w.-]+:[^\s:/]")
_KEY_BEFORE: Final = ("could not find expected ':'",)


def read(path: Path) -> bytes:
    """What is in the file, and never much more than ``decode`` takes. Raises OSError."""
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def decode(data: bytes, *, path: str) -> tuple[str, list[Problem]]:
    """UTF-8 with or without BOM; a problem at the first byte or character that cannot be."""
    if len(data) > LARGEST:
        message = f"is larger than {LARGEST // 10**6} MB; split it, or is it another kind of file?"
        return "", [Problem(path, 0, 0, message)]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        byte = data[error.start]
        return "", [Problem(path, line, column, f"not UTF-8 (byte 0x{byte:02x}); save it as UTF-8")]
    found = _FORBIDDEN.search(text)
    if found is None:
        return text, []
    line, column = _place(text, found.start())
    return "", [Problem(path, line, column, f"control character {found.group()!r} in the text")]


def syntax_problem(error: yaml.MarkedYAMLError, *, path: str, text: str) -> Problem:
    """The complaint at the place where it is mended, not where the parser gave up."""
    lines = text.splitlines()
    what = error.problem or "not YAML"
    mark, context = error.problem_mark, error.context_mark
    at_end = mark is not None and mark.line >= len(lines)
    if context is not None and (at_end or "end of stream" in what or what.startswith(_KEY_BEFORE)):
        mark = context
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    return Problem(path, line + 1, column + 1, _words(what, error, lines, line, column))


def _words(
    what: str, error: yaml.MarkedYAMLError, lines: Sequence[str], line: int, column: int
) -> str:
    here = lines[line] if line < len(lines) else ""
    opened = error.context_mark
    if "found unexpected end of stream" in what:
        return "the quotes that open here are never closed"
    if "expected ',' or" in what and opened is not None:
        if "${" in lines[opened.line]:
            return 'inside { } and [ ] write "${NAME}" with quotes'
        closing = "]" if "]" in what else "}"
        kind = "list" if closing == "]" else "map"
        if (opened.line, opened.column) == (line, column):
            return f"the {kind} that opens here is never closed"
        return f"the {kind} that opens at line {opened.line + 1} needs ',' or '{closing}' here"
    if "cannot start any token" in what:
        first = here[column : column + 1]
        if first == "\t":
            return "a tab cannot indent; use spaces"
        return f"text must not begin with '{first}'; put it in quotes"
    if "mapping values are not allowed" in what:
        above = lines[line - 1] if 0 < line <= len(lines) else ""
        if _FULL_WIDTH.search(above + here):
            return "full-width signs (：，｛｝) are text in YAML; write : , { } with a blank behind"
        if _NO_BLANK.match(above):
            return "the line above needs a blank behind its ':'"
    return next((words for known, words in _WORDS if known in what), what)


def _place(text: str, offset: int) -> tuple[int, int]:
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1
