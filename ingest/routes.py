"""From a topic to the series it feeds: patterns in order, remembered by topic."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from citypatrol.errors import Reject
from ingest.profiles.reading import Profile, shown
from ingest.topics import Pattern, uncovered

STATUS: Final = "status"
ONLINE: Final = "online"
"""The metric that a last will's ``.../status`` sets: 1 for ``online``, 0 for ``offline``."""

_LONGEST_ID: Final = 200
_MOST_REMEMBERED: Final = 600_000  # topics; a city of 219,300 devices has two or three each


@dataclass(frozen=True, slots=True)
class TopicRule:
    """One entry of ``topics:``. ``metric`` is what ``value`` or a plain number is a value of."""

    pattern: Pattern
    read: Profile
    metric: str | None = None


class Route(NamedTuple):
    """Where the payloads of one topic go. ``metric`` None: each key of the payload is one.

    ``labels`` are the other names of the pattern, without empty ones. ``status``: the payload may
    be a last will; ``only_status``: it can be nothing else.
    """

    source: str
    labels: Mapping[str, str]
    metric: str | None
    read: Profile
    status: bool = False
    only_status: bool = False


class Routes:
    """Not thread-safe: one worker asks."""

    def __init__(self, rules: Sequence[TopicRule]) -> None:
        self._rules = tuple(rules)
        self._wills = tuple(_will(rule) for rule in rules if not rule.pattern.has("metric"))
        self._known: dict[str, Route] = {}
        self._labels: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}

    @property
    def filters(self) -> list[str]:
        """What to subscribe to; none is included in another."""
        return uncovered([rule.pattern.filter for rule in (*self._rules, *self._wills)])

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
                metric = parts.get("metric", rule.metric)
                return self._route(rule, parts, metric, status=parts.get("metric") == STATUS)
        for will in self._wills:
            parts = will.pattern.match(topic)
            if parts is not None:
                return self._route(will, parts, ONLINE, status=True)._replace(only_status=True)
        return None

    def _route(
        self, rule: TopicRule, parts: Mapping[str, str], metric: str | None, *, status: bool
    ) -> Route:
        _check_name(parts["source"], "source")
        if metric is not None:
            _check_name(metric, "metric")
        labels = self._interned(
            (name, text)
            for name, text in parts.items()
            if text and text.isprintable() and name not in ("source", "metric")
        )
        return Route(parts["source"], labels, metric, rule.read, status)

    def _interned(self, pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
        """One object for all topics with the same labels: comparing and keeping them is cheap."""
        key = tuple(sorted(pairs))
        if len(self._labels) >= _MOST_REMEMBERED:
            self._labels.clear()
        return self._labels.setdefault(key, MappingProxyType(dict(key)))


def _will(rule: TopicRule) -> TopicRule:
    return TopicRule(Pattern.parse(f"{rule.pattern.text}/{STATUS}"), rule.read)


def _check_name(text: str, name: str) -> None:
    if not text:
        message = f"the topic's `{name}` is empty"
    elif len(text) > _LONGEST_ID:
        message = f"the topic's `{name}` has {len(text):,} characters; at most {_LONGEST_ID}"
    elif not text.isprintable():
        message = f"the topic's `{name}` holds characters that do not print: `{shown(text)}`"
    else:
        return
    raise Reject(message)
