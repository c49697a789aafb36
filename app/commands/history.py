"""``citypatrol history``: what the Parquet history holds, and whether it is whole."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands import history_import
from app.commands.at_city import read_city_file
from app.commands.options import global_options
from app.outcome import FINE, FOUND_WRONG, OutsideError, UsageError
from app.terminal import complain, printable, say, say_json, table

if TYPE_CHECKING:
    from citypatrol.history.layout import HistoryFile


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, meaning in (
        ("ls", "its hours: files, rows, late rows, size, journal positions"),
        ("verify", "read every byte of it and print all that is wrong"),
    ):
        one = verbs.add_parser(verb, help=meaning, parents=[global_options()])
        one.add_argument(
            "city",
            metavar="CITY",
            nargs="?",
            type=Path,
            help="default: city.yaml in this folder",
        )
        one.add_argument("--history", metavar="DIR", type=Path, help="default: the city's")
    importing = verbs.add_parser(
        "import", help="samples of CSV, line protocol or InfluxDB", parents=[global_options()]
    )
    history_import.configure(importing)


def execute(args: argparse.Namespace) -> int:
    if args.verb == "import":
        return history_import.execute(args)
    folder = _folder(args)
    if not folder.is_dir():
        message = (
            f"{folder}: no such folder; the city has not run yet, or keeps it elsewhere: write"
            " --history DIR"
        )
        raise OutsideError(message)
    try:
        return _verify(folder, args) if args.verb == "verify" else _list(folder, args)
    except OSError as error:
        message = f"{error.filename or folder}: {error.strerror or error}"
        raise OutsideError(message) from error


def _folder(args: argparse.Namespace) -> Path:
    from app.places import Places

    named: Path | None = args.history
    if named is not None:
        if args.city is not None:
            message = "CITY and --history both say where it lies; write one of them"
            raise UsageError(message)
        return named
    city = args.city or Path("city.yaml")
    return Places(read_city_file(city), city.parent).history


def _list(folder: Path, args: argparse.Namespace) -> int:
    from citypatrol.history.reading import History
    from citypatrol.logs import configure as configure_logs

    configure_logs("error", json=False)  # a damaged file is told on standard error
    files = History(folder).files()
    if args.json:
        for file in files:
            say_json(_as_json(file))
        return FINE
    hours: dict[int, list[HistoryFile]] = {}
    for file in files:
        hours.setdefault(file.hour, []).append(file)
    lines = [_line(str(some[0].name)[: len("2026-05-13T07")], some) for some in hours.values()]
    if files:
        lines.append(_line("all", files))
    head = ("hour (UTC)", "files", "rows", "late", "MB", "journal")
    say(table(head, lines) or "nothing is written yet")
    return FINE


def _line(name: str, files: "Iterable[HistoryFile]") -> tuple[str, ...]:
    files = list(files)
    return (
        name,
        str(len(files)),
        str(sum(file.rows for file in files)),
        str(sum(file.footer.late for file in files)),
        f"{sum(file.size for file in files) / 1e6:.2f}",
        f"{min(file.first for file in files)}..{max(file.last for file in files)}",
    )


def _as_json(file: "HistoryFile") -> dict[str, Any]:
    from citypatrol.clock import rfc3339

    return {
        "file": file.path.name,
        "hour": rfc3339(file.hour),
        "rows": file.rows,
        "late": file.footer.late,
        "bytes": file.size,
        "first": file.first,
        "last": file.last,
    }


def _verify(folder: Path, args: argparse.Namespace) -> int:
    from citypatrol.clock import SystemClock
    from citypatrol.history.verify import verify

    found = verify(folder, now=SystemClock().now())
    rows = sum(file.rows for file in found.files)
    if args.json:
        problems = [{"path": one.path, "message": one.message} for one in found.problems]
        say_json({"files": len(found.files), "rows": rows, "problems": problems})
    else:
        for problem in found.problems:
            complain(printable(str(problem)))
        if not args.quiet:
            count = len(found.problems) or "no"
            say(f"{len(found.files)} files, {rows} rows: {count} problems")
    return FOUND_WRONG if found.problems else FINE
