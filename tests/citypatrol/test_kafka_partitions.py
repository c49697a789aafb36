from zlib import crc32

import numpy as np
import pytest

from citypatrol.partitions import partition_of, split, take
from citypatrol.samples import Batch, Sample

SITES = {"pump-1": "underpass", "cam-1": "underpass", "cam-1/north": "underpass"}


@pytest.mark.parametrize(
    ("source", "site", "key"),
    [
        pytest.param("pump-1", "underpass", "underpass", id="a site keeps its sources together"),
        pytest.param("pump-1", None, "pump-1", id="no site: the source alone"),
        pytest.param("pump-1", "", "pump-1", id="an empty site is none"),
        pytest.param("cam-7/north", None, "cam-7", id="a region goes with its camera"),
        pytest.param("相机", "紫辰路", "紫辰路", id="UTF-8"),
    ],
)
def test_partition_is_crc32_of_site_or_source(source: str, site: str | None, key: str) -> None:
    for count in (1, 2, 8, 31):
        assert partition_of(source, site=site, count=count) == crc32(key.encode()) % count


def test_split_keeps_every_row_once_and_in_order() -> None:
    rows = [
        Sample(f"s{n % 7}", f"m{n % 3}", n, float(n), "ab" * 32 if n % 5 == 0 else None)
        for n in range(100)
    ]
    parts = split(Batch.of(rows), site=SITES.get, count=4)
    assert len(parts) > 1
    for partition, part in parts.items():
        mine = list(part.samples())
        assert mine == [
            row for row in rows if partition_of(row.source, site=None, count=4) == partition
        ]
        assert set(part.sources) == {row.source for row in mine}
        assert set(part.metrics) == {row.metric for row in mine}
    assert sum(len(part) for part in parts.values()) == len(rows)


def test_one_site_is_one_part() -> None:
    rows = [Sample(source, "x", 1, 1.0) for source in SITES]
    parts = split(Batch.of(rows), site=SITES.get, count=16)
    assert [list(part.samples()) for part in parts.values()] == [rows]


@pytest.mark.parametrize("count", [1, 3])
def test_nothing_to_split(count: int) -> None:
    assert split(Batch.of([]), site=SITES.get, count=count) == {}


def test_take_drops_evidence_that_no_row_has() -> None:
    batch = Batch.of([Sample("a", "x", 1, 1.0, "ff"), Sample("b", "x", 2, 2.0)])
    assert take(batch, np.array([1])).evidence is None
    assert take(batch, np.array([0])).evidence == ("ff",)
