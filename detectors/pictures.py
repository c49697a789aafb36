"""Pictures and clips on disk, as frames."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from detectors.types import Pixels

CLIPS = frozenset({".mp4", ".mkv", ".avi", ".mov", ".m4v", ".webm", ".ts", ".h264", ".mjpeg"})
EVERY_S = 1.0


class Unreadable(Exception):
    """The file is no picture or clip that can be read: names it and says why."""


def is_clip(path: Path) -> bool:
    """By its ending."""
    return path.suffix.lower() in CLIPS


def read_picture(path: Path) -> Pixels:
    """BGR pixels. Raises ``Unreadable``."""
    import cv2

    if path.is_dir():
        message = f"{path}: is a folder; name the pictures in it, as in {path}/*.jpg"
        raise Unreadable(message)
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise Unreadable(message) from error
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if pixels is None:
        message = f"{path}: is no picture that OpenCV can read ({len(data)} bytes); is it whole?"
        raise Unreadable(message)
    return np.asarray(pixels, np.uint8)


def read_clip(path: Path, *, every_s: float = EVERY_S) -> Iterator[tuple[float, Pixels]]:
    """Seconds from the start and pixels of a frame every ``every_s`` seconds.

    Raises ``Unreadable``, also in the middle of a clip that breaks off.
    """
    import av

    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                message = f"{path}: has no video stream"
                raise Unreadable(message)
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            start: float | None = None
            wanted = 0.0
            for frame in container.decode(stream):
                if frame.time is None:
                    continue
                start = frame.time if start is None else start
                at = frame.time - start
                if at + 1e-6 >= wanted:
                    wanted = at + every_s
                    yield at, np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            if start is None:
                message = f"{path}: has no frame that can be decoded"
                raise Unreadable(message)
    except (av.FFmpegError, OSError) as error:
        message = f"{path}: cannot be read: {error.strerror}; is it a whole clip?"
        raise Unreadable(message) from error
