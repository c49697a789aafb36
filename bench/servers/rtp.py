"""A clip as RTP packets (RFC 3550), H.264 (RFC 6184) or H.265 (RFC 7798), over and over."""

import base64
import random
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
from av.bitstream import BitStreamFilterContext

_MTU: Final = 1400
_CLOCK: Final = 90_000
_PAYLOAD_TYPE: Final = 96
_START_CODE = re.compile(rb"\x00\x00\x00?\x01")
_H264_SETS: Final = (7, 8)
_H265_SETS: Final = (32, 33, 34)


@dataclass(frozen=True, slots=True)
class RtpFrame:
    """One picture. ``packets``: RTP, without what TCP puts around them."""

    keyframe: bool
    packets: list[bytes]


class Timeline:
    """The clip's pictures in their order, then again from the first."""

    def __init__(self, clip: Path) -> None:
        with av.open(str(clip)) as container:
            video = container.streams.video[0]
            self.codec = video.codec_context.name
            self.fps = float(video.average_rate or 25)
            annex_b = BitStreamFilterContext(f"{self.codec}_mp4toannexb", video)
            pictures = [
                (packet.is_keyframe, _nals(bytes(packet)))
                for raw in container.demux(video)
                for packet in annex_b.filter(raw if raw.size else None)
            ]
        self._frames = [(keyframe, _payloads(nals, self.codec)) for keyframe, nals in pictures]
        self.parameter_sets = [nal for nal in pictures[0][1] if _is_set(nal, self.codec)]
        self._sequence = 0
        self._noise = random.Random(1)

    def frame(self, number: int, *, corrupt: bool) -> RtpFrame:
        """The ``number``-th picture since the start; to be asked for in order."""
        keyframe, payloads = self._frames[number % len(self._frames)]
        stamp = round(number * _CLOCK / self.fps) & 0xFFFFFFFF
        packets = []
        for index, payload in enumerate(payloads):
            marker = 0x80 if index == len(payloads) - 1 else 0
            head = struct.pack(
                ">BBHII", 0x80, marker | _PAYLOAD_TYPE, self._sequence & 0xFFFF, stamp, 0x5EED
            )
            self._sequence += 1
            body = payload[:4] + self._noise.randbytes(len(payload) - 4) if corrupt else payload
            packets.append(head + body)
        return RtpFrame(keyframe, packets)


def sdp(timeline: Timeline) -> bytes:
    """What DESCRIBE answers (RFC 8866)."""
    sets = [base64.b64encode(nal).decode() for nal in timeline.parameter_sets]
    if timeline.codec == "h264":
        name, parameters = "H264", f"packetization-mode=1;sprop-parameter-sets={','.join(sets)}"
    else:
        name = "H265"
        words = ("sprop-vps", "sprop-sps", "sprop-pps")
        parameters = ";".join(f"{word}={one}" for word, one in zip(words, sets, strict=False))
    lines = [
        "v=0",
        "o=- 0 0 IN IP4 127.0.0.1",
        "s=scripted",
        "t=0 0",
        "a=control:*",
        f"m=video 0 RTP/AVP {_PAYLOAD_TYPE}",
        f"a=rtpmap:{_PAYLOAD_TYPE} {name}/{_CLOCK}",
        f"a=fmtp:{_PAYLOAD_TYPE} {parameters}",
        "a=control:track0",
        "",
    ]
    return "\r\n".join(lines).encode()


def _nals(annex_b: bytes) -> list[bytes]:
    return [nal for nal in _START_CODE.split(annex_b) if nal]


def _is_set(nal: bytes, codec: str) -> bool:
    if codec == "h264":
        return nal[0] & 0x1F in _H264_SETS
    return nal[0] >> 1 & 0x3F in _H265_SETS


def _payloads(nals: list[bytes], codec: str) -> list[bytes]:
    """One NAL a packet; those that are larger than a packet in fragments (FU)."""
    payloads = []
    for nal in nals:
        if len(nal) <= _MTU:
            payloads.append(nal)
            continue
        if codec == "h264":
            head, kind, body = bytes([nal[0] & 0xE0 | 28]), nal[0] & 0x1F, nal[1:]
        else:
            head, kind, body = bytes([nal[0] & 0x81 | 49 << 1, nal[1]]), nal[0] >> 1 & 0x3F, nal[2:]
        for start in range(0, len(body), _MTU):
            edges = (0x80 if start == 0 else 0) | (0x40 if start + _MTU >= len(body) else 0)
            payloads.append(head + bytes([edges | kind]) + body[start : start + _MTU])
    return payloads
