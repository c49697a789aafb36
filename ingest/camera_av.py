"""Reading one camera with PyAV: the only file that knows it, beside ``ingest/camera_facts.py``.

FFmpeg's own texts hold the url with its password, so none of them leaves this file: a failure is
one word of ``Trouble``. https://pyav.basswood-io.com/docs/stable/ , https://ffmpeg.org/ffmpeg-protocols.html#rtsp
"""

import errno
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ingest.camera_burst import Bursts, Shot
from ingest.camera_pace import Pace, Tries
from ingest.camera_relay import Relay, Way, relay
from ingest.camera_retry import Trouble
from ingest.camera_wire import PictureBurst, Pixels

_MOST_PIXELS = 3840 * 2160
_NO_PICTURE_S = 60.0
_LONGEST_GAP_S = 5.0
_AT_ONCE = float("-inf")
_SHORTEST_LOOP_S = 1.0
_RTSP_OPTIONS = {
    "allowed_media_types": "video",
    "fpsprobesize": "0",
    "analyzeduration": "2000000",
}
"""Without the last two FFmpeg holds the first 3 s of a stream back, to find its frame rate."""

VideoPacket: TypeAlias = "Packet[VideoStream]"

Count = Callable[[str], None]
"""Called with a reason for each frame that is lost."""

Rest = Callable[[float], None]
"""Called with the time (monotonic seconds) until which no frame is needed."""


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
    transport: str = "tcp",
    way: Way = Way.RELAYED,
    bursts: Bursts | None = None,
) -> Iterator[Pixels]:
    """About one picture per ``every_s`` of an RTSP stream, or of a file played in a loop.

    ``came_back`` is called after every call that may hang; it should be heard of again within
    ``open_s`` or ``read_s``. Never ends; raises ``CameraTrouble`` when the stream does. A burst
    that was asked for is begun at the next keyframe, or at once where all is decoded anyway.
    """

    def opened(address: str) -> InputContainer:
        container = open_stream(address, transport=transport, open_s=open_s, read_s=read_s)
        came_back()
        return container

    wanted = bursts or Bursts(_nowhere)
    if url.startswith("file:"):
        packets = _loop(lambda: opened(url), read_s=read_s, came_back=came_back)
        yield from _shown(
            packets, every_s=every_s, read_s=read_s, count=count, bursts=wanted, rest=_never
        )
    relayed = way is Way.RELAYED and transport == "tcp" and url.startswith("rtsp:")
    rest: Rest = _never
    if relayed:
        between = _relay(url, open_s=open_s)
        came_back()
        url, rest = between.url, between.rest
    with opened(url) as container:
        packets = packets_of(container, read_s=read_s, came_back=came_back)
        yield from _shown(
            packets, every_s=every_s, read_s=read_s, count=count, bursts=wanted, rest=rest
        )
    raise CameraTrouble(Trouble.ENDED)


def _nowhere(_: PictureBurst) -> None:
    return


def _never(_: float) -> None:
    return


def _relay(url: str, *, open_s: float) -> Relay:
    try:
        return relay(url, open_s=open_s)
    except TimeoutError:
        raise CameraTrouble(Trouble.SILENT) from None
    except (OSError, ValueError) as error:
        raise CameraTrouble(_trouble_at_open(error)) from None


def open_stream(url: str, *, transport: str, open_s: float, read_s: float) -> InputContainer:
    """Raises ``CameraTrouble``. ``transport``: tcp or udp, for what is no file."""
    options = {} if url.startswith("file:") else _RTSP_OPTIONS | {"rtsp_transport": transport}
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
    if isinstance(error, OSError) and error.errno == errno.EPROTONOSUPPORT:
        return Trouble.TRANSPORT
    if isinstance(error, OSError):
        return Trouble.UNREACHABLE
    return Trouble.BROKEN


def _video(container: InputContainer) -> VideoStream:
    return container.streams.video[0]


def packets_of(
    container: InputContainer, *, read_s: float, came_back: Callable[[], None]
) -> Iterator[VideoPacket]:
    """Raises ``CameraTrouble``. A packet that took ``read_s`` is no sign of life: it is what FFmpeg
    held back, let go when the wait was broken off."""
    packets = container.demux(_video(container))
    try:
        while True:
            asked = time.monotonic()
            packet = next(packets, None)
            came_back()
            if packet is None:
                return
            if time.monotonic() - asked > 0.9 * read_s:
                raise CameraTrouble(Trouble.FROZEN)
            if packet.size:
                yield packet
    except (av.ExitError, TimeoutError):
        raise CameraTrouble(Trouble.FROZEN) from None
    except (EOFError, OSError):
        raise CameraTrouble(Trouble.ENDED) from None
    except av.FFmpegError:
        raise CameraTrouble(Trouble.BROKEN) from None


