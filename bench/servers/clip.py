"""Small H.264 and H.265 clips for tests: PyAV's own encoders, so nothing is installed."""

from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

CLIP_FPS = 10
_QUIET = {"libx264": "warning", "libx265": "error"}


def make_clip(
    path: Path,
    *,
    width: int = 320,
    height: int = 192,
    seconds: float = 2.0,
    keyframe_s: float = 1.0,
    shade: int = 60,
    contrast: int = 0,
    bar: int = 255,
    b_frames: int = 0,
    codec: str = "libx264",
) -> Path:
    """A grey picture with a bar that moves, 10 frames a second. ``shade``: 0..255, in the middle;
    it grows by ``contrast`` from left to right. ``codec``: libx264 or libx265."""
    frames = int(seconds * CLIP_FPS)
    interval = int(keyframe_s * CLIP_FPS)
    slope = np.linspace(shade - contrast / 2, shade + contrast / 2, width)
    ground = np.broadcast_to(slope, (height, width)).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=CLIP_FPS)
        if not isinstance(stream, VideoStream):
            message = f"{codec} encodes no video"
            raise TypeError(message)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {
            "preset": "ultrafast",
            "bf": str(b_frames),
            # In-band parameter sets, so that a stream may change its size on the way.
            f"{codec.removeprefix('lib')}-params": (
                f"keyint={interval}:scenecut=0:repeat-headers=1:log-level={_QUIET[codec]}"
            ),
        }
        for number in range(frames):
            pixels = np.repeat(ground[:, :, np.newaxis], 3, axis=2)
            left = number * 7 % (width - 16)
            pixels[: height // 8, left : left + 16] = bar
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        container.mux(stream.encode(None))
    return path
