"""Which partition a record belongs to: all of one site meets in one (DESIGN section 4)."""

from collections.abc import Callable
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from citypatrol.samples import Batch

SiteOf = Callable[[str], str | None]
"""The site of a source, None where it has none."""


def partition_of(source: str, *, site: str | None, count: int) -> int:
    """``crc32(site or source) mod count``; a region without a site goes where its camera goes,
    because a rule's ``unless`` looks at both."""
    return crc32((site or source.partition("/")[0]).encode()) % count


def split(batch: Batch, *, site: SiteOf, count: int) -> dict[int, Batch]:
    """The batch's rows by partition, each part in order of arrival."""
    if count == 1:
        return {0: batch} if len(batch) else {}
    home = np.array(
        [partition_of(name, site=site(name), count=count) for name in batch.sources],
        dtype=np.int32,
    )
    rows = home[batch.source] if len(batch) else home[:0]
    found = np.unique(rows)
    if len(found) == 1:
        return {int(found[0]): batch}
    return {int(part): take(batch, np.flatnonzero(rows == part)) for part in found}


def take(batch: Batch, rows: NDArray[np.intp]) -> Batch:
    """These rows, and no name that they do not use."""
    sources, source = _renumber(batch.sources, batch.source[rows])
    metrics, metric = _renumber(batch.metrics, batch.metric[rows])
    evidence = tuple(batch.evidence[row] for row in rows) if batch.evidence is not None else None
    return Batch(
        sources=sources,
        source=source,
        metrics=metrics,
        metric=metric,
        ts=batch.ts[rows],
        value=batch.value[rows],
        evidence=evidence if evidence and any(evidence) else None,
    )


def _renumber(
    names: tuple[str, ...], codes: NDArray[np.int32]
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    used, codes_of_used = np.unique(codes, return_inverse=True)
    return tuple(names[code] for code in used), codes_of_used.astype(np.int32)
