"""What a camera sends over RTSP/TCP, less the frames that nobody needs. Pure: bytes in, bytes out.

FFmpeg asks the kernel six times for each of the 20,000 packets of a camera-minute; of a camera that
is looked at once in 10 s nearly all of them are thrown away again. Framing: RFC 2326, 10.12; RTP:
RFC 3550, 5.1; RTCP beside it: RFC 5761, 4.
"""

import re
import struct
from dataclasses import dataclass
from math import inf
from typing import Final

SIGN_OF_LIFE_S: Final = 2.0
"""While nothing is needed one frame in so many seconds goes through: whoever waits for packets sees
that they still come, and within its own patience that they do not."""

_HEAD: Final = struct.Struct(">xBHxBHI")
"""Channel and size; then, of the packet itself, its kind, number and time."""
_FRAMING: Final = 4
_RTP_HEAD: Final = 12
_DOLLAR: Final = 0x24
_RTCP: Final = range(200, 208)
_LONGEST_HEAD: Final = 1 << 16
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_LENGTH: Final = re.compile(rb"\ncontent-length[ \t]*:[ \t]*(\d{1,9})", re.IGNORECASE)


@dataclass(slots=True)
class _Channel:
    stamp: int = -1
    passes: bool = True
    passed_at: float = -inf
    dropped: int = 0

    def begin(self, stamp: int, *, resting: bool, at: float) -> None:
        """Another frame, whose packets all have this time."""
        self.stamp = stamp
        self.passes = not resting or at - self.passed_at >= SIGN_OF_LIFE_S
        if self.passes:
            self.passed_at = at


class Sieve:
    """One connection. Answers, RTCP and frames that are needed pass; the packets of these are
    numbered as if the others had never been. What cannot be read as RTSP passes untouched from then
    on, all of it."""

    def __init__(self) -> None:
        self._tail = b""
        self._channels: dict[int, _Channel] = {}
        self._foreign = False

    def through(self, data: bytes, *, resting: bool, at: float) -> bytes:
        """What is to be passed on, now that these bytes came ``at`` this time (monotonic seconds).

        ``resting``: nobody needs a frame now. A frame is let through or dropped as a whole.
        """
        if self._foreign:
            return data
        data = self._tail + data
        passed = bytearray()
        start, end = 0, len(data)
        while start < end and not self._foreign:
            if data[start] != _DOLLAR:
                stop = self._end_of_text(data, start)
            elif end - start < _HEAD.size:
                break
            else:
                number, size, kind, count, stamp = _HEAD.unpack_from(data, start)
                stop = start + _FRAMING + size
            if stop > end:
                break
            if data[start] != _DOLLAR or kind in _RTCP or size < _RTP_HEAD:
                passed += data[start:stop]
            else:
                channel = self._channels.get(number) or self._begin(number)
                if stamp != channel.stamp:
                    channel.begin(stamp, resting=resting, at=at)
                if channel.passes:
                    renumbered = (count - channel.dropped & 0xFFFF).to_bytes(2, "big")
                    passed += data[start : start + 6] + renumbered + data[start + 8 : stop]
                else:
                    channel.dropped += 1
            start = stop
        self._tail = data[start:]
        if self._foreign:
            passed += self._tail
            self._tail = b""
        return bytes(passed)

    def _begin(self, number: int) -> _Channel:
        return self._channels.setdefault(number, _Channel())

    def _end_of_text(self, data: bytes, start: int) -> int:
        """Where the answer (or request) ends that begins here; beyond the data while it is not all
        there."""
        head = _HEAD_END.search(data, start)
        letters = data[start : start + 1].isalpha() or data[start : start + 1] in b"\r\n"
        if not letters or (head is None and len(data) - start > _LONGEST_HEAD):
            self._foreign = True
            return start
        if head is None:
            return len(data) + 1
        length = _LENGTH.search(data, start, head.end())
        return head.end() + (int(length[1]) if length else 0)
