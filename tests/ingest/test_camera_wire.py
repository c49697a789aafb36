"""What goes over the two pipes between a camera process and its parent."""

import io
import struct

import numpy as np
import pytest

from ingest.camera_slots import NewestPerCamera
from ingest.camera_wire import (
    Beat,
    BurstOrder,
    CameraBeat,
    CameraOrder,
    ChildOrder,
    Forget,
    Order,
    Picture,
    PictureBurst,
    decode,
    decode_order,
    encode,
    encode_order,
    read_message,
    write_message,
)


class Dribble(io.BytesIO):
    """A pipe that gives and takes a few bytes a time."""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return super().readinto(buffer[:7])

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        return super().write(data[:5])


def test_messages_survive_a_pipe_that_dribbles() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    beat = Beat({"dock": CameraBeat("waiting", "it closed the stream", 0.25)}, {"replaced": 3})
    pipe = Dribble()
    write_message(pipe, Picture("dock", 1_700_000_000_000, pixels[:, ::2]))
    write_message(pipe, beat)
    pipe.seek(0)
    picture = read_message(pipe)
    assert isinstance(picture, Picture)
    assert (picture.camera, picture.ts) == ("dock", 1_700_000_000_000)
    np.testing.assert_array_equal(picture.pixels, pixels[:, ::2])
    assert read_message(pipe) == beat
    assert read_message(pipe) is None


def test_a_pipe_that_ends_anywhere_is_an_end_and_no_message() -> None:
    pipe = io.BytesIO()
    write_message(pipe, Picture("dock", 1, np.zeros((2, 2, 3), dtype=np.uint8)))
    data = pipe.getvalue()
    for size in range(len(data)):
        assert read_message(io.BytesIO(data[:size])) is None


def test_nonsense_is_refused_before_memory_is_taken_for_it() -> None:
    with pytest.raises(ValueError, match="4294967295"):
        read_message(io.BytesIO(struct.pack("<II", 10, 2**32 - 1)))


def test_orders_are_one_line_each() -> None:
    camera = CameraOrder("dock", "rtsp://viewer:line\nbreak@10.0.0.7/stream1", 10.0)
    order = ChildOrder(parent_pid=7, cameras=(camera,), open_s=5, read_s=8, beat_s=0.5)
    line = encode_order(order)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode_order(line) == order


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(CameraOrder("dock", "rtsp://10.0.0.7/1", 10.0, "udp"), id="one more"),
        pytest.param(Forget(("dock", "quay")), id="let go"),
        pytest.param(BurstOrder("dock", 3.0, ((0.1, 0.2, 0.3, 0.4),)), id="a burst"),
    ],
)
def test_what_a_running_child_is_told_is_one_line(order: Order) -> None:
    line = encode(order)
    assert line.count(b"\n") == 1
    assert decode(line) == order


def test_a_burst_keeps_its_cut_outs_apart() -> None:
    rng = np.random.default_rng(2)
    shapes = [(3, 5, 3), (8, 2, 3)]
    cuts = tuple(
        tuple(rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes) for _ in range(3)
    )
    pipe = Dribble()
    write_message(pipe, PictureBurst("dock", (100, 140, 180), cuts))
    pipe.seek(0)
    burst = read_message(pipe)
    assert isinstance(burst, PictureBurst)
    assert (burst.camera, burst.times) == ("dock", (100, 140, 180))
    for sent, came in zip(cuts, burst.cuts, strict=True):
        for one, other in zip(sent, came, strict=True):
            np.testing.assert_array_equal(one, other)


def test_the_newest_wins_and_the_longest_waiting_camera_is_served_first() -> None:
    slots: NewestPerCamera[int] = NewestPerCamera()
    assert slots.take() is None
    replaced = [slots.put(camera, n) for n, camera in enumerate(["a", "b", "a", "c", "a"])]
    assert replaced == [False, False, True, False, True]
    assert [slots.take(), slots.take(), slots.take(), slots.take()] == [4, 1, 3, None]
