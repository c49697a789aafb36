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
    if args.json:
        say_json(
            {
                "files": found.files,
                "problems": [_as_json(one) for one in found.problems],
                "notes": [_as_json(one) for one in found.notes],
            }
        )
        return FOUND_WRONG if found.problems else FINE
    for problem in found.problems:
        complain(printable(str(problem)))
    if not args.quiet:
        for note in found.notes:
            complain(paint(f"note: {printable(str(note))}", code="2"))
        say(f"{_count(found.files, 'file')}: {_count(len(found.problems), 'error')}")
    return FOUND_WRONG if found.problems else FINE


def _count(number: int, thing: str) -> str:
    """``no error``, ``1 error``, ``2 errors``."""
    return f"{number or 'no'} {thing}{'s' if number > 1 else ''}"


def _as_json(problem: "Problem") -> dict[str, Any]:
    return {
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
    }
