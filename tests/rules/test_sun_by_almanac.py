"""The sun by another way: the almanac's low-precision place of the sun and sidereal time, good to
about 0.01 degrees from 1950 to 2050, must have it on the horizon when ``sun`` says it rises."""

import math
from datetime import date

import pytest

from rules.sun import sun

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
J2000 = 946_728_000_000
PLACES = {
    "Zhengzhou": (34.75, 113.62),
    "Quito": (-0.18, -78.47),
    "Sydney": (-33.87, 151.21),
    "Oslo": (59.91, 10.75),
    "Ushuaia": (-54.8, -68.3),
}
DAYS = [date(year, month, 21) for year in (1976, 2004, 2026, 2049) for month in (1, 3, 6, 8, 11)]


def altitude(at: float, *, lat: float, lon: float) -> float:
    """Degrees of the sun's centre over the horizon, without the air (Astronomical Almanac, C5)."""
    days = (at - J2000) / DAY
    mean = 280.460 + 0.9856474 * days
    anomaly = math.radians(357.528 + 0.9856003 * days)
    longitude = math.radians(mean + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 0.0000004 * days)
    ascension = math.atan2(math.cos(tilt) * math.sin(longitude), math.cos(longitude))
    declination = math.asin(math.sin(tilt) * math.sin(longitude))
    hour_angle = math.radians(280.46062 + 360.98564737 * days + lon) - ascension
    north = math.radians(lat)
    return math.degrees(
        math.asin(
            math.sin(north) * math.sin(declination)
            + math.cos(north) * math.cos(declination) * math.cos(hour_angle)
        )
    )


@pytest.mark.parametrize("place", PLACES)
def test_its_upper_edge_is_on_the_horizon(place: str) -> None:
    lat, lon = PLACES[place]
    for day in DAYS:
        found = sun(day, lat=lat, lon=lon)
        for at, sign in ((found.rise, 1), (found.set, -1)):
            assert altitude(at, lat=lat, lon=lon) == pytest.approx(-0.833, abs=0.012), (day, sign)
            assert sign * altitude(at + MINUTE, lat=lat, lon=lon) > sign * -0.833, (day, sign)


@pytest.mark.parametrize("place", PLACES)
def test_it_is_highest_on_that_day(place: str) -> None:
    """Between rise and set lies the noon that is nearest to the clock's of that longitude."""
    lat, lon = PLACES[place]
    for day in DAYS:
        found = sun(day, lat=lat, lon=lon)
        midnight = (day.toordinal() - date(1970, 1, 1).toordinal()) * DAY
        clock = midnight + DAY / 2 - lon / 360 * DAY
        assert found.rise < clock < found.set
        heights = {ahead: altitude(clock + ahead, lat=lat, lon=lon) for ahead in (-12 * HOUR, 0)}
        assert heights[0] > heights[-12 * HOUR]


@pytest.mark.parametrize(
    ("lat", "month"),
    [pytest.param(80, 6, id="north"), pytest.param(-80, 12, id="south")],
)
def test_a_sun_that_stays_up_goes_from_midnight_to_midnight(lat: float, month: int) -> None:
    """The lowest it comes is that midnight; half a year later its highest is the one noon."""
    day = date(2026, month, 10)
    up, down = sun(day, lat=lat, lon=25.0), sun(day.replace(month=18 - month), lat=lat, lon=25.0)
    assert up.set - up.rise == DAY
    assert down.rise == down.set
    for at, sign in ((up.rise, 1), (up.set, 1), (down.rise, -1)):
        here = sign * altitude(at, lat=lat, lon=25.0)
        assert here > sign * -0.833
        for beside in (-HOUR, HOUR):
            assert here < sign * altitude(at + beside, lat=lat, lon=25.0)
