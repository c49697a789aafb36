"""What a picture file says of itself before anything is decoded: how large it is, whether it ends.

JPEG (ITU-T T.81 annex B), PNG (ISO/IEC 15948), GIF89a, BMP and WebP (RFC 9649). Nothing else is
known here; whatever the bytes are, no error is raised.
"""

import struct
from struct import unpack_from

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_ALONE = {0x01, *range(0xD0, 0xD9)}
"""JPEG markers without a length behind them."""
_NO_FRAME = {0xC4, 0xC8, 0xCC}
_SCAN, _END = 0xDA, b"\xff\xd9"


def size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None where they are not known."""
    try:
        if data.startswith(_JPEG):
            return _jpeg(data)[0]
        if data.startswith(_PNG):
            return _two(data, ">II", 16)
        if data.startswith((b"GIF87a", b"GIF89a")):
            return _two(data, "<HH", 6)
        if data.startswith(b"BM"):
            width, height = _two(data, "<ii", 18)
            return abs(width), abs(height)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
    except struct.error:
        return None
    return None


def breaks_off(data: bytes) -> bool:
    """Whether a JPEG or PNG file has no end: it was cut while it was written or sent."""
    if data.startswith(_JPEG):
        try:
            scan = _jpeg(data)[1]
        except struct.error:
            return True
        return scan is None or data.find(_END, scan) < 0
    return data.startswith(_PNG) and b"IEND" not in data


def _two(data: bytes, form: str, at: int) -> tuple[int, int]:
    first, second = unpack_from(form, data, at)
    return first, second


def _jpeg(data: bytes) -> tuple[tuple[int, int] | None, int | None]:
    """The size of the frame, and where its first scan begins."""
    found: tuple[int, int] | None = None
    at = 2
    while True:
        while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] == b"\xff":
            at += 1  # fill bytes
        (sign, marker) = unpack_from(">BB", data, at)
        if sign != 0xFF:
            return found, None
        at += 2
        if marker in _ALONE:
            continue
        if marker == 0xD9:
            return found, None
        (length,) = unpack_from(">H", data, at)
        if marker == _SCAN:
            return found, at + length
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            height, width = unpack_from(">HH", data, at + 3)
            found = width, height
        at += max(2, length)


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X":
        low, high = data[24:27], data[27:30]
        return int.from_bytes(low, "little") + 1, int.from_bytes(high, "little") + 1
    if kind == b"VP8L":
        (bits,) = unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = _two(data, "<HH", 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
