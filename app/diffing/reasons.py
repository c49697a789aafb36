"""Why a ticket is gained, lost or moved: which changed part of its rule does it.

One changed part is the reason. Of several each was tried alone (the old rule with this part new)
and left out (the new rule with this part old), over the same history.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.diffing.changes import MOST_PARTS, Change, Changes, Trial
from app.diffing.matching import Difference, overlap, shift
from app.diffing.parts import Part
from citypatrol.clock import Ts
from tickets.ticket import Ticket

Tickets = Callable[[str], Sequence[Ticket]]
"""Those of a key."""


@dataclass(frozen=True, slots=True)
class Reason:
    """``rule``: whose change it is. ``parts``: by name; any of them does it by itself, with
    ``together`` only all of them do, or the one with others. None of a rule that was added, removed
    or renamed."""

    rule: str
    kind: str
    parts: tuple[str, ...] = ()
    together: bool = False

    def __str__(self) -> str:
        if not self.parts:
            return f"rule {self.kind}"
        if self.together:
            others = " with other changes" if len(self.parts) == 1 else " together"
            return " + ".join(self.parts) + others
        return " or ".join(self.parts)


@dataclass(frozen=True, slots=True)
class Tried:
    trial: Trial
    tickets: Tickets


class Reasons:
    """Answers for one comparison. ``tried``: the trials with what they have found."""

    def __init__(self, changes: Changes, *, tried: Sequence[Tried], until: Ts) -> None:
        self._changes = {change.name: change for change in changes.changes}
        self._rules = {rule.name: rule for one in (changes.old, changes.new) for rule in one.rules}
        self._tried = tried
        self._until = until

    def of(self, difference: Difference) -> Reason:
        change = self._change(difference.ticket)
        if change is None:
            return Reason(difference.ticket.rule, "touched by another rule's tickets")
        names = tuple(dict.fromkeys(part.name for part in change.parts))
        if len(change.parts) < 2:
            return Reason(change.name, change.kind, names)
        if len(change.parts) > MOST_PARTS:
            return Reason(change.name, change.kind, names, together=True)
        tried = [one for one in self._tried if one.trial.rule == change.name]
        alone = [one for one in tried if one.trial.alone]
        enough = [one.trial.part for one in alone if self._does(one, difference)]
        if enough:
            return Reason(change.name, change.kind, _names(enough))
        without = [one for one in tried if not one.trial.alone]
        needed = [one.trial.part for one in without if not self._does(one, difference)]
        untried = len(needed) == 1 and needed[0] not in [one.trial.part for one in alone]
        together = not untried
        return Reason(change.name, change.kind, _names(needed) or names, together=together)

    def _change(self, ticket: Ticket) -> Change | None:
        """Of the ticket's rule, or of one that joins it."""
        if ticket.rule in self._changes:
            return self._changes[ticket.rule]
        for change in self._changes.values():
            rule = self._rules.get(change.name)
            if rule is not None and rule.ticket is not None and rule.ticket.joins == ticket.rule:
                return change
        return None

    def _does(self, tried: Tried, difference: Difference) -> bool:
        """Whether this trial's tickets differ from the old ones as the new ones do."""
        ticket = difference.ticket
        there = [
            one for one in tried.tickets(ticket.key) if overlap(one, ticket, until=self._until)
        ]
        if difference.fate == "gained":
            return bool(there)
        if difference.fate == "lost":
            return not there
        old, new = difference.old, difference.new
        if old is None or new is None or not there:
            return False
        if difference.fate == "changed":
            return any(_alike(one, new, difference.fields) for one in there)
        moved = [shift(old, one) for one in there]
        return any(by > 0 if difference.fate == "later" else by < 0 for by in moved)


def _alike(one: Ticket, other: Ticket, fields: Sequence[str]) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in fields)


def _names(parts: Sequence[Part]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.name for part in parts))
