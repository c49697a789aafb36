"""An incident: one alarm's life, and the only thing that rules hand to tickets.

Self-contained on purpose: whoever files it needs neither the rule file nor the registry of the
moment in which it fired, so a replay or a reload files the same ticket.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import orjson

from citypatrol.clock import Ts

Severity = Literal["info", "minor", "major", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "minor", "major", "critical")
"""The gravest last."""


@dataclass(frozen=True, slots=True)
class Merge:
    """How near an open ticket of the same category must be; ``within`` in milliseconds."""

    radius_m: float
    within: int


@dataclass(frozen=True, slots=True)
class TicketSpec:
    """What a rule says of its tickets; durations in milliseconds, None where the rule has none.

    ``joins``: the rule among whose tickets this one's incidents are filed, None for its own.
    ``shadow``: they are counted and nobody is sent; ``confirm``: a person looks before anybody is.
    """

    category: str
    title: str
    ack: int | None = None
    resolve: int | None = None
    cooldown: int = 600_000
    joins: str | None = None
    shadow: bool = False
    confirm: bool = False
    merge: Merge | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """One event of an incident's life: it fired, or (``cleared_at`` set) it has cleared.

    ``value`` is the newest judged value at ``fired_at`` (for ``missing`` the last one heard);
    ``group`` the value of the rule's ``group`` label, None without one (or where the source has no
    such label); ``labels`` those of the source; ``evidence`` the SHA-256 of the newest picture
    among the samples from ``since`` to ``fired_at``; ``after`` of the newest one among those of the
    clear time, up to ``cleared_at``.
    """

    id: str
    rule: str
    source: str
    metric: str
    since: Ts
    fired_at: Ts
    value: float
    cleared_at: Ts | None = None
    severity: Severity = "major"
    group: str | None = None
    evidence: str | None = None
    after: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    ticket: TicketSpec | None = None


def incident_id(rule: str, source: str, metric: str, since: Ts) -> str:
    """DOORS: ``inc_`` and 20 hex digits of SHA-256 over the four, NUL between."""
    key = "\0".join((rule, source, metric, str(since)))
    return "inc_" + hashlib.sha256(key.encode()).hexdigest()[:20]


def encode_incident(incident: Incident) -> bytes:
    return orjson.dumps(asdict(incident))


def decode_incident(data: bytes) -> Incident:
    """Raises ValueError where the bytes are no incident."""
    try:
        fields: dict[str, Any] = orjson.loads(data)
        spec = fields.pop("ticket")
        return Incident(**fields, ticket=_spec(spec) if spec else None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"not an incident: {data[:60]!r} ({error})"
        raise ValueError(message) from error


def _spec(fields: dict[str, Any]) -> TicketSpec:
    merge = fields.pop("merge", None)
    return TicketSpec(**fields, merge=Merge(**merge) if merge else None)


def instant(incident: Incident) -> Ts:
    """When it happened: fired, or cleared."""
    return incident.fired_at if incident.cleared_at is None else incident.cleared_at


def in_order(said: Iterable[Incident]) -> list[Incident]:
    """By their instants, and the same whatever way the samples came in: the first of a group gives
    its ticket the place. What one alarm says at one instant stays in its order."""

    def place(one: Incident) -> tuple[Ts, str, str, str, bool]:
        return instant(one), one.rule, one.source, one.metric, one.cleared_at is not None

    return sorted(said, key=place)
