"""Expectations that no rule could meet, and questions beyond the data: errors, not failures."""

from collections.abc import Iterator, Sequence

from app.testing.scene import Keys, Scene
from citypatrol.clock import Ts
from citypatrol.errors import Problem
from citypatrol.yamlfile import Document
from citypatrol.yamltree import YamlMap
from citypatrol.yamlwords import instead
from rules.ruleset import NORMAL, Rule
from rules.testing.moments import parse_moment, told

_PAST = ("since", "fired_at", "cleared_at", "opened_at")


def asked_problems(scene: Scene, document: Document) -> list[Problem]:
    """Every one of the test, with its place."""
    return list(_Asking(scene, document).problems())


class _Asking:
    def __init__(self, scene: Scene, document: Document) -> None:
        self._scene = scene
        self._document = document
        self._test = f"test '{scene.words.name}': "

    def problems(self) -> Iterator[Problem]:
        words, expect = self._scene.words, self._scene.words.expect
        for at, name in enumerate(words.only or ()):
            if name not in self._scene.every:
                yield self._unknown(name, "only", at)
        yield from self._series()
        yield from self._modes()
        if not expect.alarms and expect.incidents is None and expect.tickets is None:
            yield self._problem("expects nothing: write alarms, incidents or tickets", "expect")
        for at in range(len(expect.alarms)):
            yield from self._alarm(at)
        for at, incident in enumerate(expect.incidents or ()):
            yield from self._one("incidents", at, incident.rule, [incident.source])
            yield from self._times("incidents", at)
        for at, ticket in enumerate(expect.tickets or ()):
            sources = [] if ticket.source is None else [ticket.source]
            yield from self._one("tickets", at, ticket.rule, sources)
            yield from self._ticket(at)
            yield from self._times("tickets", at)

    def _series(self) -> Iterator[Problem]:
        seen: dict[tuple[str, str, Ts], int] = {}
        for at, one in enumerate(self._scene.words.series):
            every = self._scene.words.every or 1
            for ts, _ in one.slots(start=self._scene.start, every=every):
                if ts < self._scene.start:
                    message = f"a sample at {self._told(ts)} is before the start"
                    yield self._problem(message, "series", at)
                    break
            key = (one.source, one.metric, 0)
            if key in seen:
                message = f"{one.source} {one.metric}: there are such series already; write one"
                yield self._problem(message, "series", at)
            seen[key] = at

    def _modes(self) -> Iterator[Problem]:
        """Each is one that some rule names, at a time that the test has."""
        known = {NORMAL} | {mode for rule in self._scene.every.values() for mode, _ in rule.modes}
        words = self._scene.words.mode
        if words is None:
            return
        each = {self._scene.start: words} if isinstance(words, str) else self._scene.modes
        for ts, mode in each.items():
            keys = () if isinstance(words, str) else self._key(ts, "mode")
            if mode not in known and (keys or isinstance(words, str)):
                message = f"no rule names the mode '{mode}'{instead(mode, sorted(known))}"
                yield self._problem(message, "mode", *keys)
            elif not self._scene.start <= ts <= self._scene.end:
                side = "before the start" if ts < self._scene.start else "after the test's data"
                yield self._problem(f"mode: {self._told(ts)} is {side}", "mode", *keys)

    def _alarm(self, at: int) -> Iterator[Problem]:
        alarm = self._scene.words.expect.alarms[at]
        problems = list(self._one("alarms", at, alarm.rule, [alarm.source]))
        yield from problems
        rule = self._scene.every.get(alarm.rule)
        if problems or rule is None:
            return
        end = max(slot.ts for slot in self._scene.slots_of(rule, alarm.source))
        for moment, state in alarm.at.items():
            ts = moment.at(self._scene.start)
            place = ("expect", "alarms", at, "at", *self._key(ts, "expect", "alarms", at, "at"))
            if ts < self._scene.start:
                yield self._problem(f"{self._told(ts)} is before the start", *place)
            elif ts > end:
                yield self._problem(
                    f"asks at {self._told(ts)}, but the data of {alarm.source} ends at"
                    f" {self._told(end)}; write _ for slots without a sample",
                    *place,
                )
            elif state == "pending" and all(map(_never_pending, self._forms(rule))):
                message = f"rule '{rule.name}' is never pending: it has neither for nor at_least"
                yield self._problem(message, *place)

    def _ticket(self, at: int) -> Iterator[Problem]:
        ticket = self._scene.words.expect.tickets[at]  # type: ignore[index]  # it was counted
        rule = self._scene.every.get(ticket.rule)
        if rule is not None and rule.ticket is None:
            message = f"rule '{rule.name}' has no ticket: it makes incidents only"
            yield self._problem(message, "expect", "tickets", at, "rule")
        elif rule is not None and ticket.group is not None and rule.group is None:
            message = f"rule '{rule.name}' has no group"
            yield self._problem(message, "expect", "tickets", at, "group")

    def _one(self, kind: str, at: int, name: str, sources: Sequence[str]) -> Iterator[Problem]:
        """The rule is there, judges, and reads something of each source."""
        rule = self._scene.every.get(name)
        if rule is None:
            yield self._unknown(name, "expect", kind, at, "rule")
            return
        if rule not in self._scene.rules.rules:
            message = f"rule '{name}' does not judge here: only leaves it out"
            yield self._problem(message, "expect", kind, at, "rule")
        for source in sources:
            why = self._cannot_fire(rule, source)
            if why is not None:
                yield self._problem(why, "expect", kind, at, "source")

    def _cannot_fire(self, rule: Rule, source: str) -> str | None:
        seen = self._scene.sources.get(source)
        if seen is None or all(slot.source != source for slot in self._scene.slots):
            sending = sorted({slot.source for slot in self._scene.slots})
            return f"{source} sends nothing in this test{instead(source, sending)}"
        if not self._scene.slots_of(rule, source):
            return f"{source} sends no {rule.metric} in this test, which rule '{rule.name}' reads"
        for label, values in rule.where:
            if seen.labels.get(label) not in values:
                has = seen.labels.get(label)
                wanted = f"{label}: {' or '.join(values)}"
                what = f"has {label}: {has}" if has else f"has no {label}"
                return f"rule '{rule.name}' does not select {source}: it wants {wanted}, it {what}"
        return None

    def _times(self, kind: str, at: int) -> Iterator[Problem]:
        expect = self._scene.words.expect
        one = (expect.incidents if kind == "incidents" else expect.tickets)[at]  # type: ignore[index]
        for key in _PAST:
            moment = getattr(one, key, None)
            if moment is None:
                continue
            ts = moment.at(self._scene.start)
            if ts < self._scene.start:
                message = f"{key}: {self._told(ts)} is before the start"
                yield self._problem(message, "expect", kind, at, key)
            elif ts > self._scene.end:
                message = (
                    f"{key}: asks at {self._told(ts)}, but the test's data ends at"
                    f" {self._told(self._scene.end)}; write _ for slots without a sample"
                )
                yield self._problem(message, "expect", kind, at, key)

    def _forms(self, rule: Rule) -> Iterator[Rule]:
        """The rule as it is in the modes of the test, as far as it judges in them."""
        forms = (rule.in_mode(mode) for mode in set(self._scene.modes.values()))
        return (form for form in forms if form is not None)

    def _key(self, ts: Ts, *keys: str | int) -> Keys:
        """The key under which the time stands in the map at ``keys``."""
        node = self._document.tree.root
        for key in (*self._scene.keys, *keys):
            node = node[key]
        assert isinstance(node, YamlMap)  # noqa: S101 - the model has seen to it
        return tuple(k for k in node if parse_moment(k).at(self._scene.start) == ts)[:1]

    def _unknown(self, name: str, *keys: str | int) -> Problem:
        way_out = instead(name, list(self._scene.every))
        return self._problem(f"unknown rule '{name}'{way_out}", *keys)

    def _problem(self, message: str, *keys: str | int) -> Problem:
        return self._document.problem(self._test + message, *self._scene.keys, *keys)

    def _told(self, ts: Ts) -> str:
        return told(ts - self._scene.start)


def _never_pending(rule: Rule) -> bool:
    when = rule.when  # a window with too few samples is unknown, and its alarm ok
    counts = when.at_least > 1 and when.window is None
    return when.missing is not None or (when.hold_for == 0 and not counts)
