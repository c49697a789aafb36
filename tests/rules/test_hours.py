"""``during``: the sun by almanacs, days by calendars, hours by the wall clock of a city."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citypatrol.workdays import is_workday, knows
from rules.during import During, Edge, Span
from rules.hours import Hours
from rules.sun import sun

HOUR = 3_600_000
DAY = 24 * HOUR


def ms(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("day", "lat", "lon", "zone", "rise", "set_"),
    [
        pytest.param("2024-06-20", 51.507, -0.128, "Europe/London", "04:43", "21:21", id="London"),
        pytest.param(
            "2024-12-21", -33.87, 151.21, "Australia/Sydney", "05:41", "20:05", id="Sydney"
        ),
        pytest.param("2024-06-21", 39.904, 116.41, "Asia/Shanghai", "04:46", "19:46", id="Beijing"),
        pytest.param("2024-12-21", 40.713, -74.006, "America/New_York", "07:17", "16:32", id="NY"),
        pytest.param(
            "2024-12-21", 21.307, -157.86, "Pacific/Honolulu", "07:05", "17:55", id="Hawaii"
        ),
    ],
)
def test_the_sun(day: str, lat: float, lon: float, zone: str, rise: str, set_: str) -> None:
    """As the almanacs of those cities print it, to the minute."""
    found = sun(date.fromisoformat(day), lat=lat, lon=lon)
    for at, clock in ((found.rise, rise), (found.set, set_)):
        assert abs(at - ms(f"{day}T{clock}:00", zone)) <= 60_000


def test_where_the_sun_does_not_rise_or_set() -> None:
    summer, winter = (sun(date(2024, month, 21), lat=69.65, lon=18.96) for month in (6, 12))
    assert summer.set - summer.rise == DAY
    assert winter.set == winter.rise


def spans(*clocks: tuple[float, float]) -> tuple[Span, ...]:
    return tuple(
        Span(Edge("midnight", round(a * HOUR)), Edge("midnight", round(b * HOUR)))
        for a, b in clocks
    )


def changes(during: During, begin: str, count: int, zone: str = "UTC") -> list[str]:
    hours, at = Hours(during, place=during.place), ms(begin, zone)
    found = []
    while len(found) < count:
        at = hours.next(at)
        if hours.holds(at) != hours.holds(at - 1):
            local = datetime.fromtimestamp(at / 1000, ZoneInfo(zone))
            found.append(f"{'+' if hours.holds(at) else '-'}{local:%a %d %H:%M %z}")
    return found


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    friday = During(spans((22, 6)), days=(4,))
    assert changes(friday, "2026-05-13T00:00:00", 2) == [
        "+Fri 15 22:00 +0000",
        "-Sat 16 06:00 +0000",
    ]


def test_the_clock_is_put_forward_and_back() -> None:
    night = During(spans((1, 3)), timezone="Europe/Berlin")
    spring = changes(night, "2026-03-29T00:00:00", 2, "Europe/Berlin")
    assert spring == ["+Sun 29 01:00 +0100", "-Sun 29 03:00 +0200"]  # an hour long
    autumn = changes(night, "2026-10-25T00:00:00", 2, "Europe/Berlin")
    assert autumn == ["+Sun 25 01:00 +0200", "-Sun 25 03:00 +0100"]  # three hours long


def test_spans_that_meet_are_one() -> None:
    assert changes(During(spans((6, 9), (8, 12), (12, 13))), "2026-05-13T00:00:00", 2) == [
        "+Wed 13 06:00 +0000",
        "-Wed 13 13:00 +0000",
    ]


def test_working_days_with_the_days_that_are_worked_instead() -> None:
    """The Labour Day of 2026: Friday to Tuesday off, Saturday the 9th worked."""
    during = During(days="workdays", calendar="china", timezone="Asia/Shanghai")
    assert changes(during, "2026-04-30T12:00:00", 4, "Asia/Shanghai") == [
        "-Fri 01 00:00 +0800",
        "+Wed 06 00:00 +0800",
        "-Sun 10 00:00 +0800",
        "+Mon 11 00:00 +0800",
    ]


def test_holidays_are_the_other_days() -> None:
    during = During(days="holidays", calendar="china", timezone="Asia/Shanghai")
    assert changes(during, "2026-04-30T12:00:00", 4, "Asia/Shanghai") == [
        "+Fri 01 00:00 +0800",
        "-Wed 06 00:00 +0800",
        "+Sun 10 00:00 +0800",
        "-Mon 11 00:00 +0800",
    ]


@pytest.mark.parametrize(
    ("day", "held"),
    [
        pytest.param("1900-01-01T12:00:00", True, id="the first day, a Monday"),
        pytest.param("1900-01-02T12:00:00", False, id="the second"),
        pytest.param("2199-12-30T12:00:00", True, id="the last Monday"),
        pytest.param("2199-12-31T12:00:00", False, id="the last day"),
    ],
)
def test_three_centuries(day: str, held: bool) -> None:
    hours = Hours(During(days=(0,)), place=None)
    at = ms(day)
    assert hours.holds(at) is held
    assert hours.hold(np.array([at])).tolist() == [held]
    assert hours.next(at) > at


@pytest.mark.parametrize("day", ["1850-06-03T12:00:00", "2300-06-04T12:00:00"])
def test_other_centuries_break_nothing(day: str) -> None:
    hours, at = Hours(During(days=(0,)), place=None), ms(day)
    assert hours.hold(np.array([at])).tolist() == [hours.holds(at)]
    assert hours.next(at) > at


def test_a_year_that_the_calendar_does_not_know() -> None:
    assert knows(2026, calendar="china")
    assert not knows(2199, calendar="china")
    assert is_workday(date(2199, 1, 1), calendar="china")  # a Tuesday
    assert not is_workday(date(2026, 1, 3), calendar=None)
    with pytest.raises(ValueError, match="no calendar 'mars'; there are china"):
        knows(2026, calendar="mars")


def test_by_the_sun_of_a_place() -> None:
    night = (Span(Edge("sunset", -HOUR // 2), Edge("sunrise")),)
    during = During(night, timezone="Asia/Shanghai", place=(34.75, 113.6))
    assert changes(during, "2026-05-13T12:00:00", 2, "Asia/Shanghai") == [
        "+Wed 13 18:49 +0800",
        "-Thu 14 05:23 +0800",
    ]
    assert not Hours(during, place=None).is_known


SUNRISE, SUNSET = Edge("sunrise"), Edge("sunset")
DEEP_NIGHT = Span(Edge("sunset", HOUR), Edge("sunrise", -HOUR))
TROMSO, TRONDHEIM, OULU = (69.65, 18.96), (63.43, 10.4), (65.01, 25.47)


def clock(hours: float) -> Edge:
    return Edge("midnight", round(hours * HOUR))


@pytest.mark.parametrize(
    ("span", "place", "begin", "hours"),
    [
        pytest.param(Span(SUNSET, SUNRISE), TROMSO, "2026-06-10", 0, id="no night"),
        pytest.param(Span(SUNRISE, SUNSET), TROMSO, "2026-06-10", 96, id="day without a gap"),
        pytest.param(Span(SUNRISE, SUNSET), TROMSO, "2026-12-20", 0, id="no day"),
        pytest.param(Span(SUNSET, SUNRISE), TROMSO, "2026-12-20", 96, id="night without a gap"),
        pytest.param(DEEP_NIGHT, TROMSO, "2026-12-20", 96, id="dark"),
        pytest.param(
            Span(Edge("sunset", HOUR), Edge("sunrise", -HOUR)),
            OULU,
            "2026-06-20",
            0,
            id="too short",
        ),
        pytest.param(Span(SUNSET, clock(23)), TROMSO, "2026-06-10", 0, id="no sunset before 23:00"),
        pytest.param(Span(clock(22), SUNRISE), TROMSO, "2026-06-10", 0, id="up at 22:00 already"),
        pytest.param(Span(SUNRISE, clock(15)), TROMSO, "2026-12-20", 0, id="never up by 15:00"),
        pytest.param(Span(clock(12), SUNSET), TROMSO, "2026-12-20", 0, id="down at noon already"),
        pytest.param(Span(SUNSET, clock(21)), TRONDHEIM, "2026-06-20", 0, id="a late sunset"),
        pytest.param(Span(clock(7), SUNRISE), TRONDHEIM, "2026-06-20", 0, id="an early sunrise"),
    ],
)
def test_far_in_the_north(span: Span, place: tuple[float, float], begin: str, hours: int) -> None:
    """Hours of the four days from ``begin`` (UTC) in which it holds."""
    there = Hours(During((span,), place=place), place=place)
    start = ms(f"{begin}T00:00:00")
    minutes = range(start, start + 4 * DAY, 60_000)
    assert sum(map(there.holds, minutes)) == hours * 60


def test_a_sunset_that_moves_past_the_end_and_back() -> None:
    evening = Span(SUNSET, clock(22))  # UTC; the sun of Trondheim sets at 21:38 on the longest day
    there = Hours(During((evening,), place=TRONDHEIM), place=TRONDHEIM)
    midsummer, winter = (ms(f"2026-{month}-21T00:00:00") for month in ("06", "12"))
    held = [sum(map(there.holds, range(one, one + DAY, 60_000))) for one in (midsummer, winter)]
    assert 20 <= held[0] <= 25
    assert 8 * 60 < held[1] < 9 * 60


@pytest.mark.parametrize(
    ("clocks", "expected"),
    [
        pytest.param((2.5, 6), ["+Sun 29 03:00 +0200", "-Sun 29 06:00 +0200"], id="begins in it"),
        pytest.param((22, 2.5), ["+Sat 28 22:00 +0100", "-Sun 29 03:00 +0200"], id="ends in it"),
        pytest.param((2.5, 3.5), ["+Sun 29 03:00 +0200", "-Sun 29 03:30 +0200"], id="around it"),
        pytest.param((2, 2.5), ["+Mon 30 02:00 +0200", "-Mon 30 02:30 +0200"], id="all of it"),
    ],
)
def test_a_time_that_the_clock_leaves_out(clocks: tuple[float, float], expected: list[str]) -> None:
    during = During(spans(clocks), timezone="Europe/Berlin")
    assert changes(during, "2026-03-28T12:00:00", 2, "Europe/Berlin") == expected


@given(
    at=st.integers(0, 4 * 366 * 24 * 60),
    clocks=st.lists(
        st.tuples(st.integers(0, 47), st.integers(0, 48)).filter(lambda p: p[0] != p[1]),
        min_size=1,
        max_size=3,
    ),
    days=st.none() | st.sets(st.integers(0, 6), min_size=1).map(lambda s: tuple(sorted(s))),
)
def test_any_minute_by_looking_at_the_clock(
    at: int, clocks: list[tuple[int, int]], days: tuple[int, ...] | None
) -> None:
    instant = ms("2024-01-01T00:00:00") + at * 60_000
    hours = Hours(During(spans(*((a / 2, b / 2) for a, b in clocks)), days=days), place=None)
    now = datetime.fromtimestamp(instant / 1000, UTC)
    held = False
    for back in (0, 1):
        day = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=back)
        for a, b in clocks if days is None or day.weekday() in days else ():
            begin, end = (day + timedelta(minutes=30 * half) for half in (a, b))
            held |= begin <= now < (end if b > a else end + timedelta(days=1))
    assert hours.holds(instant) == held
    assert hours.next(instant) > instant
    assert all(hours.holds(one) == held for one in (instant, hours.next(instant) - 1))
