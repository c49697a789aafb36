from collections.abc import Iterator
from pathlib import Path

import pytest

from citypatrol.dead import DeadLetter, DeadStore
from citypatrol.dead_desk import DeadDesk, Done, Which, general

LETTERS = (
    DeadLetter("message", "city/water/pump-1/level", "not a number: `wet`", b"wet", 10),
    DeadLetter("message", "city/water/pump-2/level", "not a number: `dry`", b"dry", 20),
    DeadLetter("message", "city/air/a[1]/pm25", "time 2080-01-01T00:00:00.000Z is 5m off", b"", 30),
    DeadLetter("line", "http://influx", "400 100% wrong", b"sensor,source=pump-1,x=y v=1", 40),
    DeadLetter("message", "gateway/telemetry", "not JSON", b'{"pump-1": [}', 50),
    DeadLetter("message", "city/water/pump-12/level", "not a number: `wet`", b"wet", 60),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DeadStore]:
    made = DeadStore(tmp_path / "dead.db")
    made.put_many(LETTERS)
    yield made
    made.close()


@pytest.fixture
def desk(store: DeadStore) -> DeadDesk:
    return DeadDesk(store)


@pytest.mark.parametrize(
    ("which", "ids"),
    [
        pytest.param(Which(), [6, 5, 4, 3, 2, 1], id="all"),
        pytest.param(Which(kind="line"), [4], id="kind"),
        pytest.param(Which(reason="Not a Number"), [6, 2, 1], id="words of the reason"),
        pytest.param(Which(reason="number: `wet`"), [6, 1], id="one's own words"),
        pytest.param(Which(reason="not a number: …"), [6, 2, 1], id="as a group writes it"),
        pytest.param(Which(reason="time … is …m off"), [3], id="with two places"),
        pytest.param(Which(reason="100% w"), [4], id="a per cent sign is itself"),
        pytest.param(Which(reason="n_t"), [], id="an underscore is itself"),
        pytest.param(Which(origin="city/water/*"), [6, 2, 1], id="origin"),
        pytest.param(Which(origin="city/air/a[1]/*"), [3], id="brackets are themselves"),
        pytest.param(Which(origin="city/water/pump-?/level"), [], id="a question mark is itself"),
        pytest.param(Which("message", "wet", "*pump-12*"), [6], id="all three"),
    ],
)
def test_choosing(desk: DeadDesk, which: Which, ids: list[int]) -> None:
    assert [one.id for one in desk.newest(which)] == ids
    assert [one.id for one in desk.oldest(which, after=0, limit=9)] == ids[::-1]
    assert desk.count(which) == len(ids)
    assert which.is_everything == (len(ids) == len(LETTERS))


def test_pages_both_ways(desk: DeadDesk) -> None:
    assert [one.id for one in desk.newest(Which(), limit=2, before=5)] == [4, 3]
    assert [one.id for one in desk.oldest(Which(), limit=2, after=4)] == [5, 6]


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("not a number: `wet`", "not a number: …"),
        ("key 'a' stands twice", "key … stands twice"),
        (
            "time 2080-01-01T00:00:00.000Z is more than 5m ahead of its arrival at 2026-05-13T",
            "time … is more than …m ahead of its arrival at …T",
        ),
        ("70,000 bytes; at most 65,536 are read", "… bytes; at most … are read"),
        ("nothing of its own", "nothing of its own"),
    ],
)
def test_equal_causes_are_equal_texts(reason: str, cause: str) -> None:
    assert general(reason) == cause


def test_groups_by_reason_kind_and_origin(desk: DeadDesk) -> None:
    largest, *others = desk.groups("reason")
    assert (largest.kind, largest.cause, largest.count) == ("message", "not a number: …", 3)
    assert (largest.oldest, largest.newest, largest.newest_id) == (10, 60, 6)
    assert len(others) == 3
    assert [(one.kind, one.count) for one in desk.groups("kind")] == [("message", 5), ("line", 1)]
    assert [one.count for one in desk.groups("origin")] == [1] * 6
    [wet] = desk.groups("reason", Which(reason="wet"))
    assert (wet.cause, wet.count) == ("not a number: …", 2)


def test_what_names_a_source(desk: DeadDesk) -> None:
    assert [letter.id for letter in desk.about("pump-1")] == [5, 4, 1]
    assert [letter.id for letter in desk.about("water/pump-2")] == [2], "a region's camera too"
    assert desk.about("pump") == []


def test_who_dropped_it_when_and_why_is_kept(store: DeadStore, desk: DeadDesk) -> None:
    assert desk.settle([1], deed="dropped", who="李", note="old", at=100) == {1}
    assert desk.settle([1, 99], deed="dropped", who="li", note="again", at=101) == set()
    assert desk.deeds() == [Done(1, "dropped", "李", 100, "old", "not a number: `wet`")]
    assert [one.id for one in desk.newest(Which(), settled=True)] == [1]
    store.prune(50)
    assert store.get(1) is None
    assert len(desk.deeds(1)) == 1, "what was done is known longer than the letter"
    store.prune(101)
    assert desk.deeds() == []


def test_what_is_refused_again_stays_with_its_new_reason(desk: DeadDesk) -> None:
    desk.refuse({2: "too large", 99: "not there"}, who="li", at=100)
    assert [one.reason for one in desk.newest(Which(reason="too large"))] == ["too large"]
    assert desk.deeds() == [Done(2, "refused", "li", 100, "too large", "not a number: `dry`")]


def test_many_are_dropped_in_one_go(desk: DeadDesk) -> None:
    assert desk.drop_all(Which(reason="number"), who="li", note="pump painted", at=100) == 3
    assert desk.drop_all(Which(reason="number"), who="li", note="again", at=101) == 0
    assert desk.count(Which()) == 3
    assert {(one.letter, one.note, one.at) for one in desk.deeds()} == {
        (id, "pump painted", 100) for id in (1, 2, 6)
    }
    assert [one.note for one in desk.newest(Which(), settled=True)] == ["pump painted"] * 3


def test_an_older_file_learns_to_remember_deeds(tmp_path: Path, store: DeadStore) -> None:
    with store.writing() as connection:
        connection.execute("DROP TABLE deeds")
    store.close()
    desk = DeadDesk(DeadStore(tmp_path / "dead.db"))
    assert desk.settle([1], deed="replayed", who="li", note="", at=1) == {1}
    assert len(desk.deeds()) == 1
