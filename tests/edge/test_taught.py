import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from detectors.types import Box
from edge.taught import Book, Normal, Taught, TaughtError, forgotten, read, taught, write

CRATE: Box = (0.1, 0.2, 0.3, 0.4)
SIGN: Box = (0.5, 0.5, 0.6, 0.9)


def book_of(*boxes: Box, camera: str = "dock") -> Book:
    return taught({}, camera, [("litter", box) for box in boxes], at=7)[0]


def test_what_was_taught_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "data" / "taught.json"
    assert read(path) == {}
    write(path, {**book_of(CRATE, SIGN), **book_of(SIGN, camera="摄像头")})
    assert read(path) == {
        "dock": (Normal(1, "litter", CRATE, 7), Normal(2, "litter", SIGN, 7)),
        "摄像头": (Normal(1, "litter", SIGN, 7),),
    }
    assert [one.name for one in path.parent.iterdir()] == ["taught.json"]


def test_what_is_forgotten_is_gone_and_the_others_keep_their_numbers() -> None:
    book = book_of(CRATE, SIGN)
    book, unknown = forgotten(book, "dock", [1])
    assert (unknown, [one.number for one in book["dock"]]) == (set(), [2])
    book, added = taught(book, "dock", [("litter", CRATE)], at=8)
    assert [one.number for one in added] == [3]
    assert forgotten(book, "dock", [2, 9])[1] == {9}
    assert forgotten(book, "dock", None)[0]["dock"] == ()


WRONG = {
    "no JSON": b"{",
    "no object": b"7",
    "another version": json.dumps({"version": 2, "cameras": {}}).encode(),
    "no cameras": b'{"version": 1}',
    "an empty box": b'{"version": 1, "cameras": {"dock": [{"number": 1, "label": "x", '
    b'"box": [1, 0, 0, 1], "taught_at": 1}]}}',
    "three edges": b'{"version": 1, "cameras": {"dock": [{"number": 1, "label": "x", '
    b'"box": [0, 0, 1], "taught_at": 1}]}}',
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_a_damaged_file_is_named_and_what_was_known_stands(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "taught.json"
    write(path, book_of(CRATE))
    cameras = Taught(path)
    assert cameras.of("dock") == (CRATE,)
    path.write_bytes(data)
    with pytest.raises(TaughtError, match=r"taught\.json"):
        read(path)
    with capture_logs() as logs:
        assert [cameras.of("dock"), cameras.of("dock")] == [(CRATE,)] * 2
    assert [line["event"] for line in logs] == ["what was taught stays as it was"]
    write(path, book_of(SIGN))
    assert cameras.of("dock") == (SIGN,)


def test_a_change_is_seen_at_once_and_a_file_taken_away_too(tmp_path: Path) -> None:
    path = tmp_path / "taught.json"
    cameras = Taught(path)
    assert cameras.of("dock") == ()
    write(path, book_of(CRATE))
    assert (cameras.of("dock"), cameras.of("gate")) == ((CRATE,), ())
    path.unlink()
    assert cameras.of("dock") == ()
    assert Taught(None).of("dock") == ()
