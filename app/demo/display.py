"""What a person sees while the demo plays: a live picture on a terminal, plain lines in a pipe."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from app.demo.scoreboard import Scoreboard

EVENTS = 14


@dataclass(frozen=True, slots=True)
class Now:
    """The counters of a moment."""

    at_s: float
    readings: int
    acknowledged: int
    nonsense: int
    heard: int


class Display(Protocol):
    """Shows events as they happen, and the counters now and then."""

    def event(self, mark: str, text: str) -> None: ...
    def counters(self, now: Now) -> None: ...


@dataclass(slots=True)
class PlainLines:
    """One line an event; the counters every ten seconds."""

    write: Callable[[str], None]
    _began: float = field(default_factory=time.monotonic)
    _last: float = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def event(self, mark: str, text: str) -> None:
        self.write(f"{time.monotonic() - self._began:6.1f} s  {mark:9} {text}")

    def counters(self, now: Now) -> None:
        if now.at_s - self._last >= 10:
            self._last = now.at_s
            self.event("counts", _sentence(now))


@dataclass(slots=True)
class LivePicture:
    """A rich panel that redraws itself."""

    page: str
    console: Console = field(default_factory=Console)
    _events: deque[tuple[float, str, str]] = field(default_factory=lambda: deque(maxlen=EVENTS))
    _now: Now | None = None
    _live: Live | None = None
    _began: float = field(default_factory=time.monotonic)

    def __enter__(self) -> Self:
        self._live = Live(self._picture(), console=self.console, refresh_per_second=4)
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.update(self._picture())
            self._live.stop()

    def event(self, mark: str, text: str) -> None:
        self._events.append((time.monotonic() - self._began, mark, text))
        self._draw()

    def counters(self, now: Now) -> None:
        self._now = now
        self._draw()

    def _draw(self) -> None:
        if self._live:
            self._live.update(self._picture())

    def _picture(self) -> Group:
        events = Table.grid(padding=(0, 2))
        for at_s, mark, text in self._events:
            style = STYLES.get(mark, "")
            events.add_row(f"{at_s:6.1f} s", Text(mark, style=style), Text(text))
        head = Text.assemble(
            ("citypatrol", "bold"), "  Zhengzhou, simulated    ", (self.page, "underline")
        )
        foot = Text(_sentence(self._now) if self._now else "starting", style="dim")
        return Group(head, events, foot)


STYLES = {"happens": "yellow", "over": "green", "ticket": "bold red", "unit": "cyan"}


def _sentence(now: Now) -> str:
    return (
        f"{now.readings + now.nonsense} messages sent, {now.nonsense} of them nonsense; "
        f"{now.acknowledged} acknowledged; {now.heard} webhooks at the units"
    )


def score_table(board: Scoreboard) -> Table:
    """The scoreboard for people."""
    table = Table(title=f"scoreboard, seed {board.seed}", title_justify="left")
    for heading in ("incident", "where", "began", "ticket", "cause to webhook"):
        table.add_column(heading)
    for line in board.lines:
        ids = ", ".join(ticket.id for ticket in line.tickets) or "MISSED"
        seconds = f"{line.seconds:.1f} s" if line.seconds is not None else "-"
        scripted = line.scripted
        table.add_row(
            scripted.category, scripted.subject, f"{scripted.start_s:.1f} s", ids, seconds
        )
    for ticket in board.false:
        where = ", ".join(sorted(ticket.subjects))
        table.add_row(ticket.category, where, "never", f"{ticket.id} FALSE", "-")
    return table


def score_sentence(board: Scoreboard) -> str:
    figures = board.as_dict()
    times = (
        f"cause to webhook: median {figures['p50_s']} s, p99 {figures['p99_s']} s"
        if figures["p50_s"] is not None
        else "no ticket came"
    )
    return (
        f"scripted {figures['scripted']}, tickets {figures['tickets']}, missed {figures['missed']},"
        f" false {figures['false']}, doubled {figures['doubled']}; {times}"
    )
