"""One metric as a joined rule reads it: what waits for the tick, and what was judged last."""

from collections.abc import Callable
from typing import Any

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Floats, Ints
from rules.block import NEVER, Block, Track
from rules.comparison import Reading
from rules.gate import Rows
from rules.held import SUMMED
from rules.queue import Queue
from rules.ruleset import EVERY_METRIC
from rules.series import Table
from rules.window import Window

Row = tuple[Ts, float, str | None]
"""Timestamp, value and evidence of one sample."""


class Strand:
    """``table`` None: every metric of a source, by the source's number. ``reading``: what stands
    in place of the value, unknown (NaN) for windows of fewer than ``least`` samples. ``wait``: the
    lateness of sources."""

    def __init__(
        self,
        table: Table | None,
        *,
        reading: Reading | None,
        least: int = 1,
        wait: Callable[[Ints], Ints],
    ) -> None:
        self.table = table
        self.reading = reading
        self.track = Track()
        self.block: Block | None = None
        self._least = least
        self._window = None if reading is None else Window(reading.span)
        if self._window is not None and reading is not None and reading.word in SUMMED:
            self._window.keep_sums()
        self._queue = Queue(lambda keys: wait(self.sources(keys)))

    @property
    def metric(self) -> str:
        return EVERY_METRIC if self.table is None else self.table.metric

    def sources(self, keys: Ints) -> Ints:
        return keys if self.table is None else self.table.source.data[keys]

    def key(self, source: int) -> int:
        """The series of this source, -1 where it has none."""
        return source if self.table is None else self.table.number(source)

    def add(self, rows: Rows, key: Ints) -> None:
        self._queue.add(key, rows.ts, rows.value, rows.evidence)

    def take(self, now: Ts) -> Block:
        """What is due at this tick, until ``settle``."""
        block = self._queue.block(now, self.track)
        if self._window is not None and len(block):
            block.value = self._read(self._window, block.key, block.ts, block.value)
        self.block = block
        return block

    def settle(self) -> None:
        """What was due is judged."""
        if self.block is not None:
            self.track.apply(self.block)
            self.block = None

    def begin(self, keys: Ints, ts: Ints, value: Floats) -> None:
        """A rule that is new begins with the newest judged sample of each series."""
        heard = np.flatnonzero(ts != NEVER)
        heard = heard[np.argsort(-ts[heard], kind="stable")]
        own, at = np.unique(keys[heard], return_index=True)  # of several for one key the newest
        newest = heard[at]
        self.track.ensure(int(own.max(initial=-1)) + 1)
        read = value[newest]
        if self._window is not None:
            read = self._read(self._window, own, ts[newest], read)
        self.track.ts.data[own], self.track.value.data[own] = ts[newest], read
        self.track.count.data[own] = 1

    def rows(self, key: int) -> list[Row]:
        """What of this series is due, in order of time."""
        block = self.block
        if block is None or not len(block):
            return []
        first, end = block.key.searchsorted([key, key + 1]).tolist()
        if first == end:
            return []
        some = slice(first, end)
        proofs = [None] * (end - first) if block.evidence is None else block.evidence[some].tolist()
        return list(zip(block.ts[some].tolist(), block.value[some].tolist(), proofs, strict=True))

    def newest(self, key: int) -> tuple[Ts, float]:
        """Timestamp and value of what was judged last, ``NEVER`` where nothing was."""
        if not 0 <= key < len(self.track.ts.data):
            return NEVER, 0.0
        return int(self.track.ts.data[key]), float(self.track.value.data[key])

    def save(self) -> dict[str, Any]:
        """What waits, as JSON for ``load``."""
        return self._queue.save()

    def load(self, saved: dict[str, Any]) -> None:
        self._queue.load(saved)

    def window(self) -> dict[str, np.ndarray]:
        """What the window holds, as columns for ``load_window``."""
        return {} if self._window is None else self._window.save()

    def load_window(self, columns: dict[str, np.ndarray]) -> None:
        if self._window is not None:
            self._window.load(columns)

    def _read(self, window: Window, key: Ints, ts: Ints, value: Floats) -> Floats:
        assert self.reading is not None  # noqa: S101 - a window is there only with it
        held = window.add(key, ts, value)
        read: Floats = held.of(self.reading.word)
        if self._least > 1:
            read = np.where(held.count < self._least, np.nan, read)
        return read
