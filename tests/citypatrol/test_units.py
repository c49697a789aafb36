import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from citypatrol.units import (
    LONGEST_MS,
    DurationMs,
    SizeBytes,
    duration_ms,
    format_duration,
    size_bytes,
)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0s", 0),
        ("500ms", 500),
        ("90s", 90_000),
        ("10m", 600_000),
        ("4h", 14_400_000),
        ("7d", 604_800_000),
        ("007d", 604_800_000),
        ("36500d", LONGEST_MS),
    ],
)
def test_duration(text: str, ms: int) -> None:
    assert duration_ms(text) == ms


@pytest.mark.parametrize(
    "value",
    [
        "5 minutes",
        "1h30m",
        "1.5h",
        "-5m",
        "",
        "10",
        "m",
        "10M",
        "10 s",
        "١m",
        "10s\n",
        10,
        None,
        True,
    ],
    ids=repr,
)
def test_no_duration_names_the_value_and_the_form(value: object) -> None:
    with pytest.raises(ValueError, match="is no duration") as caught:
        duration_ms(value)
    assert str(caught.value) == f"'{value}' is no duration; write one like 90s, 10m, 4h or 7d"


def test_a_long_wrong_value_is_cut() -> None:
    with pytest.raises(ValueError, match=r"^'x{40}\.\.\.' is no duration"):
        duration_ms("x" * 5_000)


@pytest.mark.parametrize("text", ["36501d", "999999999999999d"])
def test_too_long_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match=f"^'{text}' is too long; the longest duration is 36500d$"):
        duration_ms(text)


@given(st.integers(min_value=0, max_value=LONGEST_MS))
def test_format_duration_is_read_back(ms: int) -> None:
    assert duration_ms(format_duration(ms)) == ms


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0s"), (500, "500ms"), (90_000, "90s"), (600_000, "10m"), (86_400_000, "1d")],
)
def test_format_duration_is_short(ms: int, text: str) -> None:
    assert format_duration(ms) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [("0B", 0), ("512MB", 512_000_000), ("20GB", 20 * 10**9), ("1kB", 1000), ("1KB", 1000)],
)
def test_size(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("value", ["20", "20 GB", "20gb", "1.5GB", "GB", 20, None], ids=repr)
def test_no_size_names_the_value_and_the_form(value: object) -> None:
    with pytest.raises(ValueError, match="is no size") as caught:
        size_bytes(value)
    assert str(caught.value) == f"'{value}' is no size; write one like 512MB or 20GB"


def test_too_large_a_size() -> None:
    with pytest.raises(
        ValueError, match=r"^'1000001TB' is too large; the largest size is 1000000TB$"
    ):
        size_bytes("1000001TB")


class Keep(BaseModel):
    keep: DurationMs = 600_000
    max_size: SizeBytes = 1_000


def test_fields_take_text_from_files_and_ints_from_code() -> None:
    assert Keep.model_validate({"keep": "7d", "max_size": "1MB"}).keep == 604_800_000
    assert Keep(keep=5, max_size=7) == Keep.model_construct(keep=5, max_size=7)


@pytest.mark.parametrize("values", [{"keep": 5}, {"max_size": 5}, {"keep": True}], ids=repr)
def test_fields_refuse_bare_numbers_of_files(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"is no (duration|size)"):
        Keep.model_validate(values, context=object())
