"""``verify``: each thing that can be wrong with a history is found and named."""

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from citypatrol.history.layout import SCHEMA, Footer
from citypatrol.history.reading import History
from citypatrol.records import Tick
from tests.citypatrol.a_history import DAY, HOUR, SEVEN, batch, entries, write

FIRST, SECOND = "2026-05-13T07.parquet", "2026-05-13T07.1.parquet"
CONTROL = "control/2026-05-13.jsonl"
LEFT = "2026-05-13T09.parquet.tmp"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, entries(batch((SEVEN, 1.0), (SEVEN + 1, 2.0)), Tick(SEVEN)))
    write(tmp_path, entries(batch((SEVEN, 3.0)), first=3))
    return tmp_path


def cut(name: str, by: int) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size - by)


def flip(name: str, at: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[at] ^= 0x01
        (folder / name).write_bytes(data)

    return change


def put(name: str, text: str, *, age_ms: int = 0) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_text(text)
        os.utime(folder / name, ns=((SEVEN - age_ms) * 10**6,) * 2)

    return change


def rename(old: str, new: str) -> Callable[[Path], None]:
    return lambda folder: (folder / old).rename(folder / new) and None


def foreign(table: pa.Table, footer: Footer | None = None) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        schema = footer.on(table.schema) if footer else table.schema
        pq.write_table(table.cast(schema), folder / "2026-05-13T08.parquet")

    return change


def damaged(name: str, why: str) -> tuple[str, str]:
    return name, f"is damaged: {why}"


SAYS = Footer.new([(4, 4)], journal="j1", late=1)
ONE_LATE = pa.Table.from_pylist(
    [{"source": "a", "metric": "m", "ts": SEVEN + HOUR, "value": 1.0, "late": False}], SCHEMA
)
WRONG = {
    "nothing": (lambda folder: None, []),
    "an end that is missing": (cut(FIRST, 1), [damaged(FIRST, "its end is missing or damaged")]),
    "a flipped bit": (flip(FIRST, 60), [(FIRST, "is damaged in row group 0 of 1")]),
    "rows of another hour": (
        rename(SECOND, "2026-05-13T08.parquet"),
        [("2026-05-13T08.parquet", "holds 1 rows of other hours")],
    ),
    "a stranger's name": (
        put("notes.txt", "x"),
        [("notes.txt", "is no file of the history; its name should be like")],
    ),
    "a stranger's table": (
        foreign(pa.table({"x": [1]})),
        [damaged("2026-05-13T08.parquet", "it does not say which part of the journal it holds")],
    ),
    "other columns": (
        foreign(pa.table({"x": [1]}), SAYS),
        [("2026-05-13T08.parquet", "has other columns: x")],
    ),
    "late rows that are not": (
        foreign(ONE_LATE, SAYS),
        [("2026-05-13T08.parquet", "holds 0 late rows and says 1")],
    ),
    "a file that is being written": (put(LEFT, "PAR1"), []),
    "a file that was being written": (
        put(LEFT, "PAR1", age_ms=2 * HOUR),
        [(LEFT, "was half written when a process died; the next start removes it")],
    ),
    "a torn line": (cut(CONTROL, 1), [(CONTROL, "its last line has no end; the next start cuts")]),
    "a broken line": (
        flip(CONTROL, 3),
        [damaged(CONTROL, "line 1: not a control record")],
    ),
}


@pytest.mark.parametrize(("change", "expected"), WRONG.values(), ids=WRONG)
def test_it_finds(
    change: Callable[[Path], None], expected: list[tuple[str, str]], folder: Path
) -> None:
    change(folder)
    found = History(folder).verify(now=SEVEN)
    assert [Path(one.path).relative_to(folder).as_posix() for one in found] == [
        name for name, _ in expected
    ]
    for problem, (_, words) in zip(found, expected, strict=True):
        assert problem.message.startswith(words)


def of_a_day(folder: Path, *, days: int = 1) -> None:
    """A record and a tick an hour: positions 1 and 2, 3 and 4, ..."""
    for hour in range(24 * days):
        at = SEVEN + hour * HOUR
        write(folder, entries(batch((at, 1.0)), Tick(at), first=1 + 2 * hour))


def test_a_file_that_is_missing_is_a_gap(tmp_path: Path) -> None:
    of_a_day(tmp_path)
    assert History(tmp_path).verify(now=SEVEN) == []
    (tmp_path / "2026-05-13T17.parquet").unlink()
    (problem,) = History(tmp_path).verify(now=SEVEN)
    assert problem.path == str(tmp_path)
    assert problem.message.startswith("journal positions 21 to 21 are in no file")


def test_what_retention_took_is_no_gap(tmp_path: Path) -> None:
    of_a_day(tmp_path)
    write(tmp_path, entries(batch((SEVEN + 10 * HOUR, 0.5), (SEVEN, 0.5)), first=49))
    for hour in ("07", "08", "09"):
        for path in tmp_path.glob(f"2026-05-13T{hour}*"):
            path.unlink()
    assert History(tmp_path).verify(now=SEVEN) == []


def test_ticks_alone_are_no_gap(tmp_path: Path) -> None:
    of_a_day(tmp_path)
    write(tmp_path, entries(*[Tick(SEVEN + DAY + n) for n in range(50)], first=49))
    write(tmp_path, entries(batch((SEVEN + DAY + HOUR, 1.0)), first=99))
    assert History(tmp_path).verify(now=SEVEN) == []


def test_another_journal_counts_for_itself(tmp_path: Path) -> None:
    of_a_day(tmp_path)
    for hour in range(4):
        at = SEVEN + DAY + hour * HOUR
        write(tmp_path, entries(batch((at, 1.0)), first=1000 + hour), journal="j2")
    assert History(tmp_path).verify(now=SEVEN) == []
