"""One source that sends far too much is thinned, and nobody else. Pure.

Counted by source and by second of arrival. What is above the rate is a debt, paid back by quieter
seconds; a debt above the burst makes the source limited until it is paid: of each of its topics the
newest message of a second is read, the others are surplus. The decision and what it means for
"readings are never dropped in silence": docs/decisions/flooding-sources-are-thinned.md.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from citypatrol.clock import Ts
from citypatrol.errors import Reject
from ingest.message import Message
from ingest.routes import Routes

_SECOND: Final = 1_000
_MOST_IN_DEBT: Final = 10_000


class Allowance(NamedTuple):
    """Messages a second from one source, and how many more before it is limited."""

    per_second: float = 1_000.0
    burst: int = 100_000


class News(NamedTuple):
    """A source that is limited, or no more; ``surplus``: what it cost since the last news."""

    source: str
    limited: bool
    surplus: int


class Sifted(NamedTuple):
    """``kept`` are to be read, ``surplus`` only acknowledged; what is in neither is held back."""

    kept: list[Message]
    surplus: list[Message]
    news: list[News]


class Sieve:
    """One an input, in its worker's thread."""

    def __init__(self, routes: Routes, allowance: Allowance) -> None:
        self._routes = routes
        self._allowance = allowance
        self._second = 0
        self._counts: Counter[str] = Counter()
        self._debts: dict[str, float] = {}
        self._limited: dict[str, int] = {}
        self._held: dict[str, Message] = {}
        self._kept_at: dict[str, Ts] = {}

    @property
    def holds(self) -> bool:
        """Messages are held back: ask again within a second, also when nothing came."""
        return bool(self._held)

    def __call__(self, messages: list[Message], *, now: Ts) -> Sifted:
        news = self._account(now)
        self._counts.update([message.topic for message in messages])
        if not self._limited and not self._held:
            return Sifted(messages, [], news)
        kept, surplus = self._due(now), []
        for message in messages:
            source = self._source(message.topic)
            if source not in self._limited:
                kept.append(message)
                continue
            before = self._held.pop(message.topic, None)
            if before is not None:
                surplus.append(before)
                self._limited[source] += 1
            self._held[message.topic] = message
        kept += self._due(now)
        return Sifted(kept, surplus, news)

    def _due(self, now: Ts) -> list[Message]:
        """What has been held back for long enough, or belongs to nobody who is limited."""
        due = [
            topic
            for topic in self._held
            if now - self._kept_at.get(topic, 0) >= _SECOND
            or self._source(topic) not in self._limited
        ]
        for topic in due:
            self._kept_at[topic] = now
        return [self._held.pop(topic) for topic in due]

    def _account(self, now: Ts) -> list[News]:
        """Once a second: who sent too much in the last one, and who has paid."""
        second = now // _SECOND
        gone = second - self._second
        if gone <= 0:
            return []
        self._second = second
        allowed, burst = self._allowance
        counts = self._by_source()
        for source in self._debts.keys() | counts.keys():
            debt = self._debts.get(source, 0.0) + counts.get(source, 0) - allowed * gone
            if debt > 0 and (source in self._debts or len(self._debts) < _MOST_IN_DEBT):
                self._debts[source] = min(debt, 2.0 * burst + 10 * allowed)
            else:
                self._debts.pop(source, None)
        return list(self._news(burst))

    def _news(self, burst: int) -> Iterator[News]:
        for source, debt in self._debts.items():
            if debt > burst and source not in self._limited:
                self._limited[source] = 0
                yield News(source, True, 0)
        for source, surplus in list(self._limited.items()):
            if source not in self._debts:
                del self._limited[source]
                yield News(source, False, surplus)
            elif surplus:
                self._limited[source] = 0
                yield News(source, True, surplus)
        if not self._limited and not self._held:
            self._kept_at.clear()

    def _by_source(self) -> Counter[str]:
        """Of sources that their topics name: one topic may bring many devices of a gateway."""
        counts: Counter[str] = Counter()
        if self._debts or self._counts.total() > self._allowance.per_second:
            for topic, count in self._counts.items():
                if source := self._source(topic):
                    counts[source] += count
        self._counts.clear()
        return counts

    def _source(self, topic: str) -> str:
        try:
            route = self._routes.of(topic)
        except Reject:
            return ""
        return route.source if route is not None else ""
