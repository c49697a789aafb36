"""From a topic to the series it feeds: patterns in order, remembered by topic."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, NamedTuple

from ingest.profiles.reading import ONLINE, Profile, name_fault
from ingest.profiles.status import read_status
from ingest.topics import Pattern, uncovered

STATUS: Final = "status"
"""The last level of a last will's topic."""

_NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})
_MOST_REMEMBERED: Final = 600_000  # topics; a city of 219,300 devices has two or three each


class Use(Enum):
    """What the payloads of a pattern are good for."""

    READINGS = auto()
    STATUS = auto()
    """They say who is online; a retained one counts (DESIGN 4)."""
    NOTHING = auto()
    """They are commands or talk of a bridge: passed over and counted."""


@dataclass(frozen=True, slots=True)
class TopicRule:
    """One pattern of ``topics:``, or one that belongs to it. ``metric`` is what ``value`` or a
    plain number is a value of. ``cause``: how payloads that are good for nothing are counted."""

    pattern: Pattern
    read: Profile
    metric: str | None = None
    use: Use = Use.READINGS
    cause: str = ""


class Route(NamedTuple):
    """Where the payloads of one topic go. ``source`` is empty where only the payload names it;
    ``metric`` None: each key of the payload is one.

    ``labels`` are the other names of the pattern, without empty ones. ``may_be_will``: the payload
    may be a last will; ``is_status``: what it gives is no reading, but who is online. ``skip``: the
    payload is not read, and counted so.
    """

    source: str
    labels: Mapping[str, str]
    metric: str | None
    read: Profile
    may_be_will: bool = False
    is_status: bool = False
    skip: str | None = None


class Routes:
    """Not thread-safe: one worker asks."""

    def __init__(self, rules: Sequence[TopicRule]) -> None:
        wills = [_will(rule) for rule in rules if _may_have_will(rule)]
        self._rules = (*rules, *wills)
        self._known: dict[str, Route] = {}
        self._labels: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}

    @property
    def filters(self) -> list[str]:
        """What to subscribe to; none is included in another."""
        return uncovered([rule.pattern.filter for rule in self._rules if rule.use != Use.NOTHING])

    def of(self, topic: str) -> Route | None:
        """The route of the first pattern that matches, None where none does.

        Raises ``Reject`` where the device's id or the metric can be no name.
        """
        known = self._known.get(topic)
        if known is not None:
            return known
        route = self._find(topic)
        if route is not None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[topic] = route
        return route

    def _find(self, topic: str) -> Route | None:
        for rule in self._rules:
            parts = rule.pattern.match(topic)
            if parts is not None:
                return self._route(rule, parts)
        return None

    def _route(self, rule: TopicRule, parts: Mapping[str, str]) -> Route:
        if rule.use is Use.NOTHING:
            return Route("", _NO_LABELS, None, rule.read, skip=rule.cause)
        metric = parts.get("metric", rule.metric)
        for name, text in (("source", parts.get("source")), ("metric", metric)):
            fault = None if text is None else name_fault(text, f"the topic's `{name}`")
            if fault is not None:
                raise fault
        labels = self._interned(
            (name, text)
            for name, text in parts.items()
            if text and text.isprintable() and name not in ("source", "metric")
        )
        return Route(
            parts.get("source", ""),
            labels,
            metric,
            rule.read,
            may_be_will=parts.get("metric") == STATUS,
            is_status=rule.use is Use.STATUS,
        )

    def _interned(self, pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
        """One object for all topics with the same labels: comparing and keeping them is cheap."""
        key = tuple(sorted(pairs))
        if len(self._labels) >= _MOST_REMEMBERED:
            self._labels.clear()
        return self._labels.setdefault(key, MappingProxyType(dict(key)))


def _may_have_will(rule: TopicRule) -> bool:
    """A device that has one topic for all that it sends may have a last will below it."""
    pattern = rule.pattern
    whole = pattern.rest is None and not pattern.has("metric")
    return rule.use is Use.READINGS and pattern.has("source") and whole


def _will(rule: TopicRule) -> TopicRule:
    pattern = Pattern.parse(f"{rule.pattern.text}/{STATUS}")
    return TopicRule(pattern, read_status, ONLINE, use=Use.STATUS)
