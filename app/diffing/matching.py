"""Tickets of two rule sets side by side: the same trouble, found by one, the other or both. Pure.

Not by id, since ``since`` moves with a threshold: by key (the rule and its source or group) and by
overlapping time.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

from citypatrol.clock import Ts
from tickets.ticket import Ticket

Fate = Literal["gained", "lost", "earlier", "later", "changed"]
FATES: Final[tuple[Fate, ...]] = ("gained", "lost", "earlier", "later", "changed")
_COMPARED: Final = ("category", "severity", "unit", "title", "witnesses", "cleared_at", "state")


@dataclass(frozen=True, slots=True)
class Difference:
    """``old`` is None where the ticket was gained, ``new`` where it was lost."""

    fate: Fate
    old: Ticket | None
    new: Ticket | None

    @property
    def ticket(self) -> Ticket:
        """The new one, if there is one."""
        found = self.new or self.old
        assert found is not None  # noqa: S101 - one of the two is there
        return found

    @property
    def shadow(self) -> bool:
        """Nobody would have been sent, neither before nor after."""
        return all(one.shadow for one in (self.old, self.new) if one is not None)

    @property
    def by_ms(self) -> int:
        """How much later it opens; negative: earlier."""
        return 0 if self.old is None or self.new is None else shift(self.old, self.new)

    @property
    def fields(self) -> list[str]:
        """What both tickets say otherwise, their opening aside."""
        if self.old is None or self.new is None:
            return []
        return [name for name in _COMPARED if getattr(self.old, name) != getattr(self.new, name)]


def differences(old: Iterable[Ticket], new: Iterable[Ticket], *, until: Ts) -> Iterator[Difference]:
    """Both sorted by key and time. What is alike is left out."""
    mine, other = _by_key(old), _by_key(new)
    left, right = next(mine, None), next(other, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left[0] < right[0]):
            assert left is not None  # noqa: S101 - as the loop says
            yield from (Difference("lost", one, None) for one in left[1])
            left = next(mine, None)
        elif left is None or right[0] < left[0]:
            yield from (Difference("gained", None, one) for one in right[1])
            right = next(other, None)
        else:
            yield from _of_key(left[1], right[1], until=until)
            left, right = next(mine, None), next(other, None)


def overlap(one: Ticket, other: Ticket, *, until: Ts) -> bool:
    """Whether their troubles share an instant."""
    return one.opened_at <= ends(other, until=until) and other.opened_at <= ends(one, until=until)


def ends(ticket: Ticket, *, until: Ts) -> Ts:
    """When its trouble was over; the end of time where it was not."""
    known = [at for at in (ticket.cleared_at, ticket.closed_at) if at is not None]
    return min(known, default=until)


def shift(old: Ticket, new: Ticket) -> int:
    return new.opened_at - old.opened_at


def _of_key(old: list[Ticket], new: list[Ticket], *, until: Ts) -> Iterator[Difference]:
    mine, other = 0, 0
    while mine < len(old) and other < len(new):
        one, two = old[mine], new[other]
        if overlap(one, two, until=until):
            yield from _both(one, two)
            mine, other = mine + 1, other + 1
        elif one.opened_at < two.opened_at:
            yield Difference("lost", one, None)
            mine += 1
        else:
            yield Difference("gained", None, two)
            other += 1
    yield from (Difference("lost", one, None) for one in old[mine:])
    yield from (Difference("gained", None, one) for one in new[other:])


def _both(old: Ticket, new: Ticket) -> Iterator[Difference]:
    by = shift(old, new)
    found = Difference("changed" if by == 0 else "later" if by > 0 else "earlier", old, new)
    if by or found.fields:
        yield found


def _by_key(tickets: Iterable[Ticket]) -> Iterator[tuple[str, list[Ticket]]]:
    for key, some in groupby(tickets, key=lambda ticket: ticket.key):
        yield key, list(some)
