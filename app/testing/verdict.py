"""What was expected beside what came: every difference, with the time line that shows it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.testing.drawing import time_line
from app.testing.scene import Outcome, Scene
from citypatrol.clock import Ts
from citypatrol.errors import Problem
from citypatrol.yamlfile import Document, Model
from rules.incidents import Incident
from rules.testing.moments import Moment, told
from rules.testing.play import Asked
from tickets.ticket import Ticket

_WHOSE: Final = ("rule", "source", "group", "metric")


@dataclass(frozen=True, slots=True)
class Failure:
    """``problem`` says where, what was expected and what came; ``picture`` shows it, in lines."""

    problem: Problem
    expected: str
    got: str
    picture: str


def failures(scene: Scene, outcome: Outcome, document: Document) -> list[Failure]:
    """Every one of the test, in the order of its expectations."""
    return list(_Judge(scene, outcome, document).failures())


class _Judge:
    def __init__(self, scene: Scene, outcome: Outcome, document: Document) -> None:
        self._scene = scene
        self._outcome = outcome
        self._document = document

    def failures(self) -> Iterator[Failure]:
        expect = self._scene.words.expect
        for at in range(len(expect.alarms)):
            yield from self._alarm(at)
        if expect.incidents is not None:
            every = [_of_incident(one) for one in self._outcome.incidents]
            yield from self._list("incidents", expect.incidents, every)
        if expect.tickets is not None:
            tickets = [self._of_ticket(one) for one in self._outcome.tickets]
            yield from self._list("tickets", expect.tickets, tickets)

    def _alarm(self, at: int) -> Iterator[Failure]:
        alarm = self._scene.words.expect.alarms[at]
        asked = Asked(alarm.rule, alarm.source)
        states = self._outcome.played.states[asked]
        for (moment, expected), key in zip(alarm.at.items(), self._keys(at), strict=True):
            ts = moment.at(self._scene.start)
            if states[ts] != expected:
                picture = time_line(self._scene, asked, states, around=ts)
                what = f"{alarm.rule} at {alarm.source}, {self._told(ts)}"
                place = ("expect", "alarms", at, "at", key)
                yield self._failure(what, expected, states[ts], picture, *place)

    def _keys(self, at: int) -> list[str]:
        node = self._document.tree.root
        for key in (*self._scene.keys, "expect", "alarms", at, "at"):
            node = node[key]
        return list(node)

    def _list(
        self, kind: str, wanted: Sequence[Model], got: Sequence[Mapping[str, Any]]
    ) -> Iterator[Failure]:
        """Those that fit exactly are paired first, then those of the same rule and source."""
        thing = kind[:-1]
        left = dict(enumerate(got))
        open_ones: list[int] = []
        for at, words in enumerate(wanted):
            hit = next((n for n, one in left.items() if not self._differs(words, one)), None)
            if hit is None:
                open_ones.append(at)
            else:
                del left[hit]
        for at in open_ones:
            words = wanted[at]
            alike = [n for n, one in left.items() if _same_one(words, one)]
            if not alike:
                seen = [self._said(one) for one in got if one["rule"] == words.rule]  # type: ignore[attr-defined]
                all_of_it = "; ".join(seen) or f"no {thing} of this rule"
                text = self._said(_given(words))
                yield self._failure(thing, text, all_of_it, "", "expect", kind, at)
                continue
            best = min(alike, key=lambda n: len(self._differs(wanted[at], left[n])))
            one = left.pop(best)
            for name in self._differs(words, one):
                what = f"{thing} of {one['rule']} at {one['group'] or one['source']}, {name}"
                expected, came = self._shown(getattr(words, name)), self._shown(one[name])
                yield self._failure(what, expected, came, "", "expect", kind, at, name)
        for one in left.values():
            expected = f"no other {thing}" if wanted else f"no {thing}"
            yield self._failure(kind, expected, self._said(one), "", "expect", kind)

    def _differs(self, words: Model, one: Mapping[str, Any]) -> list[str]:
        """The names of what was written and came otherwise."""
        return [name for name in words.model_fields_set if not self._equal(words, name, one)]

    def _equal(self, words: Model, name: str, one: Mapping[str, Any]) -> bool:
        value = getattr(words, name)
        if isinstance(value, Moment):
            value = value.at(self._scene.start)
        got = one[name]
        if isinstance(value, float) and isinstance(got, float):
            return abs(value - got) <= 1e-9 * max(1.0, abs(value))
        return bool(value == got)

    def _of_ticket(self, ticket: Ticket) -> dict[str, Any]:
        names = ("rule", "source", "group", "title", "severity", "category", "unit", "state")
        times = ("opened_at", "acknowledge_by", "resolve_by", "cleared_at")
        found = {name: getattr(ticket, name) for name in (*names, "grid", "witnesses")}
        return found | {name: _time(getattr(ticket, name)) for name in times}

    def _said(self, one: Mapping[str, Any]) -> str:
        parts = [f"{name} {self._shown(value)}" for name, value in one.items() if value is not None]
        return ", ".join(parts)

    def _shown(self, value: Any) -> str:
        if isinstance(value, Moment):
            return self._told(value.at(self._scene.start))
        if isinstance(value, _Time):
            return self._told(value)
        if isinstance(value, float):
            return f"{value:g}"
        return "null" if value is None else str(value)

    def _told(self, ts: Ts) -> str:
        return told(ts - self._scene.start)

    def _failure(
        self, what: str, expected: str, got: str, picture: str, *keys: str | int
    ) -> Failure:
        message = f"test '{self._scene.words.name}': {what}: expected {expected}, got {got}"
        problem = self._document.problem(message, *self._scene.keys, *keys)
        return Failure(problem, expected, got, picture)


class _Time(int):
    """Milliseconds since 1970, and no number for people."""


def _time(ts: Ts | None) -> _Time | None:
    return None if ts is None else _Time(ts)


def _of_incident(one: Incident) -> dict[str, Any]:
    return {
        "rule": one.rule,
        "source": one.source,
        "group": one.group,
        "metric": one.metric,
        "since": _time(one.since),
        "fired_at": _time(one.fired_at),
        "cleared_at": _time(one.cleared_at),
        "value": one.value,
        "severity": one.severity,
    }


def _same_one(words: Model, one: Mapping[str, Any]) -> bool:
    """The same rule, and whose it is as far as that is written."""
    return all(
        getattr(words, name) == one[name] for name in words.model_fields_set if name in _WHOSE
    )


def _given(words: Model) -> dict[str, Any]:
    names = type(words).model_fields
    return {name: getattr(words, name) for name in names if name in words.model_fields_set}
