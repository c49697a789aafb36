"""Small H.264 clips for tests: PyAV's own libx264, so nothing is installed."""

from pathlib import Path

import av
import numpy as np

CLIP_FPS = 10


def make_clip(
    path: Path,
    *,
    width: int = 320,
    height: int = 192,
    seconds: float = 2.0,
    keyframe_s: float = 1.0,
    shade: int = 60,
    b_frames: int = 0,
) -> Path:
    """A grey picture of ``shade`` (0..255) with a bar that moves, 10 frames a second."""
    frames = int(seconds * CLIP_FPS)
    interval = int(keyframe_s * CLIP_FPS)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=CLIP_FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {
            "preset": "ultrafast",
            "bf": str(b_frames),
            # In-band parameter sets, so that a stream may change its size on the way.
            "x264-params": f"keyint={interval}:scenecut=0:repeat-headers=1",
        }
        for number in range(frames):
            pixels = np.full((height, width, 3), shade, dtype=np.uint8)
            left = number * 7 % (width - 16)
            pixels[: height // 8, left : left + 16] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        container.mux(stream.encode(None))
    return path
