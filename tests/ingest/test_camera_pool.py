"""The pool of camera processes against real RTSP, with processes that crash, hang and are left."""

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bench.servers.clip import make_clip
from bench.servers.free_port import free_port
from bench.servers.rtsp import RtspServer, rtsp_server
from bench.servers.scripted import scripted_camera
from citypatrol.metrics import REGISTRY
from ingest.camera import CameraPool
from ingest.camera_source import CameraLimits, CameraSource
from ingest.camera_wire import Picture
from tests.ingest.a_camera_pool import LIMITS, from_each, running, seen, source, until

CANARY = "canary-77b0"
ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def closing(listener: socket.socket) -> AsyncIterator[None]:
    with listener:
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    folder = tmp_path_factory.mktemp("clips")
    make_clip(folder / "a.mp4", shade=40)
    make_clip(folder / "b.mp4", shade=200)
    with rtsp_server(folder) as server:
        yield server


def newer_than(ts: int, *, camera: str) -> Callable[[list[Picture]], bool]:
    return lambda frames: any(frame.camera == camera and frame.ts > ts for frame in frames)


def gone(pid: int) -> bool:
    """No such process, or a zombie that nobody has waited for yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


async def test_frames_of_two_cameras(server: RtspServer) -> None:
    urls = {name: server.url(f"{name}.mp4", user=f"viewer:{CANARY}") for name in "ab"}
    pool = CameraPool([source(*item) for item in urls.items()], limits=LIMITS)
    before = time.time_ns() // 1_000_000
    async with running(pool):
        frames = await seen(pool, lambda frames: sum(f.camera == "b" for f in frames) > 3)
        assert sorted(pool.processes().values()) == [("a", "b")]
        assert max(pool.ages_s().values()) < 20
        age = REGISTRY.get_sample_value("citypatrol_camera_age_seconds", {"source": "a"})
        assert age is not None
        assert age < 20
    shades = {frame.camera: int(frame.pixels[100, 100, 0]) for frame in frames}
    assert shades == pytest.approx({"a": 40, "b": 200}, abs=8)
    assert all(before <= frame.ts <= time.time_ns() // 1_000_000 for frame in frames)


async def test_a_gateway_that_looks_at_the_host_is_read_all_the_same(tmp_path: Path) -> None:
    """The relay's port is another than the one it knows itself by; the next try goes past it."""
    clip = make_clip(tmp_path / "clip.mp4", shade=40)
    with scripted_camera(clip, mode="named") as camera:
        async with running(CameraPool([source("a", camera.url("a"))], limits=LIMITS)) as pool:
            frames = await seen(pool, from_each("a"), within_s=40)
            await until(lambda: not pool.troubles(), within_s=10)
    assert int(frames[0].pixels[100, 100, 0]) == pytest.approx(40, abs=8)


async def test_a_slow_consumer_gets_the_newest_and_the_rest_is_counted(server: RtspServer) -> None:
    labels = {"stage": "camera", "reason": "replaced"}
    before = REGISTRY.get_sample_value("citypatrol_dropped_total", labels) or 0
    pool = CameraPool([source("a", server.url("a.mp4"), every_ms=100)], limits=LIMITS)
    async with running(pool):
        first = (await seen(pool, from_each("a")))[-1]
        await until(lambda: pool.ages_s()["a"] < 0.5, within_s=10)
        await asyncio.sleep(2)
        taken_at = time.time_ns() // 1_000_000
        newest = await pool.next_frame(wait_s=1)
        assert newest is not None
        assert newest.ts - first.ts > 1500
        assert taken_at - newest.ts < 1500
    dropped = (REGISTRY.get_sample_value("citypatrol_dropped_total", labels) or 0) - before
    assert dropped >= 5


async def test_a_process_that_crashes_or_hangs_harms_no_other(server: RtspServer) -> None:
    """SIGSEGV, then SIGSTOP: back within 15 s; the camera of the other process goes on."""
    sources = [source(name, server.url(f"{name}.mp4")) for name in "ab"]
    pool = CameraPool(sources, limits=LIMITS, per_process=1)
    async with running(pool):
        await seen(pool, from_each("a", "b"))
        for number in (signal.SIGSEGV, signal.SIGSTOP):
            pids = {cameras: pid for pid, cameras in pool.processes().items()}
            os.kill(pids["a",], number)
            hit = time.time_ns() // 1_000_000
            back = await seen(pool, newer_than(hit + 1000, camera="a"), within_s=20)
            assert (back[-1].ts - hit) / 1000 < 15
            others = [hit, *(frame.ts for frame in back if frame.camera == "b"), back[-1].ts]
            gaps = [late - early for early, late in itertools.pairwise(others)]
            assert max(gaps) < 3000
            now = {cameras: pid for pid, cameras in pool.processes().items()}
            assert now["b",] == pids["b",]
            assert now["a",] != pids["a",]
            assert gone(pids["a",])


