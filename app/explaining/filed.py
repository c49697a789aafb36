"""What became of an incident at the desk: its ticket, or why it has none."""

from dataclasses import dataclass

from citypatrol.clock import Ts
from rules.explain_alarm import Explanation
from rules.ruleset import Rule
from tickets.casebook import Casebook


@dataclass(frozen=True, slots=True)
class Filed:
    """``ticket``: the number of the one that the firing incident witnesses; ``held_until``: it
    waits for a cool-down; ``quiet_until``: a cool-down that the next incident would meet;
    ``makes_tickets``: whether the rule says ``ticket:`` at all."""

    makes_tickets: bool
    ticket: str | None = None
    held_until: Ts | None = None
    quiet_until: Ts | None = None


def filed(book: Casebook, rule: Rule, explanation: Explanation, *, until: Ts) -> Filed:
    """From a casebook of the past that nobody has taken from."""
    seen, ended = book.take()
    mine = next((one for one in seen if one.incident.id == explanation.incident), None)
    witnessed = {one.ticket for one in seen if one.incident.source == explanation.source}
    quiet = [
        one.quiet_until
        for one in ended
        if one.id in witnessed and one.quiet_until is not None and one.quiet_until > until
    ]
    return Filed(
        rule.ticket is not None,
        ticket=None if mine is None else mine.ticket,
        held_until=None if mine is None else mine.held_until,
        quiet_until=max(quiet, default=None),
    )
