"""A clip of 1080p as a fixed street camera sends it, made here, for `bench.camera`."""

from pathlib import Path
from typing import Final

import av
import numpy as np

WIDTH, HEIGHT, FPS, KEYFRAME_FRAMES = 1920, 1080, 25, 50
BITS_PER_S: Final = 4_000_000


def make_street(path: Path, *, seconds: int) -> Path:
    """A street as a fixed camera sends it: fixed texture, noise of a sensor, things that move; as
    many bits a second as such a camera takes."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(40, 200, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.int16)
    ground = np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)
    ground = (ground + np.roll(ground, 5, axis=0) + np.roll(ground, 5, axis=1)) // 3
    noise = rng.normal(0, 3, (HEIGHT + 64, WIDTH + 64, 1)).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = BITS_PER_S
        stream.options = {
            "preset": "veryfast",
            "tune": "zerolatency",
            "x264-params": f"keyint={KEYFRAME_FRAMES}:scenecut=0:repeat-headers=1:log-level=error",
        }
        for number in range(seconds * FPS):
            top, left = rng.integers(0, 64, 2)
            pixels = ground + noise[top : top + HEIGHT, left : left + WIDTH]
            for lane in range(4):
                x = (number * (9 + 4 * lane) + 400 * lane) % (WIDTH - 220)
                pixels[500 + 130 * lane : 590 + 130 * lane, x : x + 220] = 30 + 50 * lane
            shown = np.clip(pixels, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="bgr24")))
        container.mux(stream.encode(None))
    return path
