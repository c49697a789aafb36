"""Sources as the API and the terminal see them."""

from collections.abc import Iterable, Sequence
from typing import Any

from app.dead_json import dead_json
from app.rollcall import Counts, Known, Line
from app.spoken import clock_says
from app.watching import Watch
from citypatrol.clock import Ts, rfc3339
from citypatrol.dead import DeadLetter
from citypatrol.dead_desk import Mention, general
from ingest.heard_facts import SeriesFacts
from ingest.profiles.reading import ONLINE
from rules.incidents import Incident


def line_json(line: Line, *, now: Ts) -> dict[str, Any]:
    """One source of a list. ``per_minute``: how many readings a minute are usual."""
    return {
        "id": line.id,
        "registered": line.registered,
        "labels": dict(line.labels),
        **_heard(line.arrival, now=now),
        "per_minute": round(line.per_minute, 2),
        "series": line.series,
        "readings": line.count,
        "late": line.late,
    }


def counts_json(counts: Counts) -> dict[str, int]:
    return {
        "heard": counts.heard,
        "silent": counts.silent,
        "unregistered": counts.unregistered,
        "never": counts.never,
    }


def source_json(
    known: Known,
    *,
    rules: Iterable[Watch],
    incidents: Sequence[tuple[Incident, str | None]],
    dead: Sequence[Mention],
    letters: Sequence[DeadLetter],
    now: Ts,
) -> dict[str, Any]:
    """One source with everything. ``online``: what its last will said, null where it has none;
    ``letters``: the newest of those that ``dead`` names."""
    own = [one for one in known.series if one.metric != ONLINE] or known.series
    last = max(own, key=lambda one: one.arrival, default=None)
    will = next((one for one in known.series if one.metric == ONLINE), None)
    return {
        "id": known.id,
        "registered": known.registered,
        "labels": dict(known.labels),
        **_heard(last.arrival if last else None, now=now),
        "online": None if will is None else will.value > 0,
        "clock": None
        if last is None
        else {"offset_s": round(last.offset / 1000, 3), "says": clock_says(last.offset)},
        "lateness_s": known.times.lateness / 1000,
        "stale_s": known.times.stale / 1000,
        "readings": sum(one.count for one in known.series),
        "late": sum(one.late for one in known.series),
        "series": [_series(one) for one in known.series],
        "rules": [
            {
                "rule": one.rule,
                "metric": one.metric,
                "heard": one.heard,
                "condition": one.condition,
                "severity": one.severity,
                "ticket": one.ticket,
            }
            for one in rules
        ],
        "incidents": [incident_json(one, ticket=ticket) for one, ticket in incidents],
        "dead": {
            "count": len(dead),
            "causes": _causes(dead),
            "newest": [dead_json(letter) for letter in letters],
        },
    }


def incident_json(incident: Incident, *, ticket: str | None) -> dict[str, Any]:
    """``cleared_at`` is null while its alarm fires; ``ticket`` null where it has none."""
    cleared = incident.cleared_at
    return {
        "id": incident.id,
        "rule": incident.rule,
        "source": incident.source,
        "metric": incident.metric,
        "since": rfc3339(incident.since),
        "fired_at": rfc3339(incident.fired_at),
        "cleared_at": None if cleared is None else rfc3339(cleared),
        "value": incident.value,
        "severity": incident.severity,
        "ticket": ticket,
    }


def _heard(arrival: Ts | None, *, now: Ts) -> dict[str, Any]:
    if arrival is None:
        return {"last_heard": None, "silent_s": None}
    return {"last_heard": rfc3339(arrival), "silent_s": max(0, now - arrival) / 1000}


def _series(one: SeriesFacts) -> dict[str, Any]:
    """Of one metric. ``interval_s`` is null before its second reading."""
    return {
        "metric": one.metric,
        "value": one.value,
        "ts": rfc3339(one.newest),
        "last_heard": rfc3339(one.arrival),
        "interval_s": _seconds(one.interval),
        "jitter_s": _seconds(one.jitter),
        "offset_s": _seconds(one.offset),
        "readings": one.count,
        "late": one.late,
    }


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else round(ms / 1000, 3)


def _causes(dead: Sequence[Mention]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for letter in dead:  # newest first
        key = letter.kind, general(letter.reason)
        new = {"kind": key[0], "cause": key[1], "count": 0, "newest_id": letter.id}
        found.setdefault(key, new)["count"] += 1
    return sorted(found.values(), key=lambda one: -int(one["count"]))
