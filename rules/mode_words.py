"""``mode`` in words: what of a rule is another in a mode of the city, or that it is off."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from citypatrol.yamlfile import Model, wrong
from rules.during_words import DuringWords
from rules.incidents import Severity
from rules.join_words import JoinedClear, JoinedWhen
from rules.plain_words import Some
from rules.severity_words import Steps
from rules.when_words import UnlessWords

OFF: Final = "off"
_NAME: Final = r"^[a-z][a-z0-9_-]{0,39}$"


class OverlayWords(Model):
    """Each key stands in place of the rule's own."""

    when: JoinedWhen | None = None
    clear: JoinedClear | None = None
    unless: UnlessWords | None = None
    during: DuringWords | None = None
    severity: Severity | Steps | None = None
    stale: Some | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        said = [name for name in self.model_fields_set if getattr(self, name) is not None]
        if not said:
            message = f"changes nothing; write when, clear, severity, ..., or {OFF}"
            raise ValueError(message)
        return self


def mode_name(text: str) -> str:
    """Of a rule file, a city or a command; ValueError where it can be none."""
    if not re.fullmatch(_NAME, text, re.ASCII):
        message = f"'{text}' is no name of a mode; write one like flood or night-market"
        raise ValueError(message)
    return text


ModeName = Annotated[str, AfterValidator(mode_name), Field(json_schema_extra={"pattern": _NAME})]
Modes = Mapping[ModeName, OverlayWords | Literal["off"]]


def under(error: PydanticCustomError, *keys: str) -> PydanticCustomError:
    """The same error, of something that stands below these keys."""
    context: dict[str, Any] = dict(error.context or {})
    return wrong(context.get("message", error.message()), *keys, *context.get("keys", ()))
