"""The journal into Parquet: what is written when, and what came late is marked."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas
import pyarrow.parquet as pq

from citypatrol import metrics
from citypatrol.history.layout import SCHEMA
from citypatrol.history.reading import History
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import ModeSwitched, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from tests.citypatrol.a_history import DAY, HOUR, SEVEN, batch, names, values
from tests.citypatrol.a_history_stage import (
    PUMP,
    all_written,
    control_files,
    marked,
    running,
    stage,
    until,
)


async def test_columns_names_and_what_analysts_read(
    history_journal: SqliteJournal, history_folder: Path
) -> None:
    pictures = Batch.of(
        [
            Sample("cam-1/north", "traffic_light.lit", SEVEN + 5, 0.02, "ab" * 32),
            Sample("pump-1", "water_level", SEVEN + 6, 12.5),
        ]
    )
    await all_written(
        history_journal, history_folder, PUMP, batch((SEVEN, 1.0), (SEVEN + HOUR, 2.0)), pictures
    )
    assert names(history_folder) == ["2026-05-13T07.parquet", "2026-05-13T08.parquet"]
    table = pq.read_table(history_folder / "2026-05-13T07.parquet")
    assert table.schema.equals(SCHEMA)
    assert table.schema.names == ["source", "metric", "ts", "value", "evidence", "late"]

    all_files = f"'{history_folder}/*.parquet'"
    counted = duckdb.sql(
        f"SELECT metric, count(*), max(value) FROM {all_files} GROUP BY 1 ORDER BY 1"
    )
    assert counted.fetchall() == [("traffic_light.lit", 1, 0.02), ("water_level", 3, 12.5)]
    frame = pandas.read_parquet(history_folder / "2026-05-13T07.parquet")
    assert frame["source"].tolist() == ["pump-1", "cam-1/north", "pump-1"]
    assert frame["ts"].iloc[0] == datetime(2026, 5, 13, 7, tzinfo=UTC)
    assert frame["evidence"].tolist()[1] == "ab" * 32
    assert frame["late"].tolist() == [False, False, True]
    assert History(history_folder).verify(now=SEVEN) == []


async def test_names_are_sorted_and_rows_are_not(
    history_journal: SqliteJournal, history_folder: Path
) -> None:
    spoken = ["b", "c", "a", "b", "a"]
    first, second = (
        Batch.of(Sample(source, "x", SEVEN + n, float(n)) for n, source in part)
        for part in (list(enumerate(spoken))[:3], list(enumerate(spoken))[3:])
    )
    await all_written(history_journal, history_folder, first, second)
    (file,) = History(history_folder).files()
    column = pq.read_table(file.path).column("source").combine_chunks()
    assert column.dictionary.to_pylist() == ["a", "b", "c"]
    assert column.to_pylist() == spoken


async def test_each_time_is_a_further_file_in_order_of_arrival(
    history_journal: SqliteJournal, history_folder: Path
) -> None:
    await all_written(
        history_journal, history_folder, batch((SEVEN + 2, 1.0)), batch((SEVEN + 1, 2.0))
    )
    await all_written(history_journal, history_folder, batch((SEVEN + 3, 3.0)))
    await all_written(history_journal, history_folder, batch((SEVEN, 4.0)))
    assert names(history_folder) == [
        "2026-05-13T07.1.parquet",
        "2026-05-13T07.2.parquet",
        "2026-05-13T07.parquet",
    ]
    assert values(history_folder) == [1.0, 2.0, 3.0, 4.0]
    files = History(history_folder).files()
    assert [(file.number, file.rows, file.first, file.last) for file in files] == [
        (0, 2, 1, 2),
        (1, 1, 3, 3),
        (2, 1, 4, 4),
    ]


async def test_late_rows_are_marked_over_a_restart(
    history_journal: SqliteJournal, history_folder: Path
) -> None:
    await all_written(
        history_journal, history_folder, PUMP, batch((SEVEN + 60_000, 1.0), (SEVEN + 30_000, 2.0))
    )
    late = batch((SEVEN + 29_999, 3.0), (SEVEN + 30_001, 4.0), (SEVEN - 1, 5.0))
    prompt = batch((SEVEN + 9, 6.0), (SEVEN + 8, 7.0), source="pump-2")
    await all_written(history_journal, history_folder, late, prompt)
    assert marked(history_folder) == {
        1.0: False, 2.0: False, 3.0: True, 4.0: False, 5.0: True, 6.0: False, 7.0: True,
    }  # fmt: skip
    assert {str(file.name): file.footer.late for file in History(history_folder).files()} == {
        "2026-05-13T06.parquet": 1,
        "2026-05-13T07.parquet": 0,
        "2026-05-13T07.1.parquet": 2,
    }


async def test_control_records_by_their_day(
    history_journal: SqliteJournal, history_folder: Path
) -> None:
    midnight = SEVEN - 7 * HOUR + DAY
    await all_written(
        history_journal,
        history_folder,
        PUMP,
        Tick(midnight - 1),
        ModeSwitched(midnight, "flood"),
        Tick(midnight),
    )
    first, second = (history_folder / "control" / f"2026-05-{day}.jsonl" for day in (13, 14))
    assert first.read_text().splitlines() == [
        '{"position":1,"type":"source","ts":1778655600000,"source":"pump-1",'
        '"labels":{"kind":"underpass"},"lateness":30000,"stale":7200000}',
        '{"position":2,"type":"tick","ts":1778716799999}',
    ]
    controls = History(history_folder).controls(since=0, until=midnight + 1)
    assert [said.position for said in controls] == [1, 2, 3, 4]
    assert len(second.read_text().splitlines()) == 2
    assert names(history_folder) == []


async def test_an_open_hour_is_written_by_time_and_by_rows(
    history_journal: SqliteJournal, history_folder: Path
) -> None:
    async with running(stage(history_journal, history_folder, flush_s=0.1)):
        await history_journal.append([batch((SEVEN, 1.0))])
        await until(lambda: history_folder.is_dir() and len(names(history_folder)) == 1)
        await history_journal.append([batch((SEVEN, 2.0))])
        await until(lambda: len(names(history_folder)) == 2)
    async with running(stage(history_journal, history_folder, flush_rows=3)):
        await history_journal.append([batch((SEVEN, 3.0), (SEVEN, 4.0))])
        await asyncio.sleep(0.3)
        assert len(names(history_folder)) == 2
        await history_journal.append([batch((SEVEN, 5.0))])
        await until(lambda: len(names(history_folder)) == 3)
    assert values(history_folder) == [1.0, 2.0, 3.0, 4.0, 5.0]


async def test_sources_that_introduce_themselves_are_written_by_their_size(
    history_journal: SqliteJournal, history_folder: Path
) -> None:
    async with running(stage(history_journal, history_folder, flush_bytes=1_000)):
        await history_journal.append([SourceSeen(SEVEN, "ws-1", {"name": "x" * 100}, 0, 0)])
        await asyncio.sleep(0.3)
        assert not control_files(history_folder)
        await history_journal.append([SourceSeen(SEVEN, f"ws-{n}", {}, 0, 0) for n in range(2, 20)])
        await until(lambda: control_files(history_folder))
        written = History(history_folder).controls(since=0, until=10**15)
        assert [said.position for said in written] == list(range(1, 20))


async def test_rows_are_counted_once(history_journal: SqliteJournal, history_folder: Path) -> None:
    def count() -> float:
        return (
            metrics.REGISTRY.get_sample_value("citypatrol_samples_total", {"stage": "history"}) or 0
        )

    before, late = count(), metrics.REGISTRY.get_sample_value("citypatrol_late_total")
    await all_written(history_journal, history_folder, batch((SEVEN, 1.0), (SEVEN - 1, 2.0)))
    assert count() == before + 2
    assert metrics.REGISTRY.get_sample_value("citypatrol_late_total") == late  # the rules count it
