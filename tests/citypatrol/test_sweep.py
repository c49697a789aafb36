"""A history in order of time: any cut into files and row groups, rows late, doubled or foreign."""

import itertools
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from citypatrol.history.sweep import Piece, Sweep, ahead
from citypatrol.history.words import read_words
from citypatrol.records import ModeSwitched, RulesInForce, SourceSeen, Tick
from tests.citypatrol.a_history import HOUR, SEVEN, batch, entries, write

Row = tuple[str, str, int, float]


def parquet(path: Path, rows: list[Row], *, late: list[bool] | None = None, **more: object) -> Path:
    """A file of somebody else: plain strings, no evidence, no footer of ours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(
        {
            "source": pa.array([row[0] for row in rows], pa.string()),
            "metric": pa.array([row[1] for row in rows], pa.string()),
            "ts": pa.array([row[2] for row in rows], pa.timestamp("ms", "UTC")),
            "value": pa.array([row[3] for row in rows], pa.float64()),
        }
    )
    if late is not None:
        table = table.append_column("late", pa.array(late, pa.bool_()))
    pq.write_table(table, path, **more)
    return path


def rows(pieces: list[Piece]) -> list[Row]:
    return [tuple(one[:4]) for piece in pieces for one in piece.batch.samples()]


def fails(path: Path, error: Exception) -> None:
    message = f"{path}: {error}"
    raise AssertionError(message) from error


@pytest.mark.parametrize("seed", range(4))
def test_any_cut_gives_the_rows_in_order_of_time(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    every = [
        (f"s{at % 9}", chance.choice("xy"), SEVEN + chance.randrange(3 * HOUR), float(at))
        for at in range(400)
    ]
    by_hour: dict[int, list[Row]] = {}
    for row in every:
        by_hour.setdefault((row[2] - SEVEN) // HOUR, []).append(row)
    for hour, some in by_hour.items():
        for number, part in enumerate((some[:90], some[90:])):
            name = f"2026-05-13T{7 + hour:02}{f'.{number}' if number else ''}.parquet"
            parquet(tmp_path / name, part, row_group_size=chance.choice([7, 40, 1000]))
    sweep = Sweep(tmp_path, at_once=chance.choice([1, 50, 10_000]), tell=fails)
    pieces = list(ahead(sweep))
    assert rows(pieces) == sorted(every, key=lambda row: row[2])
    for piece, following in itertools.pairwise(pieces):
        assert piece.batch.ts[-1] < piece.before <= following.batch.ts[0]
        assert following.batch.sources[: len(piece.batch.sources)] == piece.batch.sources
    assert (sweep.rows, sweep.done) == (400, 400)
    assert sweep.newest == max(row[2] for row in every)


def test_rows_at_one_instant_keep_their_order_of_arrival(tmp_path: Path) -> None:
    parquet(tmp_path / "2026-05-13T07.1.parquet", [("a", "x", SEVEN, 2.0)])
    parquet(
        tmp_path / "2026-05-13T07.parquet", [("a", "x", SEVEN + 5, 3.0), ("a", "x", SEVEN, 1.0)]
    )
    assert [row[3] for row in rows(list(Sweep(tmp_path, tell=fails)))] == [1.0, 2.0, 3.0]


def test_bounds_are_included_and_late_rows_left_out(tmp_path: Path) -> None:
    some = [("a", "x", SEVEN + at, float(at)) for at in range(6)]
    parquet(
        tmp_path / "2026-05-13T07.parquet", some, late=[False, False, True, False, False, False]
    )
    sweep = Sweep(tmp_path, since=SEVEN + 1, until=SEVEN + 4, tell=fails)
    assert [row[3] for row in rows(list(sweep))] == [1.0, 3.0, 4.0]
    assert sweep.newest == SEVEN + 4
    assert sweep.end == SEVEN + 5


def test_other_metrics_are_not_handed_on_but_time_passes_with_them(tmp_path: Path) -> None:
    parquet(
        tmp_path / "2026-05-13T07.parquet", [("a", "x", SEVEN, 1.0), ("a", "y", SEVEN + 9, 2.0)]
    )
    sweep = Sweep(tmp_path, metrics={"x"}, tell=fails)
    assert rows(list(sweep)) == [("a", "x", SEVEN, 1.0)]
    assert sweep.newest == SEVEN + 9


def test_our_own_files_are_read(tmp_path: Path) -> None:
    write(tmp_path, entries(batch((SEVEN + 1, 1.0), (SEVEN, 2.0)), batch((SEVEN + 3, 3.0))))
    assert [row[3] for row in rows(list(Sweep(tmp_path, tell=fails)))] == [1.0, 3.0]  # 2.0 was late


def test_what_cannot_be_read_is_told_and_passed_over(tmp_path: Path) -> None:
    good = parquet(tmp_path / "2026-05-13T07.parquet", [("a", "x", SEVEN, 1.0)])
    cut = tmp_path / "2026-05-13T08.parquet"
    cut.write_bytes(good.read_bytes()[:-9])
    other = tmp_path / "2026-05-13T09.parquet"
    pq.write_table(pa.table({"source": ["a"], "value": [1.0]}), other)
    told: list[tuple[str, str]] = []
    sweep = Sweep(tmp_path, tell=lambda path, error: told.append((path.name, str(error))))
    assert rows(list(sweep)) == [("a", "x", SEVEN, 1.0)]
    assert [name for name, _ in told] == [cut.name, other.name]
    assert told[1][1] == "it has no column metric, ts"


def test_a_damaged_page_is_told(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "2026-05-13T07.parquet",
        [("a", "x", SEVEN + at, float(at)) for at in range(5000)],
        write_page_checksum=True,
        use_dictionary=["source", "metric"],
    )
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    told: list[Path] = []
    assert list(Sweep(tmp_path, tell=lambda path, _: told.append(path))) == []
    assert told == [path]


def test_files_put_together_meanwhile_are_said(tmp_path: Path) -> None:
    path = parquet(tmp_path / "2026-05-13T07.parquet", [("a", "x", SEVEN, 1.0)])
    sweep = Sweep(tmp_path, tell=fails)
    path.unlink()
    with pytest.raises(ValueError, match="somebody put files together meanwhile; ask again"):
        list(sweep)


def test_empty_cells_and_values_that_are_no_numbers(tmp_path: Path) -> None:
    table = pa.table(
        {
            "source": ["a", None, "a", "a"],
            "metric": ["x", "x", "x", "x"],
            "ts": pa.array([SEVEN * 1000 + at for at in range(4)], pa.timestamp("us", "UTC")),
            "value": [1.0, 2.0, None, np.nan],
            "late": [None, False, False, False],
        }
    )
    pq.write_table(table, tmp_path / "2026-05-13T07.parquet")
    assert rows(list(Sweep(tmp_path, tell=fails))) == [("a", "x", SEVEN, 1.0)]
    pq.write_table(table.drop_columns("late"), tmp_path / "2026-05-13T07.parquet")
    assert rows(list(Sweep(tmp_path, tell=fails))) == [("a", "x", SEVEN, 1.0)]


def test_an_empty_folder(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    assert list(ahead(sweep)) == []
    assert (sweep.rows, sweep.newest, sweep.end) == (0, None, None)


def seen(ts: int, source: str, **labels: str) -> SourceSeen:
    return SourceSeen(ts, source, labels, 0, 7_200_000)


def test_words_of_control_records(tmp_path: Path) -> None:
    said = [
        seen(SEVEN, "a", kind="k"),
        Tick(SEVEN + 5),
        RulesInForce(SEVEN + 6, "h"),
        seen(SEVEN + 7, "b"),
        seen(SEVEN + 9, "a", kind="l"),
        ModeSwitched(SEVEN + 10, "flood"),
        Tick(SEVEN + 11),
    ]
    write(tmp_path, entries(batch((SEVEN, 1.0)), *said))
    words = read_words(tmp_path, since=None, until=None)
    assert words.first == [said[0], said[3]]
    assert words.later == [said[4], said[5]]
    assert words.tick == SEVEN + 11
    words = read_words(tmp_path, since=SEVEN + 9, until=SEVEN + 10)
    assert (words.first, words.later) == ([said[4], said[3]], [said[5]])
    assert words.tick == SEVEN + 10
    assert read_words(tmp_path / "none", since=None, until=None).tick is None


def test_a_control_record_that_cannot_be_read_is_placed(tmp_path: Path) -> None:
    write(tmp_path, entries(batch((SEVEN, 1.0)), seen(SEVEN, "a")))
    (path,) = (tmp_path / "control").iterdir()
    path.write_bytes(path.read_bytes() + b'{"position": 3, "type": "sorce"}\n')
    with pytest.raises(ValueError, match=r"2026-05-13.jsonl:2: not a control record"):
        read_words(tmp_path, since=None, until=None)
