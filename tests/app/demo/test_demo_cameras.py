"""The demo's cameras as the pipeline meets them: a process of their own, over RTSP."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from app.demo.cameras import CameraDesk, CameraSpec, camera_specs, switched
from app.demo.devices import DISTRICTS
from app.demo.scenes import State
from app.outcome import OutsideError
from bench.servers.free_port import free_port
from citypatrol.secret import Secret
from edge.load import CameraConfig
from ingest.camera import CameraPool
from ingest.camera_wire import Picture

SEED = 5


def test_three_cameras_two_junctions_and_a_pavement() -> None:
    for seed in range(20):
        specs = camera_specs(seed)
        assert [(len(spec.heads), spec.pavement) for spec in specs] == [
            (2, False),
            (2, False),
            (0, True),
        ]
        assert len({spec.id for spec in specs}) == 3
        for spec in specs:
            assert spec.district in DISTRICTS
            assert all(head.startswith(f"{spec.id}/") for head in spec.heads)
            config = {"id": spec.id, "url": f"rtsp://h/{spec.path}", "site": spec.site}
            CameraConfig.model_validate({**config, "detectors": list(spec.detectors)})
    assert camera_specs(3) == camera_specs(3) != camera_specs(4)


def test_commands_change_one_thing_each() -> None:
    state = switched(State(), "light", "north", on=True)
    state = switched(state, "light", "east", on=True)
    state = switched(switched(state, "litter", "", on=True), "cover", "", on=True)
    assert state == State(frozenset({"north", "east"}), littered=True, covered=True)
    state = switched(state, "light", "north", on=False)
    state = switched(switched(state, "litter", "", on=False), "cover", "", on=False)
    assert state == State(frozenset({"east"}))


@asynccontextmanager
async def watching(specs: tuple[CameraSpec, ...], port: int) -> AsyncIterator[CameraPool]:
    configs = (
        CameraConfig(id=spec.id, url=Secret(f"rtsp://127.0.0.1:{port}/{spec.path}"), every=500)
        for spec in specs
    )
    pool = CameraPool([config.source() for config in configs])
    stop = asyncio.Event()
    task = asyncio.create_task(pool.run(stop))
    try:
        yield pool
    finally:
        stop.set()
        await task


async def frame_of(pool: CameraPool, camera: str, *, dark: bool | None = None) -> Picture:
    """The next frame of this camera, or the next one that is (or is not) as dark as cloth."""
    async with asyncio.timeout(40):
        while True:
            frame = await pool.next_frame(wait_s=1)
            if frame is None or frame.camera != camera:
                continue
            if dark is None or bool(frame.pixels.mean() < 60) is dark:
                return frame


async def frame_that_differs(pool: CameraPool, from_: Picture) -> None:
    """A busy machine films fewer frames than it shows."""
    async with asyncio.timeout(40):
        while (from_.pixels != (await frame_of(pool, from_.camera)).pixels).mean() < 0.05:
            continue


async def test_live_streams_that_change_on_command() -> None:
    specs, port = camera_specs(SEED), free_port()
    async with CameraDesk.started(specs, port=port, seed=SEED) as desk:
        assert desk.specs == specs
        async with watching(specs, port) as pool:
            for spec in specs:
                first = await frame_of(pool, spec.id)
                assert first.pixels.shape == (540, 960, 3)
                await frame_that_differs(pool, first)  # live, not a still
            covered = specs[1].id
            await desk.switch("cover", covered, on=True)
            await frame_of(pool, covered, dark=True)
            assert np.mean((await frame_of(pool, specs[0].id)).pixels) > 60
            await desk.switch("cover", covered, on=False)
            await frame_of(pool, covered, dark=False)
            await desk.switch("light", specs[0].heads[1], on=True)
            await desk.switch("litter", specs[2].id, on=True)
        for kind, subject in (
            ("litter", specs[0].id),
            ("light", specs[0].id),
            ("light", f"{specs[2].id}/north"),
            ("cover", "nobody"),
        ):
            with pytest.raises(OutsideError, match="is no command here; known: cover on"):
                await desk.switch(kind, subject, on=True)
    with pytest.raises(OutsideError, match="their process has ended"):
        await desk.switch("cover", covered, on=True)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


async def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OutsideError, match=f"did not start: port {port}: "):
            async with CameraDesk.started(camera_specs(1), port=port, seed=1):
                pass


def test_the_process_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its segments lie in a folder of its own, which goes with it."""
    import subprocess
    import sys

    command = [sys.executable, "-m", "app.demo.cameras", "--port", str(free_port()), "--seed", "2"]
    environment = {"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(command, input=b"", env=environment, capture_output=True, timeout=90)
    assert (ended.returncode, ended.stdout) == (0, b"ok\n"), ended.stderr.decode()
    assert list(tmp_path.iterdir()) == []
