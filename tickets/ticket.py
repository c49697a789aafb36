"""A ticket as a value, and its key."""

import hashlib
from dataclasses import dataclass
from typing import Final

import orjson

from citypatrol.clock import Ts
from rules.incidents import Incident, Severity
from tickets.states import ENDED, State

SEVERITIES: Final[tuple[Severity, ...]] = ("info", "minor", "major", "critical")
"""From the lowest to the highest."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One case. Times are milliseconds UTC; None where there is none (yet).

    ``opened_at`` and the deadlines count from when the ticket was filed; ``cleared_at`` is the
    event time at which its last incident cleared, None while one is firing; ``quiet_until`` the end
    of the rule's cool-down once it has ended. ``template`` is the title as the rule wrote it.
    ``untold``: since when something has happened that the next event will tell (``tickets.pace``).
    """

    id: str
    key: str
    rule: str
    category: str
    severity: Severity
    state: State
    revision: int
    title: str
    template: str
    source: str
    group: str | None
    unit: str | None
    lat: float | None
    lon: float | None
    site: str | None
    grid: str | None
    district: str | None
    first_incident: str
    witnesses: int
    sources: int
    firing: int
    opened_at: Ts
    updated_at: Ts
    acknowledge_by: Ts | None
    resolve_by: Ts | None
    cooldown: int
    acknowledged_at: Ts | None = None
    resolved_at: Ts | None = None
    closed_at: Ts | None = None
    cleared_at: Ts | None = None
    quiet_until: Ts | None = None
    reopened: int = 0
    verdict: bool | None = None
    verdict_note: str | None = None
    untold: Ts | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED


_LONGEST_KEY: Final = 200  # PostgreSQL cannot index a text of several kB


def ticket_key(incident: Incident) -> str:
    """DESIGN 5: (rule, group value), or (rule, source) where the incident has no group; the rule is
    the one that the incident's own ``joins``, where it joins one."""
    rule = incident.rule
    if incident.ticket is not None and incident.ticket.joins is not None:
        rule = incident.ticket.joins
    if incident.group is not None:
        parts = [rule, "group", incident.group]
    else:
        parts = [rule, "source", incident.source]
    key = orjson.dumps(parts)
    if len(key) > _LONGEST_KEY:
        return "sha256:" + hashlib.sha256(key).hexdigest()
    return key.decode()


def higher(one: Severity, other: Severity) -> Severity:
    return max(one, other, key=SEVERITIES.index)
