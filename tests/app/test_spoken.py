import pytest

from app.spoken import ago, clock_says, lasting, pace


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (-5, "0 s"),
        (400, "0 s"),
        (12_000, "12 s"),
        (119_000, "119 s"),
        (120_000, "2 min"),
        (240_000, "4 min"),
        (7_200_000, "2 h"),
        (172_800_000, "2 days"),
        (864_000_000, "10 days"),
    ],
)
def test_lasting(ms: float, text: str) -> None:
    assert lasting(ms) == text
    assert ago(ms) == f"{text} ago"


@pytest.mark.parametrize(
    ("ms", "text"),
    [(None, ""), (1_000.0, "every 1.0 s"), (10_000.0, "every 10 s"), (600_000.0, "every 10 min")],
)
def test_pace(ms: float | None, text: str) -> None:
    assert pace(ms) == text


@pytest.mark.parametrize(
    ("offset", "text"),
    [
        (40, "in step with the city's"),
        (-4_900, "in step with the city's"),
        (29_000, "in step with the city's"),
        (-240_000, "its clock is 4 min fast"),
        (3_600_000, "its readings come 60 min after their time: its clock is slow, or they wait"),
    ],
)
def test_clock(offset: float, text: str) -> None:
    assert clock_says(offset).startswith(text)
