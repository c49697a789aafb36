"""``citypatrol backtest``: what these rules would have filed, from the Parquet history."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.outcome import FINE, OutsideError, UsageError, WrongError
from app.terminal import complain, say

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from app.backtest.reckoning import Question
    from app.city import Ground
    from citypatrol.clock import Ts
    from tickets.opening import Opener


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "rules", metavar="RULES", nargs="+", type=Path, help="rule files, or folders of them"
    )
    parser.add_argument(
        "--history", metavar="DIR", type=Path, help="default: where the city keeps it"
    )
    parser.add_argument(
        "--city", metavar="FILE", type=Path, help="default: the city.yaml beside or above the rules"
    )
    parser.add_argument(
        "--since", metavar="T", help="2026-05-13, 2026-05-13T07:00:00Z, or 7d before the end"
    )
    parser.add_argument("--until", metavar="T", help="a day or a time; default: the newest sample")
    parser.add_argument(
        "--by", metavar="LIST", default="rule", help="of unit,rule,day,cell; default: rule"
    )
    parser.add_argument(
        "--close-after",
        metavar="D",
        help="count a ticket as closed this long after its trouble cleared; default: never",
    )
    parser.add_argument(
        "--parquet", metavar="DIR", type=Path, help="write incidents.parquet and tickets.parquet"
    )


def execute(args: argparse.Namespace) -> int:
    from app.backtest.reckoning import reckon
    from app.backtest.report import as_json, as_parquet, as_text
    from tickets.units import Units

    by = _by(args.by)
    question = _question(args)
    units = Units() if question.ground is None else question.ground.units
    with _progress(args) as progress:
        try:
            with reckon(question, tell=_unreadable, progress=progress) as answer:
                progress(1, 1)
                if answer.until is None:
                    message = f"{question.history}: no sample in this time"
                    raise WrongError(message)
                written = [] if args.parquet is None else as_parquet(answer, args.parquet)
                if args.json:
                    as_json(answer, units=units, by=by)
                else:
                    as_text(answer, by=by, closing=_closing(args, question.ground))
                    for path in written:
                        say(f"wrote {path}")
        except ValueError as error:
            raise OutsideError(str(error)) from error
        except OSError as error:
            message = f"{error.filename or question.history}: {error.strerror or error}"
            raise OutsideError(message) from error
    return FINE


def _question(args: argparse.Namespace) -> "Question":
    from app.backtest.reckoning import Question
    from app.backtest.rulefiles import find_city, read_ground, read_rules
    from app.places import Places

    city = args.city or find_city(args.rules[0])
    if args.city is not None and not args.city.is_file():
        message = f"--city {args.city}: there is no such file"
        raise UsageError(message)
    if args.history is None and city is None:
        message = "where is the history? there is no city.yaml beside or above; write --history DIR"
        raise UsageError(message)
    rules, ground = read_rules(args.rules), read_ground(city)
    history = args.history
    if history is None and ground is not None and city is not None:
        history = Places(ground.file, city.parent).history
    assert history is not None  # noqa: S101 - seen to above
    if not history.is_dir():
        message = f"{history}: no such folder; the city has not run yet, or keeps it elsewhere"
        raise OutsideError(message)
    opener = _opener(ground)
    since, until = _span(args, history, zone=opener.timezone)
    return Question(rules, history, ground, opener, since, until, _duration(args.close_after))


def _opener(ground: "Ground | None") -> "Opener":
    """Without a city: nobody is responsible, days are UTC."""
    from zoneinfo import ZoneInfo

    from citypatrol.geo import Grid
    from citypatrol.registry import Registry
    from tickets.opening import Opener
    from tickets.units import Units

    if ground is not None:
        return ground.opener
    return Opener("ZZ", ZoneInfo("UTC"), Units(), Registry.empty(), Grid.empty())


def _by(text: str) -> list[str]:
    from app.backtest.found import BY

    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in BY:
            message = f"--by: '{word}' is none of {', '.join(BY)}"
            raise UsageError(message)
    return list(dict.fromkeys(words))


def _duration(text: str | None) -> int | None:
    from citypatrol.units import duration_ms

    try:
        return None if text is None else duration_ms(text)
    except ValueError as error:
        message = f"--close-after: {error}"
        raise UsageError(message) from error


def _span(
    args: argparse.Namespace, history: Path, *, zone: "ZoneInfo"
) -> "tuple[Ts | None, Ts | None]":
    from citypatrol.history.sweep import Sweep
    from citypatrol.units import duration_ms

    until = None if args.until is None else _moment(args.until, zone=zone, option="--until")
    if args.since is None or "-" in args.since:
        since = None if args.since is None else _moment(args.since, zone=zone, option="--since")
    else:
        try:
            back = duration_ms(args.since)
        except ValueError as error:
            message = f"--since: {error}; or a day or a time, like 2026-05-13T07:00:00Z"
            raise UsageError(message) from error
        end = Sweep(history, tell=_unreadable).end if until is None else until
        since = None if end is None else end - back
    if since is not None and until is not None and since > until:
        message = f"--since {args.since} is after --until {args.until}"
        raise UsageError(message)
    return since, until


def _moment(text: str, *, zone: "ZoneInfo", option: str) -> "Ts":
    """A day, which is the city's, begins at its midnight; so is a time without a zone."""
    from datetime import datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{option}: '{text}' is no day or time; write 2026-05-13 or 2026-05-13T07:00:00Z"
        raise UsageError(message) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return round(moment.timestamp() * 1000)


def _closing(args: argparse.Namespace, ground: "Ground | None") -> str:
    if args.close_after is not None:
        text = f"A ticket counts as closed {args.close_after} after its trouble cleared."
    else:
        text = (
            "Nobody closed a ticket here, so what came again joined it; --close-after 4h counts it"
            " as closed 4h after its trouble cleared."
        )
    return text if ground is not None else f"{text} There is no city.yaml, so nobody was sent."


def _unreadable(path: Path, error: Exception) -> None:
    complain(f"{path}: cannot be read and is passed over: {error}")


@contextmanager
def _progress(args: argparse.Namespace) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if args.quiet or not sys.stderr.isatty():
        yield lambda done, rows: None  # noqa: ARG005
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("judging")
        yield lambda done, rows: bar.update(task, completed=done, total=rows)
