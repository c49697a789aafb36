"""What people do with dead letters: choose, group, send again, drop; with who did it and why."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from citypatrol.clock import Ts
from citypatrol.dead import DeadLetter, DeadStore, Kind, letter_of, storable

By = Literal["reason", "kind", "origin"]
Deed = Literal["dropped", "replayed", "refused"]
"""``refused``: it was sent again, and stays with its new reason."""

ANYTHING: Final = "…"
_OWN: Final = re.compile(r"`[^`]*`|'[^']*'|\"[^\"]*\"|\d(?:[\d,.:TZ-]*[\dZ])?")
_COLUMNS: Final = "id, kind, origin, reason, payload, at, note"
_CHOSEN: Final = """
dropped = ?1 AND (?2 IS NULL OR kind = ?2) AND (?3 IS NULL OR reason LIKE ?3 ESCAPE '!')
AND (?4 IS NULL OR origin GLOB ?4)
"""
_NEWEST: Final = (
    f"SELECT {_COLUMNS} FROM letters WHERE {_CHOSEN} AND (?5 IS NULL OR id < ?5)"  # noqa: S608
    " ORDER BY id DESC LIMIT ?6"
)
_OLDEST: Final = (
    f"SELECT {_COLUMNS} FROM letters WHERE {_CHOSEN} AND id > ?5"  # noqa: S608 - ours
    " ORDER BY id LIMIT ?6"
)
_COUNT: Final = f"SELECT count(*) FROM letters WHERE {_CHOSEN}"  # noqa: S608 - ours
_GROUPS: Final = (
    "SELECT kind, {column}, count(*), min(at), max(at), max(id) FROM letters"  # noqa: S608 - ours
    f" WHERE {_CHOSEN} GROUP BY kind, {{column}} ORDER BY max(id) DESC LIMIT 100000"
)
_ABOUT: Final = """
SELECT id, kind, reason FROM letters
WHERE dropped = 0 AND id > (SELECT max(id) FROM letters) - ?1 AND (
  instr('/' || origin || '/', '/' || ?2 || '/') OR instr(payload, ?3) OR instr(payload, ?4))
