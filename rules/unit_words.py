"""Units beside thresholds, like ``above: 15 cm``, and in which unit a metric is sent."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, ValidatorFunctionWrapHandler, WithJsonSchema
from pydantic.functional_validators import WrapValidator

_AMOUNT: Final = re.compile(
    r"([+-]?(?:\d{1,15}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?) ?([^\s\d.,]\S{0,19})"
)
_UNITS: Final[dict[str, tuple[str, float, float]]] = {  # what it measures, times, plus
    **{unit: ("length", by, 0.0) for unit, by in {"mm": 1e-3, "cm": 1e-2, "m": 1.0}.items()},
    "km": ("length", 1e3, 0.0),
    "degC": ("temperature", 1.0, 0.0),
    "°C": ("temperature", 1.0, 0.0),
    "K": ("temperature", 1.0, -273.15),
    "degF": ("temperature", 5 / 9, -160 / 9),
    "°F": ("temperature", 5 / 9, -160 / 9),
    "m/s": ("speed", 1.0, 0.0),
    "km/h": ("speed", 1 / 3.6, 0.0),
    "Pa": ("pressure", 1.0, 0.0),
    "hPa": ("pressure", 1e2, 0.0),
    "kPa": ("pressure", 1e3, 0.0),
    "bar": ("pressure", 1e5, 0.0),
    "ug/m3": ("concentration", 1.0, 0.0),
    "µg/m³": ("concentration", 1.0, 0.0),
    "mg/m3": ("concentration", 1e3, 0.0),
    "mg/m³": ("concentration", 1e3, 0.0),
    "%": ("share", 1e-2, 0.0),
    "ppm": ("share", 1e-6, 0.0),
    "mV": ("voltage", 1e-3, 0.0),
    "V": ("voltage", 1.0, 0.0),
    "mA": ("current", 1e-3, 0.0),
    "A": ("current", 1.0, 0.0),
    "W": ("power", 1.0, 0.0),
    "kW": ("power", 1e3, 0.0),
    "lx": ("light", 1.0, 0.0),
    "dB": ("loudness", 1.0, 0.0),
    "ms": ("time", 1e-3, 0.0),
    "s": ("time", 1.0, 0.0),
    "min": ("time", 60.0, 0.0),
    "h": ("time", 3600.0, 0.0),
    "l/s": ("flow", 1e-3, 0.0),
    "m3/h": ("flow", 1 / 3600, 0.0),
    "m3/s": ("flow", 1.0, 0.0),
}


_IN_JSON: Final = (
    r"^[+-]?([0-9]{1,15}(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})? ?"
    f"({'|'.join(map(re.escape, _UNITS))})$"
)
_LISTED: Final = ", ".join(unit for unit in _UNITS if unit.isascii())


class Amount(float):
    """A number that was written with its unit."""

    unit: str

    def __new__(cls, value: float, unit: str) -> "Amount":
        made = super().__new__(cls, value)
        made.unit = unit
        return made


def converted(amount: float, unit: str, *, is_difference: bool) -> float:
    """In this unit. ``is_difference``: of two values, so that 0 degC is 0 K. ValueError where the
    two measure different things."""
    mine = amount.unit if isinstance(amount, Amount) else unit
    if mine == unit:
        return float(amount)
    (what, times, plus), (other, by, less) = _UNITS[mine], _UNITS[unit]
    if what != other:
        message = f"{amount:g} {mine} is a {what}, and the metric is sent in {unit}"
        raise ValueError(message)
    if is_difference:
        plus = less = 0.0
    exact = (amount * times + plus - less) / by
    return round(exact, 9) if abs(exact) < 1e6 else exact


def _amount(value: Any, number: ValidatorFunctionWrapHandler) -> float:
    found = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        plain: float = number(value)
        return plain
    return Amount(float(found[1]), _unit(found[2]))


def _unit(text: str) -> str:
    if text not in _UNITS:
        message = f"'{text}' is no unit known here; write the number alone, or one of {_LISTED}"
        raise ValueError(message)
    return text


Quantity = Annotated[
    float,
    WrapValidator(_amount),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": _IN_JSON}]}),
]
UnitName = Annotated[str, AfterValidator(_unit), Field(json_schema_extra={"enum": list(_UNITS)})]
