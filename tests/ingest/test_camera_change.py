"""Cameras that come, change and go while the others are read, and bursts of one of them."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.servers.clip import make_clip
from bench.servers.rtsp import RtspServer, rtsp_server
from citypatrol.metrics import REGISTRY
from citypatrol.secret import Secret
from ingest.camera import CameraPool
from ingest.camera_wire import BurstOrder, Picture
from tests.ingest.a_camera_pool import LIMITS, from_each, running, seen, source, until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    folder = tmp_path_factory.mktemp("clips")
    make_clip(folder / "a.mp4", shade=40)
    make_clip(folder / "b.mp4", shade=200)
    with rtsp_server(folder) as server:
        yield server


async def test_only_cameras_that_differ_are_touched(server: RtspServer) -> None:
    a, b = (source(name, server.url(f"{name}.mp4")) for name in "ab")
    pool = CameraPool([a, b], limits=LIMITS, per_process=2)
    async with running(pool):
        await seen(pool, from_each("a", "b"))
        (pid,) = pool.processes()
        pool.change([a, replace(b, url=Secret(server.url("a.mp4"))), replace(a, id="c")])
        frames = await seen(pool, lambda frames: shade_of("b", frames) < 100, within_s=20)
        frames += await seen(pool, from_each("a", "b", "c"))
        frames += await seen(pool, lambda more: sum(frame.camera == "a" for frame in more) > 1)
        assert pool.processes()[pid] == ("a", "b")
        assert sorted(pool.processes().values()) == [("a", "b"), ("c",)]
        times = [frame.ts for frame in frames if frame.camera == "a"]
        assert max(late - early for early, late in itertools.pairwise(times)) < 8000, "it went on"
        pool.change([a])
        assert set(pool.ages_s()) == {"a"}
        await until(lambda: list(pool.processes().values()) == [("a",)], within_s=10)
        assert pid in pool.processes()
        while await pool.next_frame(wait_s=0):
            pass
        after = await seen(pool, lambda frames: len(frames) > 3)
        assert {frame.camera for frame in after} == {"a"}
        assert REGISTRY.get_sample_value("citypatrol_camera_age_seconds", {"source": "b"}) is None
        pool.change([])
        await until(lambda: not pool.processes(), within_s=10)
        pool.change([b])
        await seen(pool, from_each("b"))


def shade_of(camera: str, frames: list[Picture]) -> int:
    """Of its newest picture; 255 where there is none."""
    shades = [int(frame.pixels[100, 100, 0]) for frame in frames if frame.camera == camera]
    return shades[-1] if shades else 255


async def test_a_burst_comes_from_the_camera_that_was_asked(server: RtspServer) -> None:
    sources = [source(name, server.url(f"{name}.mp4")) for name in "ab"]
    pool = CameraPool(sources, limits=LIMITS)
    async with running(pool):
        await seen(pool, from_each("a", "b"))
        pool.ask_burst(BurstOrder("b", 0.5, ((0.25, 0.25, 0.5, 0.5),)))
        burst = await asyncio.wait_for(pool.next_burst(), 20)
        pool.ask_burst(BurstOrder("nobody", 0.5, ((0.25, 0.25, 0.5, 0.5),)))
    assert burst.camera == "b"
    assert len(burst.times) == 6
    assert all(abs(int(cut.mean()) - 200) < 8 for (cut,) in burst.cuts)
