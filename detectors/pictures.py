"""Pictures and clips on disk, as frames."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from detectors import picture_headers
from detectors.types import Pixels

_BARE = {".ts", ".m2ts", ".mjpeg", ".h264", ".264", ".h265", ".265", ".hevc"}
CLIPS = frozenset({".mp4", ".mkv", ".avi", ".mov", ".m4v", ".webm", ".mpg", ".flv", ".wmv"} | _BARE)
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"})
EVERY_S = 1.0
MOST_PIXELS = 100_000_000
"""Of a picture or a frame: decoded they take 300 MB. ``detectors/__init__.py`` tells OpenCV."""
_TOO_MANY = f"more than {MOST_PIXELS // 1_000_000} million"
LARGEST_FILE = 128 << 20
"""Bytes of a picture."""
EARLY_S = 2.0
"""A clip may end so much before the time that it names: sound is longer, stamps are rounded."""


class Unreadable(Exception):
    """The file is no picture or clip that can be read: names it and says why."""


def is_clip(path: Path) -> bool:
    """By its ending."""
    return path.suffix.lower() in CLIPS


def files_of(path: Path) -> Sequence[Path]:
    """The pictures and clips that lie in a folder, by name: not those of folders in it, and no
    hidden ones. ``path`` itself where it is a file, or a folder that has none."""
    if not path.is_dir():
        return (path,)
    try:
        found = sorted(one for one in path.iterdir() if _is_ours(one) and not one.is_dir())
    except OSError:
        found = []
    return found or (path,)


def _is_ours(path: Path) -> bool:
    return path.suffix.lower() in PICTURES | CLIPS and not path.name.startswith(".")


def read_picture(path: Path) -> Pixels:
    """BGR pixels. Raises ``Unreadable``."""
    import cv2

    data = _bytes_of(path)
    known = picture_headers.size(data)
    if known is not None and known[0] * known[1] > MOST_PIXELS:
        message = f"{path}: is {known[0]} x {known[1]} pixels, {_TOO_MANY}; make it smaller"
        raise Unreadable(message)
    if picture_headers.breaks_off(data):
        message = f"{path}: breaks off after {len(data)} bytes; fetch or copy it again"
        raise Unreadable(message)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:
        pixels = None
    if pixels is None or pixels.size == 0:
        size = (
            "" if known is not None else f", of at most {MOST_PIXELS // 1_000_000} million pixels"
        )
        message = (
            f"{path}: is no picture that OpenCV can read ({len(data)} bytes); is it whole{size}?"
        )
        raise Unreadable(message)
    return np.asarray(pixels, np.uint8)


def _bytes_of(path: Path) -> bytes:
    if path.is_dir():
        message = f"{path}: is a folder in which no picture or clip can be found"
        raise Unreadable(message)
    try:
        length = path.stat().st_size
        data = b""
        if length <= LARGEST_FILE:
            with path.open("rb") as file:  # a pipe has no length beforehand
                data = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"{path}: cannot be read: {reason}"
        raise Unreadable(message) from error
    if max(length, len(data)) > LARGEST_FILE:
        message = f"{path}: has over {LARGEST_FILE >> 20} MB, too much for a picture; is it a clip?"
        raise Unreadable(message)
    return data


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
            context = stream.codec_context
            if context.width * context.height > MOST_PIXELS:
                size = f"{context.width} x {context.height} pixels"
                message = f"{path}: has frames of {size}, {_TOO_MANY}"
                raise Unreadable(message)
            context.options = {"max_pixels": str(MOST_PIXELS)}
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
                    pixels = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
                    # Telephones film lying down and write beside it how it is to be turned.
                    quarters = round(frame.rotation / 90)
                    yield at, np.ascontiguousarray(np.rot90(pixels, quarters))
            if start is None:
                message = f"{path}: has no frame that can be decoded"
                raise Unreadable(message)
            if stream.duration and stream.time_base:
                whole = float(stream.duration * stream.time_base)
                if at < min(whole - EARLY_S, 0.9 * whole):
                    message = f"{path}: breaks off after {at:.1f} s of {whole:.1f} s"
                    raise Unreadable(message)
    except (av.FFmpegError, OSError) as error:
        message = f"{path}: cannot be read: {error.strerror}; is it a whole clip?"
        raise Unreadable(message) from error


def clip_seconds(path: Path) -> float:
    """How long the clip says it is; 0 where it does not say. Raises ``Unreadable``."""
    import av

    try:
        with av.open(str(path)) as container:
            return (container.duration or 0) / 1_000_000
    except (av.FFmpegError, OSError) as error:
        message = f"{path}: cannot be read: {error.strerror}; is it a whole clip?"
        raise Unreadable(message) from error
