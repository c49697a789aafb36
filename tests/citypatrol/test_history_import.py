"""Imports: sorted by the hour, once each, beside what is there."""

from pathlib import Path

import pytest

from citypatrol.history.importing import Import, Imported
from citypatrol.history.reading import History
from tests.citypatrol.a_history import DAY, HOUR, SEVEN, Row, batch, entries, names, rows, write


def fail(path: Path, error: Exception) -> None:
    raise AssertionError(path) from error


def imported(folder: Path, *parts: list[Row]) -> Imported:
    work = Import(folder, tell=fail)
    try:
        for part in parts:
            columns = [list(column) for column in zip(*part, strict=True)] or [[], [], [], []]
            work.add(*columns)  # type: ignore[arg-type]
        return work.finish()
    finally:
        work.close()


def test_any_order_becomes_sorted_hours(tmp_path: Path) -> None:
    given: list[Row] = [
        (f"s{n % 7}", "x", SEVEN + (n * 7_919_000) % (3 * HOUR), float(n)) for n in range(500)
    ]
    found = imported(tmp_path, given[:200], [], given[200:])
    assert (found.written, found.known, len(found.files)) == (500, 0, 3)
    assert (found.oldest, found.newest) == (min(r[2] for r in given), max(r[2] for r in given))
    assert rows(tmp_path) == sorted(given, key=lambda row: row[2])
    assert names(tmp_path) == [f"2026-05-13T{hour:02}.parquet" for hour in (7, 8, 9)]
    assert History(tmp_path).verify(now=SEVEN + DAY) == []


def test_the_same_again_is_nothing(tmp_path: Path) -> None:
    given: list[Row] = [("a", "x", SEVEN + at, 1.0) for at in (0, 5, HOUR)]
    imported(tmp_path, given)
    before = rows(tmp_path)
    again = imported(tmp_path, given, [("a", "x", SEVEN + 5, 9.0)])
    assert (again.written, again.known, again.files) == (0, 4, [])
    assert rows(tmp_path) == before
    more = imported(tmp_path, [*given, ("b", "x", SEVEN, 2.0), ("a", "y", SEVEN, 3.0)])
    assert (more.written, more.known) == (2, 3)
    assert names(tmp_path)[:2] == ["2026-05-13T07.1.parquet", "2026-05-13T07.parquet"]
    assert sorted(rows(tmp_path)) == sorted(
        [*before, ("b", "x", SEVEN, 2.0), ("a", "y", SEVEN, 3.0)]
    )


def test_beside_what_a_city_wrote(tmp_path: Path) -> None:
    """Its rows win; positions of its journal have no gap."""
    write(tmp_path, entries(batch((SEVEN, 1.0), (SEVEN + 1000, 2.0))))
    found = imported(
        tmp_path, [("pump-1", "water_level", SEVEN + at, 7.0) for at in (0, 500, 1000)]
    )
    assert (found.written, found.known) == (1, 2)
    assert [value for *_, value in rows(tmp_path)] == [1.0, 2.0, 7.0]
    assert History(tmp_path).verify(now=SEVEN + DAY) == []
    assert list(History(tmp_path).records(after=0, before=0)) == []


def test_of_two_values_the_first_counts(tmp_path: Path) -> None:
    imported(tmp_path, [("a", "x", SEVEN, 1.0), ("a", "x", SEVEN, 2.0)], [("a", "x", SEVEN, 3.0)])
    assert rows(tmp_path) == [("a", "x", SEVEN, 1.0)]


def test_what_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    work = Import(tmp_path, tell=fail)
    work.add(["a"], ["x"], [SEVEN], [1.0])
    work.close()
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_neighbour_is_told(tmp_path: Path) -> None:
    (tmp_path / "2026-05-13T07.parquet").write_bytes(b"PAR1")
    told: list[Path] = []
    work = Import(tmp_path, tell=lambda path, _: told.append(path))
    work.add(["a"], ["x"], [SEVEN], [1.0])
    assert work.finish().written == 1
    work.close()
    assert [path.name for path in told] == ["2026-05-13T07.parquet"]


@pytest.mark.parametrize("size", [1, 3])
def test_parts_of_any_size(tmp_path: Path, size: int) -> None:
    given: list[Row] = [("a", "x", SEVEN + 1000 * ((n * 37) % 100), float(n)) for n in range(100)]
    parts = [given[at : at + size] for at in range(0, 100, size)]
    assert imported(tmp_path, *parts).written == 100
    assert rows(tmp_path) == sorted(given, key=lambda row: row[2])
