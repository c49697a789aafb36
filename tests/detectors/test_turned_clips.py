"""Clips that say beside their frames how these are to be turned."""

import struct

import av
import numpy as np
import pytest

from detectors.pictures import read_clip

_BESIDE_TKHD = 44
"""Bytes from the name of a track header to its matrix: ISO/IEC 14496-12, 8.3.2."""


@pytest.mark.parametrize(
    ("matrix", "shape", "bright"),
    [
        pytest.param((0, 1, -1, 0), (320, 192), np.s_[:, -8:], id="a quarter clockwise"),
        pytest.param((0, -1, 1, 0), (320, 192), np.s_[:, :8], id="a quarter back"),
        pytest.param((-1, 0, 0, -1), (192, 320), np.s_[-8:], id="upside down"),
        pytest.param((1, 0, 0, 1), (192, 320), np.s_[:8], id="upright"),
    ],
)
def test_a_clip_of_a_telephone_is_turned_upright(tmp_path, matrix, shape, bright):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        above = np.zeros((192, 320, 3), np.uint8)
        above[:16] = 255
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(above, format="rgb24")))
        container.mux(stream.encode())
    data = bytearray(path.read_bytes())
    a, b, c, d = (number << 16 for number in matrix)
    at = data.index(b"tkhd") + _BESIDE_TKHD
    data[at : at + 20] = struct.pack(">5i", a, b, 0, c, d)
    path.write_bytes(data)
    _, pixels = next(read_clip(path))
    assert (pixels.shape[:2], pixels.flags.c_contiguous) == (shape, True)
    assert pixels[bright].mean() > 200
    assert pixels.mean() < 60
