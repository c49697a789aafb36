"""Which sources the journal has been told of, and with which labels. Pure."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

import orjson

from citypatrol.clock import Ts
from citypatrol.records import SourceSeen
from citypatrol.samples import Batch

Labels = Mapping[str, str]

_NO_LABELS: Final[Labels] = MappingProxyType({})
_VERSION: Final = 1


class LabelSource(Protocol):
    """What is asked of ``citypatrol.registry.Registry``."""

    def labels(self, source: str, /) -> Labels | None: ...


class Life(Protocol):
    """How long a sample waits for an older one and how long a value lives, in milliseconds."""

    @property
    def lateness(self) -> int: ...
    @property
    def stale(self) -> int: ...


class Lives(Protocol):
    """What is asked of ``citypatrol.kinds.Kinds``."""

    def of(self, labels: Labels, /) -> Life: ...


class _Told(NamedTuple):
    topic: Labels
    digest: int


class Announcements:
    """Says what is new about the sources of a batch. What a source's topics say adds up: a topic
    with fewer labels than another one of that source is no change."""

    def __init__(self, registry: LabelSource, kinds: Lives) -> None:
        self._registry = registry
        self._kinds = kinds
        self._told: dict[str, _Told] = {}
        self._before: dict[str, _Told] = {}  # told by an earlier run, not compared with files yet

    def of(self, batch: Batch, *, labels: Mapping[str, Labels] | None, now: Ts) -> list[SourceSeen]:
        """The records that must come before ``batch``."""
        news = []
        for source in batch.sources:
            topic = labels.get(source, _NO_LABELS) if labels else _NO_LABELS
            told = self._told.get(source)
            if told is not None and (topic is told.topic or topic.items() <= told.topic.items()):
                continue
            before = told or self._before.pop(source, None)
            if before is not None and not topic.items() <= before.topic.items():
                topic = MappingProxyType({**before.topic, **topic})
            elif before is not None:
                topic = before.topic
            seen = self._seen(source, topic, now)
            digest = _digest(seen)
            self._told[source] = _Told(topic, digest)
            if before is None or before.digest != digest:
                news.append(seen)
        return news

    def topic(self, source: str) -> Labels:
        """What the topics of this source have said of it so far."""
        told = self._told.get(source) or self._before.get(source)
        return told.topic if told is not None else _NO_LABELS

    def _seen(self, source: str, topic: Labels, now: Ts) -> SourceSeen:
        registered = self._registry.labels(source)
        labels = {**topic, **registered} if registered else dict(topic)
        life = self._kinds.of(labels)
        return SourceSeen(
            ts=now, source=source, labels=labels, lateness=life.lateness, stale=life.stale
        )

    def dump(self) -> bytes:
        """Everything told so far, for ``load`` after a restart."""
        sets: dict[tuple[tuple[str, str], ...], int] = {}
        sources = {
            source: (sets.setdefault(tuple(sorted(told.topic.items())), len(sets)), told.digest)
            for source, told in (*self._before.items(), *self._told.items())
        }
        labels = [dict(pairs) for pairs in sets]
        return orjson.dumps({"version": _VERSION, "labels": labels, "sources": sources})

    def load(self, data: bytes) -> None:
        """What an earlier run told. Raises ValueError where the bytes are not of ``dump``."""
        try:
            found = orjson.loads(data)
            if found["version"] != _VERSION:
                message = f"version {found['version']}, not {_VERSION}"
                raise ValueError(message)
            labels = [MappingProxyType(one) for one in found["labels"]]
            sources = found["sources"].items()
            self._before = {s: _Told(labels[number], digest) for s, (number, digest) in sources}
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            message = f"not a list of announced sources: {error}"
            raise ValueError(message) from error


def _digest(seen: SourceSeen) -> int:
    """Of all but the time; 53 bits, so that any JSON reader keeps it."""
    facts = orjson.dumps([sorted(seen.labels.items()), seen.lateness, seen.stale])
    return int.from_bytes(hashlib.blake2b(facts, digest_size=8).digest()) >> 11
