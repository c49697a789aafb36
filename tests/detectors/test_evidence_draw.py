import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.evidence import LARGEST, caption, draw, proof
from detectors.types import Finding

THING = Finding("litter", 0.834, (180.0, 60.0, 260.0, 140.0))


def decoded(data: bytes) -> NDArray[np.uint8]:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return np.asarray(pixels, np.uint8)


def test_the_box_is_drawn_and_the_frame_is_left_alone(scene: NDArray[np.uint8]) -> None:
    before = scene.copy()
    plain, drawn = decoded(draw(scene, [])), decoded(draw(scene, [THING]))
    assert (scene == before).all()
    changed = np.abs(plain.astype(int) - drawn).max(axis=2) > 30
    assert changed[100, 178:183].any()
    assert changed[138:143, 190:250].any(axis=0).mean() > 0.8
    assert not changed[150:].any()


def test_camera_and_time_are_stamped(scene: NDArray[np.uint8]) -> None:
    plain, stamped = decoded(draw(scene, [])), decoded(draw(scene, [], camera="dock", at=0))
    changed = np.abs(plain.astype(int) - stamped).max(axis=2) > 30
    assert changed[-20:].any()
    assert not changed[:-30].any()


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        pytest.param(THING, "litter 0.83", id="thing"),
        pytest.param(
            Finding("traffic_light", 0.9, (0, 0, 1, 1), 0.021, "off"),
            "traffic_light off lit 0.02",
            id="head",
        ),
        pytest.param(Finding("垃圾", 0.5, (0, 0, 1, 1)), "?? 0.50", id="not ascii"),
    ],
)
def test_captions(finding: Finding, text: str) -> None:
    assert caption(finding) == text


@pytest.mark.parametrize(
    "box",
    [(-50, -50, 900, 900), (0, 0, 0, 0), (315, 235, 320, 240), (0, 0, 320, 3)],
    ids=["larger", "empty", "corner", "top"],
)
def test_boxes_at_the_edges_do_no_harm(
    scene: NDArray[np.uint8], box: tuple[float, float, float, float]
) -> None:
    data = draw(scene, [Finding("litter", 0.5, box)], camera="摄像头", at=1_700_000_000_000)
    assert decoded(data).shape == scene.shape


def test_a_large_noisy_picture_stays_small() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (2160, 3840, 3), dtype=np.uint8)
    data = draw(pixels, [Finding("litter", 0.5, (100, 100, 800, 800))])
    assert len(data) <= LARGEST
    assert max(decoded(data).shape) <= 1280


def test_boxes_shrink_with_the_picture() -> None:
    pixels = np.zeros((1000, 2560, 3), np.uint8)
    drawn = decoded(draw(pixels, [Finding("litter", 0.5, (1000, 400, 2000, 800))]))
    assert drawn.shape[:2] == (500, 1280)
    assert drawn[300, 498:503].max() > 100
    assert drawn[300, 700:900].max() < 40


def test_the_same_picture_gives_the_same_bytes(scene: NDArray[np.uint8]) -> None:
    assert draw(scene, [THING], camera="a", at=5) == draw(scene, [THING], camera="a", at=5)


def test_an_empty_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="not a picture"):
        draw(np.zeros((0, 5, 3), np.uint8), [])


@pytest.mark.parametrize(
    ("findings", "strips"),
    [
        pytest.param([], 0, id="nothing"),
        pytest.param([Finding("litter", 0.5, (20, 20, 200, 200))], 0, id="a large thing"),
        pytest.param([Finding("litter", 0.5, (2, 2, 12, 12))], 1, id="a cup in the corner"),
        pytest.param([Finding("litter", 0.5, (k, 90, k + 9, 99)) for k in range(9)], 1, id="many"),
    ],
)
def test_small_things_are_shown_once_more_below(
    scene: np.ndarray, findings: list[Finding], strips: int
) -> None:
    whole = decoded(draw(scene, findings, camera="dock", at=5))
    shown = decoded(proof(scene, findings, camera="dock", at=5))
    assert shown.shape == (whole.shape[0] + strips * whole.shape[1] // 4, whole.shape[1], 3)
    assert np.abs(shown[: whole.shape[0] - 8].astype(int) - whole[:-8]).mean() < 3


def test_a_thing_is_cut_out_with_what_is_around_it() -> None:
    pixels = np.full((600, 800, 3), 90, np.uint8)
    pixels[300:310, 400:410] = (20, 20, 230)
    shown = decoded(proof(pixels, [Finding("litter", 0.9, (400, 300, 410, 310))]))
    strip = shown[602:, :198]
    red = (strip[..., 2] > 180) & (strip[..., 0] < 90)
    assert 0.02 < red.mean() < 0.12, "10 of 48 pixels, each way, less what the words cover"


def test_pictures_too_narrow_for_cut_outs_go_without() -> None:
    pixels = np.full((100, 150, 3), 90, np.uint8)
    assert decoded(proof(pixels, [Finding("litter", 0.9, (40, 30, 44, 34))])).shape[0] == 100
