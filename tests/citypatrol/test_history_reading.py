"""Reading the history: by position for who was left behind, by time, and what cannot be read."""

import threading
from collections.abc import Iterable
from pathlib import Path

import pytest
import structlog

from citypatrol import metrics
from citypatrol.history.compact import Merge, merge
from citypatrol.history.layout import Name, control_day, joined, read_file
from citypatrol.history.reading import BATCH_ROWS, History
from citypatrol.records import ModeSwitched, Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from tests.citypatrol.a_history import DAY, HOUR, SEVEN, batch, entries, write


def seen(source: str, kind: str, *, ts: int = SEVEN) -> SourceSeen:
    return SourceSeen(ts, source, {"kind": kind}, 0, 1000)


def told(records: Iterable[Record]) -> list[object]:
    """Sources by name and kind, samples by value."""
    found: list[object] = []
    for record in records:
        if isinstance(record, Batch):
            found += record.value.tolist()
        elif isinstance(record, SourceSeen):
            found.append((record.source, record.labels["kind"]))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Positions 1 to 9, in three flushes."""
    write(tmp_path, entries(seen("a", "old"), batch((SEVEN, 1.0)), Tick(SEVEN)))
    second = entries(seen("a", "new"), seen("b", "x", ts=SEVEN + DAY), batch((SEVEN, 4.0)), first=4)
    write(tmp_path, second)
    write(tmp_path, entries(batch((SEVEN, 7.0), (SEVEN + HOUR, 7.5)), Tick(SEVEN), first=7))
    return tmp_path


PARTS = {
    "all": (0, 10, [("a", "new"), ("b", "x"), 1.0, 4.0, 7.0, 7.5]),
    "a file is read whole": (4, 6, [("b", "x"), 4.0]),
    "up to what the journal still has": (0, 4, [("a", "old"), 1.0]),
    "the end": (6, 9, [7.0, 7.5]),
    "nothing": (3, 4, []),
    "beyond": (8, 100, []),
}


@pytest.mark.parametrize(("after", "before", "expected"), PARTS.values(), ids=PARTS)
def test_what_lies_between_two_positions(
    after: int, before: int, expected: list[object], folder: Path
) -> None:
    assert told(History(folder).records(after=after, before=before)) == expected


def test_no_folder_is_an_empty_history(tmp_path: Path) -> None:
    history = History(tmp_path / "none")
    assert history.files() == []
    assert told(history.records(after=0, before=9)) == []
    assert list(history.controls(since=0, until=10**15)) == []


def test_files_put_together_meanwhile_are_read_all_the_same(folder: Path) -> None:
    history = History(folder)
    records = history.records(after=0, before=10)
    assert told(next(records) for _ in range(3)) == [("a", "new"), ("b", "x"), 1.0]
    hour = [file for file in history.files() if file.hour == SEVEN]
    assert merge(Merge(tuple(hour)), stop=threading.Event())
    write(folder, entries(batch((SEVEN, 10.0)), first=10))  # gets a name that the reader has listed
    assert (folder / "2026-05-13T07.1.parquet").exists()
    rest = told(records)
    assert set(rest) == {1.0, 4.0, 7.0, 7.5}


def test_samples_by_time_in_order_of_arrival(folder: Path) -> None:
    late = batch((SEVEN + 5, 8.0), (SEVEN + 3, 8.5), (SEVEN + 4, 8.6))
    write(folder, entries(late, first=10))
    found = list(History(folder).batches(since=SEVEN + 1, until=SEVEN + 5))
    assert [rows.batch.value.tolist() for rows in found] == [[8.5, 8.6]]
    assert [rows.late.tolist() for rows in found] == [[True, True]]
    whole = History(folder).batches(since=SEVEN, until=SEVEN + 2 * HOUR)
    assert told(rows.batch for rows in whole) == [1.0, 4.0, 7.0, 8.0, 8.5, 8.6, 7.5]


def test_pictures_are_cut_with_their_rows(tmp_path: Path) -> None:
    shots = [Sample("cam", "m", SEVEN + n, n, f"{n:064x}" if n % 2 else None) for n in range(4)]
    write(tmp_path, entries(Batch.of(shots)))
    (rows,) = History(tmp_path).batches(since=SEVEN + 1, until=SEVEN + 3)
    assert list(rows.batch.samples()) == shots[1:3]


def test_a_large_file_comes_in_batches_that_name_what_they_need(tmp_path: Path) -> None:
    many = Batch.of(Sample(f"s{n}", "m", SEVEN + n, float(n)) for n in range(2 * BATCH_ROWS))
    write(tmp_path, entries(many))
    batches = [r for r in History(tmp_path).records(after=0, before=2) if isinstance(r, Batch)]
    assert [len(one) for one in batches] == [BATCH_ROWS, BATCH_ROWS]
    assert len(batches[1].sources) == BATCH_ROWS
    assert batches[1].sources[batches[1].source[0]] == f"s{BATCH_ROWS}"


def test_control_records_by_time(folder: Path) -> None:
    write(folder, entries(ModeSwitched(SEVEN + 9, "flood"), first=10))
    history = History(folder)
    found = list(history.controls(since=SEVEN + 1, until=SEVEN + DAY))
    assert [(said.position, said.record) for said in found] == [
        (10, ModeSwitched(SEVEN + 9, "flood"))
    ]
    with (folder / "control" / "2026-05-13.jsonl").open("a") as file:
        file.write('{"position":11}\n')
    with pytest.raises(ValueError, match=r"2026-05-13\.jsonl: line 6: not a journal record"):
        list(history.controls(since=0, until=SEVEN + DAY))


def test_what_is_damaged_is_told_and_passed_over(folder: Path) -> None:
    path = folder / "2026-05-13T07.1.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    before = metrics.REGISTRY.get_sample_value(
        "citypatrol_dropped_total", {"stage": "history", "reason": "unreadable"}
    )
    with structlog.testing.capture_logs() as logs:
        assert told(History(folder).records(after=3, before=10))[2:] == [7.0, 7.5]
    assert str(path) in {log["file"] for log in logs}
    after = metrics.REGISTRY.get_sample_value(
        "citypatrol_dropped_total", {"stage": "history", "reason": "unreadable"}
    )
    assert (after or 0) > (before or 0)


def test_a_flipped_byte_ends_the_file_and_not_the_reading(folder: Path) -> None:
    path = folder / "2026-05-13T07.1.parquet"
    data = bytearray(path.read_bytes())
    data[40] ^= 0xFF
    path.write_bytes(data)
    assert told(History(folder).records(after=3, before=10))[2:] == [7.0, 7.5]


NAMES = {
    "2026-05-13T07.parquet": Name(SEVEN, 0),
    "2026-05-13T07.1.parquet": Name(SEVEN, 1),
    "2026-05-13T07.120.parquet": Name(SEVEN, 120),
    "2026-05-13T07.0.parquet": None,
    "2026-05-13T07.01.parquet": None,
    "2026-05-13T24.parquet": None,
    "2026-02-30T01.parquet": None,
    "2026-05-13T07.parquet.tmp": None,
    "x2026-05-13T07.parquet": None,
}


@pytest.mark.parametrize(("text", "name"), NAMES.items(), ids=NAMES)
def test_names(text: str, name: Name | None) -> None:
    assert Name.of(text) == name
    assert name is None or str(name) == text


def test_days_of_control_files() -> None:
    assert control_day("2026-05-13.jsonl") == SEVEN - 7 * HOUR
    assert control_day("2026-05-32.jsonl") is None
    assert control_day("2026-05-13.json") is None


def test_spans_that_touch_become_one() -> None:
    assert joined([(5, 6), (1, 2), (3, 3), (6, 9), (11, 12)]) == ((1, 3), (5, 9), (11, 12))


def test_a_file_that_is_not_of_the_history_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"notes\.parquet is no name of a history file"):
        read_file(tmp_path / "notes.parquet")
