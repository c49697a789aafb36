"""Samples to line protocol: the measurements of DOORS, and text that tries to break a line."""

import pytest

from citypatrol.samples import Batch, Sample
from sinks.line_protocol import lines

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


def written(*samples: Sample) -> list[str]:
    return list(lines(Batch.of(samples), labels=lambda source: LABELS.get(source, {})))


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
            ["sensor,metric=pm25,source=nobody value=40.0 5"],
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
            ["sensor,district=jinshui,kind=camera,metric=camera.sharpness,source=cam-1 value=8.0 5",
             "camera,district=jinshui,source=cam-1 sharpness=8.0 5"],
            id="what a camera says of itself is a field of camera too",
        ),
        pytest.param(
            Sample("cam-1", "litter.count", 5, 2.0),
            ["sensor,district=jinshui,kind=camera,metric=litter.count,source=cam-1 value=2.0 5",
             "detection,district=jinshui,label=litter,source=cam-1 count=2.0 5"],
            id="what a camera counts is a detection too",
        ),
        pytest.param(
            Sample("w1", "people.count", 5, 2.0),
            ["sensor,district=guancheng,kind=underpass,metric=people.count,source=w1 value=2.0 5"],
            id="what a sensor counts is no detection",
        ),
        pytest.param(
            Sample("ticket:1", "ticket.open", 60_000, 3.0),
            ["ticket,category=road.flooding,district=d,severity=major,state=open,unit=flood"
             " open=3.0 60000"],
            id="the tickets' own series have their own measurement",
        ),
        pytest.param(
            Sample("a b,c=d", "x", 5, 1e-7),
            ["sensor,metric=x,source=a\\ b\\,c\\=d value=1e-07 5"],
            id="separators are escaped",
        ),
        pytest.param(
            Sample("evil\nsensor value=1 5\\", "x", 5, 1.0),
            ["sensor,metric=x,source=evil\\ sensor\\ value\\=1\\ 5 value=1.0 5"],
            id="a line break begins no second line, a last backslash eats no separator",
        ),
    ],
)  # fmt: skip
def test_a_sample_becomes_its_lines(sample: Sample, expected: list[str]) -> None:
    assert written(sample) == expected


def test_rows_keep_their_order_and_their_series() -> None:
    rows = [Sample("w1", "a", 1, 1.0), Sample("w1", "b", 1, 2.0), Sample("w1", "a", 2, 3.0)]
    assert [line.split(" ", 1)[1] for line in written(*rows)] == [
        "value=1.0 1", "value=2.0 1", "value=3.0 2",
    ]  # fmt: skip
