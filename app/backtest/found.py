"""What a backtest has found, kept on disk: a bad threshold makes a million incidents.

A private SQLite file, which also adds up by any columns.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from citypatrol.clock import Ts
from rules.incidents import Incident, instant
from tickets.folding import Seen
from tickets.opening import Opener
from tickets.ticket import Ticket

BY: Final = ("unit", "rule", "day", "cell")
_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE incident (
    id TEXT PRIMARY KEY, rule TEXT, source TEXT, metric TEXT, since INT, fired_at INT,
    cleared_at INT, value REAL, day TEXT, ticket TEXT) WITHOUT ROWID;
CREATE TABLE ticket (
    id TEXT PRIMARY KEY, rule TEXT, unit TEXT, cell TEXT, day TEXT, opened_at INT, key TEXT,
    shadow INT, body BLOB) WITHOUT ROWID;
"""
_INCIDENT: Final = """
INSERT INTO incident VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)
ON CONFLICT (id) DO UPDATE SET cleared_at = excluded.cleared_at
"""
_WITNESS: Final = "UPDATE incident SET ticket = ? WHERE id = ?"
_TICKET: Final = "INSERT OR REPLACE INTO ticket VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Found:
    """``until``: the end of time; what happens later has not happened."""

    def __init__(self, folder: Path, *, opener: Opener) -> None:
        self._connection = sqlite3.connect(
            folder / "found.db", isolation_level=None, check_same_thread=False
        )
        self._connection.executescript(_TABLES)
        self._opener = opener

    def close(self) -> None:
        self._connection.close()

    def add(self, incidents: Iterable[Incident]) -> None:
        """Each as it fired, and once more when it has cleared."""
        rows = [
            (*_values(one), self.day(one.fired_at))
            for one in sorted(incidents, key=instant)
        ]  # fmt: skip
        self._connection.execute("BEGIN")
        self._connection.executemany(_INCIDENT, rows)
        self._connection.execute("COMMIT")

    def filed(self, seen: Iterable[Seen], tickets: Iterable[Ticket]) -> None:
        """Which incident witnesses which ticket, and tickets that will not change any more."""
        self._connection.execute("BEGIN")
        witnesses = [(one.ticket, one.incident.id) for one in seen if one.ticket is not None]
        self._connection.executemany(_WITNESS, witnesses)
        self._connection.executemany(_TICKET, map(self._ticket, tickets))
        self._connection.execute("COMMIT")

    def incidents(self) -> Iterator[Mapping[str, Any]]:
        """In order of their beginning."""
        yield from self._rows(
            "SELECT id, rule, source, metric, since, fired_at, cleared_at, value, ticket"
            " FROM incident ORDER BY since, rule, source, id"
        )

    def tickets(self) -> Iterator[tuple[Ticket, Sequence[Mapping[str, Any]]]]:
        """By number, with their witnesses, oldest first."""
        for row in self._rows("SELECT id, body FROM ticket ORDER BY opened_at, id"):
            ticket = Ticket(**orjson.loads(row["body"]))
            witnesses = self._rows(
                "SELECT id, rule, source, since, value FROM incident WHERE ticket = ?"
                " ORDER BY fired_at, id",
                row["id"],
            )
            yield ticket, list(witnesses)

    def index(self) -> None:
        """Before reading: what was written in order of time is asked for in others."""
        self._connection.execute("CREATE INDEX of_ticket ON incident (ticket)")
        self._connection.execute("CREATE INDEX by_key ON ticket (key, opened_at)")

    def by_key(self) -> Iterator[Ticket]:
        """Tickets by their keys, those of one key in order of time."""
        for row in self._rows("SELECT body FROM ticket ORDER BY key, opened_at, id"):
            yield Ticket(**orjson.loads(row["body"]))

    def of_key(self, key: str) -> list[Ticket]:
        """In order of time."""
        rows = self._rows("SELECT body FROM ticket WHERE key = ? ORDER BY opened_at, id", key)
        return [Ticket(**orjson.loads(row["body"])) for row in rows]

    def fires(self, key: str, *, since: Ts, until: Ts) -> bool:
        """Whether an incident of this key fires at some time between these, both included."""
        query = (
            "SELECT 1 FROM ticket t JOIN incident i ON i.ticket = t.id WHERE t.key = ?"
            " AND i.fired_at <= ? AND COALESCE(i.cleared_at, ?) >= ? LIMIT 1"
        )
        return any(True for _ in self._rows(query, key, until, max(until, since), since))

    def by_rule(self) -> Mapping[str, Mapping[str, int]]:
        """How many ``incidents``, ``tickets`` and, apart from these, ``shadows`` each rule has; a
        ticket is of the rule that opened it."""
        counts: dict[str, dict[str, int]] = {}
        for name, table in (
            ("incidents", "incident"),
            ("tickets", "ticket WHERE NOT shadow"),
            ("shadows", "ticket WHERE shadow"),
        ):
            for row in self._rows(f"SELECT rule, COUNT(*) AS n FROM {table} GROUP BY rule"):  # noqa: S608 - ours
                counts.setdefault(row["rule"], {})[name] = row["n"]
        nothing = {"incidents": 0, "tickets": 0, "shadows": 0}
        return {rule: {**nothing, **mine} for rule, mine in counts.items()}

    def counts(self, by: Sequence[str]) -> list[Mapping[str, Any]]:
        """Incidents, tickets, what rules on trial would have filed (``shadows``) and sources; the
        most tickets first. ``by``: of ``BY``."""
        assert set(by) <= set(BY)  # noqa: S101 - the command has seen to it
        parts = {"unit": "t.unit", "cell": "t.cell", "rule": "i.rule", "day": "i.day"}
        keys = ", ".join(f"{parts[one]} AS {one}" for one in by)
        group = ", ".join(parts[one] for one in by)
        apart = ", ".join(
            f"COUNT(DISTINCT CASE WHEN t.shadow = {shadow} THEN t.id END) AS {name}"
            for shadow, name in enumerate(("tickets", "shadows"))
        )
        return list(
            self._rows(
                f"SELECT {keys}, COUNT(*) AS incidents, {apart},"  # noqa: S608 - of BY only
                " COUNT(DISTINCT i.source) AS sources"
                " FROM incident i LEFT JOIN ticket t ON t.id = i.ticket"
                f" GROUP BY {group} ORDER BY tickets DESC, shadows DESC, incidents DESC, {group}"
            )
        )

    def worst(self, *, limit: int, until: Ts) -> list[Mapping[str, Any]]:
        """Sources with the most incidents, and how long they fired (ms)."""
        lasting = "SUM(COALESCE(cleared_at, ?) - fired_at)"
        return list(
            self._rows(
                f"SELECT source, rule, COUNT(*) AS incidents, {lasting} AS firing_ms"  # noqa: S608 - ours
                " FROM incident GROUP BY source, rule"
                " ORDER BY incidents DESC, firing_ms DESC, source, rule LIMIT ?",
                until,
                limit,
            )
        )

    def totals(self) -> Mapping[str, int]:
        """``incidents``, ``tickets`` and, apart from these, ``shadows``."""
        (row,) = self._rows(
            "SELECT (SELECT COUNT(*) FROM incident) AS incidents,"
            " (SELECT COUNT(*) FROM ticket WHERE NOT shadow) AS tickets,"
            " (SELECT COUNT(*) FROM ticket WHERE shadow) AS shadows"
        )
        return dict(row)

    def daily(self) -> Iterator[Mapping[str, Any]]:
        """How many ``tickets`` each ``rule`` opened on each ``day``, those in ``shadow`` apart."""
        yield from self._rows(
            "SELECT rule, shadow, day, COUNT(*) AS tickets FROM ticket GROUP BY rule, shadow, day"
        )

    def _rows(self, query: str, *values: object) -> Iterator[Mapping[str, Any]]:
        cursor = self._connection.execute(query, values)
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))

    def _ticket(self, ticket: Ticket) -> tuple[object, ...]:
        day = self.day(ticket.opened_at)
        body = orjson.dumps(ticket)
        columns = (ticket.rule, ticket.unit, ticket.grid, day, ticket.opened_at, ticket.key)
        return ticket.id, *columns, ticket.shadow, body

    def day(self, at: Ts) -> str:
        """The city's, as ``2026-05-13``."""
        short = self._opener.day(at)
        return f"20{short[:2]}-{short[2:4]}-{short[4:]}"


def _values(one: Incident) -> tuple[object, ...]:
    times = (one.since, one.fired_at, one.cleared_at)
    return one.id, one.rule, one.source, one.metric, *times, one.value
