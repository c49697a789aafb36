"""The samples of the last minutes of each key, and what a window says of them (RULES 23).

Each key's samples lie in a ring of its own, whose size is a power of two, and all rings in two
columns: so a batch is a few array operations, whatever keys it has. A key takes 29 bytes, and 16
for each place of its ring: the power of two above the samples that it ever held at once; 17 more
where sums are kept. Rings that grew leave holes, which are closed when they are half of it all.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from citypatrol.columns import Column, Floats, Ints
from rules.held import Held, spread
from rules.sums import Kept, Sums, running

_LEAST: Final = 4
_MOST_WASTE: Final = 1 << 16
_NEVER: Final = 1 << 61


class Window:
    """What lies in (t - span, t] for each key, t being the time of its newest sample.

    Keys are small numbers that count up from 0. ``wanted``: keys of which a rule asks.
    """

    def __init__(self, span: int) -> None:
        self.span = span
        self.wanted = Column(np.bool_, False)
        self._begin = Column(np.int64, 0)
        self._room = Column(np.int32, 0)
        self._head = Column(np.int32, 0)
        self._size = Column(np.int32, 0)
        self._oldest = Column(np.int64, _NEVER)  # near at hand: rings are far apart in memory
        self._ts = np.empty(0, np.int64)
        self._value = np.empty(0, np.float64)
        self._used = 0
        self._waste = 0
        self._sums: Kept | None = None

    def keep_sums(self) -> None:
        """Before anything is added: sums and means will be asked for, at every sample."""
        self._sums = self._sums or Kept()

    def add(self, key: Ints, ts: Ints, value: Floats) -> Held:
        """Keep these samples; what each one's window holds. Rows of one key are neighbours, in
        order of time, and newer than all that was added for it. What is returned is good until the
        next ``add``."""
        if not len(key):
            return self._held(key, key, key, None)
        self._ensure(int(key.max()) + 1)
        start = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        own, fresh = key[start], np.diff(np.append(start, len(key)))
        self._forget(own, ts[start] - self.span)
        self._make_room(own, fresh)
        before = self._size.data[own].astype(np.int64)
        end = np.repeat(before - start, fresh) + np.arange(1, len(key) + 1)
        places = self._places(key, end - 1)
        self._ts[places], self._value[places] = ts, value
        self._size.data[own] += fresh.astype(np.int32)
        self._oldest.data[own] = np.minimum(self._oldest.data[own], ts[start])
        if len(own) == len(key):  # the common case: what is left is just the window
            sums = self._added(own, Sums.of(value))
            return self._held(key, np.zeros(len(key), np.int64), end, sums)
        older = self._older(key, end, ts - self.span)
        sums = self._sums_of_rows(key, value, start, fresh, older)
        held = self._held(key, older, end, sums)
        self._forget(own, ts[start + fresh - 1] - self.span)
        return held

    def newest(self, key: Ints) -> Held:
        """What the window of each key's newest sample holds; nothing where there was none."""
        self._ensure(int(key.max(initial=-1)) + 1)
        size = self._size.data[key].astype(np.int64)
        sums = None if self._sums is None else self._sums.of(key)
        return self._held(key, np.zeros(len(key), np.int64), size, sums)

    def save(self) -> dict[str, np.ndarray]:
        """Columns for ``load``."""
        size = self._size.data.astype(np.int64)
        rows, within = spread(size)
        places = self._places(rows, within)
        return {"size": self._size.data, "ts": self._ts[places], "value": self._value[places]}

    def load(self, saved: Mapping[str, np.ndarray]) -> None:
        """Fill a new one. Raises ValueError where it does not fit together."""
        size = saved["size"]
        if int(size.sum()) != len(saved["ts"]) or len(saved["ts"]) != len(saved["value"]):
            message = "the samples of a window do not fit together"
            raise ValueError(message)
        self._ensure(len(size))
        self._size.data[: len(size)] = size
        self._lay_out(self._size.data)
        rows, within = spread(size.astype(np.int64))
        places = self._places(rows, within)
        self._ts[places], self._value[places] = saved["ts"], saved["value"]
        self._look(np.flatnonzero(size))
        self._add_up(np.flatnonzero(size))

    def _ensure(self, size: int) -> None:
        for column in (self._begin, self._room, self._head, self._size, self._oldest):
            column.ensure(size)
        if self._sums is not None:
            self._sums.ensure(size)

    def _held(self, key: Ints, first: Ints, end: Ints, sums: Sums | None) -> Held:
        head = self._head.data[key] + first
        room, begin = self._room.data[key], self._begin.data[key]
        return Held(self._ts, self._value, begin, head, room, end - first, sums)

    def _added(self, own: Ints, more: Sums) -> Sums | None:
        """Each key's sum after these are added to it."""
        if self._sums is None:
            return None
        sums = self._sums.of(own).plus(more)
        self._sums.put(own, sums)
        if not sums.good.all():
            self._add_up(own[~sums.good])
        return self._sums.of(own)

    def _sums_of_rows(
        self, key: Ints, value: Floats, start: Ints, fresh: Ints, older: Ints
    ) -> Sums | None:
        """At each row, ``older`` of its key's samples being gone by then."""
        if self._sums is None:
            return None
        added = running(value, np.arange(len(key)) - np.repeat(start, fresh))
        sums = self._sums.of(key).plus(added)
        last = start + fresh - 1
        rows, within = spread(older[last])
        if len(rows):
            gone = running(self._value[self._places(key[last][rows], within)], within)
            before = np.repeat(np.cumsum(older[last]) - older[last], fresh)
            some = np.flatnonzero(older)
            sums.put(some, sums.take(some).minus(gone.take(before[some] + older[some] - 1)))
        self._added(key[start], added.take(last))
        return sums

    def _add_up(self, own: Ints) -> None:
        """Anew from what these keys hold."""
        if self._sums is not None and len(own):
            size = self._size.data[own].astype(np.int64)
            self._sums.put(own, self._held(own, np.zeros(len(own), np.int64), size, None).sums())

    def _places(self, key: Ints, nth: Ints) -> Ints:
        """Where the nth sample of each key lies."""
        ring = (self._head.data[key] + nth) & (self._room.data[key] - 1)
        places: Ints = self._begin.data[key] + ring
        return places

    def _forget(self, key: Ints, until: Ints) -> None:
        """Let go of the samples of these keys, each there once, that are of ``until`` or before."""
        some = np.flatnonzero(self._oldest.data[key] <= until)
        if not len(some):
            return
        if len(some) < len(key):
            key, until = key[some], until[some]
        older = self._older(key, self._size.data[key].astype(np.int64), until, known=1)
        if self._sums is not None:
            self._subtract(self._sums, key, older)
        self._head.data[key] = (self._head.data[key] + older) & (self._room.data[key] - 1)
        self._size.data[key] -= older.astype(np.int32)
        self._look(key)

    def _look(self, key: Ints) -> None:
        """Which is the oldest sample of each of these keys now."""
        oldest = self._ts[self._places(key, np.zeros(len(key), np.int64))]
        self._oldest.data[key] = np.where(self._size.data[key] > 0, oldest, _NEVER)

    def _subtract(self, sums: Kept, key: Ints, older: Ints) -> None:
        """The first so many samples of each of these keys, at least one."""
        if older.max() == 1:
            gone = Sums.of(self._value[self._places(key, np.zeros(len(key), np.int64))])
        else:
            rows, within = spread(older)
            each = running(self._value[self._places(key[rows], within)], within)
            gone = each.take(np.cumsum(older) - 1)
        sums.put(key, sums.of(key).minus(gone))

    def _older(self, key: Ints, size: Ints, until: Ints, *, known: int = 0) -> Ints:
        """How many of the first ``size`` samples of each key are of ``until`` or before: mostly
        none or one, so that two looks come before bisecting. ``known``: so many are."""
        low, high = np.full(len(key), known, np.int64), size.copy()
        look = known
        rows = np.flatnonzero(low < high)
        while len(rows):
            nth = low[rows] if look < 2 else (low[rows] + high[rows]) >> 1
            old = self._ts[self._places(key[rows], nth)] <= until[rows]
            low[rows[old]] = nth[old] + 1
            high[rows[~old]] = nth[~old]
            rows = rows[low[rows] < high[rows]]
            look += 1
        return low

    def _make_room(self, key: Ints, fresh: Ints) -> None:
        """For so many more samples of each of these keys."""
        size = self._size.data[key]
        short = size + fresh > self._room.data[key]
        if not short.any():
            return
        key, need = key[short], (size + fresh)[short]
        room = _fitting(need)
        rows, within = spread(self._size.data[key].astype(np.int64))
        places = self._places(key[rows], within)
        ts, value = self._ts[places], self._value[places]
        self._waste += int(self._room.data[key].sum())
        begin = self._used + np.cumsum(room) - room
        self._used += int(room.sum())
        self._grow(self._used)
        self._begin.data[key], self._room.data[key], self._head.data[key] = begin, room, 0
        places = self._places(key[rows], within)
        self._ts[places], self._value[places] = ts, value
        if self._waste > max(_MOST_WASTE, self._used // 2):
            self._close_holes()

    def _close_holes(self) -> None:
        """Rings that grew leave a hole each. Keys keep their rings' sizes."""
        rows, within = spread(self._size.data.astype(np.int64))
        places = self._places(rows, within)
        ts, value = self._ts[places], self._value[places]
        self._lay_out(self._room.data)
        places = self._places(rows, within)
        self._ts[places], self._value[places] = ts, value

    def _lay_out(self, need: np.ndarray) -> None:
        """Rings of a fitting size one behind the other, for all keys; samples are to follow."""
        room = np.where(need > 0, _fitting(need), 0)
        self._begin.data[:] = np.cumsum(room) - room
        self._room.data[:], self._head.data[:] = room, 0
        self._used, self._waste = int(room.sum()), 0
        self._ts, self._value = np.empty(self._used, np.int64), np.empty(self._used, np.float64)

    def _grow(self, size: int) -> None:
        have = len(self._ts)
        if size > have:
            more = max(size, have + have // 4) - have
            self._ts = np.concatenate([self._ts, np.empty(more, np.int64)])
            self._value = np.concatenate([self._value, np.empty(more)])


def _fitting(need: np.ndarray) -> Ints:
    """Powers of two, each the least that is not less than what is needed."""
    least = np.maximum(need, _LEAST).astype(np.float64)
    room: Ints = (1 << np.ceil(np.log2(least)).astype(np.int64)).astype(np.int64)
    return room
