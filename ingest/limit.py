"""The sieve of one input at work: what it does to whom is counted and said."""

from collections.abc import Sequence
from typing import Final

import structlog

from citypatrol import metrics
from citypatrol.clock import Clock
from ingest.counters import SURPLUS
from ingest.flood import News, Sieve
from ingest.gates import InputGate
from ingest.message import Message

log = structlog.get_logger(__name__)

_MOST_NAMED: Final = 50
_OTHERS: Final = "(others)"


class Limiter:
    """In the worker's thread. What a broker held while we were away is no flood: nothing is sifted
    until the input has caught up."""

    def __init__(self, sieve: Sieve, *, name: str, gate: InputGate, clock: Clock) -> None:
        self._sieve = sieve
        self._name = name
        self._gate = gate
        self._clock = clock
        self._named: set[str] = set()
        self._totals: dict[str, int] = {}

    def __call__(self, messages: list[Message]) -> tuple[list[Message], Sequence[Message]]:
        if self._gate.is_behind and not self._sieve.holds:
            return messages, ()
        kept, surplus, news = self._sieve(messages, now=self._clock.now())
        for one in news:
            self._tell(one)
        if surplus:
            metrics.DROPPED.labels("mqtt", "flood").inc(len(surplus))
        return kept, surplus

    def _tell(self, news: News) -> None:
        began = news.source not in self._totals
        total = self._totals[news.source] = self._totals.get(news.source, 0) + news.surplus
        SURPLUS.labels(self._name, self._label(news.source)).inc(news.surplus)
        if began:
            log.warning(
                "a source sends far more than `limit` allows: of each of its topics one message a"
                " second is read until it is quieter",
                input=self._name,
                source=news.source,
            )
        if not news.limited:
            del self._totals[news.source]
            text = "a source is within its `limit` again"
            log.warning(text, input=self._name, source=news.source, surplus=total)

    def _label(self, source: str) -> str:
        """Metrics are for ever: only so many sources have one of their own."""
        if len(self._named) < _MOST_NAMED:
            self._named.add(source)
        return source if source in self._named else _OTHERS
