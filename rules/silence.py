"""A rule that tells of silence: ``missing``, of one series or with ``"*"`` of a whole source."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Column, Ints
from rules.alarm import Alarm, Firing, settle, turn
from rules.block import NEVER, Block, Track
from rules.book import BUSY, OK, Book, Counts, Say, hits
from rules.ruleset import EVERY_METRIC, Rule
from rules.series import Table
from rules.sources import Sources
from rules.threshold import selected
from rules.veto import Veto

_PARTS: Final = 8


class SilenceRule:
    """One rule; a key is a series' local number in ``table``, or a source's where that is None.

    A tick costs nothing before ``_next``, when some silence may have become too long. Then it looks
    at the keys whose silence may be too long before ``_until``, a part of ``missing`` ahead; at all
    of them only when that is over. ``waiting``: the oldest timestamp of a series that is still to
    be judged.
    """

    def __init__(
        self,
        rule: Rule,
        missing: int,
        *,
        table: Table | None,
        track: Track,
        sources: Sources,
        veto: Veto | None,
        waiting: Callable[[int], Ts],
        say: Say,
    ) -> None:
        self.rule = rule
        self.table = table
        self.track = track
        self.veto = veto
        self.book = Book(rule, sources=sources, steady=BUSY, say=say)
        self._missing = missing
        self._sources = sources
        self._waiting = waiting
        self._seen = Column(np.int64, -NEVER)  # how far the veto has been followed
        self._since = Column(np.int64, NEVER)  # of keys that fire: when their incident began
        self._next = -NEVER  # never later than _until
        self._until = -NEVER
        self._watched: list[Ints] = []
        self._put_back: list[int] = []  # watched too

    def enrol(self, keys: Ints) -> None:
        """Keys that are new, or whose source's labels have changed."""
        size = int(keys.max()) + 1
        self.track.ensure(size)
        if self.veto is not None:
            self._seen.ensure(size)
            self._since.ensure(size)
        sources = self._sources_of(keys)
        chosen = selected(self.rule, sources, self._sources)
        if self.table is None:
            chosen &= self._sources.of_others(
                sources
            )  # a count that ends is no device that fell ill
        self.book.select(keys, chosen)
        self._watch(keys, self.track.ts.data[keys])

    def retimed(self) -> None:
        """Some source's lateness has changed: look at all of them again."""
        self._next = self._until = -NEVER

    def judge(self, block: Block) -> None:
        if not len(block):
            return
        self._watch(block.key, block.ts)
        gaps = block.ts - block.before_ts() > self._missing
        found = hits(self.book.code.data[block.key], gaps)
        if not len(found):
            return
        found = block.whole(found)
        before_ts, before_value, _ = block.before(found)
        columns = (block.key[found], block.ts[found], before_ts, before_value)
        for key, ts, last, value in zip(*(c.tolist() for c in columns), strict=True):
            if last != NEVER and ts > last:
                self._advance(key, ts - 1, last=last, value=value)
                self._hear(key, ts)

    def tick(self, now: Ts) -> None:
        """Say what has been silent for so long, and end the timers that end."""
        for key in self.book.due(now):
            self._tick(key, now)
            if key in self.book.alarms:
                self.book.wait(key, lateness=self._lateness(key), now=now)
        if self.veto is not None:
            for key in self._heard_again().tolist():
                self._tick(key, now)
        if now >= self._next:
            self._look(now)

    def counts(self, now: Ts) -> Counts:  # noqa: ARG002 - as ThresholdRule has it
        """How many alarms are in each state; none is ever pending."""
        return Counts(self.book.quiet(self.track), 0, len(self.book.alarms))

    def save(self) -> dict[str, Any]:
        if self.veto is None:
            return self.book.save()
        return {**self.book.save(), "seen": [int(self._seen.data[k]) for k in self.book.alarms]}

    def load(self, saved: dict[str, Any]) -> None:
        self.book.load(saved, lateness=self._lateness)
        if self.veto is None:
            return
        for column in (self._seen, self._since):
            column.ensure(max(self.book.alarms, default=-1) + 1)
        self._seen.data[list(self.book.alarms)] = saved["seen"]
        self._since.data[list(self.book.alarms)] = [one.since for one in self.book.alarms.values()]

    def _watch(self, keys: Ints, last: Ints) -> None:
        """Keys that were heard last at ``last``: remember those that may soon be silent."""
        ends = last + self._missing
        soon = ends < self._until
        if soon.any():
            self._watched.append(keys[soon])
            self._next = min(self._next, int(ends[soon].min()))

    def _look(self, now: Ts) -> None:
        """Say which keys have become silent, and when to look again."""
        every = now >= self._until
        if every:
            keys = np.flatnonzero(self.book.code.data == OK)
        else:
            watched = np.zeros(len(self.book.code.data), bool)  # a key may be there many times
            watched[np.concatenate([*self._watched, np.array(self._put_back, np.int64)])] = True
            keys = np.flatnonzero(watched & (self.book.code.data == OK))
        self._watched, self._put_back = [], []
        ends = self._ends(keys)
        for key in self._not_blind(keys[ends <= now], now).tolist():
            self._tick(key, now)
        still = self.book.code.data[keys] == OK  # some that are due too: blind, or a sample waits
        keys, ends = keys[still], ends[still]
        first = int(ends.min(initial=NEVER))
        if every:
            self._until = max(now, first if first < NEVER else now) + self._missing // _PARTS + 1
        self._next = min(self._next if self._put_back else NEVER, first, self._until)
        self._watched.append(keys[ends < self._until])

    def _ends(self, keys: Ints) -> Ints:
        """The tick at which each key's silence is too long, if it stays silent."""
        lateness = self._sources.lateness.data[self._sources_of(keys)]
        ends: Ints = self.track.ts.data[keys] + self._missing + lateness
        return ends

    def _not_blind(self, keys: Ints, now: Ts) -> Ints:
        """Those of the keys of which something may be said by now."""
        if self.veto is None or not len(keys):
            return keys
        source, seen = self._sources_of(keys), self._seen.data[keys]
        seeing: Ints = keys[~self.veto.covers(source, since=seen, until=now)]
        return seeing

    def _heard_again(self) -> Ints:
        """Keys that a sample has come of since: the end of their veto clears them."""
        keys: Ints = np.flatnonzero(self.book.code.data == BUSY)
        heard = self.track.ts.data[keys] > self._since.data[keys] - self._missing
        again: Ints = keys[heard]
        return again

    def _tick(self, key: int, now: Ts) -> None:
        until = now - self._lateness(key)
        if self.table is not None:
            until = min(until, self._waiting(int(self.table.series.data[key])) - 1)
        last, value = int(self.track.ts.data[key]), float(self.track.value.data[key])
        self._advance(key, until, last=last, value=value)

    def _advance(self, key: int, until: Ts, *, last: Ts, value: float) -> None:
        """What the silence since ``last`` brings, up to ``until`` (inclusive)."""
        known: Alarm = self.book.alarms.get(key)
        alarm = known
        silent = last + self._missing
        instants = [silent] if silent <= until else []
        if self.veto is not None:
            after = last if alarm is None else int(self._seen.data[key])
            changes = self.veto.changes(self._source(key), after=after, until=until)
            instants = sorted({*changes, *(t for t in instants if t > after)})
            self._seen.data[key] = max(after, until)
        for at in instants:
            alarm = self._settle(key, alarm, until=at - 1)
            alarm = self._turn(key, alarm, at=at, silent=silent, value=value)
        alarm = self._settle(key, alarm, until=until)
        if alarm is not known:
            self._put(key, alarm, last=last)

    def _hear(self, key: int, ts: Ts) -> None:
        """A sample came: no silence any more."""
        if self.veto is not None:
            self._seen.data[key] = ts
        alarm = self._turn(key, self.book.alarms.get(key), at=ts, silent=NEVER, value=0.0)
        self._put(key, alarm, last=ts)

    def _put(self, key: int, alarm: Alarm, *, last: Ts) -> None:
        self.book.put(key, alarm, lateness=self._lateness(key))
        if alarm is None:
            self._put_back.append(key)
            self._next = min(self._next, last + self._missing)

    def _settle(self, key: int, alarm: Alarm, *, until: Ts) -> Alarm:
        after, at = settle(alarm, self.book.timing, until=until, count=0)
        if at is not None:
            self.book.cleared(key, at)
        return after

    def _turn(self, key: int, alarm: Alarm, *, at: Ts, silent: Ts, value: float) -> Alarm:
        """The alarm from ``at`` on, of a key that is silent from ``silent`` on. That is when its
        incident began, also where a veto kept it from being said until now (RULES 17, 21)."""
        blind = self.veto is not None and bool(self.veto.at(self._source(key), at))
        holds, clears = (None, None) if blind else (at >= silent, at < silent)
        timing = self.book.timing
        after, said = turn(alarm, timing, at=at, holds=holds, clears=clears, count=0)
        if said is not None and isinstance(after, Firing):
            metric = EVERY_METRIC if self.table is None else self.table.metric
            source = self._source(key)
            after = Firing(silent, silent)
            if self.veto is not None:
                self._since.data[key] = silent
            self.book.fired(key, after, source=source, metric=metric, value=value, proof=None)
        elif said is not None:
            self.book.cleared(key, said)
        return after

    def _lateness(self, key: int) -> int:
        source = self._source(key)
        own = int(self._sources.lateness.data[source])
        return own if self.veto is None else max(own, self.veto.lateness(source))

    def _source(self, key: int) -> int:
        return key if self.table is None else int(self.table.source.data[key])

    def _sources_of(self, keys: Ints) -> Ints:
        return keys if self.table is None else self.table.source.data[keys]
