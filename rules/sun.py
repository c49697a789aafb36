"""Sunrise and sunset, to about a minute: the low-precision formulas of NOAA's solar calculator,
after Meeus, Astronomical Algorithms (1991), chapters 25 and 28. Pure."""

import math
from datetime import date
from typing import Final, Literal, NamedTuple

from citypatrol.clock import Ts

_DAY_MS: Final = 86_400_000
_EPOCH: Final = date(1970, 1, 1).toordinal()
_J2000_MS: Final = (date(2000, 1, 1).toordinal() - _EPOCH + 0.5) * _DAY_MS
_HORIZON: Final = -0.833
"""Degrees: the disc's upper edge, with the refraction of the air."""


class Sun(NamedTuple):
    """One day's rise and set. ``all_day``: it does not set, and they are the midnights around it by
    the mean sun, where days meet without a gap; or it does not rise, and they are the same noon."""

    rise: Ts
    set: Ts
    all_day: Literal["light", "dark"] | None = None


def sun(day: date, *, lat: float, lon: float) -> Sun:
    """Of the day whose noon by the sun is nearest to noon by the clock of that longitude; degrees,
    east and north positive."""
    start = (day.toordinal() - _EPOCH) * _DAY_MS
    noon_guess = start + _DAY_MS / 2 - lon / 360 * _DAY_MS
    declination, equation_min = _place_of_sun((noon_guess - _J2000_MS) / _DAY_MS)
    noon = noon_guess - equation_min * 60_000
    half = _half_day(lat, declination)
    if half >= 180:
        return Sun(round(noon_guess) - _DAY_MS // 2, round(noon_guess) + _DAY_MS // 2, "light")
    if half <= 0:
        return Sun(round(noon_guess), round(noon_guess), "dark")
    rise, set_ = (noon + sign * half / 360 * _DAY_MS for sign in (-1, 1))
    # Once more with the sun's own place at that hour.
    rise, set_ = (_again(noon_guess, at, lat, sign) for at, sign in ((rise, -1), (set_, 1)))
    return Sun(round(rise), round(set_))


def _again(noon_guess: float, at: float, lat: float, sign: int) -> float:
    declination, equation_min = _place_of_sun((at - _J2000_MS) / _DAY_MS)
    half = _half_day(lat, declination)
    return noon_guess - equation_min * 60_000 + sign * half / 360 * _DAY_MS


def _half_day(lat: float, declination: float) -> float:
    """Degrees that the earth turns from sunrise to noon: 0 where there is none, 180 all day."""
    latitude = math.radians(lat)
    cosine = (math.sin(math.radians(_HORIZON)) - math.sin(latitude) * math.sin(declination)) / max(
        1e-12, math.cos(latitude) * math.cos(declination)
    )
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))


def _place_of_sun(days: float) -> tuple[float, float]:
    """Declination in radians, and the equation of time in minutes; ``days`` since J2000."""
    century = days / 36_525
    mean = math.radians((280.46646 + century * 36_000.76983) % 360)
    anomaly = math.radians((357.52911 + century * 35_999.05029) % 360)
    eccentricity = 0.016708634 - 0.000042037 * century
    centre = (
        (1.914602 - 0.004817 * century) * math.sin(anomaly)
        + 0.019993 * math.sin(2 * anomaly)
        + 0.000289 * math.sin(3 * anomaly)
    )
    node = math.radians(125.04 - 1934.136 * century)
    longitude = mean + math.radians(centre - 0.00569 - 0.00478 * math.sin(node))
    tilt = math.radians(23.439291 - 0.013004 * century + 0.00256 * math.cos(node))
    declination = math.asin(math.sin(tilt) * math.sin(longitude))
    y = math.tan(tilt / 2) ** 2
    equation = (
        y * math.sin(2 * mean)
        - 2 * eccentricity * math.sin(anomaly)
        + 4 * eccentricity * y * math.sin(anomaly) * math.cos(2 * mean)
        - 0.5 * y * y * math.sin(4 * mean)
        - 1.25 * eccentricity * eccentricity * math.sin(2 * anomaly)
    )
    return declination, 4 * math.degrees(equation)
