"""What ``backtest``, ``diff`` and ``explain`` ask alike: which history, which city, which time."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.outcome import OutsideError, UsageError, WrongError
from app.terminal import complain

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from app.backtest.reckoning import Question
    from app.city import Ground
    from citypatrol.clock import Ts
    from rules.ruleset import RuleSet
    from tickets.opening import Opener


def add_past_options(parser: argparse.ArgumentParser) -> None:
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
        "--close-after",
        metavar="D",
        help="count a ticket as closed this long after its trouble cleared; default: never",
    )


def question_of(
    args: argparse.Namespace, rules: "RuleSet", *, beside: Sequence[Path]
) -> "Question":
    """The city is the one beside or above the first of these paths that has one."""
    from app.backtest.reckoning import Question
    from app.backtest.rulefiles import find_city, read_ground

    city = args.city
    if city is None:
        city = next((found for path in beside if (found := find_city(path)) is not None), None)
    elif not city.is_file():
        message = f"--city {city}: there is no such file"
        raise UsageError(message)
    if args.history is None and city is None:
        message = "where is the history? there is no city.yaml beside or above; write --history DIR"
        raise UsageError(message)
    ground = read_ground(city)
    history = history_of(args.history, city, ground)
    opener = _opener(ground)
    since, until = _span(args, history, zone=opener.timezone)
    close_after = _duration(args.close_after)
    return Question(rules, history, ground, opener, since, until, close_after, city)


def history_of(named: Path | None, city: Path | None, ground: "Ground | None") -> Path:
    """The folder named, else the city's own. OutsideError where it is none."""
    from app.places import Places

    history = named
    if history is None and ground is not None and city is not None:
        history = Places(ground.file, city.parent).history
    assert history is not None  # noqa: S101 - whoever calls has one of the two
    if not history.is_dir():
        message = (
            f"{history}: no such folder; the city has not run yet, or keeps it elsewhere: write"
            " --history DIR (`citypatrol history import` fills one)"
        )
        raise OutsideError(message)
    return history


def nothing_in(question: "Question") -> WrongError:
    """To be raised where no sample was read: says what there is instead."""
    from citypatrol.clock import rfc3339
    from citypatrol.history.sweep import Sweep

    history = question.history
    if not any(history.glob("*.parquet")):
        return WrongError(
            f"{history}: no Parquet file is in this folder; `citypatrol history import` fills one"
        )
    everything = Sweep(history, tell=lambda *_: None)
    begin, end = everything.begin, everything.end
    if begin is None or end is None:
        return WrongError(f"{history}: its Parquet files hold no sample")
    bounds = [
        f"{word} {rfc3339(at)}"
        for word, at in (("from", question.since), ("until", question.until))
        if at is not None
    ]
    asked = " ".join(["no sample", *bounds])
    message = f"{history}: {asked}; it has samples from {rfc3339(begin)} until {rfc3339(end)}"
    return WrongError(message)


def moment(text: str, *, zone: "ZoneInfo", option: str) -> "Ts":
    """A day, which is the city's, begins at its midnight; so is a time without a zone."""
    from datetime import datetime

    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{option}: '{text}' is no day or time; write 2026-05-13 or 2026-05-13T07:00:00Z"
        raise UsageError(message) from error
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone)
    return round(found.timestamp() * 1000)


def unreadable(path: Path, error: Exception) -> None:
    why = " ".join(str(error).split())
    complain(f"{path}: cannot be read and is passed over: {why}")


@contextmanager
def progress_bar(args: argparse.Namespace, what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if args.quiet or not sys.stderr.isatty():
        yield lambda done, rows: None  # noqa: ARG005
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(what)
        yield lambda done, rows: bar.update(task, completed=done, total=rows)


@contextmanager
def outside(history: Path) -> Iterator[None]:
    """What a disk or a foreign file says, as what the outside did."""
    try:
        yield
    except ValueError as error:
        raise OutsideError(str(error)) from error
    except BrokenPipeError:  # of our own output: whoever reads it has seen enough
        raise
    except OSError as error:
        message = f"{error.filename or history}: {error.strerror or error}"
        raise OutsideError(message) from error


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

    option = "--until" if getattr(args, "at", None) is None else "--at"  # of `explain`
    until = None if args.until is None else moment(args.until, zone=zone, option=option)
    if args.since is None or "-" in args.since:
        since = None if args.since is None else moment(args.since, zone=zone, option="--since")
    else:
        try:
            back = duration_ms(args.since)
        except ValueError as error:
            message = f"--since: {error}; or a day or a time, like 2026-05-13T07:00:00Z"
            raise UsageError(message) from error
        end = Sweep(history, tell=unreadable).end if until is None else until
        since = None if end is None else end - back
    if since is not None and until is not None and since > until:
        message = f"--since {args.since} is after --until {args.until}"
        raise UsageError(message)
    return since, until
