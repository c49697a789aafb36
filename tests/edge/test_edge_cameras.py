"""Frames over real RTSP become samples in the intake; a camera without frames becomes a fault."""

import asyncio
import itertools
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from structlog.testing import capture_logs

from bench.servers.clip import make_clip
from bench.servers.rtsp import RtspServer, rtsp_server
from citypatrol.clock import ManualClock, SystemClock
from citypatrol.evidence import EvidenceStore
from citypatrol.samples import Batch, Sample
from citypatrol.secret import Secret
from detectors.lying import Normal
from detectors.types import Burst, Frame, Seen, Watch, Wish
from edge.cameras import CameraStage
from edge.load import CameraConfig, Cameras
from ingest.camera_source import CameraLimits

LIMITS = CameraLimits(open_s=2, read_s=2, beat_s=0.2, beat_limit_s=3)


class Inbox:
    """An intake that has room when it is told so."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.labels: dict[str, Mapping[str, str]] = {}
        self.refused = 0
        self.room = True

    def offer(self, batch: Batch, *, labels: Mapping[str, Mapping[str, str]] | None = None) -> bool:
        if not self.room:
            self.refused += 1
            return False
        self.samples += batch.samples()
        self.labels |= labels or {}
        return True

    def of(self, source: str, metric: str) -> list[Sample]:
        return [s for s in self.samples if (s.source, s.metric) == (source, metric)]


def config(name: str, url: str) -> CameraConfig:
    return CameraConfig(id=name, url=Secret(url), every=500, site="quay")


@asynccontextmanager
async def running(stage: CameraStage) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(stage.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 15)


async def until(holds: Callable[[], object], *, within_s: float = 30) -> None:
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.05)


def stage(server: RtspServer, inbox: Inbox, folder: Path, *clips: str) -> CameraStage:
    cameras = Cameras(config(clip, server.url(f"{clip}.mp4")) for clip in clips)
    return CameraStage(
        cameras,
        intake=inbox,
        evidence=EvidenceStore(folder / "evidence"),
        clock=SystemClock(),
        limits=LIMITS,
    )


async def test_a_picture_a_fault_and_a_camera_that_is_not_there(tmp_path: Path) -> None:
    make_clip(tmp_path / "street.mp4", shade=100, contrast=80)
    make_clip(tmp_path / "black.mp4", shade=2, bar=2)
    inbox = Inbox()
    with rtsp_server(tmp_path) as server:
        stage_ = stage(server, inbox, tmp_path, "street", "black", "none")
        async with running(stage_):
            await until(lambda: inbox.of("street", "camera.fault"))
            await until(lambda: len(inbox.of("black", "camera.fault")) > 2)
            await until(lambda: len(inbox.of("none", "camera.fault")) > 2)
            assert stage_.waiting_for() is None
    assert {s.value for s in inbox.of("street", "camera.fault")} == {0.0}
    assert {s.evidence for s in inbox.of("street", "camera.fault")} == {None}
    blind = inbox.of("black", "camera.fault")
    assert {s.value for s in blind} == {1.0}
    assert EvidenceStore(tmp_path / "evidence").path(blind[0].evidence or "") is not None
    assert {s.evidence for s in blind[1:]} == {None}, "the same fault needs no second picture yet"
    silent = inbox.of("none", "camera.fault")
    assert {s.value for s in silent} == {1.0}
    gaps = [late.ts - early.ts for early, late in itertools.pairwise(silent)]
    assert min(gaps) >= 500
    ages = [s.value for s in inbox.of("none", "camera.age")]
    assert len(ages) == len(silent)
    assert [s.value for s in inbox.of("none", "camera.fps")] == [0.0] * len(silent)
    assert min(s.value for s in inbox.of("street", "camera.fps")) > 0
    assert ages == sorted(ages)
    assert ages[0] > 10
    assert set(inbox.labels) == {"street", "black", "none"}
    assert inbox.labels["none"] == {"kind": "camera", "site": "quay"}


async def test_an_intake_without_room_holds_frames_back_and_loses_no_sample(
    tmp_path: Path,
) -> None:
    make_clip(tmp_path / "street.mp4", shade=100)
    inbox = Inbox()
    with rtsp_server(tmp_path) as server:
        async with running(stage(server, inbox, tmp_path, "street")):
            await until(lambda: inbox.samples)
            inbox.room = False
            await until(lambda: inbox.refused > 6)
            before = inbox.samples[-1].ts
            inbox.room = True
            await until(lambda: inbox.samples[-1].ts > before + 1000)
    times = sorted({sample.ts for sample in inbox.samples})
    first, *others = [sum(sample.ts == ts for sample in inbox.samples) for ts in times]
    assert first == 3, "fault, brightness, sharpness of each frame looked at"
    assert set(others) == {4}, "and how often it is looked at"


async def test_it_stops_while_the_intake_has_no_room(tmp_path: Path) -> None:
    make_clip(tmp_path / "street.mp4", shade=100)
    inbox = Inbox()
    inbox.room = False
    with rtsp_server(tmp_path) as server:
        async with running(stage(server, inbox, tmp_path, "street")):
            await until(lambda: inbox.refused)


async def test_no_cameras_is_no_work(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    nothing = CameraStage(Cameras(), intake=Inbox(), evidence=store, clock=ManualClock(0))
    async with running(nothing):
        await asyncio.sleep(0.01)


async def test_cameras_change_while_the_others_are_watched(tmp_path: Path) -> None:
    make_clip(tmp_path / "street.mp4", shade=100, contrast=80)
    make_clip(tmp_path / "quay.mp4", shade=100, contrast=80)
    inbox = Inbox()
    with rtsp_server(tmp_path) as server:
        stage_ = stage(server, inbox, tmp_path, "street")
        street = config("street", server.url("street.mp4"))
        quay = config("quay", server.url("quay.mp4"))
        async with running(stage_):
            await until(lambda: inbox.of("street", "camera.fault"))
            assert stage_.change(Cameras([street, quay])).added == ("quay",)
            await until(lambda: inbox.of("quay", "camera.fault"))
            slower = quay.model_copy(update={"every": 700})
            assert stage_.change(Cameras([street, slower])).changed == ("quay",)
            assert stage_.change(Cameras([slower])).removed == ("street",)
            before = len(inbox.of("quay", "camera.fault"))
            await until(lambda: len(inbox.of("quay", "camera.fault")) > before)
            count = len(inbox.of("street", "camera.fault"))
            before = len(inbox.of("quay", "camera.fault"))
            await until(lambda: len(inbox.of("quay", "camera.fault")) > before + 1)
    assert len(inbox.of("street", "camera.fault")) <= count + 1


async def test_a_wish_of_a_detector_becomes_samples_of_a_burst(tmp_path: Path) -> None:
    class Wishes:
        def __call__(self, frame: Frame) -> Seen:
            return Seen((), (), Wish(0.5, ((0.0, 0.0, 0.5, 0.5),)))

        def burst(self, burst: Burst) -> Seen:
            number = float(len(burst.times))
            return Seen((Sample("street/n", "frames", burst.times[-1], number),), ())

    class Wishing(CameraConfig):
        def watches(self, *, normal: Normal = tuple) -> list[Watch]:
            return [Wishes()]

    make_clip(tmp_path / "street.mp4", shade=100)
    inbox = Inbox()
    with rtsp_server(tmp_path) as server:
        wishing = Wishing(id="street", url=Secret(server.url("street.mp4")), every=500)
        stage_ = CameraStage(
            Cameras([wishing]),
            intake=inbox,
            evidence=EvidenceStore(tmp_path / "evidence"),
            clock=SystemClock(),
            limits=LIMITS,
        )
        async with running(stage_):
            await until(lambda: inbox.of("street/n", "frames"))
    assert inbox.of("street/n", "frames")[0].value == 6


async def test_cameras_are_looked_at_side_by_side_and_each_one_after_the_other(
    tmp_path: Path,
) -> None:
    names = ("a", "b", "c")
    together = threading.Barrier(len(names))
    inside: set[str] = set()
    twice: list[str] = []

    class Meets:
        def __call__(self, frame: Frame) -> Seen:
            twice.extend(inside & {frame.camera})
            inside.add(frame.camera)
            together.wait(30)  # all three are looked at now, or this is never over
            inside.discard(frame.camera)
            return Seen((Sample(frame.camera, "met", frame.ts, 1.0),), ())

    class Meeting(CameraConfig):
        def watches(self, *, normal: Normal = tuple) -> list[Watch]:
            return [Meets()]

    make_clip(tmp_path / "street.mp4", shade=100)
    inbox = Inbox()
    with rtsp_server(tmp_path) as server:
        url = Secret(server.url("street.mp4"))
        stage_ = CameraStage(
            Cameras(Meeting(id=name, url=url, every=500) for name in names),
            intake=inbox,
            evidence=EvidenceStore(tmp_path / "evidence"),
            clock=SystemClock(),
            limits=LIMITS,
            side_by_side=len(names),
        )
        async with running(stage_):
            await until(lambda: all(inbox.of(name, "met") for name in names))
            together.abort()
    assert not twice


async def test_what_was_learned_outlives_the_stage_until_its_file_is_taken_away(
    tmp_path: Path,
) -> None:
    make_clip(tmp_path / "street.mp4", shade=100, contrast=80)
    learned = tmp_path / "learned" / "street.json"
    with rtsp_server(tmp_path) as server:

        def again(inbox: Inbox) -> CameraStage:
            return CameraStage(
                Cameras([config("street", server.url("street.mp4"))]),
                intake=inbox,
                evidence=EvidenceStore(tmp_path / "evidence"),
                clock=SystemClock(),
                limits=LIMITS,
                learned=tmp_path / "learned",
            )

        inbox = Inbox()
        async with running(again(inbox)):
            await until(lambda: inbox.of("street", "camera.fault"))
        first = learned.read_bytes()
        assert len(json.loads(first)["watches"]["CameraHealth"]["views"]) == 1
        inbox = Inbox()
        async with running(again(inbox)):
            await until(lambda: inbox.of("street", "camera.fault"))
            learned.unlink()
            seen = len(inbox.of("street", "camera.fault"))
            with capture_logs() as logs:
                await until(lambda: len(inbox.of("street", "camera.fault")) > seen + 1)
    assert [entry["camera"] for entry in logs if "taken away" in entry["event"]] == ["street"]
    assert learned.exists()
