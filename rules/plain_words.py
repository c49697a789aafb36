"""The plain values that rules are written with: names, and durations of some length."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

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
