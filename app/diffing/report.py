"""A comparison for people and for programs."""

from collections.abc import Mapping
from typing import Any, Final

from app.backtest.report import idle_lines, ticket_json
from app.diffing.changes import Change
from app.diffing.comparing import Comparison, Told
from app.diffing.matching import FATES, Fate
from app.spoken import lasting
from app.terminal import say, say_json, table
from citypatrol.clock import rfc3339
from tickets.ticket import Ticket
from tickets.units import Units

SHOWN: Final = 20
"""Differences of one fate that people see; ``--json`` has more."""
_NONE: Final[Mapping[str, int]] = {"incidents": 0, "tickets": 0, "shadows": 0}


def as_json(result: Comparison, *, units: Units) -> None:
    until = None if result.until is None else rfc3339(result.until)
    tickets = {fate: [_told(one, units) for one in result.told[fate]] for fate in FATES}
    counts, shadows = (
        {fate: result.count(fate, shadow=shadow) for fate in FATES} for shadow in (False, True)
    )
    say_json(
        {
            "until": until,
            "samples": result.samples,
            "unchanged_rules": result.changes.same,
            "judged_nothing": [{"rule": rule, "why": why} for rule, why in result.idle.items()],
            "rules": [_rule(one, result) for one in result.changes.changes],
            "counts": counts,
            "shadow_counts": shadows,
            **tickets,
        }
    )


def as_text(result: Comparison, *, closing: str) -> None:
    until = "no sample in this time" if result.until is None else f"until {rfc3339(result.until)}"
    same = result.changes.same
    say(f"{result.samples:,} samples {until}; {same} {_s(same, 'rule')} unchanged")
    if result.changes.changes:
        say()
        say(table(HEADINGS, [row(one, result) for one in result.changes.changes]))
    for one in result.changes.changes:
        for part in one.parts:
            say(f"  {one.name}: {part}")
    for said in idle_lines(result.idle):
        say(said)
    for fate in FATES:
        told = result.told[fate]
        if not told:
            continue
        count = result.count(fate)
        say()
        say(table((fate, *LINE), [line(one) for one in told[:SHOWN]]))
        if count > SHOWN:
            say(f"... and {count - SHOWN:,} more; --json tells them")
    if not result.differs:
        say()
        say("No ticket differs.")
    elif closing:
        say()
        say(closing)


HEADINGS: Final = ("rule", "change", "incidents", "tickets", *FATES)
LINE: Final = ("rule", "source", "opened", "why")


def row(change: Change, result: Comparison) -> list[str]:
    """What became of one rule, for a table of ``HEADINGS``."""
    old = result.old.get(change.name, _NONE)
    new = result.new.get(change.name, _NONE)
    counts = [_counted(result, fate, change.name) for fate in FATES]
    incidents, tickets, shadows = (
        _from_to(old[name], new[name]) for name in ("incidents", "tickets", "shadows")
    )
    if old["shadows"] or new["shadows"]:
        tickets += f", shadow {shadows}"
    return [change.name, spoken_change(change), incidents, tickets, *counts]


def _counted(result: Comparison, fate: Fate, rule: str) -> str:
    real, shadow = (result.count(fate, rule=rule, shadow=kind) for kind in (False, True))
    return ", ".join([str(real)] * bool(real) + [f"shadow {shadow}"] * bool(shadow)) or "-"


def spoken_change(change: Change) -> str:
    if change.kind == "renamed":
        return f"renamed from {change.before}"
    return ", ".join(dict.fromkeys(part.name for part in change.parts)) or change.kind


def line(told: Told) -> list[str]:
    """One difference, for a table with its fate and ``LINE``."""
    one, ticket = told.difference, told.difference.ticket
    return [ticket.id, by_whom(ticket), about(ticket), opened(told), why(told, one.fate)]


def by_whom(ticket: Ticket) -> str:
    """The rule, and whether it was on trial: then nobody would have been sent."""
    return f"{ticket.rule} (shadow)" if ticket.shadow else ticket.rule


def about(ticket: Ticket) -> str:
    return ticket.source if ticket.group is None else f"{ticket.group} (group)"


def opened(told: Told) -> str:
    one = told.difference
    at = rfc3339(one.ticket.opened_at)[:19] + "Z"
    if not one.by_ms:
        return at
    return f"{at}, {lasting(abs(one.by_ms))} {'later' if one.by_ms > 0 else 'earlier'}"


def why(told: Told, fate: Fate) -> str:
    if fate != "changed":
        return str(told.reason)
    return f"{told.reason} ({', '.join(told.difference.fields)})"


def _rule(change: Change, result: Comparison) -> dict[str, Any]:
    return {
        "rule": change.name,
        "change": change.kind,
        "before": change.before,
        "parts": [{"part": p.name, "old": p.old, "new": p.new} for p in change.parts],
        "old": result.old.get(change.name, _NONE),
        "new": result.new.get(change.name, _NONE),
        **{fate: result.count(fate, rule=change.name, shadow=False) for fate in FATES},
        "shadows": {fate: result.count(fate, rule=change.name, shadow=True) for fate in FATES},
    }


def _told(told: Told, units: Units) -> dict[str, Any]:
    one, reason = told.difference, told.reason
    found: dict[str, Any] = {
        "rule": one.ticket.rule,
        "source": one.ticket.source,
        "group": one.ticket.group,
        "reason": {
            "text": str(reason),
            "rule": reason.rule,
            "change": reason.kind,
            "parts": list(reason.parts),
            "together": reason.together,
        },
        "old": None if one.old is None else ticket_json(one.old, units, ()),
        "new": None if one.new is None else ticket_json(one.new, units, ()),
    }
    if one.by_ms:
        found["by_s"] = one.by_ms / 1000
    if one.fate == "changed":
        found["fields"] = one.fields
    for ticket in (found["old"], found["new"]):
        if ticket is not None:
            del ticket["witnesses"]
    return found


def _from_to(old: int, new: int) -> str:
    return f"{old:,}" if old == new else f"{old:,} \N{RIGHTWARDS ARROW} {new:,}"


def _s(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"
