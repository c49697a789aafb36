"""Feeds ``detectors.learn`` with what a clip or a camera shows."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from app.camera_watch import clip_frames, watch_camera
from detectors.heads import HeadReader
from detectors.learn import EVERY_S, FEWEST_SEARCHES, Learned, Learner, WholeAndTiles
from detectors.pictures import clip_seconds
from detectors.types import Box, Detector, Finding, Frame
from ingest.camera_source import CameraSource

SEARCHES: Final = 24
"""Of the whole picture, spread over the watch: each takes some seconds of a core."""
_GAP_S: Final = 5.0
_SHORTEST_GAP_MS: Final = 1000
_TELL_EVERY_MS: Final = 20_000

Progress = Callable[[str], object]


def learn_clip(
    path: Path, *, seconds: float | None, known: Mapping[str, Box], progress: Progress
) -> Learned:
    """Every part of the clip, or its first ``seconds``. Raises ``Unreadable``."""
    length = clip_seconds(path)
    length = min(length, seconds) if seconds is not None and length else seconds or length
    learner = _learner(length, known)
    find = WholeAndTiles()
    told = _Told(progress, seconds=length)
    for frame in clip_frames(path, every_s=EVERY_S, seconds=seconds):
        learner.look(frame)
        if learner.wants_search(at=frame.ts):
            learner.begins_search(at=frame.ts)
            learner.found(find(frame.pixels), at=frame.ts)
        told.at(frame.ts, learner)
    return learner.learned()


def learn_stream(
    source: CameraSource,
    *,
    seconds: float,
    known: Mapping[str, Box],
    progress: Progress,
    find: Detector | None = None,
) -> Learned:
    """Searches go on beside the looks, which must not miss a blink. Raises OutsideError."""
    learner = _learner(seconds, known)
    told = _Told(progress, seconds=seconds)
    with ThreadPoolExecutor(1, thread_name_prefix="search") as thread:
        beside = _Beside(learner, find=find or WholeAndTiles(), thread=thread)

        def see(frame: Frame) -> None:
            beside.collect(wait=False)
            learner.look(frame)
            beside.begin(frame)
            told.at(frame.ts, learner)

        watch_camera(source, seconds=seconds, see=see)
        beside.collect(wait=True)
    return learner.learned()


class _Beside:
    """One search at a time, in a thread of its own."""

    def __init__(self, learner: Learner, *, find: Detector, thread: ThreadPoolExecutor) -> None:
        self._learner = learner
        self._find = find
        self._thread = thread
        self._search: tuple[int, Future[list[Finding]]] | None = None

    def begin(self, frame: Frame) -> None:
        if self._search is None and self._learner.wants_search(at=frame.ts):
            self._learner.begins_search(at=frame.ts)
            self._search = frame.ts, self._thread.submit(self._find, frame.pixels)

    def collect(self, *, wait: bool) -> None:
        if self._search is not None and (wait or self._search[1].done()):
            at, search = self._search
            self._search = None
            self._learner.found(search.result(), at=at)


class _Told:
    """Progress, now and then."""

    def __init__(self, progress: Progress, *, seconds: float) -> None:
        self._progress = progress
        self._seconds = seconds
        self._began: int | None = None
        self._told = 0

    def at(self, ts: int, learner: Learner) -> None:
        if self._began is None:
            self._began = self._told = ts
        if ts - self._told >= _TELL_EVERY_MS:
            self._told = ts
            self._progress(
                f"{(ts - self._began) / 1000:.0f} of {self._seconds:.0f} s: {learner.so_far()}"
            )


def _learner(seconds: float, known: Mapping[str, Box]) -> Learner:
    searches = min(SEARCHES, max(FEWEST_SEARCHES + 2, round(seconds / _GAP_S)))
    gap = max(_SHORTEST_GAP_MS, round(1000 * seconds / searches))
    return Learner(search_every=gap, reader=HeadReader(), known=known)
