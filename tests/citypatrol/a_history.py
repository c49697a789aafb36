"""Histories of a few files, and the processes that die while they write them."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from citypatrol.crashpoints import VARIABLE, CrashPoint
from citypatrol.history.buffer import Buffer
from citypatrol.history.layout import Name
from citypatrol.history.writer import HistoryWriter
from citypatrol.journal import Entry
from citypatrol.records import Record
from citypatrol.samples import Batch, Sample

SEVEN = 1_778_655_600_000
"""2026-05-13T07:00Z."""
HOUR, DAY = 3_600_000, 86_400_000
Row = tuple[str, str, int, float]


def batch(*rows: tuple[int, float], source: str = "pump-1") -> Batch:
    return Batch.of(Sample(source, "water_level", ts, value) for ts, value in rows)


def entries(*records: Record, first: int = 1) -> list[Entry]:
    return [Entry(first + number, record) for number, record in enumerate(records)]


def write(folder: Path, given: Sequence[Entry], *, journal: str = "j1") -> Sequence[Name]:
    """One flush; lateness starts anew with each."""
    buffer = Buffer(journal=journal)
    buffer.take(given)
    writer = HistoryWriter(folder)
    folder.mkdir(parents=True, exist_ok=True)
    writer.write_controls(buffer.controls)
    if not buffer.rows:
        return []
    span = (given[0].position, given[-1].position)
    return writer.write_rows(buffer.table(), journal=journal, span=span)


def rows(folder: Path) -> list[Row]:
    """Of all files by name, each in its order."""
    found = []
    for path in sorted(folder.glob("*.parquet"), key=lambda path: Name.of(path.name) or Name(0, 0)):
        for row in pq.read_table(path).to_pylist():
            at = int(row["ts"].timestamp() * 1000)
            found.append((row["source"], row["metric"], at, row["value"]))
    return found


def values(folder: Path) -> list[float]:
    return [value for *_, value in rows(folder)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def dies(script: str, *words: object, at: CrashPoint) -> None:
    """A process that runs the script is killed there."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        env=os.environ | {VARIABLE: at},
        cwd=Path(__file__).parents[2],
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
