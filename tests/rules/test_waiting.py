"""Series whose lateness changes: who still waits, and who has a room."""

import pytest

from rules.waiting import Held, WaitingRoom


@pytest.mark.parametrize(
    ("lateness", "judged", "rooms"),
    [(0, [3, 5], []), (1, [3], [7]), (10, [], [7])],
    ids=["none any more", "less", "more"],
)
def test_a_room_is_left_with_the_last_lateness(
    lateness: int, judged: list[int], rooms: list[int]
) -> None:
    """Behind a room that stays, what was judged meanwhile without waiting would be forgotten."""
    waiting = WaitingRoom()
    room = waiting.room(7, judged=0, value=1.0)
    for ts in (5, 3):
        assert waiting.hold(7, room, Held(ts, 2.0), lateness=10) == []
    assert [held.ts for _, held in waiting.retime([7], lateness)] == judged
    assert [series for series, _ in waiting.judged()] == rooms
