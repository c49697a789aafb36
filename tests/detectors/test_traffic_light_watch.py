from collections.abc import Sequence

import numpy as np
import pytest
from structlog.testing import capture_logs

from citypatrol.samples import Sample
from detectors.heads import Reading
from detectors.traffic_light import FixedHeads, FoundHeads, Region
from detectors.types import Box, Finding, Frame, Pixels

LIT = Reading("green", 0.9, 0.97, readable=True)
DARK = Reading("off", 0.95, 0.02, readable=True)
AWAY = Reading("back_or_side", 0.9, 0.85, readable=False)
NORTH = Region("north", (0.25, 0.5, 0.5, 1.0))
SOUTH = Region("south", (0.5, 0.0, 0.75, 0.5))


class Script:
    """A reader that says what it is told and keeps the boxes it was shown."""

    def __init__(self, *readings: Reading) -> None:
        self.readings = list(readings)
        self.boxes: list[Box] = []

    def __call__(self, pixels: Pixels, boxes: Sequence[Box]) -> list[Reading]:
        self.boxes = list(boxes)
        return self.readings[: len(boxes)]


def frame(height: int = 200, width: int = 400) -> Frame:
    return Frame("dock", 1_000, np.zeros((height, width, 3), np.uint8))


def watch(reader: Script, *regions: Region) -> FixedHeads:
    return FixedHeads("dock", regions=regions, reader=reader)  # type: ignore[arg-type]


def test_each_region_is_a_source_of_its_own() -> None:
    reader = Script(LIT, DARK)
    seen = watch(reader, NORTH, SOUTH)(frame())
    assert seen.samples == (
        Sample("dock/north", "traffic_light.lit", 1_000, 0.97),
        Sample("dock/south", "traffic_light.lit", 1_000, 0.02),
    )
    assert reader.boxes == [(100, 100, 200, 200), (200, 0, 300, 100)]
    assert [(f.label, f.state, f.lit) for f in seen.findings] == [
        ("traffic_light", "green", 0.97),
        ("traffic_light", "off", 0.02),
    ]


def test_a_head_turned_away_gives_no_sample_but_is_drawn() -> None:
    seen = watch(Script(AWAY, LIT), NORTH, SOUTH)(frame())
    assert [sample.source for sample in seen.samples] == ["dock/south"]
    assert seen.findings[0] == Finding(
        "traffic_light", 0.9, (100, 100, 200, 200), None, "back_or_side"
    )


def test_a_region_too_small_in_this_stream_is_told_once() -> None:
    light = watch(Script(AWAY), NORTH)
    with capture_logs() as logs:
        light(frame(height=8, width=16))
        light(frame(height=8, width=16))
    (entry,) = logs
    assert (entry["event"], entry["camera"], entry["region"]) == (
        "region_too_small",
        "dock",
        "north",
    )
    assert entry["picture"] == "16x8"


def test_a_grey_frame_is_read_too() -> None:
    grey = Frame("dock", 5, np.zeros((200, 400), np.uint8))
    assert len(watch(Script(LIT), NORTH)(grey).samples) == 1


@pytest.mark.parametrize("reading", [LIT, DARK, AWAY], ids=lambda reading: reading.state)
def test_found_heads_carry_state_and_lit(reading: Reading) -> None:
    head = Finding("traffic_light", 0.8, (10, 10, 30, 60))
    heads = FoundHeads(lambda _: [head], reader=Script(reading))  # type: ignore[arg-type]
    (found,) = heads(np.zeros((200, 400, 3), np.uint8))
    assert (found.score, found.box) == (0.8, head.box)
    assert (found.state, found.lit) == (reading.state, reading.lit)
