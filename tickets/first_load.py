"""A rule that begins with too many cases is held back until somebody lets it go.

It is young for ten minutes after it came into force (by the clock: a person watches). What it would
begin beyond the bound waits, and everything stays as it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from citypatrol.clock import Ts
from rules.ruleset import Rule
from tickets.folding import HELD_BACK
from tickets.rows import chunks, seen_of
from tickets.schema import incidents, rules_known

YOUNG_MS: Final = 600_000


@dataclass(frozen=True, slots=True)
class HeldRule:
    """``since`` it is in force; ``waiting``: its incidents that still fire and have no ticket."""

    rule: str
    since: Ts
    held_at: Ts
    waiting: int


class FirstLoad:
    """The young rules of one transaction. ``most``: cases that one may begin, None without bound.
    ``held``: the rules that were held back in it."""

    def __init__(self, connection: Connection, *, most: int | None, now: Ts) -> None:
        self.held: list[str] = []
        self._connection = connection
        self._most = most
        self._now = now
        self._young: dict[str, Row | None] = {}  # type: ignore[type-arg]
        self._opened: dict[str, int] = {}

    def may_begin(self, rule: str) -> bool:
        row = self._row(rule)
        if row is None:
            return True
        if row.held_at is not None or rule in self.held:
            return False
        if self._most is None:
            return True
        opened = self._opened.get(rule, row.opened) + 1
        if opened > self._most:
            self.held.append(rule)
            return False
        self._opened[rule] = opened
        return True

    def close(self) -> None:
        """Keep the counts."""
        for rule, opened in self._opened.items():
            row = update(rules_known).where(rules_known.c.rule == rule)
            self._connection.execute(row.values(opened=opened))
        for rule in self.held:
            row = update(rules_known).where(rules_known.c.rule == rule)
            self._connection.execute(row.values(held_at=self._now))

    def _row(self, rule: str) -> Row | None:  # type: ignore[type-arg]
        """None where the rule is no question (any more)."""
        if rule not in self._young:
            known = select(rules_known).where(
                rules_known.c.rule == rule, rules_known.c.released_at.is_(None)
            )
            row = self._connection.execute(known).first()
            if row is not None and row.held_at is None and row.since + YOUNG_MS <= self._now:
                row = None
            self._young[rule] = row
        return self._young[rule]


def put_in_force(connection: Connection, rules: Iterable[Rule], *, now: Ts) -> None:
    """Remember which rules open tickets. Those of the very first start are no question: all are new
    then, and the storm brake is there. One that has changed begins anew: what had waited for the
    old one waits no more."""
    known = {row.rule: row for row in connection.execute(select(rules_known))}
    wanted = {rule.name: rule.condition for rule in rules if _opens(rule)}
    gone = [name for name in known if wanted.get(name) != known[name].hash]
    for some in chunks(gone):
        connection.execute(delete(rules_known).where(rules_known.c.rule.in_(some)))
    held_back = [name for name in gone if known[name].held_at is not None]
    if held_back:
        _let_go(connection, held_back)
    new = [name for name in wanted if name not in known or name in gone]
    if new:
        row = {"since": now, "opened": 0, "released_at": None if known else now}
        connection.execute(
            insert(rules_known), [row | {"rule": name, "hash": wanted[name]} for name in new]
        )


def _opens(rule: Rule) -> bool:
    return rule.ticket is not None and not rule.ticket.shadow


def _let_go(connection: Connection, rules: Sequence[str]) -> None:
    query = select(incidents).where(incidents.c.held_until == HELD_BACK)
    ids = [row.id for row in connection.execute(query) if seen_of(row).incident.rule in rules]
    if ids:
        one = update(incidents).where(incidents.c.id == bindparam("one")).values(held_until=None)
        connection.execute(one, [{"one": id} for id in ids])


def held_rules(connection: Connection) -> list[HeldRule]:
    """By name."""
    query = select(rules_known).where(
        rules_known.c.held_at.is_not(None), rules_known.c.released_at.is_(None)
    )
    rows = connection.execute(query.order_by(rules_known.c.rule)).all()
    if not rows:
        return []
    waiting: dict[str, int] = {}
    for row in connection.execute(select(incidents).where(incidents.c.held_until == HELD_BACK)):
        rule = seen_of(row).incident.rule
        waiting[rule] = waiting.get(rule, 0) + 1
    return [HeldRule(row.rule, row.since, row.held_at, waiting.get(row.rule, 0)) for row in rows]


def release(connection: Connection, rule: str, *, who: str, now: Ts) -> bool:
    """False where the rule is not held back."""
    done = connection.execute(
        update(rules_known)
        .where(
            rules_known.c.rule == rule,
            rules_known.c.held_at.is_not(None),
            rules_known.c.released_at.is_(None),
        )
        .values(released_at=now, released_by=who)
    )
    return done.rowcount > 0
