"""From a topic to the series it feeds: patterns in order, and what they said remembered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from ingest.profiles.reading import ONLINE, Profile, name_fault
from ingest.profiles.status import read_status
from ingest.topics import Pattern, uncovered

STATUS: Final = "status"
"""The last level of a last will's topic."""

_NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})
_MOST_REMEMBERED: Final = 600_000
_ANYWHERE: Final = 0


T = TypeVar("T")


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
    """Not thread-safe: one worker asks.

    Where all patterns for topics of so many levels name the source at one level, the other levels
    decide the rest: a source costs its name to remember, however many topics it has. Elsewhere
    topics are remembered one by one.
    """

    def __init__(self, rules: Sequence[TopicRule]) -> None:
        wills = [_will(rule) for rule in rules if _may_have_will(rule)]
        self._rules = (*rules, *wills)
        self._places = _places(self._rules)
        self._sources: dict[str, str] = {}
        self._ways: dict[str, Route] = {}
        self._topics: dict[str, Route] = {}
        self._labels: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}

    @property
    def filters(self) -> list[str]:
        """What to subscribe to; none is included in another."""
        return uncovered([rule.pattern.filter for rule in self._rules if rule.use != Use.NOTHING])

    def of(self, topic: str) -> Route | None:
        """The route of the first pattern that matches, None where none does.

        Raises ``Reject`` where the device's id or the metric can be no name.
        """
        source, route = self.way(topic)
        return route if route is None or route.source == source else Route(source, *route[1:])

    def way(self, topic: str) -> tuple[str, Route | None]:
        """``of`` for those in a hurry: the source, and a route that is right but for its source."""
        levels = topic.split("/")
        place = self._places.get(len(levels))
        if not place:
            route = self._topics.get(topic) or self._find(topic)
            if route is not None:
                _remember(self._topics, topic, route)
            return "" if route is None else route.source, route
        source = self._sources.get(levels[place])
        levels[place] = ""
        key = "/".join(levels)
        if source is not None:
            route = self._ways.get(key)
            if route is not None:
                return source, route
        route = self._find(topic)
        if route is None:
            return "", None
        _remember(self._sources, route.source, route.source)
        _remember(self._ways, key, route)
        return route.source, route

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


def _remember(known: dict[str, T], key: str, value: T) -> None:
    if key not in known:
        if len(known) >= _MOST_REMEMBERED:
            known.clear()
        known[key] = value


def _places(rules: Sequence[TopicRule]) -> Mapping[int, int]:
    """By the number of a topic's levels the one that is the source's, whatever pattern it fits."""
    found = {}
    for depth in {rule.pattern.depth for rule in rules}:
        rivals = [rule for rule in rules if _fits(rule.pattern, depth)]
        places = {_place(rule) for rule in rivals}
        found[depth] = places.pop() if len(places) == 1 else _ANYWHERE
    return found


def _fits(pattern: Pattern, depth: int) -> bool:
    return depth == pattern.depth or (pattern.rest is not None and depth > pattern.depth)


def _place(rule: TopicRule) -> int:
    """The first level is no such place: there `$` has a meaning of its own."""
    if rule.use is Use.NOTHING or rule.pattern.rest is not None:
        return _ANYWHERE
    levels = [level for level, name in rule.pattern.names if name == "source"]
    return levels[0] if levels else _ANYWHERE


def _may_have_will(rule: TopicRule) -> bool:
    """A device that has one topic for all that it sends may have a last will below it."""
    pattern = rule.pattern
    whole = pattern.rest is None and not pattern.has("metric")
    return rule.use is Use.READINGS and pattern.has("source") and whole


def _will(rule: TopicRule) -> TopicRule:
    pattern = Pattern.parse(f"{rule.pattern.text}/{STATUS}")
    return TopicRule(pattern, read_status, ONLINE, use=Use.STATUS)
