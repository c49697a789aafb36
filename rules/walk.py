"""One alarm of a joined rule, from instant to instant: samples, ends of life, hours and timers."""

from collections.abc import Iterator, Sequence

from citypatrol.clock import Ts
from rules.alarm import Alarm, Firing, Pending, cleared_since, due, settle, turn
from rules.block import NEVER
from rules.book import Book
from rules.conditions import Conditions
from rules.grades import grade, is_graver
from rules.leaf import Series
from rules.ruleset import Rule
from rules.strand import Row


class Walk:
    """Begins with the alarm in the book as of ``mark``.

    After ``go``: ``alarm`` is how it stands, ``kept`` how it stood at ``mark``, from where the next
    walk begins, and ``wake`` the next instant in which time alone may move it.
    """

    def __init__(
        self,
        rule: Rule,
        conditions: Conditions,
        book: Book,
        *,
        key: int,
        source: int,
        mark: Ts,
        worthless: bool,
    ) -> None:
        self.alarm: Alarm = book.alarms.get(key)
        self.kept = self.alarm
        self.mark = mark
        self.worthless = worthless
        self.wake = NEVER
        least = rule.when.at_least if rule.when.window is None else 1  # else the window's own
        self._timing = book.timing._replace(at_least=least)
        self._rule = rule
        self._conditions = conditions
        self._book = book
        self._key = key
        self._source = source
        self._footing = conditions.footing(source)
        own = (conditions.own, key)
        told = (conditions.value, key)
        every = {own, told, *(one for some in self._footing.parts.values() for one in some)}
        self._own, self._told = own, told
        self._newest = {one: one[0].newest(one[1]) for one in every}
        self._count = int(conditions.own.track.count.data[key])
        self._picture = conditions.own.track.pictures.get(key)
        self._void = worthless  # as of now; ``worthless`` as of the mark

    def go(self, until: Ts) -> None:
        rows = sorted(self._rows(), key=_instant)
        if self.mark == NEVER:
            first = next((ts for ts, one, _ in rows if one == self._own), None)
            if first is None:  # it begins with the first sample of its own
                return
            self.mark = first
        at, begin, rows = self.mark, 0, [(max(r[0], self.mark), *r[1:]) for r in rows]
        while True:
            sample = rows[begin][0] if begin < len(rows) else NEVER
            time = self._next(at)
            if min(sample, time) > until:
                break
            at, end = min(sample, time), begin
            while end < len(rows) and rows[end][0] == at:
                end += 1
            self._settle(at - 1)
            heard = self._take(rows[begin:end])
            self._turn(at, heard=heard)
            if end > begin or self._is_hour(at):
                self._keep(at)
            begin = end
        self._settle(until)
        self.wake = self._next(max(at, until))
        timer = due(self.alarm, self._timing)
        if timer is not None and timer > until:  # else it waits for samples
            self.wake = min(self.wake, timer)

    def _rows(self) -> Iterator[tuple[Ts, Series, Row]]:
        for strand, key in self._newest:
            for row in strand.rows(key):
                yield row[0], (strand, key), row

    def _next(self, at: Ts) -> Ts:
        return self._footing.changes(self._conditions.leaves, self._newest, after=at)

    def _is_hour(self, at: Ts) -> bool:
        hours = self._footing.hours
        return hours is not None and hours.holds(at) != hours.holds(at - 1)

    def _take(self, rows: Sequence[tuple[Ts, Series, Row]]) -> bool:
        """The samples of an instant; whether one of the rule's own is among them."""
        heard = False
        for _, one, (ts, value, proof) in rows:
            self._newest[one] = ts, value
            if one == self._own:
                heard = True
                self._count += 1
                if proof is not None:
                    self._picture = ts, proof
        return heard

    def _turn(self, at: Ts, *, heard: bool) -> None:
        blind = self._conditions.is_blind(self._footing, self._newest, at=at)
        if self._rule.when.missing is None:  # what was said while blind stays worthless
            self._void = blind = blind or (self._void and not heard)
        holds, clears = self._conditions.judge(self._footing, self._newest, at=at, blind=blind)
        before = self.alarm
        self.alarm, said = turn(
            before, self._timing, at=at, holds=holds, clears=clears, count=self._count
        )
        heard_now = self._newest[self._own][0] == at
        if isinstance(self.alarm, Pending) and before is None and not heard_now:
            self.alarm = self.alarm._replace(first=self._count + (self._timing.at_least > 1))
        if said is not None:
            self._say(said, before=before)
        elif heard and holds and self._rule.steps and isinstance(self.alarm, Firing):
            severity = grade(self._rule.steps, self._newest[self._told][1])
            if is_graver(severity, self._book.severity(self._key)):
                self._book.graver(self._key, severity)

    def _settle(self, until: Ts) -> None:
        before = self.alarm
        self.alarm, said = settle(before, self._timing, until=until, count=self._count)
        if said is not None:
            self._say(said, before=before)

    def _say(self, at: Ts, *, before: Alarm) -> None:
        """It has fired, or cleared."""
        alarm = self.alarm
        ts, proof = self._picture or (-NEVER, None)
        if isinstance(alarm, Firing):
            value, steps = self._newest[self._told][1], self._rule.steps
            self._book.fired(
                self._key,
                alarm,
                source=self._source,
                metric=self._rule.metric,
                value=value,
                proof=proof if ts >= alarm.since else None,
                severity=grade(steps, value) if steps else None,
            )
        else:
            after = proof if ts >= cleared_since(before, at) else None
            self._book.cleared(self._key, at, proof=after)
        self._keep(at)

    def _keep(self, at: Ts) -> None:
        self.mark, self.kept, self.worthless = max(self.mark, at), self.alarm, self._void


def _instant(row: tuple[Ts, Series, Row]) -> Ts:
    return row[0]
