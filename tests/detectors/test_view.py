"""The view of a fixed camera: the same by night and in fog, moved, another's, unsharp."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.health import CameraHealth, look
from detectors.types import Frame, Pixels
from detectors.view import compare, texture

CLIPS = (
    "intersection_traffic_lights_511wi",
    "suburban_street_fixed_camera",
    "shop_pavement_cctv",
)
Edit = Callable[[Pixels], Pixels]
STEP_MS = 10_000


def street(seed: int) -> Pixels:
    """Something with edges at all sizes, different for each seed."""
    rng = np.random.default_rng(seed)
    picture = np.full((360, 640, 3), 120, np.uint8)
    for _ in range(160):
        x, y = int(rng.integers(0, 640)), int(rng.integers(0, 360))
        w, h = int(rng.integers(8, 120)), int(rng.integers(8, 90))
        colour = tuple(int(value) for value in rng.integers(30, 220, 3))
        cv2.rectangle(picture, (x, y), (x + w, y + h), colour, -1)
    return picture


def noisy(pixels: Pixels, seed: int) -> Pixels:
    noise = np.random.default_rng(seed).normal(0, 2, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def states(frames: Iterator[Pixels], **settings: bool) -> list[str | None]:
    """The fault of each frame; '?' where it is only in doubt."""
    watch = CameraHealth("dock", **settings)
    found: list[str | None] = []
    for number, pixels in enumerate(frames):
        seen = watch(Frame("dock", number * STEP_MS, pixels))
        fault = seen.findings[0].state if seen.findings else None
        found.append(fault or ("?" if seen.blind else None))
    return found


def turned(pixels: Pixels) -> Pixels:
    return np.roll(pixels, 40, axis=1)


def unsharp(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 5 * pixels.shape[1] / 640), np.uint8)


def night(pixels: Pixels) -> Pixels:
    return np.asarray(pixels * np.array([0.25, 0.32, 0.5]), np.uint8)


def infrared(pixels: Pixels) -> Pixels:
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return np.repeat(np.asarray(255 * (grey / 255.0) ** 0.6, np.uint8)[:, :, np.newaxis], 3, axis=2)


def fog(pixels: Pixels) -> Pixels:
    return np.asarray(190 + (pixels.astype(float) - 128) * 0.3, np.uint8)


def dense_fog(pixels: Pixels) -> Pixels:
    return np.asarray(190 + (pixels.astype(float) - 128) * 0.08, np.uint8)


def very_unsharp(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 10), np.uint8)


def small_wind(pixels: Pixels) -> Pixels:
    return np.roll(pixels, 6, axis=0)


def other(_: Pixels) -> Pixels:
    return street(99)


def test_a_shift_is_found_in_fractions_of_the_picture() -> None:
    grey = np.asarray(cv2.cvtColor(street(1), cv2.COLOR_BGR2GRAY), np.uint8)
    moved = np.roll(np.roll(grey, 64, axis=1), -36, axis=0)
    likeness = compare(texture(moved), texture(grey))
    assert likeness.across == pytest.approx(0.1, abs=0.01)
    assert likeness.down == pytest.approx(-0.1, abs=0.011)
    assert likeness.best > 0.8
    assert abs(likeness.here) < 0.3
    assert likeness.shift == pytest.approx(0.1, abs=0.011)


def test_nothing_has_no_texture() -> None:
    flat = texture(np.full((90, 160), 80, np.uint8))
    assert not flat.any()
    assert compare(flat, flat).here == 0


@pytest.mark.parametrize(
    ("edit", "after"),
    [
        pytest.param(turned, ["?", "?", "?", "moved", "moved"], id="moved"),
        pytest.param(other, ["?", "?", "?", "wrong_scene", "wrong_scene"], id="another's"),
        pytest.param(unsharp, ["?", "?", "?", "blurred", "blurred"], id="unsharp"),
        pytest.param(night, [None] * 5, id="a colour cast at night"),
        pytest.param(infrared, [None] * 5, id="infrared"),
        pytest.param(fog, [None] * 5, id="fog"),
        pytest.param(small_wind, [None] * 5, id="wind"),
        pytest.param(dense_fog, ["?"] * 5, id="dense fog: nobody judges"),
        pytest.param(very_unsharp, ["?", "?", "?", "blurred", "blurred"], id="very unsharp"),
    ],
)
def test_what_happens_to_a_view(edit: Edit, after: list[str | None]) -> None:
    view = street(1)
    frames = [noisy(view, n) for n in range(4)]
    frames += [noisy(edit(view), n) for n in range(5)]
    frames += [noisy(view, n) for n in range(10, 12)]
    assert states(iter(frames)) == [None] * 4 + after + [None, None]


def test_a_lorry_that_stops_for_half_a_minute_is_no_fault() -> None:
    view = street(1)
    hidden = view.copy()
    hidden[30:, 100:620] = 60
    frames = [noisy(view, 1), *(noisy(hidden, n) for n in range(3)), noisy(view, 2)]
    assert not {"wrong_scene", "moved", "blurred"} & set(states(iter(frames)))


def test_a_camera_that_turns_has_no_view() -> None:
    frames = [noisy(street(n // 4), n) for n in range(20)]
    assert states(iter(frames), fixed=False) == [None] * 20
    assert "wrong_scene" in states(iter(frames))


def test_a_dark_street_is_another_view_and_the_day_comes_back() -> None:
    """At night lamps are seen where by day there were houses."""
    dark = np.zeros((360, 640, 3), np.uint8)
    dark += 12
    for x, y in ((80, 60), (300, 50), (520, 70), (150, 300)):
        cv2.circle(dark, (x, y), 24, (200, 220, 240), -1)
    frames = [noisy(picture, n) for n, picture in enumerate([street(1), dark, street(1), dark] * 3)]
    assert states(iter(frames)) == [None] * 12


def test_what_fits_is_learned_so_that_a_street_may_change_slowly() -> None:
    view, goal = street(1), street(2)
    frames = []
    for number in range(30):
        done = number * 640 // 60
        mixed = view.copy()
        mixed[:, :done] = goal[:, :done]
        frames.append(noisy(mixed, number))
    assert not any(states(iter(frames)))


@pytest.fixture(scope="session")
def clips(pictures: Path) -> dict[str, list[Pixels]]:
    """A picture each four seconds of the given clips of fixed cameras."""
    found = {}
    for name in CLIPS:
        capture = cv2.VideoCapture(str(pictures / "clips" / f"{name}.mp4"))
        step = round(4 * capture.get(cv2.CAP_PROP_FPS))
        frames = []
        number = 0
        while len(frames) < 6 and capture.grab():
            if number % step == 0:
                frames.append(np.asarray(capture.retrieve()[1], np.uint8))
            number += 1
        found[name] = frames
    return found


@pytest.mark.parametrize("name", CLIPS)
def test_a_real_street_is_no_fault_in_any_light(clips: dict[str, list[Pixels]], name: str) -> None:
    frames = clips[name]
    played = [edit(frame) for edit in (np.copy, night, infrared, fog) for frame in frames]
    assert set(states(iter(played))) == {None}


@pytest.mark.parametrize("name", CLIPS)
def test_a_real_camera_that_is_turned_unsharp_or_swapped(
    clips: dict[str, list[Pixels]], name: str
) -> None:
    frames = clips[name][:4]
    swapped = clips[CLIPS[CLIPS.index(name) - 1]][:4]

    def last(edited: list[Pixels]) -> str | None:
        return states(iter([*frames, *edited]))[-1]

    shift = [np.roll(frame, frame.shape[1] // 20, axis=1) for frame in frames]
    assert last(shift) == "moved"
    assert last([unsharp(frame) for frame in frames]) == "blurred"
    assert last(swapped) == "wrong_scene"
    assert look(frames[0]).middle > 100
