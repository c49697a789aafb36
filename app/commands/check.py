"""``citypatrol check``: reads every file, connects to nothing, prints all errors at once."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.outcome import FINE, FOUND_WRONG, UsageError
from app.terminal import complain, paint, printable, say, say_json

if TYPE_CHECKING:
    from citypatrol.errors import Problem


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", type=Path, help="files, or folders with a city in them"
    )
    parser.add_argument("--strict", action="store_true", help="warnings are errors: exit status 1")
    parser.add_argument(
        "--format",
        choices=("text", "json", "github"),
        help="github: workflow commands, which a pull request shows beside its lines",
    )


def execute(args: argparse.Namespace) -> int:
    from app.check import check

    for path in args.paths:
        if not path.exists():
            message = f"{path}: there is no such file or folder"
            raise UsageError(message)
        if not (path.is_file() or path.is_dir()):
            message = f"{path}: is neither a file nor a folder; give it the file itself"
            raise UsageError(message)
    found = check(args.paths)
    wrong = bool(found.problems or (args.strict and found.warnings))
    status = FOUND_WRONG if wrong else FINE
    if args.format == "github":
        kinds = (("error", found.problems), ("warning", found.warnings), ("notice", found.notes))
        for kind, some in kinds:
            for one in some:
                say(_workflow_command(kind, one))
        return status
    if args.format == "json" or (args.json and args.format is None):
        say_json(
            {
                "files": found.files,
                "problems": [_as_json(one) for one in found.problems],
                "warnings": [_as_json(one) for one in found.warnings],
                "notes": [_as_json(one) for one in found.notes],
            }
        )
        return status
    for problem in found.problems:
        complain(printable(str(problem)))
    for warning in found.warnings if args.strict or not args.quiet else ():
        complain(f"warning: {printable(str(warning))}")
    if not args.quiet:
        for note in found.notes:
            complain(paint(f"note: {printable(str(note))}", code="2"))
        say(f"{_count(found.files, 'file')}: {_count(len(found.problems), 'error')}")
    return status


def _count(number: int, thing: str) -> str:
    """``no error``, ``1 error``, ``2 errors``."""
    return f"{number or 'no'} {thing}{'s' if number > 1 else ''}"


def _workflow_command(kind: str, problem: "Problem") -> str:
    """What GitHub's runners read from standard output; a line or column of 0 is left out."""
    place = {"file": problem.path, "line": problem.line, "col": problem.column}
    said = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in place.items() if value)
    return f"::{kind} {said}::{_escaped(printable(problem.message))}"


def _escaped(text: str, more: str = "") -> str:
    for sign in "%\r\n" + more:
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def _as_json(problem: "Problem") -> dict[str, Any]:
    return {
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
    }