ORDER BY id DESC
"""
_SEARCHED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Which:
    """Letters with all of these; None is any. ``reason``: words that it holds, in which ``…`` is
    anything (as ``groups`` writes it); ``origin``: with ``*`` for anything."""

    kind: Kind | None = None
    reason: str | None = None
    origin: str | None = None

    @property
    def is_everything(self) -> bool:
        return self == EVERY


EVERY: Final = Which()


@dataclass(frozen=True, slots=True)
class Group:
    """Letters that have the same cause. ``cause``: of their reason without what is each one's own;
    ``newest_id``: one of them."""

    kind: str
    cause: str
    count: int
    oldest: Ts
    newest: Ts
    newest_id: int


@dataclass(frozen=True, slots=True)
class Done:
    """What was done with a letter, by whom. ``reason``: why it had been set aside until then."""

    letter: int
    deed: Deed
    who: str
    at: Ts
    note: str
    reason: str


class Mention(NamedTuple):
    """A letter, without what it holds."""

    id: int
    kind: str
    reason: str


class DeadDesk:
    """Raises as the store does."""

    def __init__(self, store: DeadStore) -> None:
        self._store = store

    def newest(
        self,
        which: Which,
        *,
        limit: int = 100,
        before: int | None = None,
        settled: bool = False,
    ) -> Sequence[DeadLetter]:
        """Newest first; ``before``: smaller ids only; ``settled``: those that are dealt with."""
        with self._store.reading() as connection:
            values = (*_values(which, settled=settled), before, limit)
            rows = connection.execute(_NEWEST, values).fetchall()
        return [letter_of(row) for row in rows]

    def oldest(self, which: Which, *, after: int, limit: int) -> Sequence[DeadLetter]:
        """Oldest first, as they are to be sent again."""
        with self._store.reading() as connection:
            values = (*_values(which, settled=False), after, limit)
            rows = connection.execute(_OLDEST, values).fetchall()
        return [letter_of(row) for row in rows]

    def count(self, which: Which) -> int:
        with self._store.reading() as connection:
            (count,) = connection.execute(_COUNT, _values(which, settled=False)).fetchone()
        return int(count)

    def groups(self, by: By, which: Which = EVERY) -> Sequence[Group]:
        """Largest first."""
        with self._store.reading() as connection:
            query = _GROUPS.format(column=by)
            rows = connection.execute(query, _values(which, settled=False)).fetchall()
        found: dict[tuple[str, str], Group] = {}
        for kind, text, count, oldest, newest, id in rows:
            cause = general(text) if by == "reason" else text
            one = found.get((kind, cause))
            if one is not None:
                count, oldest = one.count + count, min(one.oldest, oldest)
                newest, id = max(one.newest, newest), max(one.newest_id, id)
            found[kind, cause] = Group(kind, cause, count, oldest, newest, id)
        return sorted(found.values(), key=lambda one: -one.count)

    def about(self, source: str) -> Sequence[Mention]:
        """Newest first, of the newest 20,000: whose topic or payload names this source."""
        named = source.encode()
        inside = b'"' + named + b'"', b"source=" + named + b","
        with self._store.reading() as connection:
            rows = connection.execute(_ABOUT, (_SEARCHED, source, *inside)).fetchall()
        return [Mention(*row) for row in rows]

    def settle(self, ids: Sequence[int], *, deed: Deed, who: str, note: str, at: Ts) -> set[int]:
        """These are dealt with, all or none; those that were there, and had not been before."""
        with self._store.writing() as connection:
            found = {}
            for id in ids:
                row = connection.execute(_SETTLE, (storable(note), id)).fetchone()
                if row is not None:
                    found[id] = row[0]
            who, note = storable(who), storable(note)
            rows = [(id, deed, who, at, note, reason) for id, reason in found.items()]
            connection.executemany(_DO, rows)
        return set(found)

    def refuse(self, reasons: Mapping[int, str], *, who: str, at: Ts) -> None:
        """These were sent again for nothing: from now on they have these reasons."""
        with self._store.writing() as connection:
            for id, reason in reasons.items():
                row = connection.execute(_REASON, (id,)).fetchone()
                if row is None:
                    continue
                words = storable(reason)
                connection.execute("UPDATE letters SET reason = ? WHERE id = ?", (words, id))
                connection.execute(_DO, (id, "refused", storable(who), at, words, row[0]))

    def drop_all(self, which: Which, *, who: str, note: str, at: Ts) -> int:
        """How many were dropped."""
        with self._store.writing() as connection:
            values = _values(which, settled=False)
            connection.execute(
                "INSERT INTO deeds (letter, deed, who, at, note, reason) SELECT id, 'dropped',"  # noqa: S608
                f" ?5, ?6, ?7, reason FROM letters WHERE {_CHOSEN}",
                (*values, storable(who), at, storable(note)),
            )
            return connection.execute(
                f"UPDATE letters SET dropped = 1, note = ?5 WHERE {_CHOSEN}",  # noqa: S608 - ours
                (*values, storable(note)),
            ).rowcount

    def deeds(self, letter: int | None = None, *, limit: int = 100) -> Sequence[Done]:
        """What was done, newest first."""
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT letter, deed, who, at, note, reason FROM deeds"
                " WHERE ?1 IS NULL OR letter = ?1 ORDER BY id DESC LIMIT ?2",
                (letter, limit),
            ).fetchall()
        return [Done(*row) for row in rows]


_REASON: Final = "SELECT reason FROM letters WHERE id = ?"
_SETTLE: Final = (
    "UPDATE letters SET dropped = 1, note = ? WHERE id = ? AND dropped = 0 RETURNING reason"
)
_DO: Final = "INSERT INTO deeds (letter, deed, who, at, note, reason) VALUES (?, ?, ?, ?, ?, ?)"


def general(reason: str) -> str:
    """The reason with ``…`` for what is quoted in it and for numbers, so that equal causes are
    equal texts."""
    return _OWN.sub(ANYTHING, reason)


def _values(which: Which, *, settled: bool) -> tuple[int, str | None, str | None, str | None]:
    return int(settled), which.kind, _like(which.reason), _glob(which.origin)


def _like(reason: str | None) -> str | None:
    if reason is None:
        return None
    words = re.sub(r"([!%_])", r"!\1", reason).replace(ANYTHING, "%")
    return f"%{words}%"


def _glob(origin: str | None) -> str | None:
    """Only ``*`` is to mean more than itself."""
    return None if origin is None else origin.replace("[", "[[]").replace("?", "[?]")
