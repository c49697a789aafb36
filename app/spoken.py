"""Times and clocks as a person says them. Pure."""

from typing import Final

_STEPS: Final = (
    (120_000, 1_000, "s"),
    (7_200_000, 60_000, "min"),
    (172_800_000, 3_600_000, "h"),
)
_DAY: Final = 86_400_000
_FAST_MS: Final = 5_000
_SLOW_MS: Final = 30_000


def lasting(ms: float) -> str:
    """``12 s``, ``4 min``, ``3 h``, ``9 days``."""
    for below, unit, name in _STEPS:
        if ms < below:
            return f"{max(0, ms) / unit:.0f} {name}"
    return f"{ms / _DAY:.0f} days"


def exactly(ms: float) -> str:
    """``1m 40s``, ``2h 5m``, ``3d 4h``: the two largest units that are there."""
    left, said = round(ms), []
    for unit, name in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")):
        count, left = divmod(left, unit)
        if count:
            said.append(f"{count}{name}")
    if not said:
        return f"{max(0, left)}ms" if left > 0 else "0s"
    return " ".join(said[:2])


def ago(ms: float) -> str:
    """``12 s ago``; a moment that is still to come is now."""
    return f"{lasting(ms)} ago"


def pace(interval_ms: float | None) -> str:
    """``every 10 s``; '' where it is not known."""
    if interval_ms is None:
        return ""
    return (
        f"every {interval_ms / 1_000:.1f} s"
        if interval_ms < 9_950
        else f"every {lasting(interval_ms)}"
    )


def clock_says(offset_ms: float) -> str:
    """What a source's times tell of its clock; ``offset_ms``: arrival less time."""
    if offset_ms < -_FAST_MS:
        return f"its clock is {lasting(-offset_ms)} fast"
    if offset_ms > _SLOW_MS:
        return (
            f"its readings come {lasting(offset_ms)} after their time: its clock is slow, or they"
            " wait on the way"
        )
    return "in step with the city's"
