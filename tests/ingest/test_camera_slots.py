import pytest

from ingest.camera_slots import NewestPerCamera


def slots(*cameras: str) -> NewestPerCamera[str]:
    made: NewestPerCamera[str] = NewestPerCamera()
    for camera in cameras:
        made.put(camera, camera.upper())
    return made


def taken(slots: NewestPerCamera[str], *, first: str = "", but: str = "") -> str:
    found = []
    while (item := slots.take(first=first.split(), but=but.split())) is not None:
        found.append(item)
    return "".join(found)


@pytest.mark.parametrize(
    ("first", "but", "expected"),
    [
        pytest.param("", "", "ABCDE", id="who waits longest"),
        pytest.param("d", "", "DABCE", id="a suspicious one first"),
        pytest.param("c d e", "", "CADBE", id="every second turn, and no more"),
        pytest.param("", "a c", "BDE", id="not who is looked at already"),
        pytest.param("c", "c", "ABDE", id="not even if it is suspicious"),
        pytest.param("x", "y", "ABCDE", id="unknown ones"),
    ],
)
def test_whose_turn_it_is(first: str, but: str, expected: str) -> None:
    assert taken(slots(*"abcde"), first=first, but=but) == expected


def test_one_who_is_always_suspicious_starves_nobody() -> None:
    full = slots("a", "b")
    order = []
    for _ in range(6):
        order.append(full.take(first={"b"}))
        full.put(str(order[-1]).lower(), str(order[-1]))
    assert order == ["B", "A", "B", "A", "B", "A"]


def test_the_newest_keeps_the_place_of_what_it_replaced() -> None:
    full = slots("a", "b")
    assert full.put("a", "new")
    assert not full.put("c", "C")
    assert taken(full) == "newBC"


def test_nothing_comes_in_time() -> None:
    full = slots("a")
    assert full.take(wait_s=0.01, but={"a"}) is None
    full.discard("a")
    assert full.take(wait_s=0.01) is None
