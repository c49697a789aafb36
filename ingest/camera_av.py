"""Reading one camera with PyAV: the only file that knows it.

FFmpeg's own texts hold the url with its password, so none of them leaves this file: a failure is
one word of ``Trouble``. https://pyav.basswood-io.com/docs/stable/ , https://ffmpeg.org/ffmpeg-protocols.html#rtsp
"""

import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ingest.camera_pace import Pace
from ingest.camera_retry import Trouble
from ingest.camera_wire import Pixels

_MOST_PIXELS = 3840 * 2160
_NO_PICTURE_S = 60.0
_LONGEST_GAP_S = 5.0
_SHORTEST_LOOP_S = 1.0
_RTSP_OPTIONS = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    "fpsprobesize": "0",
    "analyzeduration": "2000000",
}
"""Without the last two FFmpeg holds the first 3 s of a stream back, to find its frame rate."""

_VideoPacket: TypeAlias = "Packet[VideoStream]"

Count = Callable[[str], None]
"""Called with a reason for each frame that is lost."""


class CameraTrouble(Exception):
    """This camera gives no frame now; ``trouble`` says why, in words that hold no secret."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        super().__init__(trouble.value)


def pictures(
    url: str,
    *,
    every_s: float,
    open_s: float,
    read_s: float,
    came_back: Callable[[], None],
    count: Count,
) -> Iterator[Pixels]:
    """About one picture per ``every_s`` of an RTSP stream, or of a file played in a loop.

    ``came_back`` is called after every call that may hang; it should be heard of again within
    ``open_s`` or ``read_s``. Never ends; raises ``CameraTrouble`` when the stream does.
    """

    def opened() -> InputContainer:
        container = _open(url, open_s=open_s, read_s=read_s)
        came_back()
        return container

    pace = Pace(every_s=every_s)
    if url.startswith("file:"):
        packets = _loop(opened, came_back=came_back)
        yield from _shown(packets, pace=pace, every_s=every_s, count=count)
    with opened() as container:
        packets = _packets(container, came_back=came_back)
        yield from _shown(packets, pace=pace, every_s=every_s, count=count)
    raise CameraTrouble(Trouble.ENDED)


def _open(url: str, *, open_s: float, read_s: float) -> InputContainer:
    options = {} if url.startswith("file:") else dict(_RTSP_OPTIONS)
    began = time.monotonic()
    try:
        container = av.open(url, timeout=(open_s, read_s), options=options)
    except (av.FFmpegError, OSError, ValueError) as error:
        # An open that runs out of time ends as "invalid data".
        late = time.monotonic() - began > 0.9 * open_s
        trouble = Trouble.SILENT if late else _trouble_at_open(error)
        raise CameraTrouble(trouble) from None
    if not container.streams.video:
        container.close()
        raise CameraTrouble(Trouble.NO_VIDEO)
    return container


def _trouble_at_open(error: Exception) -> Trouble:
    if isinstance(error, av.HTTPUnauthorizedError | av.HTTPForbiddenError):
        return Trouble.UNAUTHORIZED
    if isinstance(error, av.HTTPNotFoundError | FileNotFoundError):
        return Trouble.NOT_FOUND
    if isinstance(error, av.HTTPError | av.HTTPClientError):
        return Trouble.BUSY
    if isinstance(error, ConnectionRefusedError):
        return Trouble.REFUSED
    if isinstance(error, OSError):
        return Trouble.UNREACHABLE
    return Trouble.BROKEN


def _video(container: InputContainer) -> VideoStream:
    return container.streams.video[0]


def _packets(container: InputContainer, *, came_back: Callable[[], None]) -> Iterator[_VideoPacket]:
    try:
        for packet in container.demux(_video(container)):
            came_back()
            if packet.size:
                yield packet
    except (av.ExitError, TimeoutError):
        raise CameraTrouble(Trouble.FROZEN) from None
    except (EOFError, OSError):
        raise CameraTrouble(Trouble.ENDED) from None
    except av.FFmpegError:
        raise CameraTrouble(Trouble.BROKEN) from None


def _loop(
    opened: Callable[[], InputContainer], *, came_back: Callable[[], None]
) -> Iterator[_VideoPacket]:
    """A file over and over, in its own time; once a second where it has nothing to give."""
    while True:
        began = time.monotonic()
        first: float | None = None
        with opened() as container:
            for packet in _packets(container, came_back=came_back):
                if packet.pts is not None and packet.time_base is not None:
                    at = float(packet.pts * packet.time_base)
                    first = at if first is None else first
                    _sleep(began + at - first - time.monotonic())
                yield packet
        _sleep(began + _SHORTEST_LOOP_S - time.monotonic())


def _sleep(seconds: float) -> None:
    time.sleep(min(max(0.0, seconds), _LONGEST_GAP_S))


def _shown(
    packets: Iterator[_VideoPacket], *, pace: Pace, every_s: float, count: Count
) -> Iterator[Pixels]:
    """Raises ``CameraTrouble`` when packets have come for long and none could be decoded."""
    patience_s = max(_NO_PICTURE_S, 3 * every_s)
    decoded_at = time.monotonic()
    for packet in packets:
        now = time.monotonic()
        if now - decoded_at > patience_s:
            raise CameraTrouble(Trouble.NO_VIDEO)
        if not pace.decodes(keyframe=packet.is_keyframe, at=now):
            continue
        for frame in _decode(packet, alone=pace.keyframes_only, count=count):
            decoded_at = now
            if pace.shows(at=now):
                yield _pixels(frame)


def _decode(packet: _VideoPacket, *, alone: bool, count: Count) -> list[VideoFrame]:
    context = packet.stream.codec_context
    if not context.is_open:
        context.thread_count = 1  # a machine reads many cameras: a thread each is enough
    try:
        frames = context.decode(packet)
        if alone and not frames:
            # A decoder that reorders holds a lone keyframe back until it is told to let go.
            frames = context.decode(None)
            context.flush_buffers()
    except (av.DecoderNotFoundError, av.PatchWelcomeError, NotImplementedError):
        raise CameraTrouble(Trouble.NO_VIDEO) from None
    except av.FFmpegError:
        count("undecodable")
        return []
    whole = [frame for frame in frames if not frame.is_corrupt]
    for _ in range(len(frames) - len(whole)):
        count("corrupt")
    return whole


def _pixels(frame: VideoFrame) -> Pixels:
    width, height = frame.width, frame.height
    shrink = (_MOST_PIXELS / (width * height)) ** 0.5
    if shrink < 1:
        width, height = int(width * shrink), int(height * shrink)
    pixels = frame.to_ndarray(format="bgr24", width=width, height=height)
    return pixels.astype(np.uint8, copy=False)
