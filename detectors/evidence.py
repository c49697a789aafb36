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
    return _encode(canvas)


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
