"""``during`` in words: what each time and day comes to, and where the last good one lies."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from rules.during import Edge, Span
from rules.during_words import DuringWords

MINUTE = 60_000
HOUR = 60 * MINUTE


def clock(hours: float) -> Edge:
    return Edge("midnight", round(hours * HOUR))


@pytest.mark.parametrize(
    ("text", "span"),
    [
        pytest.param("22:00-06:00", Span(clock(22), clock(6)), id="over midnight"),
        pytest.param("6:05 to 7:45", Span(clock(6 + 5 / 60), clock(7.75)), id="minutes"),
        pytest.param("00:00-24:00", Span(clock(0), clock(24)), id="from the first to the last"),
        pytest.param("23:59-24:00", Span(clock(24 - 1 / 60), clock(24)), id="a minute"),
        pytest.param("sunset-30m to sunrise", Span(Edge("sunset", -HOUR // 2), Edge("sunrise"))),
        pytest.param(
            "sunrise+90s-12:00", Span(Edge("sunrise", 90_000), clock(12)), id="sun to clock"
        ),
        pytest.param(
            "sunrise-12h to sunset+12h",
            Span(Edge("sunrise", -12 * HOUR), Edge("sunset", 12 * HOUR)),
            id="as far as it may be",
        ),
        pytest.param("sunrise-sunset", Span(Edge("sunrise"), Edge("sunset")), id="the day"),
    ],
)
def test_a_time(text: str, span: Span) -> None:
    assert DuringWords(time=text).time == (span,)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("24:00-06:00", "begins where the day is over; write 00:00"),
        ("22:00-24:01", "'24:01' is no time of day; the last one is 24:00"),
        ("24:30-01:00", "'24:30' is no time of day; the last one is 24:00"),
        ("22:60-06:00", "is no time; write one like 22:00-06:00"),
        ("25:00-06:00", "is no time; write one like 22:00-06:00"),
        ("06:00-06:00", "begins where it ends; leave time out for the whole day"),
        ("sunset-sunset", "begins where it ends; leave time out for the whole day"),
        ("sunset+721m-06:00", "'sunset+721m' is too far from it; 12h are the most"),
        ("sunset-43201s to 06:00", "is too far from it; 12h are the most"),
        (7, "'7' is no time; write one like"),
    ],
)
def test_no_time(text: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(says)):
        DuringWords(time=text)


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("mon", (0,)),
        ("sun", (6,)),
        (["sun", "wed", "mon", "wed"], (0, 2, 6)),
        (["tue", "thu", "fri", "sat"], (1, 3, 4, 5)),
        ("weekdays", (0, 1, 2, 3, 4)),
        ("weekends", (5, 6)),
        ("workdays", "workdays"),
        ("holidays", "holidays"),
    ],
)
def test_days(words: Any, days: object) -> None:
    assert DuringWords(days=words).days == days


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"days": "monday"}, "'monday' is no day; there are mon, tue, wed"),
        ({"days": ["mon", "weekends"]}, "'weekends' is no day"),
        ({"days": []}, "is no day"),
        ({"days": [3]}, "'3' is no day"),
        ({}, "says nothing; write time, days, or both"),
        ({"time": []}, "holds at no time; write one time or more"),
        ({"days": "mon", "calendar": "china"}, "write days: workdays or holidays"),
        ({"time": "06:00-07:00", "calendar": "china"}, "write days: workdays or holidays"),
    ],
)
def test_no_days(words: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(says)):
        DuringWords(**words)
