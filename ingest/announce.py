"""Which sources the journal has been told of, and with which labels. Pure."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np
import orjson
import pyarrow as pa

from citypatrol.clock import Ts
from citypatrol.records import SourceSeen
from citypatrol.samples import Batch

Labels = Mapping[str, str]

_NO_LABELS: Final[Labels] = MappingProxyType({})
_VERSION: Final = 2
_DIGEST_BITS: Final = 53  # so that any JSON reader keeps it
_MOST_SETS: Final = 1_000
_DIGEST: Final = (1 << _DIGEST_BITS) - 1

_Pairs = tuple[tuple[str, str], ...]


class LabelSource(Protocol):
    """What is asked of ``citypatrol.registry.Registry``."""

    def labels_of(self, sources: Sequence[str], /) -> Sequence[Labels | None]: ...


class Life(Protocol):
    """How long a sample waits for an older one and how long a value lives, in milliseconds."""

    @property
    def lateness(self) -> int: ...
    @property
    def stale(self) -> int: ...


class Lives(Protocol):
    """What is asked of ``citypatrol.kinds.Kinds``."""

    def of(self, labels: Labels, /) -> Life: ...


class Announcements:
    """Says what is new about the sources of a batch. What a source's topics say adds up: a topic
    with fewer labels than another one of that source is no change.

    A source is told with two numbers in one, since 219,300 sources with an object each would take
    another 25 MB: which set of labels its topics gave, above ``_DIGEST_BITS`` of the digest.
    """

    def __init__(self, registry: LabelSource, kinds: Lives) -> None:
        self._registry = registry
        self._kinds = kinds
        self._topics: list[Labels] = [_NO_LABELS]
        self._numbers: dict[_Pairs, int] = {(): 0}
        self._free: list[int] = []
        self._told: dict[str, int] = {}
        self._before: dict[str, int] = {}  # told by an earlier run, not compared with files yet

    def of(self, batch: Batch, *, labels: Mapping[str, Labels] | None, now: Ts) -> list[SourceSeen]:
        """The records that must come before ``batch``."""
        if len(self._numbers) > _MOST_SETS + 2 * (len(self._told) + len(self._before)):
            self._forget_unused()
        new: dict[str, tuple[int | None, int]] = {}
        for source in batch.sources:
            topic = labels.get(source, _NO_LABELS) if labels else _NO_LABELS
            told = self._told.get(source)
            if told is not None:
                known = self._topics[told >> _DIGEST_BITS]
                if topic is known or topic.items() <= known.items():
                    continue
            if source in new:
                continue
            before = told if told is not None else self._was_told(source)
            if before is not None:
                topic = _sum(self._topics[before >> _DIGEST_BITS], topic)
            new[source] = before, self._number(topic)
        return list(self._news(new, now)) if new else []

    def _news(self, new: Mapping[str, tuple[int | None, int]], now: Ts) -> Iterable[SourceSeen]:
        """Tells these: what was told before, and the number of the labels that topics gave."""
        registered = self._registry.labels_of(list(new))
        for (source, (before, number)), labels in zip(new.items(), registered, strict=True):
            seen = self._seen(source, {**self._topics[number], **(labels or {})}, now)
            digest = _digest(seen)
            self._told[source] = number << _DIGEST_BITS | digest
            if before is None or before & _DIGEST != digest:
                yield seen

    def topic(self, source: str) -> Labels:
        """What the topics of this source have said of it so far."""
        told = self._told.get(source, self._before.get(source, 0))
        return self._topics[told >> _DIGEST_BITS]

    def _number(self, topic: Labels) -> int:
        """The labels' place among all there are."""
        pairs = tuple(sorted(topic.items()))
        number = self._numbers.get(pairs)
        if number is None:
            number = self._numbers[pairs] = self._free.pop() if self._free else len(self._topics)
            self._topics += [_NO_LABELS] * (number == len(self._topics))
        elif not isinstance(topic, MappingProxyType):
            return number
        self._topics[number] = topic  # the newest object: whoever sends next is known by it
        return number

    def _was_told(self, source: str) -> int | None:
        """By an earlier run; from now on this one has told it."""
        before = self._before.pop(source, None)
        if before is not None and not self._before:
            self._before = {}  # an empty dict keeps the room that it once had
        return before

    def _forget_unused(self) -> None:
        """Of topics that hold something new each time only the newest is some source's."""
        used = {n >> _DIGEST_BITS for told in (self._told, self._before) for n in told.values()}
        gone = {pairs: n for pairs, n in self._numbers.items() if n and n not in used}
        for pairs, number in gone.items():
            del self._numbers[pairs]
            self._topics[number] = _NO_LABELS
        self._free += gone.values()

    def _seen(self, source: str, labels: Labels, now: Ts) -> SourceSeen:
        life = self._kinds.of(labels)
        return SourceSeen(
            ts=now, source=source, labels=labels, lateness=life.lateness, stale=life.stale
        )

    def dump(self) -> bytes:
        """Everything told so far, for ``load`` after a restart."""
        told = self._before | self._told if self._before else self._told
        columns = {
            "source": pa.array(list(told), pa.string()),
            "labels": np.fromiter((n >> _DIGEST_BITS for n in told.values()), np.int32, len(told)),
            "digest": np.fromiter((n & _DIGEST for n in told.values()), np.int64, len(told)),
        }
        head = {"version": _VERSION, "labels": [dict(one) for one in self._topics]}
        out = pa.BufferOutputStream()
        out.write(orjson.dumps(head) + b"\n")
        table, options = pa.table(columns), pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_stream(out, table.schema, options=options) as writer:
            writer.write_table(table)
        return bytes(out.getvalue())

    def load(self, data: bytes) -> None:
        """What an earlier run told. Raises ValueError where the bytes are not of ``dump``."""
        line, _, rest = data.partition(b"\n")
        try:
            head = orjson.loads(line)
            if head["version"] not in (1, _VERSION):
                message = f"version {head['version']}, not {_VERSION}"
                raise ValueError(message)
            numbers = [self._number(labels) for labels in head["labels"]]
            told = _read(rest) if head["version"] == _VERSION else _read_first(head["sources"])
            self._before = {s: numbers[n] << _DIGEST_BITS | digest for s, n, digest in told}
        except (
            *(ValueError, KeyError, TypeError, IndexError, AttributeError, OSError),
            pa.ArrowException,
        ) as error:
            message = f"not a list of announced sources: {error}"
            raise ValueError(message) from error


def _read(data: bytes) -> Iterable[tuple[str, int, int]]:
    with pa.ipc.open_stream(data) as reader:
        table = reader.read_all()
    columns = (table[name].to_pylist() for name in ("source", "labels", "digest"))
    return zip(*columns, strict=True)


def _read_first(sources: Mapping[str, tuple[int, int]]) -> Iterable[tuple[str, int, int]]:
    """As version 1 has them: all in one JSON object."""
    return ((source, number, digest) for source, (number, digest) in sources.items())


def _sum(known: Labels, topic: Labels) -> Labels:
    if topic.items() <= known.items():
        return topic if len(topic) == len(known) else known
    return {**known, **topic}


def _digest(seen: SourceSeen) -> int:
    """Of all but the time."""
    facts = orjson.dumps([sorted(seen.labels.items()), seen.lateness, seen.stale])
    return int.from_bytes(hashlib.blake2b(facts, digest_size=8).digest()) >> 11