def _loop(
    opened: Callable[[], InputContainer], *, read_s: float, came_back: Callable[[], None]
) -> Iterator[VideoPacket]:
    """A file over and over, in its own time; once a second where it has nothing to give."""
    while True:
        began = time.monotonic()
        first: float | None = None
        with opened() as container:
            for packet in packets_of(container, read_s=read_s, came_back=came_back):
                if packet.pts is not None and packet.time_base is not None:
                    at = float(packet.pts * packet.time_base)
                    first = at if first is None else first
                    _sleep(began + at - first - time.monotonic())
                yield packet
        _sleep(began + _SHORTEST_LOOP_S - time.monotonic())


def _sleep(seconds: float) -> None:
    time.sleep(min(max(0.0, seconds), _LONGEST_GAP_S))


def _shown(
    packets: Iterator[VideoPacket],
    *,
    every_s: float,
    read_s: float,
    count: Count,
    bursts: Bursts,
    rest: Rest,
) -> Iterator[Pixels]:
    """Raises ``CameraTrouble`` when packets have come for long and none could be decoded, or when
    too few of those that were tried in ``read_s`` were whole."""
    pace: Pace[VideoPacket] = Pace(every_s=every_s)
    patience_s = max(_NO_PICTURE_S, 3 * every_s)
    decoded_at = time.monotonic()
    tries = Tries(within_s=read_s)

    def damaged(reason: str) -> None:
        count(reason)
        tries.failed(at=time.monotonic())

    shot: Shot | None = None
    for packet in packets:
        began = False
        now = time.monotonic()
        if now - decoded_at > patience_s:
            raise CameraTrouble(Trouble.NO_VIDEO)
        if tries.hopeless(at=now):
            raise CameraTrouble(Trouble.DAMAGED)
        if shot is None and (asked := bursts.take()) is not None:
            shot, began = Shot(asked), True
            rest(_AT_ONCE)
        waiting = pace.decodes(
            packet,
            size=packet.size,
            keyframe=packet.is_keyframe,
            at=now,
            every=shot is not None,
        )
        alone = pace.keyframes_only and shot is None
        frames = [frame for one in waiting for frame in decode(one, alone=alone, count=damaged)]
        if not frames:
            continue
        decoded_at = now
        tries.succeeded(at=now)
        # The first packet after a rest may bear the time of the frame that was due before it.
        added = () if began else frames if len(waiting) == 1 else frames[-1:]
        if shot is not None and _add(shot, added):
            bursts.give(shot.burst())
            shot = None
        shown = pace.shows(at=now)
        if shot is None:
            rest(pace.rests_until)
        if shown:
            yield pixels_of(frames[-1])


def decode(packet: VideoPacket, *, alone: bool, count: Count) -> list[VideoFrame]:
    context = packet.stream.codec_context
    if not context.is_open:
        context.thread_count = 1  # a machine reads many cameras: a thread each is enough
    elif alone:
        context.flush_buffers()  # what it held back is older than this
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


def _add(shot: Shot, frames: Sequence[VideoFrame]) -> bool:
    """True once the burst is whole. A frame without a time (the first of a stream) is left out."""
    for frame in frames:
        if frame.time is None:
            continue
        share = shot.share(width=frame.width, height=frame.height)
        width, height = max(1, round(frame.width * share)), max(1, round(frame.height * share))
        pixels = frame.to_ndarray(format="bgr24", width=width, height=height)
        now_ms = time.time_ns() // 1_000_000
        if shot.add(pixels.astype(np.uint8, copy=False), at_s=frame.time, now_ms=now_ms):
            return True
    return False


def pixels_of(frame: VideoFrame) -> Pixels:
    width, height = frame.width, frame.height
    shrink = (_MOST_PIXELS / (width * height)) ** 0.5
    if shrink < 1:
        width, height = int(width * shrink), int(height * shrink)
    pixels = frame.to_ndarray(format="bgr24", width=width, height=height)
    return pixels.astype(np.uint8, copy=False)
