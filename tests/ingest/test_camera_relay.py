"""What lies between FFmpeg and a camera, at real cameras over RTSP."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.servers.clip import make_clip
from bench.servers.rtsp import rtsp_server
from bench.servers.scripted import scripted_camera
from ingest.camera_av import CameraTrouble, pictures
from ingest.camera_burst import Bursts
from ingest.camera_relay import Way
from ingest.camera_retry import Trouble
from ingest.camera_wire import BurstOrder, PictureBurst


def packets_for(url: str, *, way: Way, pictures_wanted: int) -> int:
    """How many packets FFmpeg gave until so many pictures were seen, one in 2 s."""
    calls = itertools.count()
    stream = pictures(
        url,
        every_s=2,
        open_s=5,
        read_s=5,
        came_back=lambda: next(calls) and None,
        count=lambda reason: None,
        way=way,
    )
    for pixels in itertools.islice(stream, pictures_wanted):
        assert abs(int(pixels[100, 100, 0]) - 60) < 8
    return next(calls)


@pytest.mark.parametrize("kind", ["scripted", "files"])
def test_what_nobody_needs_never_reaches_ffmpeg(tmp_path: Path, kind: str) -> None:
    clip = make_clip(tmp_path / "clip.mp4", keyframe_s=0.5)
    with (
        scripted_camera(clip) as camera,
        rtsp_server(tmp_path) as server,
        ThreadPoolExecutor(2) as threads,
    ):
        url = camera.url("a", user="viewer:x") if kind == "scripted" else server.url("clip.mp4")
        relayed, direct = threads.map(
            lambda way: packets_for(url, way=way, pictures_wanted=4), (Way.RELAYED, Way.DIRECT)
        )
    assert direct > 50
    assert relayed < 0.6 * direct


def test_a_relayed_camera_that_freezes_while_it_rests_is_noticed(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", keyframe_s=0.5)
    with scripted_camera(clip) as camera:
        stream = pictures(
            camera.url("a"),
            every_s=60,
            open_s=5,
            read_s=3,
            came_back=lambda: None,
            count=lambda reason: None,
        )
        next(stream)
        threading.Timer(3, camera.say, ["freeze"]).start()
        began = time.monotonic()
        with pytest.raises(CameraTrouble) as caught:
            next(stream)
    assert caught.value.trouble is Trouble.FROZEN
    assert 5 < time.monotonic() - began < 15


def test_a_gateway_that_looks_at_the_host_is_asked_directly(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    with scripted_camera(clip, mode="named") as camera:
        with pytest.raises(CameraTrouble) as caught:
            packets_for(camera.url("a"), way=Way.RELAYED, pictures_wanted=1)
        assert caught.value.trouble is Trouble.NOT_FOUND
        assert packets_for(camera.url("a"), way=Way.DIRECT, pictures_wanted=1) > 0


def test_a_burst_after_a_rest_has_no_gap(tmp_path: Path) -> None:
    """Of ten frames a second, all keyframes, nine are left out until a burst is asked for: each
    frame from there on must be in it, with its own time."""
    make_clip(tmp_path / "keys.mp4", seconds=20, keyframe_s=0.1)
    bursts: list[PictureBurst] = []
    desk = Bursts(bursts.append)
    with rtsp_server(tmp_path) as server:
        shown = pictures(
            server.url("keys.mp4"),
            every_s=1,
            open_s=5,
            read_s=5,
            came_back=lambda: None,
            count=lambda reason: None,
            bursts=desk,
        )
        for number, _ in enumerate(itertools.islice(shown, 12)):
            if number == 3:
                desk.ask(BurstOrder("keys", 1.0, ((0.0, 0.0, 1.0, 1.0),)))
            if bursts:
                break
    assert [late - early for early, late in itertools.pairwise(bursts[0].times)] == [100] * 10
