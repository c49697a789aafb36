"""What every command that runs for long has in common: logs, its city, and SIGTERM."""

import argparse
import asyncio
import gc
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Final

import structlog

from app.city import City
from app.city_reading import load_city
from app.early import Early
from app.outcome import FINE, OUTSIDE_FAILED
from citypatrol.again import Again
from citypatrol.errors import ConfigError
from citypatrol.heap import settle
from citypatrol.logs import configure

STOP_S: Final = 9.7
"""DESIGN 4: SIGTERM ends the process within 10 s."""

Run = Callable[[asyncio.Event], Awaitable[Sequence[str]]]
"""Runs until the event; gives the names of what had to be cut."""

Reload = Callable[[], Coroutine[None, None, None]]
"""Reads again what may change while a city runs; says itself what is wrong with it."""

_COLLECT_AFTER: Final = (50_000, 20, 100)
"""Messages by the thousand make no cycles; by default a tenth of a reading's cost is the search."""

_COLLECT_EVERY_S: Final = 60.0
"""What little makes cycles would else wait until 50,000 objects have come together: hours, and
megabytes, in which a city's memory seems to grow."""

log = structlog.get_logger(__name__)


def configure_logs(args: argparse.Namespace) -> None:
    """``-v`` and ``-q`` set the level, ``--json`` makes every line an object."""
    level = "debug" if args.verbose else "warning" if args.quiet else "info"
    configure(level, json=args.json)


def load_or_raise(path: Path) -> City:
    """The city; ConfigError with every problem of its files. Its notes are logged. The process's
    memory is settled before, because a registry is large while it is read."""
    settle()
    city, problems = load_city(path)
    if city is None or problems:
        raise ConfigError(problems)
    for note in city.notes:
        log.warning("note", about=str(note))
    return city


def run_until_signal(
    run: Run,
    *,
    stop_s: float = STOP_S,
    collect_s: float = _COLLECT_EVERY_S,
    reload: Reload | None = None,
    early: Early | None = None,
) -> int:
    """Run until SIGTERM or SIGINT, whose first one sets the event; the exit status. SIGHUP calls
    ``reload``, also one that came ``early``; every ``collect_s`` seconds young garbage is
    collected.

    The process ends ``stop_s`` later at the latest: a thread that hangs in a name server or a
    database cannot be ended, and what it had in hand was not acknowledged. A stop that had to cut
    something is no clean one (3): nothing is lost, but a person should know.
    """
    early = early or Early()
    if early.stopped:
        return FINE
    gc.freeze()  # the city that was read stays until the end: never search it
    gc.set_threshold(*_COLLECT_AFTER)
    return asyncio.run(_until_signal(run, stop_s, collect_s, reload, early))


async def _until_signal(
    run: Run, stop_s: float, collect_s: float, reload: Reload | None, early: Early
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask(name: str) -> None:
        if not stop.is_set():
            log.info("stopping", signal=name)
            deadline = threading.Timer(stop_s, _end)
            deadline.daemon = True
            deadline.start()
            stop.set()

    def collect() -> None:
        gc.collect(1)  # not what is old: searching a city's sources would hold everything up
        loop.call_later(collect_s, collect)

    loop.call_later(collect_s, collect)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask, number.name)
    if reload is not None:
        read_again = Again(reload)
        loop.add_signal_handler(signal.SIGHUP, read_again)
        if early.hung_up:
            read_again()
    cut = await run(stop)
    if cut:
        log.error("stopped, but not everything in time; the next start goes on", cut=list(cut))
        return OUTSIDE_FAILED
    log.info("stopped")
    return FINE


def _end() -> None:
    left = sorted(one.name for one in threading.enumerate() if not one.daemon)
    log.error("these threads do not end; the process leaves without them", threads=left)
    os._exit(OUTSIDE_FAILED)
