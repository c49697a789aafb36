"""``severity`` by steps in words: ``[{above: 15, is: major}, {above: 30, is: critical}]``."""

from collections.abc import Sequence
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from citypatrol.yamlfile import Model, wrong
from rules.incidents import Severity
from rules.unit_words import Quantity
from rules.when_words import COMPARING, Pair

_MOST: Final = 4


class StepWords(Model):
    """From where on an incident is so grave."""

    grade: Severity = Field(alias="is")
    above: Quantity | None = None
    below: Quantity | None = None
    between: Pair | None = None
    outside: Pair | None = None
    equals: Quantity | None = None

    @model_validator(mode="after")
    def _one_comparison(self) -> Self:
        words = [word for word in COMPARING if getattr(self, word) is not None]
        if len(words) != 1:
            found = f", found {' and '.join(words)}" if words else ""
            message = f"says one of {', '.join(COMPARING)}{found}"
            raise ValueError(message)
        return self


def _each_once(steps: Sequence[StepWords]) -> Sequence[StepWords]:
    for at, one in enumerate(steps):
        if one.grade in [other.grade for other in steps[:at]]:
            message = f"{one.grade} stands there twice; join the two with between or outside"
            raise wrong(message, at, "is")
    return steps


Steps = Annotated[
    list[StepWords], Field(min_length=1, max_length=_MOST), AfterValidator(_each_once)
]
