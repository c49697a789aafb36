"""What a crash has left in a write-ahead log, and whether a disk has lost some of it.

SQLite takes the log up to the last commit that is whole and cuts the rest without a word. After a
kill that rest was never committed; where whole commits lie in it, acknowledged records are gone.
https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import contextlib
import sqlite3
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_MAGIC: Final = {0x377F0682: "<", 0x377F0683: ">"}


@dataclass(frozen=True, slots=True)
class Cut:
    """Frames that SQLite did not take. ``committed``: some had been committed, so records that
    were acknowledged are gone."""

    frames: int = 0
    committed: bool = False


class _Frame(NamedTuple):
    salts: tuple[int, int]
    commits: bool


def recover_wal(path: Path) -> Cut:
    """Let SQLite take over what the log of this database holds; what it did not take.

    Nobody else may have the database open. Raises sqlite3.Error where the database is damaged.
    """
    try:
        data = path.with_name(path.name + "-wal").read_bytes()
    except FileNotFoundError:
        return Cut()
    frames = _frames(data)
    if not frames:
        return Cut()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (_, taken, _) = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    rest = frames[max(taken, 0) :]
    if not rest:
        return Cut()
    salts = _salts(data) or frames[0].salts
    ours = [frame for frame in rest if frame.salts == salts]
    # The last frame may be a commit that the crash cut short: of that nobody was told.
    return Cut(len(ours), any(frame.commits for frame in ours[:-1]))


def _frames(data: bytes) -> Sequence[_Frame]:
    if len(data) < _HEADER.size:
        return []
    size = int.from_bytes(data[8:12])
    if size not in (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536):
        size = 4096  # the header is damaged; ours are of this size
    starts = range(_HEADER.size, len(data) - _FRAME.size - size + 1, _FRAME.size + size)
    found = []
    for start in starts:
        _, pages, one, two, _, _ = _FRAME.unpack_from(data, start)
        found.append(_Frame((one, two), pages > 0))
    return found


def _salts(data: bytes) -> tuple[int, int] | None:
    """Of this round of the log; None where the header is not whole."""
    magic, _, _, _, one, two, *expected = _HEADER.unpack_from(data)
    if magic not in _MAGIC:
        return None
    words = struct.unpack_from(f"{_MAGIC[magic]}6I", data)
    first = second = 0
    for left, right in zip(words[::2], words[1::2], strict=True):
        first = (first + left + second) & 0xFFFFFFFF
        second = (second + right + first) & 0xFFFFFFFF
    return (one, two) if [first, second] == expected else None
