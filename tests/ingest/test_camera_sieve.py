"""What passes of what a camera sends over TCP, and how it is numbered then."""

import random
import struct

import pytest

from ingest.camera_sieve import SIGN_OF_LIFE_S, Sieve

ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 1\r\n\r\n"
SDP = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 9\r\n\r\n$\0\0\x05hello"
REPORT = b"$\x01\0\x0c" + b"\x80\xc8\0\x02" + bytes(8)


def packet(count: int, *, frame: int, channel: int = 0, body: bytes = b"slice") -> bytes:
    head = struct.pack(">BBHII", 0x80, 96, count & 0xFFFF, frame * 3600, 7)
    return b"$" + bytes([channel]) + struct.pack(">H", len(head + body)) + head + body


def stream(*, frames: range, each: int = 3, first: int = 0) -> bytes:
    """``each`` packets a frame."""
    return b"".join(
        packet(first + number * each + part, frame=frame)
        for number, frame in enumerate(frames)
        for part in range(each)
    )


def numbers(data: bytes) -> list[tuple[int, int]]:
    """Sequence number and frame of every packet."""
    found, start = [], 0
    while start < len(data):
        size, count, stamp = struct.unpack_from(">2xHxxHI", data, start)
        found.append((count, stamp // 3600))
        start += 4 + size
    return found


def test_all_passes_untouched_while_all_is_needed() -> None:
    sent = ANSWER + SDP + stream(frames=range(5)) + REPORT + ANSWER
    assert Sieve().through(sent, resting=False, at=0) == sent


def test_answers_and_reports_pass_while_nothing_is_needed() -> None:
    sieve = Sieve()
    sieve.through(stream(frames=range(2)), resting=True, at=0)
    sent = ANSWER + stream(frames=range(2, 9)) + REPORT + SDP
    assert sieve.through(sent, resting=True, at=0.5) == ANSWER + REPORT + SDP


def test_a_frame_is_let_through_or_dropped_as_a_whole() -> None:
    sieve = Sieve()
    sent = stream(frames=range(4))
    size = len(sent) // 12
    first = sieve.through(sent[:size], resting=False, at=0)
    rest = sieve.through(sent[size : 4 * size], resting=True, at=0)
    assert numbers(first + rest) == [(0, 0), (1, 0), (2, 0)], "frame 0 goes on, frame 1 does not"
    assert sieve.through(sent[4 * size : 5 * size], resting=False, at=0) == b"", "half a frame"
    after = sieve.through(sent[6 * size :], resting=False, at=0)
    assert [frame for _, frame in numbers(after)] == [2, 2, 2, 3, 3, 3]


def test_what_passes_is_numbered_without_a_gap() -> None:
    """FFmpeg throws away what comes after a jump of 3,000 numbers."""
    sieve = Sieve()
    first = sieve.through(stream(frames=range(2), first=65_530), resting=False, at=0)
    dropped = sieve.through(stream(frames=range(2, 2000), first=65_536), resting=True, at=0.5)
    after = sieve.through(
        stream(frames=range(2000, 2002), first=65_536 + 5994), resting=False, at=9
    )
    assert dropped == b""
    counts = [count for count, _ in numbers(first + after)]
    assert counts == [(65_530 + n) & 0xFFFF for n in range(12)]


def test_what_the_camera_itself_lost_stays_a_gap() -> None:
    sieve = Sieve()
    sieve.through(packet(1, frame=0) + packet(2, frame=1), resting=True, at=0)
    passed = sieve.through(packet(3, frame=2) + packet(7, frame=3), resting=False, at=0.1)
    assert [count for count, _ in numbers(passed)] == [2, 6]


def test_channels_are_numbered_apart() -> None:
    sieve = Sieve()
    both = packet(1, frame=0) + packet(9, frame=0, channel=2)
    sieve.through(both, resting=True, at=0)
    sieve.through(packet(2, frame=1), resting=True, at=0.1)
    passed = sieve.through(
        packet(3, frame=2) + packet(10, frame=1, channel=2), resting=False, at=0.2
    )
    assert [count for count, _ in numbers(passed)] == [2, 10]


def test_one_frame_now_and_then_says_that_the_camera_lives() -> None:
    sieve = Sieve()
    passed = [
        frame
        for number in range(250)
        for _, frame in numbers(
            sieve.through(
                stream(frames=range(number, number + 1), first=3 * number),
                resting=True,
                at=number / 25,
            )
        )
    ]
    assert len(set(passed)) == pytest.approx(10 / SIGN_OF_LIFE_S, abs=1)
    assert len(passed) == 3 * len(set(passed))


@pytest.mark.parametrize("resting", [False, True])
def test_it_does_not_matter_where_the_bytes_are_cut(resting: bool) -> None:
    sent = ANSWER + SDP + stream(frames=range(3)) + REPORT + ANSWER + stream(frames=range(3, 6))
    expected = Sieve().through(sent, resting=resting, at=0)
    cuts = random.Random(5)
    for _ in range(50):
        sieve, start, passed = Sieve(), 0, b""
        while start < len(sent):
            stop = start + cuts.randint(1, 40)
            passed += sieve.through(sent[start:stop], resting=resting, at=0)
            start = stop
        assert passed == expected


@pytest.mark.parametrize(
    "strange",
    [
        pytest.param(b"\x00\x01\x02 no RTSP", id="binary"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000, id="a head without end"),
    ],
)
def test_what_is_no_rtsp_passes_untouched_for_good(strange: bytes) -> None:
    sieve = Sieve()
    assert sieve.through(ANSWER + strange, resting=True, at=0) == ANSWER + strange
    more = stream(frames=range(9))
    assert sieve.through(more, resting=True, at=0) == more


def test_lines_may_end_without_a_carriage_return() -> None:
    answer = b"RTSP/1.0 200 OK\nCSeq: 2\ncontent-length:4\n\n$$$$"
    sieve = Sieve()
    assert sieve.through(answer + REPORT, resting=True, at=0) == answer + REPORT
