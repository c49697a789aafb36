"""What a rule file leaves to the city: where it lies, its clock, its calendar, its units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class CityFacts:
    """``place``: latitude and longitude in degrees. ``calendar``: which days are worked, None for
    Monday to Friday. ``units``: by metric."""

    timezone: str = "UTC"
    place: tuple[float, float] | None = None
    calendar: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    is_known: bool = True


UNKNOWN_CITY: Final = CityFacts(is_known=False)
"""For rules that are read by themselves."""
