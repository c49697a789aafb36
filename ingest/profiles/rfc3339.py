"""Times as RFC 3339 writes them, and no other form of ISO 8601."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from citypatrol.clock import Ts

_FORM: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,30}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def milliseconds(text: str) -> Ts | None:
    """Milliseconds since 1970, fractions rounded; None where ``text`` is no RFC 3339 time.

    The zone is mandatory. A leap second (``:60``) is the second after it.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    date, time, fraction, zone = found.groups()
    leap = time.endswith(":60")
    time = f"{time[:-2]}59" if leap else time
    try:
        at = datetime.fromisoformat(f"{date}T{time}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError:
        return None
    whole = (at - _EPOCH) // _MS + (1000 if leap else 0)
    return whole + (round(float(f"0.{fraction}") * 1000) if fraction else 0)
