"""What was read from the journal and is not in a file yet: Arrow columns, no Python objects."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np
import orjson
import pyarrow as pa

from citypatrol.columns import Codes
from citypatrol.hashes import hash_names
from citypatrol.history.control import ControlLines
from citypatrol.history.layout import SCHEMA, new_id
from citypatrol.journal import Entry, Snapshot
from citypatrol.lateness import Lateness
from citypatrol.records import SourceSeen, Tick
from citypatrol.samples import Batch

_NO_SAMPLES: Final = (Tick, SourceSeen)


class Buffer:
    """Rows and control records in order of arrival, and what is remembered to tell late samples.

    Each partition has a time of its own, so a lateness of its own. ``journal`` is the journal's
    name in the files: made once, kept in its snapshot.
    """

    def __init__(self, *, journal: str | None = None) -> None:
        self.journal = journal or new_id()
        self.controls = ControlLines()
        self.rows = 0
        self.late = 0
        self._pieces: list[pa.RecordBatch] = []
        self._lateness: dict[int, Lateness] = {}

    def take(self, entries: Sequence[Entry]) -> None:
        """One page of the journal."""
        by_partition: dict[int, list[Entry]] = {}
        for entry in entries:
            by_partition.setdefault(entry.partition, []).append(entry)
            if not isinstance(entry.record, Batch):
                self.controls.add(entry, entry.record)
        for partition, mine in by_partition.items():
            self._fold(self._lateness.setdefault(partition, Lateness()), mine)

    def table(self) -> pa.Table:
        """All rows, with one dictionary of names for each column; they are held only once."""
        table = pa.Table.from_batches(self._pieces, SCHEMA).unify_dictionaries().combine_chunks()
        self._pieces = table.to_batches()
        return table

    def clear(self) -> None:
        """All of it is in files; what tells late samples stays."""
        self.controls, self._pieces = ControlLines(), []
        self.rows = self.late = 0
        pa.default_memory_pool().release_unused()

    def snapshot(self, position: int) -> Snapshot:
        """What tells late samples, once everything up to ``position`` was taken."""
        states = {partition: state.dump() for partition, state in self._lateness.items()}
        sizes = [[partition, len(data)] for partition, data in states.items()]
        head = {"journal": self.journal, "sizes": sizes}
        return Snapshot(position, orjson.dumps(head) + b"\n" + b"".join(states.values()))

    @classmethod
    def restore(cls, data: bytes) -> "Buffer":
        """An empty one that remembers. Raises ValueError where the bytes are no snapshot."""
        head, _, rest = data.partition(b"\n")
        try:
            said = orjson.loads(head)
            made = cls(journal=said["journal"])
            for partition, size in said["sizes"]:
                made._lateness[partition] = Lateness.load(rest[:size])
                rest = rest[size:]
        except (KeyError, TypeError, ValueError) as error:
            message = f"not what a history was at: {error}"
            raise ValueError(message) from error
        return made

    def _fold(self, lateness: Lateness, entries: Sequence[Entry]) -> None:
        batches: list[Batch] = []
        seen: list[SourceSeen] = []
        for entry in entries:
            record = entry.record
            if isinstance(record, Batch):
                if len(record):
                    _introduce(lateness, seen)
                    batches.append(record)
            elif isinstance(record, _NO_SAMPLES):
                self._add(lateness, batches)
                if isinstance(record, SourceSeen):
                    seen.append(record)
                else:
                    _introduce(lateness, seen)
                    lateness.tick(record.ts)
        self._add(lateness, batches)
        _introduce(lateness, seen)

    def _add(self, lateness: Lateness, batches: list[Batch]) -> None:
        if not batches:
            return
        source, sources = _as_one([(batch.sources, batch.source) for batch in batches])
        metric, metrics = _as_one([(batch.metrics, batch.metric) for batch in batches])
        ts = np.concatenate([batch.ts for batch in batches])
        late = lateness.samples(hash_names(sources)[source], hash_names(metrics)[metric], ts)
        columns = [
            pa.DictionaryArray.from_arrays(pa.array(source), sources),
            pa.DictionaryArray.from_arrays(pa.array(metric), metrics),
            pa.array(ts, pa.timestamp("ms", tz="UTC")),
            pa.array(np.concatenate([batch.value for batch in batches]), pa.float64()),
            _evidence(batches),
            pa.array(late),
        ]
        self._pieces.append(pa.record_batch(columns, schema=SCHEMA))
        self.rows += len(ts)
        self.late += int(np.count_nonzero(late))
        batches.clear()


def _as_one(
    columns: Sequence[tuple[tuple[str, ...], Codes]],
) -> tuple[Codes, pa.StringArray]:
    """Codes into all the names, one after the other; a name may stand there twice."""
    starts = np.cumsum([0, *(len(names) for names, _ in columns)], dtype=np.int32)
    parts = [codes + start for (_, codes), start in zip(columns, starts.tolist(), strict=False)]
    names = list(chain.from_iterable(names for names, _ in columns))
    return np.concatenate(parts).astype(np.int32), pa.array(names, pa.string())


def _evidence(batches: Sequence[Batch]) -> pa.StringArray:
    if all(batch.evidence is None for batch in batches):
        return pa.nulls(sum(map(len, batches)), pa.string())
    each = (batch.evidence or (None,) * len(batch) for batch in batches)
    return pa.array(list(chain.from_iterable(each)), pa.string())


def _introduce(lateness: Lateness, seen: list[SourceSeen]) -> None:
    if seen:
        names = pa.array([one.source for one in seen], pa.string())
        lateness.introduce(hash_names(names), np.array([one.lateness for one in seen], np.int64))
        seen.clear()
