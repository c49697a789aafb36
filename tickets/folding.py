"""What is known of incidents and of tickets while incidents are filed (pure).

The decisions are in ``tickets.docket``.
"""

from dataclasses import dataclass, field
from typing import Final

from citypatrol.clock import Ts
from rules.incidents import Incident
from tickets.ticket import Ticket

HELD_BACK: Final = 2**62
"""``Seen.held_until`` of what waits for a person and not for a time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One incident as far as it is known; ``incident.cleared_at`` is set once it has cleared.

    ``ticket`` is the one that it witnesses, ``guest`` where that is the ticket of another key.
    ``held_until``: it waits, and becomes a ticket when it still fires at that event time.
    """

    incident: Incident
    ticket: str | None = None
    held_until: Ts | None = None
    guest: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What one call did to one ticket. ``caused_at`` is the earliest event time among the causes,
    None where nothing happened that must be told."""

    ticket: Ticket
    is_new: bool
    caused_at: Ts | None = None


@dataclass(slots=True)
class Case:
    """One key: its open ticket with the sources of its witnesses (of a storm: their keys), the end
    of its last cool-down, and the incidents that wait for it. ``hosts``: open tickets of other keys
    that its incidents witness, oldest first, each with its key."""

    key: str
    ticket: Ticket | None = None
    quiet_until: Ts | None = None
    sources: set[str] = field(default_factory=set)
    held: dict[str, Seen] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
