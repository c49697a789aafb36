"""What every command that runs for long has in common: logs, its city, and SIGTERM."""

import argparse
import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from app.city import City, load_city
from citypatrol.errors import ConfigError
from citypatrol.logs import configure

log = structlog.get_logger(__name__)


def configure_logs(args: argparse.Namespace) -> None:
    """``-v`` and ``-q`` set the level, ``--json`` makes every line an object."""
    level = "debug" if args.verbose else "warning" if args.quiet else "info"
    configure(level, json=args.json)


def load_or_raise(path: Path) -> City:
    """The city; ConfigError with every problem of its files. Its notes are logged."""
    city, problems = load_city(path)
    if city is None or problems:
        raise ConfigError(problems)
    for note in city.notes:
        log.warning("note", about=str(note))
    return city


async def until_signal(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run until SIGTERM or SIGINT; a second one changes nothing, the stop has its deadline."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask(name: str) -> None:
        if not stop.is_set():
            log.info("stopping", signal=name)
            stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask, number.name)
    await run(stop)
    log.info("stopped")
