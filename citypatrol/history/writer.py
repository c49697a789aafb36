"""Puts rows into files, so that a crash at any instant leaves whole files only."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from citypatrol.crashpoints import CrashPoint, crash_point
from citypatrol.history.control import ControlFiles, ControlLines, sync_folder
from citypatrol.history.layout import CONTROL, MERGE, TMP, Footer, Name, Span
from citypatrol.history.parquet import (
    by_hour,
    late_rows,
    parquet_writer,
    values_repeat,
    write_table,
)


@dataclass(frozen=True, slots=True)
class _Aside:
    tmp: Path
    hour: int


class HistoryWriter:
    """The one writer of a folder; for one thread at a time. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._controls = ControlFiles(folder / CONTROL)

    def clean(self) -> Sequence[str]:
        """Make the folder, and remove what a crash left half written; the names of those."""
        self._folder.mkdir(parents=True, exist_ok=True)
        left = [path for path in self._folder.iterdir() if path.name.endswith(TMP)]
        ours = [path for path in left if is_aside(path.name)]
        for path in ours:
            path.unlink()
        return [path.name for path in ours]

    def write_controls(self, controls: ControlLines) -> None:
        """Durable when it returns; where it raises the files are as they were."""
        self._controls.append(controls.by_name)

    def write_rows(self, rows: pa.Table, *, journal: str, span: Span) -> Sequence[Name]:
        """Durable when it returns; the names of the new files, one for each hour that has rows.

        Where it raises nothing was renamed, but for a disk that fails between two renames: then
        rows come twice.
        """
        aside: list[_Aside] = []
        try:
            for hour, part in by_hour(rows).items():
                tmp = self._folder / f"{Name(hour, 0)}{TMP}"
                aside.append(_Aside(tmp, hour))
                footer = Footer.new([span], journal=journal, late=late_rows(part))
                _write(tmp, part, footer)
            crash_point(CrashPoint.HISTORY_WRITTEN)
            named = self._rename(aside)
        except BaseException:
            for one in aside:
                with contextlib.suppress(OSError):
                    one.tmp.unlink(missing_ok=True)
            raise
        sync_folder(self._folder)
        crash_point(CrashPoint.HISTORY_RENAMED)
        return named

    def _rename(self, aside: Sequence[_Aside]) -> list[Name]:
        numbers = last_numbers(self._folder)
        named = []
        for one in aside:
            number = numbers.get(one.hour, -1) + 1
            while (self._folder / str(Name(one.hour, number))).exists():
                number += 1  # a folder that changes while it is listed may hide a name
            name = Name(one.hour, number)
            one.tmp.rename(self._folder / str(name))
            named.append(name)
        return named


def is_aside(text: str) -> bool:
    """The name of a file of ours that is being written, or was when a process died."""
    return Name.of(text.removesuffix(TMP).removesuffix(MERGE)) is not None and text.endswith(TMP)


def last_numbers(folder: Path) -> dict[int, int]:
    """The highest number that a file of each hour has."""
    numbers: dict[int, int] = {}
    for path in folder.iterdir():
        name = Name.of(path.name)
        if name is not None:
            numbers[name.hour] = max(name.number, numbers.get(name.hour, 0))
    return numbers


def sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, rows: pa.Table, footer: Footer) -> None:
    try:
        with parquet_writer(path, footer, values_repeat=values_repeat(rows)) as writer:
            write_table(writer, rows)
    except pa.ArrowException as error:  # a full disk is an OSError, and comes through as it is
        message = f"{path}: {error}"
        raise OSError(message) from error
    sync_file(path)
