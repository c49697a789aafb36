"""The plain values that rules are written with: names, cells, and durations of some length."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from citypatrol.units import MORE_THAN_0S, DurationMs

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def _name(text: str) -> str:
    if _CONTROL.search(text):
        message = "must be one line without control characters"
        raise ValueError(message)
    return text


def _some(ms: int) -> int:
    if ms == 0:
        message = "must be more than 0s"
        raise ValueError(message)
    return ms


def _cells(value: object) -> object:
    """Labels are text: ``floor: 3`` means the cell ``3``."""
    values = value if isinstance(value, list) else [value]
    if not values:
        message = "selects nothing; write one value or more"
        raise ValueError(message)
    for one in values:
        if isinstance(one, bool) or not isinstance(one, str | int):
            message = "expected text or a list of texts; put other values in quotes"
            raise ValueError(message)
        if one == "":
            message = "an empty cell cannot be selected"
            raise ValueError(message)
    return [str(one) for one in values]


Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100),
    AfterValidator(_name),
    Field(json_schema_extra={"pattern": r"^[^\x00-\x1f\x7f]*$"}),
]
Some = Annotated[
    DurationMs,
    AfterValidator(_some),
    WithJsonSchema(MORE_THAN_0S),
]
_CELL: Final = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}]}
Cells = Annotated[
    list[str],
    BeforeValidator(_cells),
    WithJsonSchema({"anyOf": [*_CELL["anyOf"], {"type": "array", "items": _CELL, "minItems": 1}]}),
]
