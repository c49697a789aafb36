from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from structlog.testing import capture_logs

from citypatrol.samples import Sample
from detectors.heads import Reading
from detectors.traffic_light import FixedHeads, FoundHeads, Region
from detectors.types import Box, Burst, Finding, Frame, Pixels, Seen, Wish

LIT = Reading("green", 0.9, 0.97, readable=True)
DARK = Reading("off", 0.95, 0.02, readable=True)
AWAY = Reading("back_or_side", 0.9, 0.85, readable=False)
NORTH = Region("north", (0.25, 0.5, 0.5, 1.0))
SOUTH = Region("south", (0.5, 0.0, 0.75, 0.5))


FADED = Reading("red", 0.9, 0.95, readable=True)
SIDE = 400, 200


class Script:
    """A reader that says what it is told and keeps what it was shown."""

    def __init__(self, *readings: Reading) -> None:
        self.readings = list(readings)
        self.boxes: list[Box] = []
        self.cut: list[tuple[Pixels, Box]] = []

    def __call__(self, pixels: Pixels, boxes: Sequence[Box]) -> list[Reading]:
        self.boxes = list(boxes)
        return self.readings[: len(boxes)]

    def cuts(self, cuts: Sequence[tuple[Pixels, Box]]) -> list[Reading]:
        self.cut = list(cuts)
        return [self.readings[0]] * len(cuts)


def frame(height: int = 200, width: int = 400, *, ts: int = 1_000) -> Frame:
    return Frame("dock", ts, np.zeros((height, width, 3), np.uint8))


def watch(reader: Script, *regions: Region) -> FixedHeads:
    return FixedHeads("dock", regions=regions, reader=reader)  # type: ignore[arg-type]


def answer(wish: Wish, *, at: int, shrink: int = 1) -> Burst:
    """Every frame that was wished for, as the camera cuts them."""
    times = tuple(range(at, at + round(wish.seconds * 1000) + 1, 100))
    cuts = tuple(
        np.zeros((max(1, height // shrink), max(1, width // shrink), 3), np.uint8)
        for height, width in (
            (round((y2 - y1) * SIDE[1]), round((x2 - x1) * SIDE[0]))
            for x1, y1, x2, y2 in wish.boxes
        )
    )
    return Burst("dock", times, (cuts,) * len(times))


def test_each_region_is_a_source_of_its_own() -> None:
    reader = Script(LIT, FADED)
    seen = watch(reader, NORTH, SOUTH)(frame())
    assert seen.samples == (
        Sample("dock/north", "traffic_light.lit", 1_000, 0.97),
        Sample("dock/south", "traffic_light.lit", 1_000, 0.95),
    )
    assert reader.boxes == [(100, 100, 200, 200), (200, 0, 300, 100)]
    assert [(f.label, f.state, f.lit) for f in seen.findings] == [
        ("traffic_light", "green", 0.97),
        ("traffic_light", "red", 0.95),
    ]
    assert seen.wish is None


def test_a_dark_picture_is_a_suspicion_and_wishes_for_a_burst_of_that_head() -> None:
    seen = watch(Script(LIT, DARK), NORTH, SOUTH)(frame())
    assert seen.samples == (
        Sample("dock/north", "traffic_light.lit", 1_000, 0.97),
        Sample("dock/south", "traffic_light.suspect", 1_000, 0.98),
    )
    assert seen.wish is not None
    assert seen.wish.seconds == 3.0
    ((x1, y1, x2, y2),) = seen.wish.boxes
    assert x1 < 0.5
    assert y1 == 0, "no further than the picture"
    assert (x2, y2) > (0.75, 0.5)


@pytest.mark.parametrize("shrink", [1, 3])
def test_a_dark_burst_is_told(shrink: int) -> None:
    reader = Script(DARK)
    light = watch(reader, replace(SOUTH, dark=0))
    wish = light(frame()).wish
    assert wish is not None
    seen = light.burst(answer(wish, at=2_000, shrink=shrink))
    assert seen.samples == (
        Sample("dock/south", "traffic_light.lit", 5_000, 0.02),
        Sample("dock/south", "traffic_light.suspect", 5_000, 0.98),
    )
    assert seen.findings == (Finding("traffic_light", 0.95, (200, 0, 300, 100), 0.02, "off"),)
    assert len(reader.cut) == 31
    pixels, box = reader.cut[0]
    assert box[2] - box[0] == pytest.approx(100 / shrink, rel=0.05), "the region, where it lies now"
    assert box[3] - box[1] == pytest.approx(100 / shrink, rel=0.05)
    assert box[1] == 0
    assert pixels.shape[1] > box[2]


def test_a_head_that_is_not_known_yet_is_only_suspect() -> None:
    light = watch(Script(DARK), SOUTH)
    wish = light(frame()).wish
    assert wish is not None
    seen = light.burst(answer(wish, at=2_000))
    assert [sample.metric for sample in seen.samples] == ["traffic_light.suspect"]


def test_one_wish_at_a_time_until_it_is_lost() -> None:
    light = watch(Script(DARK), SOUTH)
    wishes = [light(frame(ts=ts)).wish is not None for ts in range(0, 60_000, 10_000)]
    assert wishes == [True, False, False, True, False, False]


def test_a_burst_that_nobody_asked_for_says_nothing() -> None:
    light = watch(Script(DARK), replace(SOUTH, dark=0))
    asked = watch(Script(DARK, DARK), NORTH, SOUTH)(frame()).wish
    assert asked is not None
    assert light.burst(answer(asked, at=0)) == Seen((), ())
    assert light(frame()).wish is not None
    assert light.burst(answer(asked, at=0)) == Seen((), ()), "of other boxes"
    assert light.burst(Burst("dock", (), ())) == Seen((), ())


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
