"""``H/control/DAY.jsonl``: the control records, each with its place in the journal."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from citypatrol.clock import Ts
from citypatrol.history.layout import control_day, control_name
from citypatrol.journal import Entry
from citypatrol.records import Control, SourceSeen, decode_record, encode_record

_TAIL: Final = 65_536
_SEEN: Final = b'"type":"source"'


class Said(NamedTuple):
    """A control record and the journal's position; one may come twice after a crash."""

    position: int
    record: Control
    partition: int = 0


class ControlLines:
    """Control records as the lines that they become, by their file. As objects they would take five
    times as much: a city of 219,300 sources that introduces itself is 50 MB of lines."""

    def __init__(self) -> None:
        self.size = 0
        self.by_name: dict[str, bytearray] = {}

    def add(self, entry: Entry, record: Control) -> None:
        line = _line(entry, record)
        self.by_name.setdefault(control_name(record.ts), bytearray()).extend(line)
        self.size += len(line)


class ControlFiles:
    """The writing side. ``append`` returns when the lines are on the disk, or raises OSError and
    has left the files as they were."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._whole: set[Path] = set()

    def append(self, lines: Mapping[str, bytearray]) -> None:
        """``lines`` by the name of their file."""
        if not lines:
            return
        new = not self._folder.exists()
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, some in lines.items():
            new |= self._append(self._folder / name, some)
        if new:
            sync_folder(self._folder)
            sync_folder(self._folder.parent)

    def _append(self, path: Path, data: bytearray) -> bool:
        """True where the file is new."""
        with path.open("ab", buffering=0) as file:
            if path not in self._whole:
                file.truncate(_whole_size(path))
                self._whole.add(path)
            before = file.seek(0, os.SEEK_END)
            try:
                left = memoryview(data)
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(file.fileno(), before)
                self._whole.discard(path)  # should that have failed too
                raise
        return before == 0


def sync_folder(folder: Path) -> None:
    """Names in it are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_control(path: Path) -> Iterator[Said]:
    """What one file holds, in its order; ValueError with the line's number at a line that cannot be
    read. A torn last line is passed over: the next start cuts it, and the journal has it still."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.endswith(b"\n"):
                try:
                    yield _said(line)
                except ValueError as error:
                    message = f"line {number}: {error}"
                    raise ValueError(message) from error


def read_sources(folder: Path, *, after: int, before: int) -> Iterator[SourceSeen]:
    """The newest word on each source between these positions, in order."""
    newest: dict[str, Said] = {}
    for path in control_paths(folder):
        if _last_position(path) <= after:
            continue
        with path.open("rb") as file:
            for line in file:
                if _SEEN in line and line.endswith(b"\n"):
                    said = _said(line)
                    if after < said.position < before and isinstance(said.record, SourceSeen):
                        newest.pop(said.record.source, None)
                        newest[said.record.source] = said
    for said in newest.values():
        assert isinstance(said.record, SourceSeen)  # noqa: S101 - nothing else was put in
        yield said.record


def control_paths(folder: Path) -> list[Path]:
    """The files of control records by day; [] where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if control_day(path.name) is not None)


def is_torn(path: Path) -> bool:
    """The last line has no end."""
    return _whole_size(path) < path.stat().st_size


def day_is_over(path: Path, *, before: Ts) -> bool:
    """Everything in the file is older than ``before``."""
    day = control_day(path.name)
    return day is not None and day + 86_400_000 <= before


def _line(entry: Entry, record: Control) -> bytes:
    place: dict[str, object] = {"position": entry.position}
    if entry.partition:
        place["partition"] = entry.partition
    return orjson.dumps(place | orjson.loads(encode_record(record))) + b"\n"


def _said(line: bytes) -> Said:
    fields = orjson.loads(line)
    if not isinstance(fields, dict) or not isinstance(fields.get("position"), int):
        message = f"not a control record: {line[:60]!r}"
        raise ValueError(message)
    position, partition = fields.pop("position"), fields.pop("partition", 0)
    record = decode_record(orjson.dumps(fields))
    return Said(position, record, partition)  # type: ignore[arg-type]  # JSON is no batch


def _whole_size(path: Path) -> int:
    """Bytes up to the end of the last whole line."""
    size = path.stat().st_size
    with path.open("rb") as file:
        end = size
        while end > 0:
            start = max(0, end - _TAIL)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0


def _last_position(path: Path) -> int:
    """Of the last whole line: positions grow within a file but for what a crash repeated."""
    size = _whole_size(path)
    with path.open("rb") as file:
        start = file.seek(max(0, size - _TAIL))
        lines = file.read(size - start).splitlines()
    return _said(lines[-1]).position if lines else 0
