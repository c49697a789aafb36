"""What stands in a rule test about series, alarms and incidents, as models of its YAML."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from citypatrol.clock import Ts
from citypatrol.units import MORE_THAN_0S, DurationMs
from citypatrol.yamlfile import Model, wrong
from rules.incidents import Severity
from rules.ruleset import EVERY_METRIC
from rules.testing.moments import Moment, MomentField
from rules.testing.notation import IN_JSON, Values, expand

State = Literal["ok", "pending", "firing"]
EVERY_MS: Final = 60_000


def _cell(value: object) -> object:
    """Labels are text, also where they look like numbers."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        message = "expected text or a number"
        raise ValueError(message)
    return str(value)


def _expanded(value: object) -> object:
    return expand(value)


def _more_than_nothing(ms: int) -> int:
    if ms == 0:
        message = "must be more than 0s"
        raise ValueError(message)
    return ms


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        message = "expected a number"
        raise ValueError(message)
    return float(value)


def _one_metric(text: str) -> str:
    if text == EVERY_METRIC:
        message = "'*' is no metric; name one"
        raise ValueError(message)
    return text


Name = Annotated[str, Field(min_length=1, max_length=200)]
Cell = Annotated[str, BeforeValidator(_cell), WithJsonSchema({"type": ["string", "number"]})]
Labels = Mapping[Name, Cell]
Number = Annotated[float, BeforeValidator(_number)]
Step = Annotated[
    DurationMs,
    AfterValidator(_more_than_nothing),
    WithJsonSchema(MORE_THAN_0S),
]
Metric = Annotated[
    Name, AfterValidator(_one_metric), Field(json_schema_extra={"not": {"const": EVERY_METRIC}})
]


class SeriesWords(Model):
    """``values`` one ``every`` so often from ``begin`` on, or samples ``at`` their times; each
    arrives ``delay`` after its own time."""

    source: Name
    metric: Metric
    values: Annotated[Any, BeforeValidator(_expanded), WithJsonSchema(IN_JSON)] = None
    at: Mapping[MomentField, Number | None] | None = None
    every: Step | None = None
    begin: MomentField = Field(default=Moment(0), alias="from")
    delay: DurationMs = 0

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.values is None) == (self.at is None):
            message = "needs values or at, and not both"
            raise ValueError(message)
        if self.at is not None:
            for key in ("every", "begin"):
                if key in self.model_fields_set:
                    message = "belongs to values; a sample of at has its own time"
                    raise wrong(message, "from" if key == "begin" else key)
            if not self.at:
                message = "no samples; write some, like {0s: 3, 2m: 20}"
                raise wrong(message, "at")
        return self

    def slots(self, *, start: Ts, every: int) -> Iterator[tuple[Ts, float | None]]:
        """Every time at which a sample may come, None where none does."""
        if self.at is not None:
            for moment, value in self.at.items():
                yield moment.at(start), value
            return
        values: Values = self.values
        first, step = self.begin.at(start), self.every or every
        for at, one in enumerate(values):
            yield first + at * step, one


class AlarmWords(Model):
    """The state of one alarm at some times."""

    rule: Name
    source: Name
    at: Annotated[Mapping[MomentField, State], Field(min_length=1)]


class IncidentWords(Model):
    """One incident; what is left out may be anything."""

    rule: Name
    source: Name
    metric: Name | None = None
    since: MomentField | None = None
    fired_at: MomentField | None = None
    cleared_at: MomentField | None = None
    value: Number | None = None
    severity: Severity | None = None
