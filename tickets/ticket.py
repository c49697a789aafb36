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

    ``first_at`` and ``last_at``: the event times at which its first and its newest witness were
    filed. ``shadow``: of a rule on trial, nobody is ever sent. ``storm``: the ticket of all the
    places that were too many for tickets of their own. ``unconfirmed``: a person must look first;
    ``unit`` is then who would be sent. ``verdict`` is what a person has said: it was real, or not.
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
    first_at: Ts = 0
    last_at: Ts = 0
    shadow: bool = False
    storm: bool = False
    unconfirmed: bool = False
    verdict_at: Ts | None = None
    verdict_by: str | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def secret(self) -> bool:
        """No unit knows of it: there are no revisions and no events."""
        return self.shadow or self.unconfirmed


_LONGEST_KEY: Final = 200  # PostgreSQL cannot index a text of several kB


def ticket_key(incident: Incident) -> str:
    """DESIGN 5: (rule, group value), or (rule, source) where the incident has no group; the rule is
    the one that the incident's own ``joins``, where it joins one. Shadows have keys of their own.
    """
    rule, spec = incident.rule, incident.ticket
    if spec is not None and spec.joins is not None:
        rule = spec.joins
    parts: list[str | None]
    if incident.group is not None:
        parts = [rule, "group", incident.group]
    else:
        parts = [rule, "source", incident.source]
    return _key([*parts, "shadow"] if spec is not None and spec.shadow else parts)


def storm_key(rule: str, unit: str | None, *, shadow: bool) -> str:
    """Of the ticket for all that was too much of this rule for this unit."""
    parts: list[str | None] = [rule, "storm", unit]
    return _key([*parts, "shadow"] if shadow else parts)


def _key(parts: list[str | None]) -> str:
    key = orjson.dumps(parts)
    if len(key) > _LONGEST_KEY:
        return "sha256:" + hashlib.sha256(key).hexdigest()
    return key.decode()


def higher(one: Severity, other: Severity) -> Severity:
    return max(one, other, key=SEVERITIES.index)
