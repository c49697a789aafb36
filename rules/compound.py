"""A rule that joins several series, or holds at some times only: ``all any not during``, and
``severity`` by steps (RULES 3, 12, 13, 24).

It is judged at ticks, an instant's samples together. A sample that moves no part of it costs a few
array operations; only where one does, or where time itself may, is the alarm walked from instant to
instant.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from citypatrol.clock import Ts
from citypatrol.columns import Column, Ints
from rules.alarm import Alarm, Pending
from rules.block import NEVER, Block, Track
from rules.book import OK, STEADY, UNSELECTED, Book, Counts, Say
from rules.calm import Calm, calm_part
from rules.conditions import Conditions
from rules.gate import Rows
from rules.relations import Children, Groups, Waits
from rules.ruleset import EVERY_METRIC, SITE, Rule
from rules.series import Table
from rules.sources import Sources
from rules.strand import Strand
from rules.threshold import selected
from rules.walk import Walk


class CompoundRule:
    """A key is a series' number in ``table``, or a source's where that is None.

    What is remembered of a key is its alarm as of ``_mark``: the newest instant at which a sample
    came, the hours began or ended, or something was said. What time alone does after it is worked
    out again. ``_wake`` is the next instant in which it may do something.
    """

    veto = None

    def __init__(
        self, rule: Rule, *, tables: Mapping[str, Table], sources: Sources, say: Say
    ) -> None:
        self.rule = rule
        self.metric = rule.metric
        self.table = None if rule.metric == EVERY_METRIC else tables[rule.metric]
        self.book = Book(rule, sources=sources, steady=STEADY, say=say)
        self._sources = sources
        self._waits = Waits(sources, by_site=any(part.site is not None for part in rule.parts))
        self.conditions = Conditions(rule, tables=tables, sources=sources, wait=self._waits.of)
        self._own = self.conditions.own
        self._own.track.counted = rule.when.at_least > 1
        self._children = Children()
        self._mates = Groups(self._by_site)
        self._mark = Column(np.int64, NEVER)
        self._wake = Column(np.int64, NEVER)
        self._worthless = Column(np.bool_, False)
        self._fresh = Column(np.bool_, False)  # to be looked at when its next sample comes
        self._standing: dict[int, Alarm] = {}  # where time alone has moved it since the mark
        self._next = NEVER
        self._walked = -NEVER
        self._calm: Calm | None = None
        part = calm_part(rule)
        if part is not None:
            self._calm = Calm(
                part, self.conditions, code=self.book.code, mark=self._mark, wake=self._wake
            )

    @property
    def track(self) -> Track:
        return self._own.track

    @property
    def strands(self) -> Sequence[Strand]:
        return self.conditions.strands

    def changed(self) -> None:
        """Some source has other labels or another lateness."""
        self._waits.change()
        self._mates.change()
        for leaf in self.conditions.leaves.values():
            leaf.changed()

    def enrol(self, table: Table | None, keys: Ints) -> None:
        """Series that are new, or whose source's labels have changed."""
        if not len(keys) or all(strand.table is not table for strand in self.strands):
            return
        self.changed()
        for strand in self.strands:
            if strand.table is table:
                strand.track.ensure(int(keys.max()) + 1)
        for leaf in self.conditions.leaves.values():
            if leaf.strand.table is table:
                leaf.enrol(keys)
        if table is not self.table:
            return
        source = self._own.sources(keys)
        for column in (self._mark, self._wake, self._worthless, self._fresh):
            column.ensure(int(keys.max()) + 1)
        self._fresh.data[keys] = True
        self.conditions.openings.enrol(source)
        chosen = selected(self.rule, source, self._sources)
        if table is None:
            chosen &= self._sources.of_others(source)
        self.book.select(keys, chosen)
        self._children.add(keys, self._sources.parent.data[source], source)

    def add(self, table: Table | None, rows: Rows, keys: Ints) -> None:
        """Samples of one of its metrics, with their numbers in ``table``."""
        for strand in self.strands:
            if strand.table is table:
                strand.add(rows, keys)

    def tick(self, now: Ts) -> None:
        touched: set[int] = set()
        for strand in self.strands:
            self._touch(strand, now, touched)
        if now >= self._next:
            self._rouse(now, touched)
        for key in sorted(touched):
            self._walk(key, now)
        self._walked = now
        for strand in self.strands:
            strand.settle()
        if self._calm is not None:
            self._calm.settle()

    def alarm(self, key: int) -> Alarm:
        """As it stands."""
        return self._standing.get(key, self.book.alarms.get(key))

    def is_blind(self, key: int) -> bool:
        """What was said of it last is worth nothing: ``unless`` held."""
        return bool(self._worthless.data[key])

    def counts(self, now: Ts) -> Counts:  # noqa: ARG002 - as ThresholdRule has it
        alarms = {**self.book.alarms, **self._standing}
        pending = sum(isinstance(alarm, Pending) for alarm in alarms.values())
        firing = sum(alarm is not None for alarm in alarms.values()) - pending
        code = self.book.code.data
        heard = np.flatnonzero(self.track.ts.data[: len(code)] != NEVER)
        judged = int(np.count_nonzero(code[heard] != UNSELECTED))
        return Counts(max(0, judged - pending - firing), pending, firing)

    def save(self) -> dict[str, Any]:
        return {**self.book.save(), "queues": [strand.save() for strand in self.strands]}

    def columns(self) -> dict[str, np.ndarray]:
        """What ``load`` needs besides."""
        size = len(self.book.code.data)
        found: dict[str, np.ndarray] = {
            "mark": self._mark.data[:size],
            "wake": self._wake.data[:size],
            "worthless": self._worthless.data[:size],
        }
        for at, strand in enumerate(self.strands):
            found |= {f"window {at} {name}": data for name, data in strand.window().items()}
        return found

    def load(self, saved: dict[str, Any], columns: Mapping[str, np.ndarray]) -> None:
        """The tracks of the strands were filled before."""
        self.book.load(saved, lateness=lambda _: 0)
        self._mark.replace(columns["mark"])
        self._wake.replace(columns["wake"])
        self._worthless.replace(columns["worthless"])
        self._next = int(columns["wake"].min(initial=NEVER))
        for at, (strand, queue) in enumerate(zip(self.strands, saved["queues"], strict=True)):
            strand.load(queue)
            start = f"window {at} "
            strand.load_window(
                {name[len(start) :]: c for name, c in columns.items() if name.startswith(start)}
            )

    def begin(self) -> None:
        """The rule is new: it goes on from the newest sample of each series."""
        ts = self.track.ts.data
        for column in (self._mark, self._wake, self._worthless):
            column.ensure(len(ts))
        heard = ts != NEVER
        self._mark.data[: len(ts)] = ts
        self._wake.data[: len(ts)][heard] = ts[heard]
        self._next = int(ts.min(initial=NEVER))

    def _touch(self, strand: Strand, now: Ts, touched: set[int]) -> None:
        """Take what is due; the alarms that it may move."""
        block = strand.take(now)
        if not len(block):
            return
        if self._calm is not None:
            block = self._sift(self._calm, strand, block, touched)
            if not len(block):
                return
        walked = self._walked - self._waits.of(strand.sources(block.key))
        moves = np.zeros(len(block), bool)
        for leaf in self.conditions.leaves.values():
            if leaf.strand is strand:
                moves |= leaf.moves(block, walked=walked)
        if strand is self._own:
            own = block.key
            first = block.before_ts() == NEVER
            busy = (self.book.code.data[own] > OK) & bool(self.rule.steps)
            busy |= self.rule.when.at_least > 1  # each one counts, whatever began meanwhile
            odd = first | busy | self._worthless.data[own] | self._fresh.data[own]
            touched.update(own[odd].tolist())
            self._fresh.data[own] = False
        rows = np.flatnonzero(moves)
        sources = np.unique(strand.sources(block.key[rows]))
        for leaf in self.conditions.leaves.values():
            if leaf.strand is strand:
                for source in sources.tolist():
                    self._reach(leaf.part.site is not None, source, touched)

    def _sift(self, calm: Calm, strand: Strand, block: Block, touched: set[int]) -> Block:
        """What is left of the block when the alarms that are ok are dealt with."""
        if strand is self._own:
            self._next = min(self._next, calm.begin(block))
            fresh = block.key[self._fresh.data[block.key]]
            touched.update(fresh[block.track.ts.data[fresh] != NEVER].tolist())
            self._fresh.data[block.key] = False
        left, keys = calm.sift(strand, block)
        touched.update(keys.tolist())
        return left

    def _reach(self, by_site: bool, source: int, touched: set[int]) -> None:
        key = self._own.key(source)
        if key >= 0:
            touched.add(key)
        touched.update(self._children.of(source))
        if by_site:
            site = int(self._sources.codes(np.array([source]), SITE)[0])
            touched.update(self._mates.of(site).tolist())

    def _rouse(self, now: Ts, touched: set[int]) -> None:
        """The alarms that time alone may move."""
        wake = self._wake.data
        keys = np.flatnonzero(wake <= now)
        until = now - self._waits.of(self._own.sources(keys))
        ready = wake[keys] <= until
        keys, until = keys[ready], until[ready]
        if self._calm is not None:
            keys = keys[~self._calm.rest(keys, until)]
        touched.update(keys.tolist())
        waits = np.ones(len(wake), bool)
        waits[keys] = False
        self._next = int(wake[waits].min(initial=NEVER))

    def _walk(self, key: int, now: Ts) -> None:
        if self.book.code.data[key] == UNSELECTED:
            self._wake.data[key] = NEVER
            return
        source = key if self.table is None else int(self.table.source.data[key])
        until = now - int(self._waits.of(np.array([source]))[0])
        walk = Walk(
            self.rule,
            self.conditions,
            self.book,
            key=key,
            source=source,
            mark=int(self._mark.data[key]),
            worthless=bool(self._worthless.data[key]),
        )
        walk.go(until)
        self._mark.data[key], self._worthless.data[key] = walk.mark, walk.worthless
        wake = walk.wake
        if self._calm is not None and walk.alarm is walk.kept is None:
            wake = self._calm.next(source, until)
        self._wake.data[key] = wake
        self._next = min(self._next, wake)
        self.book.keep(key, walk.kept)
        if walk.alarm == walk.kept:
            self._standing.pop(key, None)
        else:
            self._standing[key] = walk.alarm

    def _by_site(self) -> tuple[Ints, Ints]:
        """Every alarm, and the site of its source."""
        keys = np.arange(len(self._sources) if self.table is None else self.table.size)
        return keys, self._sources.codes(self._own.sources(keys), SITE)


def is_compound(rule: Rule) -> bool:
    """Whether it joins, or asks more than one comparison can say."""
    return bool(rule.trees or rule.during or rule.steps)


def reads(rule: Rule) -> set[str]:
    """The metrics that a rule reads by their names."""
    found = {rule.metric, *(part.metric for part in rule.parts)}
    if rule.unless is not None:
        found.add(rule.unless.metric)
    return {metric for metric in found if metric is not None and metric != EVERY_METRIC}
