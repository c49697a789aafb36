import pytest

from citypatrol.errors import Reject
from ingest.profiles.plain import read_plain
from ingest.profiles.reading import NotFinite


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b"23.4", 23.4),
        (b" -3\n", -3.0),
        (b"+.5", 0.5),
        (b"7.", 7.0),
        (b"1e3", 1000.0),
        (b"ON", 1.0),
        (b"off", 0.0),
        (b"True", 1.0),
        (b"false", 0.0),
        (b"123456789012345678901234567890", 123456789012345678901234567890.0),
    ],
)
def test_a_number_or_a_switch(payload: bytes, value: float) -> None:
    assert read_plain(payload).values == ((None, value),)


@pytest.mark.parametrize("payload", [b"nan", b"-Infinity", b"inf", b"1e999", b"-1e99999"])
def test_what_is_not_finite_says_so(payload: bytes) -> None:
    with pytest.raises(NotFinite, match="not finite"):
        read_plain(payload)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        pytest.param(b"23,4", "`23,4` is neither a number nor ON, OFF", id="comma"),
        pytest.param(b"23.4 cm", "neither", id="unit"),
        pytest.param(b"1_000", "neither", id="underscore"),
        pytest.param("１２".encode(), "neither", id="full-width digits"),
        pytest.param(b"0x10", "neither", id="hex"),
        pytest.param(b"\xff\xfe", "neither", id="not UTF-8"),
        pytest.param(b"   ", "neither", id="blank"),
        pytest.param(b"{}", "neither", id="json"),
        pytest.param(b"\x1b[31m", r"`\\x1b", id="escape sequence is shown harmless"),
        pytest.param(b"1" * 500_000, "500,000 bytes", id="500 kB"),
    ],
)
def test_anything_else_is_rejected_with_its_reason(payload: bytes, says: str) -> None:
    with pytest.raises(Reject, match=says) as error:
        read_plain(payload)
    assert len(error.value.reason) < 200
