"""Which sources the journal has been told of, and with which labels. Pure."""

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np
import orjson
import pyarrow as pa

from citypatrol.clock import Ts
from citypatrol.columns import Codes, Column
from citypatrol.name_table import NameTable
from citypatrol.records import SourceSeen
from citypatrol.samples import Batch

Labels = Mapping[str, str]

_NO_LABELS: Final[Labels] = MappingProxyType({})
_VERSION: Final = 2
_MOST_SETS: Final = 1_000
_NOBODY: Final = -(1 << 30)

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

    Of a source two numbers are kept: which set of labels its topics gave, and the digest of what
    was said. ``topic`` may be asked by any thread.
    """

    def __init__(self, registry: LabelSource, kinds: Lives) -> None:
        self._registry = registry
        self._kinds = kinds
        self._lock = threading.Lock()
        self._topics: list[Labels] = [_NO_LABELS]
        self._numbers: dict[_Pairs, int] = {(): 0}
        self._free: list[int] = []
        self._names = NameTable()
        self._set = Column(np.int32, 0)  # told by an earlier run, not compared with files yet: ~
        self._digest = Column(np.int64, 0)

    def of(self, batch: Batch, *, labels: Mapping[str, Labels] | None, now: Ts) -> list[SourceSeen]:
        """The records that must come before ``batch``."""
        if len(self._numbers) > _MOST_SETS + 2 * len(self._names):
            self._forget_unused()
        rows = self._names.find(batch.sources)
        told = np.where(rows >= 0, self._set.data[rows] if len(self._names) else 0, _NOBODY)
        if not labels and not (told < 0).any():
            return []
        new: dict[str, tuple[int, int]] = {}
        for source, row, number in zip(batch.sources, rows.tolist(), told.tolist(), strict=True):
            topic = labels.get(source, _NO_LABELS) if labels else _NO_LABELS
            if number >= 0:
                known = self._topics[number]
                if topic is known or topic.items() <= known.items():
                    continue
            if source in new:
                continue
            if row >= 0:
                topic = _sum(self._topics[_number(number)], topic)
            new[source] = row, self._number(topic)
        return list(self._news(new, now)) if new else []

    def _news(self, new: Mapping[str, tuple[int, int]], now: Ts) -> Iterable[SourceSeen]:
        """Tells these: the row, -1 where it was never told, and the labels that topics gave."""
        with self._lock:
            added = iter(
                self._names.add([one for one, (row, _) in new.items() if row < 0]).tolist()
            )
            self._set.ensure(len(self._names))
            self._digest.ensure(len(self._names))
        registered = self._registry.labels_of(list(new))
        for (source, (row, number)), labels in zip(new.items(), registered, strict=True):
            seen = self._seen(source, {**self._topics[number], **(labels or {})}, now)
            digest = _digest(seen)
            at = row if row >= 0 else next(added)
            same = row >= 0 and self._digest.data[at] == digest
            self._set.data[at], self._digest.data[at] = number, digest
            if not same:
                yield seen

    def topic(self, source: str) -> Labels:
        """What the topics of this source have said of it so far."""
        with self._lock:
            row = self._names.number(source)
            number = 0 if row is None or row >= len(self._set.data) else int(self._set.data[row])
        return self._topics[_number(number)]

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

    def _forget_unused(self) -> None:
        """Of topics that hold something new each time only the newest is some source's."""
        used = set(self._sets().tolist())
        gone = {pairs: n for pairs, n in self._numbers.items() if n and n not in used}
        for pairs, number in gone.items():
            del self._numbers[pairs]
            self._topics[number] = _NO_LABELS
        self._free += gone.values()

    def _sets(self) -> Codes:
        """The number of each source's labels."""
        number = self._set.data[: len(self._names)]
        return np.where(number < 0, ~number, number)

    def _seen(self, source: str, labels: Labels, now: Ts) -> SourceSeen:
        life = self._kinds.of(labels)
        return SourceSeen(
            ts=now, source=source, labels=labels, lateness=life.lateness, stale=life.stale
        )

    def dump(self) -> bytes:
        """Everything told so far, for ``load`` after a restart."""
        columns = {
            "source": self._names.packed().array(),
            "labels": self._sets(),
            "digest": self._digest.data[: len(self._names)],
        }
        head = {"version": _VERSION, "labels": [dict(one) for one in self._topics]}
        out = pa.BufferOutputStream()
        out.write(orjson.dumps(head) + b"\n")
        table, options = pa.table(columns), pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_stream(out, table.schema, options=options) as writer:
            writer.write_table(table)
        return bytes(out.getvalue())

    def load(self, data: bytes) -> None:
        """What an earlier run told, before the first ``of``. Raises ValueError where the bytes are
        not of ``dump``."""
        line, _, rest = data.partition(b"\n")
        try:
            head = orjson.loads(line)
            if head["version"] not in (1, _VERSION):
                message = f"version {head['version']}, not {_VERSION}"
                raise ValueError(message)
            told = _read(rest) if head["version"] == _VERSION else _read_first(head["sources"])
            names = NameTable.read(told["source"])
            numbers = np.array([self._number(labels) for labels in head["labels"]], np.int32)
            before = numbers[told["labels"].to_numpy()]
            digest = told["digest"].to_numpy()
        except (
            *(ValueError, KeyError, TypeError, IndexError, AttributeError, OSError),
            pa.ArrowException,
        ) as error:
            message = f"not a list of announced sources: {error}"
            raise ValueError(message) from error
        with self._lock:
            self._names = names
            self._set.replace(~before)
            self._digest.replace(digest)


def _read(data: bytes) -> pa.Table:
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()


def _read_first(sources: Mapping[str, tuple[int, int]]) -> pa.Table:
    """As version 1 has them: all in one JSON object."""
    numbers, digests = zip(*sources.values(), strict=True) if sources else ((), ())
    columns = (pa.array(list(sources), pa.string()), pa.array(numbers, pa.int32()), digests)
    return pa.table(dict(zip(("source", "labels", "digest"), columns, strict=True)))


def _number(told: int) -> int:
    """Of the labels, where an earlier run may have told them."""
    return told if told >= 0 else ~told


def _sum(known: Labels, topic: Labels) -> Labels:
    if topic.items() <= known.items():
        return topic if len(topic) == len(known) else known
    return {**known, **topic}


def _digest(seen: SourceSeen) -> int:
    """Of all but the time."""
    facts = orjson.dumps([sorted(seen.labels.items()), seen.lateness, seen.stale])
    return int.from_bytes(hashlib.blake2b(facts, digest_size=8).digest()) >> 11  # as JSON had it
