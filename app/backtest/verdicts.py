"""What people said of past tickets, held against what the rules would have filed.

A judged ticket is found again where an incident of the backtest goes to a ticket of the same key
(rule, and source or group) and fires while that one's trouble lasted: ids move with a threshold.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.backtest.found import Found
from app.config import CityFile
from app.outcome import OutsideError
from app.places import Places
from citypatrol.clock import Ts
from citypatrol.errors import Retry
from tickets.errors import StoreError
from tickets.reading import Judged, Tickets
from tickets.store import Store
from tickets.ticket import Ticket


@dataclass(frozen=True, slots=True)
class Score:
    """Of one rule: tickets that people called real or false, and how many of each it finds."""

    rule: str
    real: int
    real_found: int
    false: int
    false_found: int

    @property
    def precision(self) -> float | None:
        """Real ones among those that it finds; None where it finds none that was judged."""
        found = self.real_found + self.false_found
        return self.real_found / found if found else None

    @property
    def recall(self) -> float | None:
        """How many of the real ones it finds; None where none was real."""
        return self.real_found / self.real if self.real else None


def read_judged(file: CityFile, places: Places, *, since: Ts, until: Ts) -> Sequence[Judged]:
    """From the city's tickets, which may be in use. OutsideError where they are not to be had."""
    try:
        store = Store(places.tickets_url)
        store.open_to_read()
    except (StoreError, Retry, OSError) as error:
        message = f"{file.city.name}: its tickets cannot be read: {error}"
        raise OutsideError(message) from error
    try:
        return Tickets(store).judged(since=since, until=until)
    finally:
        store.close()


def scores(judged: Iterable[Judged], found: Found, *, rules: Iterable[str]) -> list[Score]:
    """Of those rules of which some ticket was judged, by name."""
    counts: dict[str, list[int]] = {}
    wanted = set(rules)
    for one in judged:
        ticket = one.ticket
        if ticket.rule not in wanted or ticket.verdict is None:
            continue
        mine = counts.setdefault(ticket.rule, [0, 0, 0, 0])
        at = 0 if ticket.verdict else 2
        mine[at] += 1
        mine[at + 1] += found.fires(ticket.key, since=_begin(ticket), until=_end(ticket))
    return [Score(rule, *mine) for rule, mine in sorted(counts.items())]


def _begin(ticket: Ticket) -> Ts:
    return ticket.opened_at if ticket.first_at is None else ticket.first_at


def _end(ticket: Ticket) -> Ts:
    """When its trouble was over; of one that was closed before, when it was closed."""
    known = [at for at in (ticket.cleared_at, ticket.closed_at) if at is not None]
    return max(min(known, default=1 << 61), _begin(ticket))
