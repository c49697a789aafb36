"""A backtest's answer for people and for programs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import orjson

from app.backtest.bars import bars
from app.backtest.days import chart_of
from app.backtest.reckoning import Answer
from app.backtest.verdicts import Score
from app.spoken import lasting
from app.terminal import columns, heights, paint, printable, say, say_part, table
from citypatrol.clock import Ts, rfc3339
from tickets.ticket import Ticket
from tickets.units import Units

WORST: Final = 10
_MOST_ROWS: Final = 50
_MOST_IDLE: Final = 10
_TIMES: Final = ("since", "fired_at", "cleared_at")


def as_json(
    answer: Answer,
    *,
    units: Units,
    by: Sequence[str],
    idle: Mapping[str, str],
    verdicts: Sequence[Score] | None,
) -> None:
    """RULES 27: one object, written as it is read, since it may be large."""
    head = {"until": _time(answer.until), "samples": answer.samples}
    say_part(_text(head)[:-1] + ', "incidents": [')
    _list(_incident(one) for one in answer.found.incidents())
    say_part('], "tickets": [')
    _list(ticket_json(one, units, witnesses) for one, witnesses in answer.found.tickets())
    tail: dict[str, Any] = {"by": answer.found.counts(by), "worst": _worst(answer)}
    tail["judged_nothing"] = [{"rule": rule, "why": why} for rule, why in idle.items()]
    if verdicts is not None:
        tail["verdicts"] = [_score(one) for one in verdicts]
    say_part("], " + _text(tail)[1:] + "\n")


def as_text(
    answer: Answer,
    *,
    by: Sequence[str],
    closing: str,
    idle: Mapping[str, str],
    verdicts: Sequence[Score] | None,
) -> None:
    found, totals = answer.found, answer.found.totals()
    until = "no sample in this time" if answer.until is None else f"until {rfc3339(answer.until)}"
    say(
        f"{answer.samples:,} samples {until}: {_count(totals['incidents'], 'incident')}, "
        f"{_count(totals['tickets'], 'ticket')}{_shadows(totals)}"
    )
    for line in idle_lines(idle):
        say(line)
    if verdicts is not None:
        say()
        say(_verdicts(verdicts))
    if not totals["incidents"]:
        return
    counts = found.counts(by)
    shadows = ("shadows",) if totals["shadows"] else ()
    names = (*by, "tickets", *shadows, "incidents", "sources")
    days = chart_of(answer)
    if days.rows and days.days > 1:
        say()
        for line in bars(days, columns=columns(), heights=heights(), paint=_blue):
            say(line)
    say()
    say(table(names, [[_cell(row[name]) for name in names] for row in counts[:_MOST_ROWS]]))
    if len(counts) > _MOST_ROWS:
        say(f"... and {len(counts) - _MOST_ROWS:,} rows more; --json has them all")
    say()
    worst = [
        (one["source"], one["rule"], f"{one['incidents']:,}", lasting(one["firing_ms"]))
        for one in _worst(answer)
    ]
    say(table(("worst source", "rule", "incidents", "fired for"), worst))
    if days.rows:
        say()
        say(closing)


def idle_lines(idle: Mapping[str, str]) -> Iterable[str]:
    """``idle``: by rule why it judged nothing."""
    for rule, why in list(idle.items())[:_MOST_IDLE]:
        yield f"Rule '{rule}' judged nothing: {printable(why)}."
    if len(idle) > _MOST_IDLE:
        yield f"... and {_count(len(idle) - _MOST_IDLE, 'rule')} more; --json names them"


def _verdicts(scores: Sequence[Score]) -> str:
    head = ("rule", "precision", "recall", "real found", "false alarms found")
    rows = [
        (
            one.rule,
            _share(one.precision),
            _share(one.recall),
            f"{one.real_found} of {one.real}",
            f"{one.false_found} of {one.false}",
        )
        for one in scores
    ]
    return table(head, rows) or "Nobody has judged a ticket of these rules in this time."


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _score(one: Score) -> dict[str, Any]:
    return {**asdict(one), "precision": one.precision, "recall": one.recall}


def _list(parts: Iterable[Mapping[str, Any]]) -> None:
    for at, part in enumerate(parts):
        say_part(("\n" if at == 0 else ",\n") + _text(part))


def _incident(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _time(value) if name in _TIMES else value for name, value in row.items()}


def ticket_json(
    ticket: Ticket, units: Units, witnesses: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """As a webhook says it (DOORS), with every witness."""
    place = {"lat": ticket.lat, "lon": ticket.lon, "site": ticket.site, "grid": ticket.grid}
    unit = None if ticket.unit is None else {"id": ticket.unit, "name": units.name(ticket.unit)}
    return {
        "id": ticket.id,
        "rule": ticket.rule,
        "source": ticket.source,
        "group": ticket.group,
        "state": ticket.state,
        "category": ticket.category,
        "severity": ticket.severity,
        "title": ticket.title,
        "shadow": ticket.shadow,
        "storm": ticket.storm,
        "opened_at": _time(ticket.opened_at),
        "acknowledge_by": _time(ticket.acknowledge_by),
        "resolve_by": _time(ticket.resolve_by),
        "cleared_at": _time(ticket.cleared_at),
        "closed_at": _time(ticket.closed_at),
        "place": place,
        "district": ticket.district,
        "unit": unit,
        "witness_count": ticket.witnesses,
        "witnesses": [
            {
                "incident": one["id"],
                "rule": one["rule"],
                "source": one["source"],
                "since": _time(one["since"]),
                "value": one["value"],
            }
            for one in witnesses
        ],
    }


def _worst(answer: Answer) -> list[Mapping[str, Any]]:
    return answer.found.worst(limit=WORST, until=answer.until or 0)


def _text(value: object) -> str:
    return orjson.dumps(value).decode()


def _time(ts: Ts | None) -> str | None:
    return None if ts is None else rfc3339(ts)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str("-" if value is None else value)


def _shadows(totals: Mapping[str, int]) -> str:
    """Apart from the tickets that units would have got."""
    return f" and {_count(totals['shadows'], 'shadow ticket')}" if totals["shadows"] else ""


def _blue(text: str) -> str:
    return paint(text, code="34")


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
