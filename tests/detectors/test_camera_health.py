import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.health import CameraHealth, fault_of, look
from detectors.types import Frame, Seen

MINUTE = 60_000


def noise(level: float, sigma: float = 2.0, seed: int = 1) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal(level, sigma, (240, 320, 3)), 0, 255).astype(np.uint8)


def night() -> NDArray[np.uint8]:
    """Black but for three street lamps: 2 % of the dots."""
    pixels = noise(4)
    for x in (40, 150, 260):
        pixels[60:84, x : x + 22] = 210
    return pixels


def value(seen: Seen, metric: str) -> float:
    return {sample.metric: sample.value for sample in seen.samples}[metric]


def faults(frames: list[tuple[int, NDArray[np.uint8]]], **settings: int) -> list[float]:
    watch = CameraHealth("dock", **settings)
    return [value(watch(Frame("dock", ts, pixels)), "camera.fault") for ts, pixels in frames]


@pytest.mark.parametrize(
    ("pixels", "fault"),
    [
        pytest.param(noise(0, 0), "black", id="black"),
        pytest.param(noise(8, 4), "black", id="black with noise"),
        pytest.param(noise(120), "covered", id="grey cloth"),
        pytest.param(noise(255, 1), "covered", id="blinded"),
        pytest.param(noise(60, 12), "covered", id="cloth with strong noise"),
        pytest.param(night(), None, id="street lamps at night"),
    ],
)
def test_pictures_that_show_nothing(pixels: NDArray[np.uint8], fault: str | None) -> None:
    assert fault_of(look(pixels)) == fault


def test_a_scene_is_no_fault(scene: NDArray[np.uint8]) -> None:
    assert fault_of(look(scene)) is None
    fog = (200 + (scene.astype(float) - 128) * 0.15).astype(np.uint8)
    assert fault_of(look(fog)) is None


def test_every_frame_gives_three_samples(scene: NDArray[np.uint8]) -> None:
    seen = CameraHealth("dock")(Frame("dock", 5, scene))
    assert [(s.source, s.metric, s.ts) for s in seen.samples] == [
        ("dock", "camera.fault", 5),
        ("dock", "camera.brightness", 5),
        ("dock", "camera.sharpness", 5),
    ]
    assert value(seen, "camera.brightness") == pytest.approx(113, abs=10)
    assert seen.findings == ()


def test_from_the_second_frame_on_it_says_how_often_it_looks(
    scene: NDArray[np.uint8],
) -> None:
    health = CameraHealth("dock")
    looks = [health(Frame("dock", at, scene)) for at in (0, 10_000, 20_000, 25_000)]
    said = [[s.value for s in seen.samples if s.metric == "camera.fps"] for seen in looks]
    assert said == [[], [0.1], [0.1], [pytest.approx(0.12)]]


def test_a_fault_names_itself_in_a_finding() -> None:
    seen = CameraHealth("dock")(Frame("dock", 5, noise(0, 0)))
    assert value(seen, "camera.fault") == 1.0
    (finding,) = seen.findings
    assert (finding.label, finding.state, finding.box) == (
        "camera.fault",
        "black",
        (0, 0, 320, 240),
    )


def test_blur_lowers_sharpness_and_size_does_not_matter_much(scene: NDArray[np.uint8]) -> None:
    soft = np.repeat(np.repeat(scene[::4, ::4], 4, axis=0), 4, axis=1)
    blurred = (scene.astype(int) + np.roll(scene, 1, axis=1) + np.roll(scene, 1, axis=0)) // 3
    assert look(blurred.astype(np.uint8)).sharpness < look(scene).sharpness
    assert look(soft).brightness == pytest.approx(look(scene).brightness, abs=2)


def test_the_same_picture_for_a_minute_is_frozen(scene: NDArray[np.uint8]) -> None:
    frames = [(ts, scene) for ts in range(0, MINUTE + 1, 10_000)]
    assert faults(frames) == [0, 0, 0, 0, 0, 0, 1]


def test_one_bit_less_is_a_quiet_street(scene: NDArray[np.uint8]) -> None:
    other = scene.copy()
    other[3, 3, 0] ^= 1
    frames = [(ts, (scene, other)[ts // 10_000 % 2]) for ts in range(0, 3 * MINUTE, 10_000)]
    assert not any(faults(frames))


def test_two_frames_an_hour_apart_are_too_few(scene: NDArray[np.uint8]) -> None:
    assert faults([(0, scene), (60 * MINUTE, scene), (61 * MINUTE, scene)]) == [0, 0, 1]


def test_a_clock_set_back_begins_anew(scene: NDArray[np.uint8]) -> None:
    frames = [
        (100_000, scene),
        (150_000, scene),
        (50_000, scene),
        (100_000, scene),
        (110_000, scene),
    ]
    assert faults(frames) == [0, 0, 0, 0, 1]


def test_a_camera_thaws_at_once(scene: NDArray[np.uint8]) -> None:
    frames = [(0, scene), (5_000, scene), (10_000, scene), (15_000, scene[::-1])]
    assert faults(frames, frozen_after=10_000) == [0, 0, 1, 0]


def test_the_same_bytes_in_another_shape_are_another_picture(scene: NDArray[np.uint8]) -> None:
    wide, high = scene, scene.reshape(320, 240, 3)
    assert fault_of(look(high)) is None
    turns = [(0, wide), (5, high), (10, wide), (15, high)]
    assert faults(turns, frozen_after=1) == [0, 0, 0, 0]
    assert faults([(0, wide), (5, wide), (10, wide)], frozen_after=1) == [0, 0, 1]


def test_an_empty_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="not a picture"):
        CameraHealth("dock")(Frame("dock", 5, np.zeros((0, 0, 3), np.uint8)))
