"""Who reads a journal first while there is a backlog: the rules, so that they are soon live again.

Pure: ``now`` is in seconds of any clock that only goes forward.
"""

from typing import Final

BACKLOG: Final = 2_000
"""Records that the first reader has before it while the others step back."""
_RESTS: Final = 9
"""A reader that steps back rests so many times as long as it worked: it gets a tenth, and never
nothing, however long the first one takes."""
_FORGOTTEN_S: Final = 2.0


class Turns:
    """``first`` is served first. A first reader that has not come for its next page for two seconds
    waits for something else (tickets that cannot be stored), and nobody waits for it."""

    def __init__(self, first: str) -> None:
        self._first = first
        self._behind_at: float | None = None
        self._given: dict[str, float] = {}

    def gave(self, cursor: str, *, ahead: int, now: float) -> None:
        """The cursor's reader got a page; ``ahead``: how many records lie behind that."""
        if cursor == self._first:
            self._behind_at = now if ahead >= BACKLOG else None
        self._given[cursor] = now

    def rest_s(self, cursor: str, *, now: float) -> float:
        """How long the cursor's reader steps back before its next page."""
        behind_at, given = self._behind_at, self._given.get(cursor, now)
        if cursor == self._first or behind_at is None or now - behind_at > _FORGOTTEN_S:
            return 0.0
        return _RESTS * (now - given)
