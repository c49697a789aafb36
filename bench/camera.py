"""What a camera costs: CPU-seconds a minute of 1080p25 at one picture in 10 s.

`python -m bench.camera`: the reader that ships beside an OpenCV ``read()`` loop on the same real
RTSP server at the same time; then 16 and 32 cameras (``--quick``: 32) with the street model on
every picture. The server's own CPU is counted apart. ``cameras_per_box`` is no measurement: it is
what two cores have to give in a minute, a fifth left free, over what a camera of the 32 took; there
is none where a machine was too busy to look at 9 of 10 pictures. Bounded: 2 and 8 minutes.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Final

from bench.load import cpu_seconds
from bench.report import arguments, report
from bench.servers.scripted import ScriptedCamera, scripted_camera
from bench.street_clip import BITS_PER_S, FPS, HEIGHT, KEYFRAME_FRAMES, WIDTH, make_street
from citypatrol.clock import SystemClock
from citypatrol.evidence import EvidenceStore
from citypatrol.samples import Batch
from citypatrol.secret import Secret
from detectors.config import StreetConfig
from edge.cameras import CameraStage
from edge.load import CameraConfig, Cameras
from ingest.camera import CameraPool
from ingest.camera_source import CameraSource

EVERY_S: Final = 10
FLOOR: Final = 10.0
AIM: Final = 30.0
BOX_CORES: Final = 2
BOX_SHARE: Final = 0.8
_CLIP_S: Final = 4
_WARM_S: Final = 6.0
"""After which two keyframes have told their distance."""
_OPENCV = """
import cv2, sys, threading, time
capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG)
if not capture.read()[0]:
    sys.exit("OpenCV got no frame")
print("playing", flush=True)
asked = threading.Event()
threading.Thread(target=lambda: sys.stdin.readline() and asked.set(), daemon=True).start()
while not asked.is_set():
    capture.read()  # what waits in a buffer must not be read within the window
