"""Which days are worked: weekdays, or a country's calendar with its holidays and make-up days."""

import functools
from collections.abc import Callable
from datetime import date
from typing import Final

import structlog

CALENDARS: Final = ("china",)
_SATURDAY: Final = 5

log = structlog.get_logger(__name__)


def is_workday(day: date, *, calendar: str | None) -> bool:
    """``calendar``: one of ``CALENDARS``, or None for Monday to Friday.

    A year that the calendar does not know counts as Monday to Friday; that is logged once a year.
    """
    if calendar is not None:
        known = _calendar(calendar)
        try:
            return known(day)
        except NotImplementedError:
            _say_unknown(calendar, day.year)
    return day.weekday() < _SATURDAY


def knows(year: int, *, calendar: str) -> bool:
    """Whether the calendar holds this year's holidays."""
    try:
        _calendar(calendar)(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


def _calendar(name: str) -> Callable[[date], bool]:
    if name not in CALENDARS:
        message = f"no calendar '{name}'; there are {', '.join(CALENDARS)}"
        raise ValueError(message)
    from chinese_calendar import is_workday as worked

    return worked  # type: ignore[no-any-return]  # it has no types


@functools.cache
def _say_unknown(calendar: str, year: int) -> None:
    log.warning(
        "the calendar does not know this year: Monday to Friday are worked; update chinesecalendar",
        calendar=calendar,
        year=year,
    )
