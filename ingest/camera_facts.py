"""What one stream is like, measured while it is watched: ``python -m ingest.camera_facts``.

A process of its own, because FFmpeg can hang where no timeout reaches and a decoder can crash. The
order comes as a JSON line on standard input, so that no list of processes shows a password; a JSON
line of facts goes out, then the picture.
"""

import io
import json
import os
import statistics
import sys
import time
from dataclasses import asdict, dataclass, replace
from itertools import pairwise

from ingest.camera_av import CameraTrouble, VideoPacket, decode, open_stream, packets_of, pixels_of
from ingest.camera_wire import Picture, Pixels, write_message

_KEYFRAME_PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class ProbeOrder:
    """``watch_s``: how long to watch; three times as long where no second keyframe came."""

    url: str
    transport: str
    watch_s: float
    open_s: float
    read_s: float


@dataclass(frozen=True, slots=True)
class Facts:
    """0 and None: not known. ``keyframe_s``: the median distance of keyframes. ``lost``: frames
    that could not be decoded whole. ``trouble``: why there is no more, '' where all was well."""

    codec: str = ""
    width: int = 0
    height: int = 0
    frames_per_s: float | None = None
    bits_per_s: float | None = None
    keyframe_s: float | None = None
    opened_s: float | None = None
    first_picture_s: float | None = None
    watched_s: float = 0.0
    lost: int = 0
    trouble: str = ""


def probe(order: ProbeOrder) -> tuple[Facts, Pixels | None]:
    """Watches the stream; the facts, and the last keyframe's picture."""
    watch = _Watch(order)
    try:
        watch.run()
    except CameraTrouble as error:
        return replace(watch.facts(), trouble=error.trouble.value), watch.picture
    return watch.facts(), watch.picture


class _Watch:
    def __init__(self, order: ProbeOrder) -> None:
        self._order = order
        self._began = time.monotonic()
        self._facts = Facts()
        self._times: list[float] = []
        self._keyframes: list[float] = []
        self._seen_keyframe = False
        self._bytes = 0
        self._lost = 0
        self.picture: Pixels | None = None

    def run(self) -> None:
        order = self._order
        with open_stream(
            order.url, transport=order.transport, open_s=order.open_s, read_s=order.read_s
        ) as container:
            context = container.streams.video[0].codec_context
            self._facts = replace(
                self._facts,
                codec=context.name,
                width=context.width,
                height=context.height,
                opened_s=time.monotonic() - self._began,
            )
            for packet in packets_of(container, read_s=order.read_s, came_back=lambda: None):
                self._note(packet)
                watched = time.monotonic() - self._began
                patience = 1.0 if len(self._keyframes) > 1 else _KEYFRAME_PATIENCE
                if watched > patience * order.watch_s:
                    return

    def _note(self, packet: VideoPacket) -> None:
        self._seen_keyframe = self._seen_keyframe or packet.is_keyframe
        if packet.pts is not None and packet.time_base is not None:
            # By the stream's own time: what opening held back came all at once.
            self._times.append(float(packet.pts * packet.time_base))
            self._bytes += packet.size
            if packet.is_keyframe:
                self._keyframes.append(self._times[-1])
        if not self._seen_keyframe:
            return
        for frame in decode(packet, alone=False, count=self._count):
            if self.picture is None:
                first = time.monotonic() - self._began
                self._facts = replace(self._facts, first_picture_s=first)
            if self.picture is None or frame.key_frame:
                self.picture = pixels_of(frame)
                self._facts = replace(self._facts, width=frame.width, height=frame.height)

    def _count(self, _: str) -> None:
        self._lost += 1

    def facts(self) -> Facts:
        watched = time.monotonic() - self._began
        span = max(self._times) - min(self._times) if len(self._times) > 1 else 0.0
        distances = [late - early for early, late in pairwise(self._keyframes)]
        return replace(
            self._facts,
            frames_per_s=(len(self._times) - 1) / span if span > 0 else None,
            bits_per_s=8 * self._bytes / span if span > 0 else None,
            keyframe_s=statistics.median(distances) if distances else None,
            watched_s=watched,
            lost=self._lost,
        )


def main() -> None:
    out = io.FileIO(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints may get into the answer
    order = ProbeOrder(**json.loads(sys.stdin.buffer.readline()))
    facts, picture = probe(order)
    out.write(json.dumps(asdict(facts)).encode() + b"\n")
    if picture is not None:
        write_message(out, Picture("probe", 0, picture))
    out.close()
    os._exit(0)  # a decoder's thread may hang


if __name__ == "__main__":
    main()