cpu, frames, until = time.process_time(), 0, time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    frames += capture.read()[0]
print(time.process_time() - cpu, frames, flush=True)
"""


class Counter:
    """An intake that has room, and counts pictures. ``all_came``: one of each of ``cameras``."""

    def __init__(self, *, cameras: int) -> None:
        self.pictures = 0
        self.all_came = asyncio.Event()
        self._missing = cameras
        self._known: set[str] = set()

    def offer(self, batch: Batch, /, **_: object) -> bool:
        for sample in batch.samples():
            if sample.metric == "camera.brightness":
                self.pictures += 1
                self._known.add(sample.source)
        if len(self._known) == self._missing:
            self.all_came.set()
        return True


@dataclass(frozen=True, slots=True)
class Taken:
    """CPU-seconds of a window, by who took them, and the pictures that came in it."""

    window_s: float
    own: float
    children: float
    server: float
    pictures: int

    def per_minute(self, cameras: int) -> float:
        return (self.own + self.children) * 60 / self.window_s / cameras


@asynccontextmanager
async def running(stage: CameraPool | CameraStage) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(stage.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def window(
    pool: CameraPool, server: ScriptedCamera, *, seconds: float, pictures: Callable[[], int]
) -> Taken:
    """What was taken in so many seconds. Raises RuntimeError where a child died meanwhile."""
    pids = set(pool.processes())
    before, own, theirs = sum(map(cpu_seconds, pids)), time.process_time(), cpu_seconds(server.pid)
    seen, began = pictures(), time.monotonic()
    await asyncio.sleep(seconds)
    if set(pool.processes()) != pids:
        message = "a camera process died while it was measured"
        raise RuntimeError(message)
    return Taken(
        time.monotonic() - began,
        time.process_time() - own,
        sum(map(cpu_seconds, pids)) - before,
        cpu_seconds(server.pid) - theirs,
        pictures() - seen,
    )


async def reader(server: ScriptedCamera, *, seconds: float, peer: Popen[str]) -> tuple[Taken, str]:
    """One camera of ours and one of OpenCV, side by side: ours, and what OpenCV says of it."""
    pool = CameraPool([CameraSource("ours", Secret(server.url("ours")), EVERY_S * 1000)])
    taken = 0

    async def take() -> None:
        nonlocal taken
        while True:
            taken += await pool.next_frame(wait_s=5) is not None

    if peer.stdin is None or peer.stdout is None:
        message = "no pipes to OpenCV"
        raise RuntimeError(message)
    async with running(pool):
        taking = asyncio.create_task(take())
        await asyncio.sleep(_WARM_S)
        if await asyncio.to_thread(peer.stdout.readline) != "playing\n":
            message = "OpenCV got no frame"
            raise RuntimeError(message)
        peer.stdin.write("go\n")
        peer.stdin.flush()
        ours = await window(pool, server, seconds=seconds, pictures=lambda: taken)
        taking.cancel()
    return ours, await asyncio.to_thread(peer.stdout.readline)


def beside_opencv(server: ScriptedCamera, *, seconds: float) -> dict[str, float | int | None]:
    command = [sys.executable, "-c", _OPENCV, server.url("opencv"), str(seconds)]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as peer:
        try:
            ours, said = asyncio.run(reader(server, seconds=seconds, peer=peer))
        finally:
            peer.kill()
    taken, frames = (float(word) for word in said.split())
    # A minute of the stream, also where a busy machine let it read fewer frames than came.
    opencv = taken / max(1.0, frames) * FPS * 60
    return {
        "opencv_cpu_s_per_minute": round(opencv, 2),
        "opencv_frames": int(frames),
        "reader_cpu_s_per_minute": round(ours.per_minute(1), 3),
        "opencv_ratio": round(opencv / ours.per_minute(1), 1),
        "reader_pictures": ours.pictures,
    }


async def with_street(
    server: ScriptedCamera, *, cameras: int, seconds: float, patience_s: float
) -> Taken | None:
    """The stage that ships, the street model on every picture; None where not every camera gave one
    within ``patience_s``: the machine is too busy to say anything of so many."""
    configs = [
        CameraConfig(
            id=f"cam-{number:03d}",
            url=Secret(server.url(f"cam-{number:03d}")),
            every=EVERY_S * 1000,
            detectors=(StreetConfig(type="street"),),
        )
        for number in range(cameras)
    ]
    seen = Counter(cameras=cameras)
    with tempfile.TemporaryDirectory(prefix="bench-camera-") as folder:
        stage = CameraStage(
            Cameras(configs),
            intake=seen,
            evidence=EvidenceStore(Path(folder)),
            clock=SystemClock(),
        )
        async with running(stage):
            try:
                await asyncio.wait_for(seen.all_came.wait(), patience_s)
            except TimeoutError:
                return None
            await asyncio.sleep(_WARM_S)
            return await window(stage.pool, server, seconds=seconds, pictures=lambda: seen.pictures)


def measure(
    *, seconds: float, fleets: Sequence[int], patience_s: float
) -> dict[str, float | int | None]:
    figures: dict[str, float | int | None] = {}
    with tempfile.TemporaryDirectory(prefix="bench-camera-") as folder:
        clip = make_street(Path(folder) / "street.mp4", seconds=_CLIP_S)
        with scripted_camera(clip) as server:
            figures |= beside_opencv(server, seconds=seconds)
            for cameras in fleets:
                found = asyncio.run(
                    with_street(server, cameras=cameras, seconds=seconds, patience_s=patience_s)
                )
                figures |= street_figures(found, cameras=cameras, seconds=seconds)
    most = fleets[-1]
    per_minute = figures[f"street_{most}_cpu_s_per_minute"]
    figures["cameras_per_box"] = (
        None
        if per_minute is None or _missing(figures, most)
        else int(BOX_CORES * 60 * BOX_SHARE / per_minute)
    )
    return figures


def street_figures(
    found: Taken | None, *, cameras: int, seconds: float
) -> dict[str, float | int | None]:
    """``of_it_reading``: what the camera processes took; the rest is detectors and samples."""
    names = ("cpu_s_per_minute", "of_it_reading", "cpu_s_per_picture", "pictures")
    server = f"server_{cameras}_cpu_s_per_minute"
    expected = {f"street_{cameras}_expected": round(cameras * seconds / EVERY_S)}
    if found is None:
        return dict.fromkeys([f"street_{cameras}_{name}" for name in names] + [server]) | expected
    share = 60 / found.window_s / cameras
    values = (
        round(found.per_minute(cameras), 3),
        round(found.children * share, 3),
        round(found.own / max(1, found.pictures), 4),
        found.pictures,
    )
    return {
        **{f"street_{cameras}_{name}": value for name, value in zip(names, values, strict=True)},
        **expected,
        server: round(found.server * share, 3),
    }


def main() -> int:
    args = arguments(__doc__ or "").parse_args()
    seconds, fleets, patience_s = (20.0, (32,), 40.0) if args.quick else (60.0, (16, 32), 120.0)
    figures = measure(seconds=seconds, fleets=fleets, patience_s=patience_s)
    conditions = {
        "stream": f"{WIDTH}x{HEIGHT} at {FPS}/s, H.264, {BITS_PER_S / 1e6:g} Mbit/s, a keyframe in "
        f"{KEYFRAME_FRAMES / FPS:g} s",
        "every_s": EVERY_S,
        "window_s": seconds,
        "floor": FLOOR,
        "aim": AIM,
        "box": f"{BOX_CORES} cores, {BOX_SHARE:.0%} of them",
        "load": round(os.getloadavg()[0], 1),
    }
    report("camera", figures, conditions=conditions, as_json=args.json)
    slow = (figures["opencv_ratio"] or 0) < FLOOR
    return 1 if slow or figures["cameras_per_box"] is None else 0


def _missing(figures: Mapping[str, float | int | None], cameras: int) -> bool:
    """Cameras that were not read at their pace cost little: such a run says nothing."""
    seen = figures[f"street_{cameras}_pictures"] or 0
    return seen < 0.9 * (figures[f"street_{cameras}_expected"] or 0)


if __name__ == "__main__":
    sys.exit(main())
