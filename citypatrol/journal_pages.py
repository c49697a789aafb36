"""A page of the journal's rows as entries; batches that follow each other are decoded together."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from citypatrol.journal import Entry
from citypatrol.journal_rows import Row
from citypatrol.records import Record, decode_record
from citypatrol.samples_bulk import decode_batches, is_ours

TOGETHER: Final = 128
"""Batches decoded in one go: more of them fall out of the processor's cache."""
_NOT_WHOLE: Final = "its checksum is another one"


def entries(rows: Iterable[Row]) -> Iterator[Entry | tuple[Row, str]]:
    """In order: the entry of each row, or the row with the reason why it cannot be read."""
    for in_bulk, group in groupby(rows, _fits_in_bulk):
        mine = list(group)
        if not in_bulk:
            yield from map(_one, mine)
            continue
        for first in range(0, len(mine), TOGETHER):
            yield from _together(mine[first : first + TOGETHER])


def _fits_in_bulk(row: Row) -> bool:
    """Only what its checksum has proved: a batch with a hole would be read with another's names."""
    return bool(row.is_batch) and row.crc is not None and row.is_whole and is_ours(row.data)


def _together(rows: Sequence[Row]) -> Iterator[Entry | tuple[Row, str]]:
    try:
        batches = decode_batches([row.data for row in rows])
    except ValueError:
        return map(_one, rows)
    return map(_entry, rows, batches)


def _one(row: Row) -> Entry | tuple[Row, str]:
    if not row.is_whole:
        return row, _NOT_WHOLE
    try:
        return _entry(row, decode_record(row.data))
    except ValueError as error:
        return row, str(error)


def _entry(row: Row, record: Record) -> Entry:
    return Entry(row.position, record)
