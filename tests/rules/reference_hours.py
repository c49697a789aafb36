"""``during`` once more, plain and slow."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.rules.reference_words import Rule

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def during_holds(during: Rule | None, at: int) -> bool:
    """By the wall clock of UTC: the spans of yesterday and today."""
    if during is None:
        return True
    now = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo("UTC"))
    for back in (0, 1):
        day = (now - timedelta(days=back)).replace(hour=0, minute=0, second=0, microsecond=0)
        if WEEK[day.weekday()] not in during.get("days", WEEK):
            continue
        for span in during.get("time", ["00:00-24:00"]):
            begin, end = (
                timedelta(hours=int(clock[:2]), minutes=int(clock[3:])) for clock in span.split("-")
            )
            if day + begin <= now < day + end + timedelta(days=end <= begin):
                return True
    return False


def during_changes(during: Rule | None, after: int, until: int) -> list[int]:
    """Every minute at which it changes."""
    if during is None:
        return []
    minutes = range(after // 60_000 * 60_000, until + 1, 60_000)
    return [
        at
        for at in minutes
        if after < at and during_holds(during, at) != during_holds(during, at - 1)
    ]
