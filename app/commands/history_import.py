"""``citypatrol history import``: what others have measured, into the Parquet history."""

import argparse
import contextlib
import gzip
import io
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands.at_city import read_city_file
from app.commands.past import moment, unreadable
from app.outcome import FINE, FOUND_WRONG, OutsideError, UsageError
from app.terminal import complain, printable, say, say_json

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from citypatrol.history.importing import Imported
    from ingest.past.reading import Part

_TOKEN = "INFLUX_TOKEN"  # noqa: S105 - the variable's name
_SHOWN = 5


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="FILE|URL", help="a file (.gz too), - for standard input")
    parser.add_argument("--format", choices=("csv", "line", "influx"), required=True)
    parser.add_argument(
        "--city", metavar="FILE", type=Path, default=Path("city.yaml"), help="default: city.yaml"
    )
    parser.add_argument("--history", metavar="DIR", type=Path, help="default: the city's")
    parser.add_argument("--refused", metavar="FILE", type=Path, help="default: import-refused.tsv")
    table = parser.add_argument_group("csv")
    table.add_argument(
        "--columns", metavar="LIST", default="", help="like source=device,ts=time,value=reading"
    )
    table.add_argument("--source", metavar="NAME", help="of all rows, where no column tells it")
    table.add_argument("--metric", metavar="NAME", help="of all rows, where no column tells it")
    points = parser.add_argument_group("line and influx")
    points.add_argument("--precision", choices=("ns", "us", "ms", "s"), default="ns")
    points.add_argument("--source-tag", metavar="TAG", help="which tag names the source")
    points.add_argument("--metric-tag", metavar="TAG", help="default: metric, where there is one")
    points.add_argument("--measurement", metavar="NAME", default="sensor", help="default: sensor")
    points.add_argument("--since", metavar="T", help="of influx: a day or a time")
    points.add_argument("--until", metavar="T", help="of influx: a day or a time")


def execute(args: argparse.Namespace) -> int:
    folder, zone, keep = _city(args)
    from citypatrol.history.importing import Import

    refused = _Refused(args.refused or Path("import-refused.tsv"))
    try:
        work = Import(folder, tell=unreadable)
        try:
            for part in _parts(args, zone):
                work.add(part.source, part.metric, part.ts, part.value)
                refused.take(part)
            found = work.finish()
        finally:
            work.close()
            refused.close()
    except ValueError as error:
        message = f"{args.what}: {error}"
        raise OutsideError(message) from error
    except OSError as error:
        message = f"{error.filename or args.what}: {error.strerror or error}"
        raise OutsideError(message) from error
    _tell(args, found, refused, keep=keep)
    return FOUND_WRONG if refused.count else FINE


class _Refused:
    """Lines that are set aside, with their reasons; the file is made when the first one comes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.first: list[str] = []
        self._file: io.TextIOBase | None = None

    def take(self, part: "Part") -> None:
        for one in part.refused:
            if self._file is None:
                self._file = self.path.open("w", encoding="utf-8")
                self._file.write("line\treason\ttext\n")
            self.count += 1
            if len(self.first) < _SHOWN:
                self.first.append(f"{one.line}: {one.reason}" if one.line else one.reason)
            cells = (str(one.line), one.reason, one.text)
            self._file.write("\t".join(" ".join(cell.split()) for cell in cells) + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _city(args: argparse.Namespace) -> "tuple[Path, ZoneInfo, int | None]":
    """The folder, the zone of times without one, and how long the city keeps its history."""
    from zoneinfo import ZoneInfo

    from app.places import Places

    if args.history is not None and not args.city.is_file():
        return args.history, ZoneInfo("UTC"), None
    file = read_city_file(args.city)
    folder = args.history or Places(file, args.city.parent).history
    keep = None if args.history is not None else file.history.keep
    return folder, ZoneInfo(file.city.timezone), keep


def _parts(args: argparse.Namespace, zone: "ZoneInfo") -> "Iterator[Part]":
    from ingest.past.csv_past import Mapped, read_csv
    from ingest.past.influx_past import Asked, read_influx
    from ingest.past.line_past import read_lines
    from ingest.past.points import Tags

    named = Tags(args.source_tag, args.metric_tag)
    if args.format == "influx":
        since, until = (
            None if text is None else moment(text, zone=zone, option=option)
            for text, option in ((args.since, "--since"), (args.until, "--until"))
        )
        asked = Asked(args.measurement, since, until, os.environ.get(_TOKEN))
        yield from read_influx(args.what, asked, named=named)
        return
    with _opened(args.what) as lines:
        if args.format == "line":
            yield from read_lines(lines, precision=args.precision, named=named)
        else:
            mapped = Mapped(_columns(args.columns), args.source, args.metric, zone)
            yield from read_csv(lines, mapped)


def _columns(text: str) -> Mapping[str, str]:
    found = {}
    for pair in filter(None, text.split(",")):
        word, equals, name = pair.partition("=")
        if word not in ("source", "metric", "ts", "value") or not equals or not name:
            message = f"--columns: '{pair}' is no pair like ts=time, of source, metric, ts, value"
            raise UsageError(message)
        found[word] = name
    return found


@contextlib.contextmanager
def _opened(what: str) -> Iterator[io.TextIOBase]:
    """Text, whatever its bytes: a line that is no UTF-8 is refused and no reason to stop."""
    if what == "-":
        yield io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="backslashreplace")
        return
    path = Path(what)
    with path.open("rb") as plain:
        raw: Any = gzip.GzipFile(fileobj=plain) if path.suffix == ".gz" else plain
        with io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", newline="") as text:
            yield text


def _tell(
    args: argparse.Namespace, found: "Imported", refused: _Refused, *, keep: int | None
) -> None:
    from citypatrol.clock import SystemClock, rfc3339

    span = [None if at is None else rfc3339(at) for at in (found.oldest, found.newest)]
    if args.json:
        say_json(
            {
                "written": found.written,
                "known": found.known,
                "refused": refused.count,
                "refused_file": str(refused.path) if refused.count else None,
                "files": [path.name for path in found.files],
                "oldest": span[0],
                "newest": span[1],
            }
        )
    else:
        files = f"{len(found.files)} file{'' if len(found.files) == 1 else 's'}"
        when = "" if span[0] is None else f", {span[0]} to {span[1]}"
        samples = f"{found.written:,} sample{'' if found.written == 1 else 's'}"
        say(f"{samples} into {files}, {found.known:,} were there already{when}")
    if refused.count:
        for line in refused.first:
            complain(printable(f"{args.what}:{line}"))
        complain(f"{refused.count:,} refused, with their reasons in {refused.path}")
    if keep is not None and found.oldest is not None and found.oldest < SystemClock().now() - keep:
        complain(
            "some of it is older than history.keep of the city: a running city removes that;"
            " write --history DIR for a folder of its own"
        )