async def test_what_is_wrong_is_said_without_secrets_and_harms_no_other(
    server: RtspServer, capfd: pytest.CaptureFixture[str]
) -> None:
    def bad(name: str, url: str) -> CameraSource:
        return source(name, url.replace("://", f"://viewer:{CANARY}@"))

    listener = socket.create_server(("127.0.0.1", 0))
    silent = listener.getsockname()[1]
    pool = CameraPool(
        [
            bad("refused", f"rtsp://127.0.0.1:{free_port()}/stream1?password={CANARY}"),
            bad("silent", f"rtsp://127.0.0.1:{silent}/{CANARY}"),
            bad("lost", server.url("none.mp4")),
            source("a", server.url("a.mp4", user=f"viewer:{CANARY}")),
        ],
        limits=LIMITS,
    )
    with capture_logs() as logs:
        async with closing(listener), running(pool):
            await seen(pool, lambda frames: len(frames) > 5)
            await until(lambda: len(pool.troubles()) == 3, within_s=20)
            troubles = pool.troubles()
            os.kill(next(iter(pool.processes())), signal.SIGSEGV)  # its own dying words, too
            await until(lambda: pool.ages_s()["a"] > 1, within_s=10)
            await until(lambda: pool.ages_s()["a"] < 1, within_s=30)
    assert "connection refused" in troubles["refused"]
    assert "does not answer" in troubles["silent"]
    assert "no such stream" in troubles["lost"]
    warned = [line for line in logs if line["log_level"] == "warning"]
    assert {line["camera"] for line in warned} >= {"refused", "silent", "lost"}
    assert all(line["url"].startswith("rtsp://***@127.0.0.1:") for line in warned)
    out = capfd.readouterr()
    assert "Segmentation fault" in out.err
    assert CANARY not in repr(logs) + repr(troubles) + out.out + out.err


async def test_a_camera_that_returns_is_back_within_15_s(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4")
    with rtsp_server(tmp_path) as server:
        pool = CameraPool([source("a", server.url("a.mp4"))], limits=LIMITS)
        async with running(pool):
            await seen(pool, from_each("a"))
            server.freeze()
            noticed = await until(lambda: "a" in pool.troubles(), within_s=15)
            assert noticed < 10
            server.thaw()
            await seen(pool, from_each("a"), within_s=15)
            server.end()
            await until(lambda: pool.ages_s()["a"] > 6, within_s=20)
            server.start()
            while await pool.next_frame(wait_s=0):
                pass
            await seen(pool, from_each("a"), within_s=15)
            await until(lambda: not pool.troubles(), within_s=5)


async def test_a_camera_that_hangs_is_taken_out_of_its_process(server: RtspServer) -> None:
    """What no timeout reaches (a name server that does not answer), as a limit nobody meets."""

    class Impatient(CameraLimits):
        @property
        def stuck_s(self) -> float:
            return 3.0

    listener = socket.create_server(("127.0.0.1", 0))
    silent = listener.getsockname()[1]
    limits = Impatient(open_s=20, read_s=20, beat_s=0.1, beat_limit_s=10)
    sources = [source("a", server.url("a.mp4")), source("b", server.url("b.mp4"))]
    sources.append(source("hangs", f"rtsp://127.0.0.1:{silent}/"))
    pool = CameraPool(sources, limits=limits)
    with capture_logs() as logs:
        async with closing(listener), running(pool):
            await until(lambda: ("a", "b") in pool.processes().values(), within_s=30)
            pid = next(pid for pid, names in pool.processes().items() if names == ("a", "b"))
            await seen(pool, from_each("a", "b"))
            assert pool.processes()[pid] == ("a", "b")
            assert "hangs where no timeout reaches" in pool.troubles()["hangs"]
    assert "camera is back" not in {line["event"] for line in logs if line.get("camera") == "hangs"}


async def test_a_process_that_dies_at_once_is_halved_until_the_culprit_is_alone(
    server: RtspServer,
) -> None:
    names = ["a1", "a2", "a3", "poison"]
    pool = CameraPool([source(name, server.url("a.mp4")) for name in names], limits=LIMITS)
    async with running(pool):

        def poisoned() -> bool:
            for pid, cameras in pool.processes().items():
                if "poison" in cameras and len(cameras) > 1:
                    os.kill(pid, signal.SIGKILL)
            return ("poison",) in pool.processes().values()

        await until(poisoned, within_s=30)
        await seen(pool, from_each(*names))


async def test_run_again_after_it_was_stopped(server: RtspServer) -> None:
    pool = CameraPool([source("a", server.url("a.mp4"))], limits=LIMITS)
    for _ in range(2):
        async with running(pool):
            await seen(pool, from_each("a"))


async def test_no_cameras_is_no_work() -> None:
    async with running(CameraPool([])) as pool:
        assert await pool.next_frame(wait_s=0.01) is None
        assert pool.waiting_for() is None


PARENT = """
import asyncio, sys
from citypatrol.secret import Secret
from ingest.camera import CameraPool
from ingest.camera_source import CameraSource

async def main():
    pool = CameraPool([CameraSource(n, Secret(sys.argv[1]), 300) for n in "ab"], per_process=1)
    task = asyncio.create_task(pool.run(asyncio.Event()))
    seen = set()
    while seen != {"a", "b"}:
        frame = await pool.next_frame(wait_s=1)
        seen |= {frame.camera} if frame else set()
    print(*pool.processes(), flush=True)
    await task

asyncio.run(main())
"""


def test_children_end_with_their_parent_also_when_they_are_stopped(server: RtspServer) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, server.url("a.mp4")], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert {os.getpgid(pid) for pid in pids} == {os.getpgid(parent.pid)}
        os.kill(pids[0], signal.SIGSTOP)
    finally:
        parent.kill()
        parent.wait(10)
        parent.stdout.close()
    deadline = time.monotonic() + 5
    while not all(map(gone, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert all(map(gone, pids))
