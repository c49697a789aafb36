"""The picture that goes with a ticket: boxes, labels, camera and time drawn in."""

from collections.abc import Sequence
from datetime import UTC, datetime

import cv2
import numpy as np

from citypatrol.clock import Ts
from detectors import letterbox
from detectors.types import Finding, Pixels

LONG_SIDE = 1280
LARGEST = 300_000
"""Bytes."""
QUALITIES = (85, 75, 65, 50, 35)
SMALL = 1 / 8
"""Of the picture's long side: what is smaller is shown once more, cut out."""
AROUND = 3.0
MOST_CROPS = 4
LARGEST_CROP = 240
SMALLEST_CROP = 48
"""Pixels; also the least that is cut out of the picture."""

Colour = tuple[int, int, int]
COLOURS: dict[str, Colour] = {
    "litter": (60, 60, 235),
    "garbage_bag": (0, 190, 255),
    "dumped_waste": (40, 140, 255),
    "traffic_light": (235, 150, 30),
    "camera.fault": (200, 60, 200),
}
OTHER: Colour = (90, 200, 60)
FONT = cv2.FONT_HERSHEY_SIMPLEX


def caption(finding: Finding) -> str:
    """``litter 0.83``, ``traffic_light off lit 0.02``."""
    parts = [finding.label]
    if finding.state is not None:
        parts.append(finding.state)
    parts.append(f"{finding.score:.2f}" if finding.lit is None else f"lit {finding.lit:.2f}")
    return ascii_only(" ".join(parts))


def ascii_only(text: str) -> str:
    """OpenCV's font knows ASCII only: what it lacks becomes ``?``."""
    return text.encode("ascii", "replace").decode("ascii")


def _text(canvas: Pixels, text: str, *, at: tuple[int, int], ground: Colour, scale: float) -> None:
    """White on ``ground``, moved inside the picture; ``at`` is the text's lower left corner."""
    (width, height), below = cv2.getTextSize(text, FONT, scale, 1)
    x = max(0, min(at[0], canvas.shape[1] - width - 4))
    y = max(height + 4, min(at[1], canvas.shape[0] - below))
    cv2.rectangle(canvas, (x, y - height - 4), (x + width + 4, y + below), ground, cv2.FILLED)
    cv2.putText(canvas, text, (x + 2, y), FONT, scale, (255, 255, 255), 1, cv2.LINE_AA)


def draw(
    pixels: Pixels, findings: Sequence[Finding], *, camera: str = "", at: Ts | None = None
) -> bytes:
    """A JPEG of at most ``LONG_SIDE`` pixels and ``LARGEST`` bytes; ``pixels`` stay untouched.

    The same input gives the same bytes. Raises ValueError for an empty picture.
    """
    return _encode(_drawn(pixels, findings, camera=camera, at=at))


def proof(
    pixels: Pixels, findings: Sequence[Finding], *, camera: str = "", at: Ts | None = None
) -> bytes:
    """As ``draw``, and below the whole picture the small things in it, cut out with what is around
    them: a cup of 10 pixels is a dot otherwise."""
    canvas = _drawn(pixels, findings, camera=camera, at=at)
    strip = _crops(letterbox.as_colour(pixels), findings, width=canvas.shape[1])
    return _encode(canvas if strip is None else np.vstack([canvas, strip]))


def _drawn(pixels: Pixels, findings: Sequence[Finding], *, camera: str, at: Ts | None) -> Pixels:
    canvas = letterbox.as_colour(pixels)
    share = min(1.0, LONG_SIDE / max(canvas.shape[:2]))
    canvas = np.array(letterbox.shrink(canvas, share=share), order="C", copy=True)
    scale = max(0.4, max(canvas.shape[:2]) / 1600)
    for finding in findings:
        x1, y1, x2, y2 = (round(edge * share) for edge in finding.box)
        colour = COLOURS.get(finding.label, OTHER)
        cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, max(1, round(scale * 3)))
        _text(canvas, caption(finding), at=(x1, y1 - 3), ground=colour, scale=scale)
    stamp = ascii_only(" ".join(filter(None, (camera, _time(at)))))
    if stamp:
        _text(canvas, stamp, at=(0, canvas.shape[0]), ground=(30, 30, 30), scale=scale)
    return canvas


def _crops(pixels: Pixels, findings: Sequence[Finding], *, width: int) -> Pixels | None:
    """A strip of square cut-outs, the surest first; None where nothing is small."""
    tall, wide = pixels.shape[:2]
    small = [one for one in findings if _side(one) < SMALL * max(tall, wide)]
    best = sorted(small, key=lambda one: -one.score)[:MOST_CROPS]
    side = min(width // MOST_CROPS, LARGEST_CROP)
    if not best or side < SMALLEST_CROP:
        return None
    strip = np.full((side, width, 3), 30, np.uint8)
    for place, one in enumerate(best):
        half = min(max(_side(one) * AROUND, SMALLEST_CROP), tall, wide) / 2
        x = min(max((one.box[0] + one.box[2]) / 2, half), wide - half)
        y = min(max((one.box[1] + one.box[3]) / 2, half), tall - half)
        left, top, edge = int(x - half), int(y - half), max(1, int(2 * half))
        cut = pixels[top : top + edge, left : left + edge]
        strip[:, place * side : (place + 1) * side - 2] = cv2.resize(
            cut, (side - 2, side), interpolation=cv2.INTER_LINEAR
        )
        colour = COLOURS.get(one.label, OTHER)
        _text(strip, caption(one), at=(place * side, side), ground=colour, scale=0.45)
    return strip


def _side(finding: Finding) -> float:
    x1, y1, x2, y2 = finding.box
    return max(x2 - x1, y2 - y1)


def _time(at: Ts | None) -> str:
    if at is None:
        return ""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _encode(canvas: Pixels) -> bytes:
    while True:
        for quality in QUALITIES:
            done, data = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if done and len(data) <= LARGEST:
                return bytes(data)
        canvas = letterbox.shrink(canvas, share=0.75)
