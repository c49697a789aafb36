"""What a crash has left in a write-ahead log, and whether a disk has lost some of it.

SQLite takes the log up to the last commit that is whole and cuts the rest without a word. After a
kill that rest was never committed; where whole commits lie in it, acknowledged records are gone.
https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import contextlib
import mmap
import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_PAGE_SIZES: Final = tuple(2**power for power in range(9, 17))
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
        with path.with_name(path.name + "-wal").open("rb") as file:
            log = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (FileNotFoundError, ValueError):  # there is none, or nothing in it
        return Cut()
    with log:  # it stays readable when SQLite has removed the file
        first = next(_frames(log, skip=0), None)
        if first is None:
            return Cut()
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            (_, taken, _) = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        salts = _salts(log) or first.salts
        ours = [frame for frame in _frames(log, skip=max(taken, 0)) if frame.salts == salts]
    # The last frame may be a commit that the crash cut short: of that nobody was told.
    return Cut(len(ours), any(frame.commits for frame in ours[:-1]))


def _frames(log: mmap.mmap, *, skip: int) -> Iterator[_Frame]:
    size = int.from_bytes(log[8:12])
    if size not in _PAGE_SIZES:
        size = 4096  # the header is damaged; ours are of this size
    step = _FRAME.size + size
    for start in range(_HEADER.size + skip * step, len(log) - step + 1, step):
        _, pages, one, two, _, _ = _FRAME.unpack_from(log, start)
        yield _Frame((one, two), pages > 0)


def _salts(log: mmap.mmap) -> tuple[int, int] | None:
    """Of this round of the log; None where the header is not whole."""
    magic, _, _, _, one, two, *expected = _HEADER.unpack_from(log)
    if magic not in _MAGIC:
        return None
    words = struct.unpack_from(f"{_MAGIC[magic]}6I", log)
    first = second = 0
    for left, right in zip(words[::2], words[1::2], strict=True):
        first = (first + left + second) & 0xFFFFFFFF
        second = (second + right + first) & 0xFFFFFFFF
    return (one, two) if [first, second] == expected else None
