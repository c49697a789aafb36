"""The demo's account: what was scripted against what the responsible units were sent. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from app.demo.script import Scripted


@dataclass(frozen=True, slots=True)
class Filed:
    """A ticket as a unit first heard of it, from the body of its `ticket.opened`.

    ``subjects``: the sources and groups that its witnesses name; ``at_s``: seconds from the
    beginning of the script to the moment in which the receiver had the delivery.
    """

    id: str
    category: str
    subjects: frozenset[str]
    at_s: float


@dataclass(frozen=True, slots=True)
class Line:
    """One scripted incident with the tickets that were filed for it."""

    scripted: Scripted
    tickets: tuple[Filed, ...]

    @property
    def seconds(self) -> float | None:
        """From cause to webhook; None where it was missed."""
        return self.tickets[0].at_s - self.scripted.start_s if self.tickets else None


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """``false``: tickets for which nothing in the script accounts."""

    seed: int
    lines: tuple[Line, ...]
    false: tuple[Filed, ...]

    @property
    def tickets(self) -> int:
        return sum(len(line.tickets) for line in self.lines) + len(self.false)

    @property
    def missed(self) -> int:
        return sum(not line.tickets for line in self.lines)

    @property
    def doubled(self) -> int:
        return sum(len(line.tickets) - 1 for line in self.lines if line.tickets)

    @property
    def passed(self) -> bool:
        """Every scripted incident became exactly its one ticket, and nothing else did."""
        return bool(self.lines) and not (self.missed or self.doubled or self.false)

    def seconds(self) -> list[float]:
        return sorted(line.seconds for line in self.lines if line.seconds is not None)

    def as_dict(self) -> dict[str, float | int | None]:
        """DOORS: the last line of `citypatrol demo --once --json`."""
        seconds = self.seconds()
        return {
            "scripted": len(self.lines),
            "tickets": self.tickets,
            "missed": self.missed,
            "false": len(self.false),
            "doubled": self.doubled,
            "p50_s": round(statistics.median(seconds), 3) if seconds else None,
            "p99_s": round(_nearest_rank(seconds, 0.99), 3) if seconds else None,
            "seed": self.seed,
        }


def account(seed: int, scripted: Sequence[Scripted], filed: Sequence[Filed]) -> Scoreboard:
    """Each ticket goes to the incident of its category and subject that had begun by then."""
    left = sorted(filed, key=lambda ticket: ticket.at_s)
    lines = []
    for incident in scripted:
        mine = tuple(ticket for ticket in left if _explains(incident, ticket))
        left = [ticket for ticket in left if ticket not in mine]
        lines.append(Line(incident, mine))
    return Scoreboard(seed, tuple(lines), tuple(left))


def _explains(incident: Scripted, ticket: Filed) -> bool:
    return (
        ticket.category == incident.category
        and ticket.subjects == {incident.subject}
        and ticket.at_s >= incident.start_s
    )


def _nearest_rank(ordered: Sequence[float], share: float) -> float:
    rank = max(1, -(-len(ordered) * int(share * 100) // 100))
    return ordered[rank - 1]
