from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson
import pyarrow as pa
import pytest

from citypatrol.samples import Batch, Sample
from ingest.announce import Announcements


class _Life(NamedTuple):
    lateness: int
    stale: int


class _Registry:
    def __init__(self, rows: Mapping[str, Mapping[str, str]]) -> None:
        self.rows = rows

    def labels_of(self, sources: Sequence[str], /) -> list[Mapping[str, str] | None]:
        return [self.rows.get(source) for source in sources]


class _Kinds:
    def __init__(self, lateness: int = 0) -> None:
        self.lateness = lateness

    def of(self, labels: Mapping[str, str], /) -> _Life:
        return _Life(self.lateness if labels.get("kind") == "water" else 0, 7_200_000)


def _told(rows: Mapping[str, Mapping[str, str]] | None = None, lateness: int = 0) -> Announcements:
    return Announcements(_Registry(rows or {}), _Kinds(lateness))


def _batch(*sources: str) -> Batch:
    return Batch.of(Sample(source, "m", 1, 1.0) for source in sources)


WATER = {"kind": "water", "district": "gc"}


def test_a_source_is_announced_once_with_its_life() -> None:
    told = _told(lateness=30_000)
    (seen,) = told.of(_batch("ws-1"), labels={"ws-1": WATER}, now=5)
    assert (seen.source, seen.labels, seen.lateness, seen.stale) == (
        "ws-1",
        WATER,
        30_000,
        7_200_000,
    )
    assert told.of(_batch("ws-1"), labels={"ws-1": WATER}, now=6) == []
    assert told.of(_batch("ws-1"), labels={"ws-1": dict(WATER)}, now=7) == []


def test_the_registry_wins_and_the_topic_fills_in() -> None:
    told = _told({"ws-1": {"district": "jb", "gateway": "g1"}})
    (seen,) = told.of(_batch("ws-1"), labels={"ws-1": WATER}, now=5)
    assert seen.labels == {"kind": "water", "district": "jb", "gateway": "g1"}


def test_without_topic_labels_the_registry_speaks_alone() -> None:
    (seen,) = _told({"cam/north": {"kind": "camera"}}).of(_batch("cam/north"), labels=None, now=5)
    assert seen.labels == {"kind": "camera"}


def test_a_topic_with_fewer_labels_is_no_change() -> None:
    told = _told()
    told.of(_batch("a"), labels={"a": WATER}, now=1)
    assert told.of(_batch("a"), labels={"a": {"kind": "water"}}, now=2) == []
    (seen,) = told.of(_batch("a"), labels={"a": {"site": "s"}}, now=3)
    assert seen.labels == {**WATER, "site": "s"}


def test_a_changed_label_is_announced() -> None:
    told = _told()
    told.of(_batch("a"), labels={"a": WATER}, now=1)
    (seen,) = told.of(_batch("a"), labels={"a": {"district": "jb"}}, now=2)
    assert seen.labels == {"kind": "water", "district": "jb"}


def _again(before: Announcements, after: Announcements) -> Announcements:
    after.load(before.dump())
    return after


def test_after_a_restart_nothing_is_said_twice() -> None:
    first = _told({"a": {"gateway": "g1"}})
    first.of(_batch("a", "b", "c"), labels={"a": WATER, "b": WATER}, now=1)
    second = _again(first, _told({"a": {"gateway": "g1"}}))
    assert second.of(_batch("b"), labels={"b": {"kind": "water"}}, now=2) == []
    third = _again(second, _told({"a": {"gateway": "g1"}}))
    assert third.of(_batch("a", "b", "c"), labels={"a": WATER, "b": WATER}, now=3) == []


def test_what_version_1_kept_is_taken_over() -> None:
    first = _told()
    first.of(_batch("a"), labels={"a": WATER}, now=1)
    (digest,) = (
        pa.ipc.open_stream(first.dump().partition(b"\n")[2]).read_all()["digest"].to_pylist()
    )
    kept = {"version": 1, "labels": [{}, WATER], "sources": {"a": [1, digest], "b": [0, 5]}}
    second = _told()
    second.load(orjson.dumps(kept))
    assert second.topic("a") == WATER
    assert [seen.source for seen in second.of(_batch("a", "b"), labels=None, now=2)] == ["b"]
    assert second.of(_batch("a", "b"), labels={"a": WATER}, now=3) == []


def test_topics_that_hold_something_new_each_time() -> None:
    told = _told()
    told.of(_batch("still"), labels={"still": WATER}, now=1)
    for turn in range(2_500):
        (seen,) = told.of(_batch("a"), labels={"a": {"session": str(turn)}}, now=turn)
        assert seen.labels == {"session": str(turn)}
    assert told.topic("a") == {"session": "2499"}
    assert told.topic("still") == WATER
    assert len(told.dump().partition(b"\n")[0]) < 40_000, "2,500 sets of labels are 57,000 bytes"
    assert _again(told, _told()).of(_batch("a", "still"), labels=None, now=1) == []


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(_told({"a": {"gateway": "g2"}}), id="registry"),
        pytest.param(_told(lateness=1), id="lateness"),
    ],
)
def test_after_a_restart_what_changed_is_said(after: Announcements) -> None:
    before = _told()
    before.of(_batch("a"), labels={"a": WATER}, now=1)
    (seen,) = _again(before, after).of(_batch("a"), labels={"a": WATER}, now=2)
    assert seen.source == "a"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"version": 2}',
        b'{"version": 1, "labels": [], "sources": {"a": [0, 1]}}',
        b'{"version": 1, "labels": [{}], "sources": {"a": 3}}',
        b'{"version": 2, "labels": [{}]}\nnot an Arrow stream',
        b'{"version": 3, "labels": [{}]}',
    ],
)
def test_a_strange_snapshot_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a list of announced sources"):
        _told().load(data)
