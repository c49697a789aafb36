"""A rule that compares values, or what a window says of them, with for, at_least, clear, unless.

``judge`` is a few array operations for a block, and Python only for samples in which an alarm may
move: those that hold where the alarm is ok, those that do not where it fires, all where a timer
runs.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Floats, Ints
from rules.alarm import Alarm, Firing, cleared_since, settle, turn
from rules.block import Block, Track
from rules.book import STEADY, Book, Counts, Say, hits
from rules.comparison import Comparison, Reading
from rules.levels import Levels
from rules.ruleset import Rule
from rules.series import Table
from rules.sources import Sources
from rules.veto import Veto

_NONE: Final = np.empty(0, np.int64)


class ThresholdRule:
    """One rule on the series of one metric, by their local numbers.

    ``track`` is what has been judged for this rule: the table's own, shared with other rules, or
    where a veto makes it judge at ticks one for itself. ``waiting``: the oldest timestamp of a
    series that is still to be judged.
    """

    def __init__(
        self,
        rule: Rule,
        when: Comparison,
        *,
        table: Table,
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
        self.book = Book(rule, sources=sources, steady=STEADY, say=say)
        track.counted |= self.book.timing.at_least > 1
        self._sources = sources
        self._waiting = waiting
        self.levels = self._when = Levels(when)
        self._clear = Levels(rule.clear.comparison) if rule.clear.comparison else None
        self._reads = rule.when.window
        self._clear_reads = rule.clear.window or rule.when.window
        both = dict.fromkeys((self._reads, self._clear_reads))
        self._windows = [reading for reading in both if reading is not None]
        for reading in self._windows:
            track.readings.read(reading)

    def enrol(self, keys: Ints, chosen: np.ndarray | None = None) -> bool:
        """Series that are new, or whose source's labels have changed. ``chosen``: which of them the
        rule selects, where that is known already. False where it selects no series at all: such a
        rule costs nothing."""
        source = self.table.source.data[keys]
        self.track.ensure(self.table.size)
        if chosen is None:
            chosen = selected(self.rule, source, self._sources)
        if not len(self.book.code.data) and not chosen.any():
            return False
        for levels in (self._when, self._clear):
            if levels is not None:
                levels.enrol(keys, source, self._sources, size=self.table.size)
        self.book.select(keys, chosen)
        for reading in self._windows:
            self.track.readings.want(reading, keys, chosen)
        return True

    def judge(self, block: Block) -> Ints:
        """The keys that are to be judged again at their next sample, whatever its value is."""
        if not len(self.book.code.data):
            return _NONE  # it selects nothing
        self.book.code.ensure(self.table.size)
        value = self._value(block, self._reads)
        holds = self._when.hold(block.key, value)
        found = hits(self.book.code.data[block.key], holds)
        if len(found):
            found = block.whole(found)
            self._judge_rows(block, found, value)
            key = block.key[found]
            found = found[hits(self.book.code.data[key], holds[found])]
        if self._reads is not None and self.rule.when.at_least > 1:  # too few, it holds as it is
            waits = self._when.hold(block.key, block.says(self._reads)) & ~holds
            found = np.concatenate([found, np.flatnonzero(waits)])
        return block.key[found]

    def tick(self, now: Ts) -> None:
        """End the timers that end at least the lateness before ``now``."""
        for key in self.book.due(now):
            alarm = self.book.alarms[key]
            lateness = self._lateness(key)
            until = min(now - lateness, self._waiting(self._series(key)) - 1)
            before, count = int(self.track.ts.data[key]), int(self.track.count.data[key])
            until = min(until, self._end(key, before, until) - 1)
            after, at = settle(alarm, self.book.timing, until=until, count=count)
            if at is None:
                self.book.wait(key, lateness=lateness, now=now)
                continue
            if isinstance(after, Firing):
                proof = self.track.picture(key, since=after.since)
                self._fired(key, after, self._newest(key), proof)
            else:
                proof = self.track.picture(key, since=cleared_since(alarm, at))
                self.book.cleared(key, at, proof=proof)
            self.book.put(key, after, lateness=lateness)

    def counts(self, now: Ts) -> Counts:
        """How many alarms are in each state as far as time has come; what is dead is ok."""
        pending = dead = firing = 0
        for key, alarm in self.book.alarms.items():
            if isinstance(alarm, Firing):
                firing += 1
                continue
            until = now - self._lateness(key)
            alive = self._end(key, int(self.track.ts.data[key]), until) > until
            pending += alive
            dead += not alive
        return Counts(self.book.quiet(self.track) + dead, pending, firing)

    def save(self) -> dict[str, Any]:
        return self.book.save()

    def load(self, saved: dict[str, Any]) -> None:
        self.book.load(saved, lateness=self._lateness)

    def _judge_rows(self, block: Block, found: Ints, value: Floats) -> None:
        clear_value = value
        if self._clear_reads != self._reads:
            clear_value = self._value(block, self._clear_reads)
        now = (found, block.key[found], block.ts[found], value[found], clear_value[found])
        before_ts, _, count = block.before(found)
        before = (before_ts, block.said(self._reads, found), count)
        for row in zip(*(c.tolist() for c in (*now, *before)), strict=True):
            self._judge(block, *row)

    def _judge(
        self,
        block: Block,
        row: int,
        key: int,
        ts: Ts,
        value: float,
        clear_value: float,
        before: Ts,
        before_value: float,
        count: int,
    ) -> None:
        known = self.book.alarms.get(key)
        alarm: Alarm = known
        timing = self.book.timing
        if alarm is not None:
            end = self._end(key, before, ts - 1)
            after, at = settle(alarm, timing, until=min(end, ts) - 1, count=count)
            if isinstance(after, Firing) and at is not None:
                proof = block.picture_before(row, since=after.since)
                self._fired(key, after, before_value, proof)
            elif at is not None:
                proof = block.picture_before(row, since=cleared_since(alarm, at))
                self.book.cleared(key, at, proof=proof)
            if end < ts:  # unknown from there on
                after, _ = turn(after, timing, at=end, holds=None, clears=None, count=count)
            alarm = after
        holds, clears = self._truth(key, ts, value, clear_value)
        after, at = turn(alarm, timing, at=ts, holds=holds, clears=clears, count=count + 1)
        if isinstance(after, Firing) and at is not None:
            self._fired(key, after, value, block.picture(row, since=after.since))
        elif at is not None:
            proof = block.picture(row, since=cleared_since(alarm, ts))
            self.book.cleared(key, at, proof=proof)
        if known is not None or after is not None:
            self.book.put(key, after, lateness=self._lateness(key))

    def _value(self, block: Block, reading: Reading | None) -> Floats:
        """What is compared; not known where a window of the condition holds too few samples."""
        value = block.says(reading)
        least = self.rule.when.at_least
        if reading is None or reading != self._reads or least == 1:
            return value
        return np.where(block.held(reading) < least, np.nan, value)

    def _newest(self, key: int) -> float:
        if self._reads is None:
            return float(self.track.value.data[key])
        return float(self.track.readings.before(self._reads)[key])

    def _truth(
        self, key: int, ts: Ts, value: float, clear_value: float
    ) -> tuple[bool | None, bool | None]:
        if self.veto is not None and self.veto.at(self._source(key), ts):
            return None, None
        holds = self._when.holds(key, value)
        if self._clear is not None:
            return holds, self._clear.holds(key, clear_value)
        return holds, None if holds is None else not holds

    def _end(self, key: int, since: Ts, until: Ts) -> Ts:
        """When the value of ``since`` becomes worthless: it is too old, or the source was blind.
        Looks no further than ``until`` for the latter."""
        source = self._source(key)
        stale = self.rule.stale
        end = since + (int(self._sources.stale.data[source]) if stale is None else stale)
        if self.veto is None:
            return end
        blind = self.veto.first(source, after=since, until=min(until, end))
        return end if blind is None else min(end, blind)

    def _fired(self, key: int, alarm: Firing, value: float, proof: str | None) -> None:
        source, metric = self._source(key), self.table.metric
        self.book.fired(key, alarm, source=source, metric=metric, value=value, proof=proof)

    def _lateness(self, key: int) -> int:
        source = self._source(key)
        own = int(self._sources.lateness.data[source])
        return own if self.veto is None else max(own, self.veto.lateness(source))

    def _source(self, key: int) -> int:
        return int(self.table.source.data[key])

    def _series(self, key: int) -> int:
        return int(self.table.series.data[key])


def selected(rule: Rule, source: Ints, sources: Sources) -> np.ndarray:
    """Which of these sources the rule's ``where`` selects: an array of bools."""
    found = np.ones(len(source), bool)
    for label, values in rule.where:
        found &= sources.with_label(source, label, values)
    return found
