"""Samples to line protocol: the measurements of DOORS, and text that tries to break a line."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citypatrol.records import SourceSeen
from citypatrol.samples import Batch, Sample
from sinks.line_protocol import Lines, lines
from sinks.tags import Tags

LABELS = {
    "w1": {"kind": "underpass", "district": "guancheng"},
    "cam-1": {"kind": "camera", "district": "jinshui"},
    "cam-1/north": {"kind": "camera", "district": "jinshui"},
    "ticket:1": {
        "category": "road.flooding",
        "severity": "major",
        "unit": "flood",
        "district": "d",
        "state": "open",
    },
}


def as_lines(*samples: Sample) -> Lines:
    tags = Tags()
    for source, labels in LABELS.items():
        tags.learn(SourceSeen(0, source, labels, 0, 0))
    return lines(Batch.of(samples), tags=tags)


def written(*samples: Sample) -> list[str]:
    return [line.decode() for line in as_lines(*samples).each()]


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        pytest.param(
            Sample("w1", "water_level", 1_778_630_531_480, 15.5),
            ["sensor,district=guancheng,kind=underpass,metric=water_level,source=w1"
             " value=15.5 1778630531480"],
            id="a sensor's sample",
        ),
        pytest.param(
            Sample("nobody", "pm25", 5, 40.0),
            ["sensor,metric=pm25,source=nobody value=40 5"],
            id="an unregistered source has no empty tags",
        ),
        pytest.param(
            Sample("cam-1/north", "traffic_light.lit", 5, 0.02),
            ["sensor,district=jinshui,kind=camera,metric=traffic_light.lit,source=cam-1/north"
             " value=0.02 5"],
            id="a light is a sensor's sample",
        ),
        pytest.param(
            Sample("cam-1", "camera.sharpness", 5, 8.0),
            ["sensor,district=jinshui,kind=camera,metric=camera.sharpness,source=cam-1 value=8 5",
             "camera,district=jinshui,source=cam-1 sharpness=8 5"],
            id="what a camera says of itself is a field of camera too",
        ),
        pytest.param(
            Sample("cam-1", "litter.count", 5, 2.0),
            ["sensor,district=jinshui,kind=camera,metric=litter.count,source=cam-1 value=2 5",
             "detection,district=jinshui,label=litter,source=cam-1 count=2 5"],
            id="what a camera counts is a detection too",
        ),
        pytest.param(
            Sample("cam-1", "camera.fps", 5, 0.1),
            ["sensor,district=jinshui,kind=camera,metric=camera.fps,source=cam-1 value=0.1 5",
             "camera,district=jinshui,source=cam-1 fps=0.1 5"],
            id="how often a camera is looked at",
        ),
        pytest.param(
            Sample("cam-1", "litter.score", 5, 0.75),
            ["sensor,district=jinshui,kind=camera,metric=litter.score,source=cam-1 value=0.75 5",
             "detection,district=jinshui,label=litter,source=cam-1 score=0.75 5"],
            id="how sure a detection is",
        ),
        pytest.param(
            Sample("w1", "people.count", 5, 2.0),
            ["sensor,district=guancheng,kind=underpass,metric=people.count,source=w1 value=2 5"],
            id="what a sensor counts is no detection",
        ),
        pytest.param(
            Sample("ticket:1", "ticket.open", 60_000, 3.0),
            ["ticket,category=road.flooding,district=d,severity=major,state=open,unit=flood"
             " open=3 60000"],
            id="the tickets' own series have their own measurement",
        ),
        pytest.param(
            Sample("a b,c=d", "x", 5, 1e-7),
            ["sensor,metric=x,source=a\\ b\\,c\\=d value=1e-7 5"],
            id="separators are escaped",
        ),
        pytest.param(
            Sample("a\\b\\,c", "x", 5, 1.0),
            ["sensor,metric=x,source=a\\b\\,c value=1 5"],
            id="a backslash before a separator is dropped, any other stays",
        ),
        pytest.param(
            Sample("", "", 5, 1.0),
            ["sensor value=1 5"],
            id="a source without a name has no empty tag",
        ),
        pytest.param(
            Sample("w1", "ticket.", 5, 1.0),
            ["sensor,district=guancheng,kind=underpass,metric=ticket.,source=w1 value=1 5"],
            id="a measurement of ours without a field is a sensor's sample",
        ),
        pytest.param(
            Sample("evil\nsensor value=1 5\\", "x", 5, 1.0),
            ["sensor,metric=x,source=evil\\ sensor\\ value\\=1\\ 5 value=1 5"],
            id="a line break begins no second line, a last backslash eats no separator",
        ),
    ],
)  # fmt: skip
def test_a_sample_becomes_its_lines(sample: Sample, expected: list[str]) -> None:
    assert written(sample) == expected


def test_rows_keep_their_order_and_their_series() -> None:
    rows = [Sample("w1", "a", 1, 1.0), Sample("w1", "b", 1, 2.0), Sample("w1", "a", 2, 3.0)]
    assert [line.split(" ", 1)[1] for line in written(*rows)] == [
        "value=1 1", "value=2 1", "value=3 2",
    ]  # fmt: skip


def test_one_batch_may_hold_every_measurement() -> None:
    rows = [
        Sample("w1", "water_level", 1, 1.0),
        Sample("cam-1", "litter.count", 2, 2.0),
        Sample("ticket:1", "ticket.open", 3, 3.0),
        Sample("cam-1", "camera.fault", 4, 4.0),
        Sample("w1", "litter.count", 5, 5.0),
    ]
    measurements = [line.split(",", 1)[0] for line in written(*rows)]
    assert measurements == ["sensor"] * 4 + ["camera", "detection", "ticket"]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_every_float_reads_back_as_itself(values: list[float]) -> None:
    texts = [line.split("value=")[1].split()[0] for line in written(*_of_values(values))]
    assert [float(text) for text in texts] == values
    assert [math.copysign(1, float(text)) for text in texts] == [
        math.copysign(1, value) for value in values
    ]


def _of_values(values: list[float]) -> list[Sample]:
    return [Sample("s", "m", at, value) for at, value in enumerate(values)]


def test_no_samples_are_no_lines() -> None:
    assert len(lines(Batch.of([]), tags=Tags())) == 0


def test_lines_are_cut_by_count_and_by_bytes_but_never_to_nothing() -> None:
    every = as_lines(*_of_values([1.0] * 10))
    assert bytes(every.body).count(b"\n") == len(every) == 10
    size = len(every[:1].body)
    assert len(every.first(4, most_bytes=10_000)) == 4
    assert len(every.first(100, most_bytes=3 * size)) == 3
    assert len(every.first(100, most_bytes=1)) == 1
    assert [*every[:5].each(), *every[5:].each()] == list(every.each())
    assert len(every[10:]) == 0


def test_labels_come_back_from_their_dump() -> None:
    tags = Tags()
    assert tags.learn(SourceSeen(0, "a", {"kind": "k", "district": "d", "name": "x"}, 0, 0))
    assert not tags.learn(SourceSeen(1, "a", {"kind": "k", "district": "d", "name": "y"}, 0, 0))
    tags.learn(SourceSeen(0, "b", {"name": "no label that is a tag"}, 0, 0))
    again = Tags()
    again.learn(SourceSeen(0, "c", {"kind": "other"}, 0, 0))
    again.load(tags.dump())
    names = ["a", "b", "c", "never seen"]
    assert [again.of(number) for number in again.numbers(names)] == [
        {"district": "d", "kind": "k"}, {}, {"kind": "other"}, {},
    ]  # fmt: skip
    assert again.numbers(names).dtype == np.int32


@pytest.mark.parametrize("data", [b"", b"[]", b'{"combinations": [], "sources": {"a": 3}}'])
def test_other_bytes_are_no_labels(data: bytes) -> None:
    with pytest.raises(ValueError, match="not the labels of sources"):
        Tags().load(data)
