"""Every frame of some seconds, cut to boxes: alone, and out of a real stream."""

import itertools
import time
from pathlib import Path

import numpy as np
import pytest

from bench.servers.clip import CLIP_FPS, make_clip
from bench.servers.scripted import scripted_camera
from ingest.camera_av import pictures
from ingest.camera_burst import MOST_BYTES, MOST_FRAMES, Bursts, Shot
from ingest.camera_wire import BurstOrder, PictureBurst, Pixels

WHOLE = (0.0, 0.0, 1.0, 1.0)


def picture(height: int = 90, width: int = 160) -> Pixels:
    return np.arange(height * width * 3, dtype=np.uint32).astype(np.uint8).reshape(height, width, 3)


def test_each_box_is_cut_out_of_each_frame_with_its_own_time() -> None:
    shot = Shot(BurstOrder("dock", 1.0, ((0.0, 0.5, 0.25, 1.0), (0.5, 0.0, 0.75, 0.1))))
    done = [shot.add(picture(), at_s=40 + n * 0.04, now_ms=9000 + n) for n in range(27)]
    assert done == [False] * 26 + [True]
    burst = shot.burst()
    assert burst.camera == "dock"
    assert burst.times == tuple(9000 + 40 * n for n in range(26))
    for lower, upper in burst.cuts:
        np.testing.assert_array_equal(lower, picture()[45:90, 0:40])
        np.testing.assert_array_equal(upper, picture()[0:9, 80:120])


@pytest.mark.parametrize(
    ("box", "share"),
    [
        pytest.param((0.1, 0.1, 0.2, 0.2), 1.0, id="small as it is"),
        pytest.param((0.0, 0.0, 0.5, 0.1), 1 / 3, id="wide"),
        pytest.param((0.0, 0.0, 0.1, 1.0), 320 / 1080, id="high"),
    ],
)
def test_large_boxes_are_shrunk(box: tuple[float, float, float, float], share: float) -> None:
    shot = Shot(BurstOrder("dock", 1.0, (box,)))
    assert shot.share(width=1920, height=1080) == pytest.approx(share)


def test_a_box_of_nothing_still_has_a_dot() -> None:
    shot = Shot(BurstOrder("dock", 1.0, ((0.5, 0.5, 0.5001, 0.5001),)))
    shot.add(picture(), at_s=0, now_ms=0)
    assert shot.burst().cuts[0][0].shape == (1, 1, 3)


def test_a_burst_is_bounded_in_frames_bytes_and_time() -> None:
    many = Shot(BurstOrder("dock", 100.0, (WHOLE,)))
    while not many.add(picture(2, 2), at_s=len(many.burst().times) * 0.001, now_ms=0):
        pass
    assert len(many.burst().times) == MOST_FRAMES
    large = Shot(BurstOrder("dock", 100.0, (WHOLE,)))
    frame = np.zeros((2000, 4000, 3), np.uint8)
    while not large.add(frame, at_s=len(large.burst().times) * 0.1, now_ms=0):
        pass
    assert len(large.burst().times) * frame.nbytes < MOST_BYTES + frame.nbytes
    long = Shot(BurstOrder("dock", 100.0, (WHOLE,)))
    assert [long.add(picture(2, 2), at_s=at, now_ms=0) for at in (0, 9.9, 10.1)] == [0, 0, 1]


def test_a_stream_that_begins_again_ends_the_burst() -> None:
    shot = Shot(BurstOrder("dock", 3.0, (WHOLE,)))
    assert [shot.add(picture(2, 2), at_s=at, now_ms=0) for at in (8, 8.1, 0)] == [0, 0, 1]
    assert len(shot.burst().times) == 2


@pytest.mark.parametrize(
    ("every_s", "keyframe_s", "codec"),
    [
        pytest.param(1.5, 0.5, "libx264", id="keyframes alone"),
        pytest.param(0.7, 4, "libx264", id="rare keyframes"),
        pytest.param(1.5, 0.5, "libx265", id="H.265"),
    ],
)
def test_every_frame_of_a_second_while_pictures_go_on(
    tmp_path: Path, every_s: float, keyframe_s: float, codec: str
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=8, keyframe_s=keyframe_s, codec=codec)
    bursts: list[PictureBurst] = []
    desk = Bursts(bursts.append)
    with scripted_camera(clip) as camera:
        stream = pictures(
            camera.url("a"),
            every_s=every_s,
            open_s=5,
            read_s=5,
            came_back=lambda: None,
            count=lambda reason: None,
            bursts=desk,
        )
        next(stream)
        desk.ask(BurstOrder("a", 1.0, ((0.0, 0.0, 1.0, 0.125),)))
        deadline = time.monotonic() + 15
        for pixels in stream:
            assert pixels.shape == (192, 320, 3)
            if bursts or time.monotonic() > deadline:
                break
        after = list(itertools.islice(stream, 1))
    (burst,) = bursts
    assert len(after) == 1
    assert len(burst.times) == CLIP_FPS + 1
    gaps = {late - early for early, late in itertools.pairwise(burst.times)}
    assert gaps <= {99, 100, 101}
    lefts = [int(cut[0].max(axis=2).mean(axis=0).argmax()) for cut in burst.cuts]
    moves = [late - early for early, late in itertools.pairwise(lefts)]
    assert sum(4 <= move <= 10 for move in moves) >= len(moves) - 1, "no frame is left out"
