"""What a rule compares and waits for, in words: ``when``, ``clear`` and ``unless``."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from citypatrol.units import DurationMs
from citypatrol.yamlfile import Model, wrong
from rules.plain_words import Name, Some
from rules.ruleset import EVERY_METRIC, Word

LATER: Final = "leave it out until then"
_SAMPLES: Final = re.compile(r"([1-9]\d{0,5}) samples?", re.ASCII)
_COMPARING: Final[tuple[Word, ...]] = ("above", "below", "between", "outside")
_WINDOWS: Final = ("mean", "max", "min", "sum", "count", "p95", "rate", "change")


def _count(value: object) -> object:
    found = _SAMPLES.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        message = f"'{value}' is no count; write one like 3 samples"
        raise ValueError(message)
    return int(found[1])


def _ordered(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        message = f"{pair[0]:g} is above {pair[1]:g}; write the lower number first"
        raise ValueError(message)
    return pair


Samples = Annotated[
    int,
    BeforeValidator(_count),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,5} samples?$"}),
]
Pair = Annotated[tuple[float, float], AfterValidator(_ordered)]


class LimitWords(Model):
    """A threshold from the registry: ``{label: flood_limit, default: 15}``."""

    label: Name
    default: float | None = None


class ComparisonWords(Model):
    """What ``when`` and ``clear`` compare a value with."""

    above: float | LimitWords | None = None
    below: float | LimitWords | None = None
    between: Pair | None = None
    outside: Pair | None = None

    @property
    def words(self) -> list[Word]:
        return [word for word in _COMPARING if getattr(self, word) is not None]


class WhenWords(ComparisonWords):
    hold_for: DurationMs | None = Field(default=None, alias="for")
    at_least: Samples | None = None
    missing: Some | None = None
    unbuilt: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (*_WINDOWS, "equals", "all", "any", "not", "during"), LATER
    )

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        words = [*self.words, *(["missing"] if self.missing is not None else [])]
        if not words:
            message = "says no condition; write one of above, below, between, outside, missing"
            raise ValueError(message)
        if len(words) > 1:
            way_out = "" if "missing" in words else "; use between or outside"
            message = f"one condition only, found {' and '.join(words)}{way_out}"
            raise wrong(message, words[1])
        for key, value in (("for", self.hold_for), ("at_least", self.at_least)):
            if self.missing is not None and value is not None:
                message = "missing has its own duration and counts no samples"
                raise wrong(message, key)
        return self


class ClearWords(ComparisonWords):
    hold_for: DurationMs | None = Field(default=None, alias="for")
    unbuilt: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (*_WINDOWS, "equals", "all", "any", "not"), LATER
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if len(self.words) > 1:
            message = f"one condition only, found {' and '.join(self.words)}"
            raise wrong(message, self.words[1])
        if not self.words and self.hold_for is None:
            message = "says nothing; write a threshold, for, or both"
            raise ValueError(message)
        return self


class UnlessWords(Model):
    metric: Name
    above: float | None = None
    below: float | None = None
    between: Pair | None = None
    outside: Pair | None = None
    unbuilt: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (*_WINDOWS, "equals", "all", "any", "not"), LATER
    )

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        words = [word for word in _COMPARING if getattr(self, word) is not None]
        if self.metric == EVERY_METRIC:
            message = "names one metric; '*' is for select"
            raise wrong(message, "metric")
        if len(words) != 1:
            found = f", found {' and '.join(words)}" if words else ""
            message = f"says one of above, below, between, outside{found}"
            raise ValueError(message)
        return self


def bounds(words: ComparisonWords) -> tuple[Word, float | None, float | None]:
    """Word, low and high; a threshold by label counts with its default, None without one."""
    word = words.words[0]
    value: Any = getattr(words, word)
    if isinstance(value, LimitWords):
        value = value.default
    if isinstance(value, tuple):
        return word, value[0], value[1]
    return (word, value, None) if word == "above" else (word, None, value)
