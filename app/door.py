"""Everything that the HTTP side may touch, handed to it in one piece."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.camera_facts import WatchedCamera
from app.guard import Guard
from app.inbox import Inbox
from app.mode_stage import ModeStage
from app.pages.city_map import CityMap
from app.rollcall import RollCall
from app.tailing import Tailing
from app.ticket_json import Scribe
from citypatrol.clock import Clock
from citypatrol.dead import DeadLetter, DeadStore
from citypatrol.dead_desk import DeadDesk
from citypatrol.evidence import EvidenceStore
from rules.explain_alarm import Explanation
from rules.ruleset import RuleSet
from tickets.desk import Desk
from tickets.outbox import Outbox
from tickets.reading import Tickets
from tickets.units import Units


class Explain(Protocol):
    """Why a rule says what it says of a source. Raises Unexplained."""

    async def __call__(self, rule: str, *, source: str) -> Explanation: ...


@dataclass(frozen=True, slots=True, eq=False)
class Door:
    """``waiting_for``: what is missing before the process is ready, in words without secrets.

    ``city_map`` may take a second at its first call; ``grid``: the cells' file. ``stages``: by
    name, how often each was started again. ``replay``: sends a dead letter on its way again;
    ``Reject`` where it is refused again, ``Retry`` where that cannot be said now. ``rules``: those
    in force; ``rules_refused``: what is wrong with the files that were read since.
    """

    city: str
    timezone: str
    guard: Guard
    clock: Clock
    desk: Desk
    tickets: Tickets
    outbox: Outbox
    scribe: Scribe
    units: Units
    evidence: EvidenceStore
    evidence_key: bytes
    dead: DeadStore
    city_map: Callable[[], CityMap]
    grid: Path | None
    waiting_for: Callable[[], Sequence[str]]
    stages: Callable[[], Mapping[str, int]]
    replay: Callable[[DeadLetter], Awaitable[None]]
    inbox: Inbox | None = None
    rules: Callable[[], RuleSet] = RuleSet
    rules_refused: Callable[[], Sequence[str]] = tuple
    roll: RollCall | None = None
    tailing: Tailing | None = None
    explain: Explain | None = None
    cameras: Callable[[], Sequence[WatchedCamera]] = tuple
    mode: ModeStage | None = None

    @property
    def dead_desk(self) -> DeadDesk:
        return DeadDesk(self.dead)
