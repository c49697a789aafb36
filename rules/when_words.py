"""What a rule compares and waits for, in words: ``when``, ``clear`` and ``unless``."""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from citypatrol.units import DurationMs, format_duration
from citypatrol.yamlfile import Model, wrong
from rules.comparison import Reading, WindowWord, Word
from rules.plain_words import Name, Some
from rules.ruleset import EVERY_METRIC
from rules.spans import possible
from rules.unit_words import Quantity

LATER: Final = "leave it out until then"
_SAMPLES: Final = re.compile(r"([1-9]\d{0,5}) samples?", re.ASCII)
COMPARING: Final[tuple[Word, ...]] = ("above", "below", "between", "outside", "equals")
W = TypeVar("W", bound=str)
_WINDOWS: Final[tuple[WindowWord, ...]] = get_args(WindowWord)


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
Pair = Annotated[tuple[Quantity, Quantity], AfterValidator(_ordered)]


def written(words: Model, among: Sequence[W]) -> list[W]:
    """Those of these keys that stand there with a value, in their order."""
    there = words.model_fields_set
    if there.isdisjoint(among):
        return []
    return [word for word in among if word in there and getattr(words, word) is not None]


class LimitWords(Model):
    """A threshold from the registry: ``{label: flood_limit, default: 15}``."""

    label: Name
    default: Quantity | None = None


Threshold = Annotated[Quantity | LimitWords, Field(union_mode="left_to_right")]
"""A number is tried first: nearly all are."""


class ComparisonWords(Model):
    """What ``when`` and ``clear`` compare a value with."""

    above: Threshold | None = None
    below: Threshold | None = None
    between: Pair | None = None
    outside: Pair | None = None
    equals: Quantity | None = None

    @cached_property
    def words(self) -> list[Word]:
        return written(self, COMPARING)


class WindowWords(ComparisonWords):
    """A comparison with what a window says, like ``{mean: 15m, above: 150}``, or with the value."""

    mean: Some | None = None
    max: Some | None = None
    min: Some | None = None
    sum: Some | None = None
    count: Some | None = None
    p95: Some | None = None
    rate: Some | None = None
    change: Some | None = None

    @cached_property
    def window(self) -> Reading | None:
        found = written(self, _WINDOWS)
        return Reading(found[0], getattr(self, found[0])) if found else None

    def one_window(self) -> None:
        """To be called by validators, once there is one comparison at the most."""
        if self.window is None:
            return
        found = written(self, _WINDOWS)
        if len(found) > 1:
            message = f"one window only, found {' and '.join(found)}"
            raise wrong(message, found[1])
        if not self.words:
            message = f"{found[0]} is compared with nothing; write above or another comparison too"
            raise wrong(message, found[0])


class WhenWords(WindowWords):
    hold_for: DurationMs | None = Field(default=None, alias="for")
    at_least: Samples | None = None
    missing: Some | None = None
    unbuilt: ClassVar[Mapping[str, str]] = dict.fromkeys(("all", "any", "not", "during"), LATER)

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        self.one_condition()
        return self

    def one_condition(self) -> None:
        words = [*self.words, *(["missing"] if self.missing is not None else [])]
        if not words and self.window is None:
            some = ", ".join((*COMPARING, "missing"))
            message = f"says no condition; write one of {some}"
            raise ValueError(message)
        if len(words) > 1:
            way_out = "" if "missing" in words else "; use between or outside"
            message = f"one condition only, found {' and '.join(words)}{way_out}"
            raise wrong(message, words[1])
        for key, value in (("for", self.hold_for), ("at_least", self.at_least)):
            if self.missing is not None and value is not None:
                message = "missing has its own duration and counts no samples"
                raise wrong(message, key)
        if self.missing is not None and self.window is not None:
            message = "a silence has no samples; leave one of the two out"
            raise wrong(message, self.window.word)
        self.one_window()
        least = self.at_least or 1
        if (
            self.window is not None
            and self.window.word == "count"
            and not countable(self, least=least)
        ):
            message = (
                f"never counted: a window is worked out when a sample comes, so it holds {least} "
                f"or more; write missing: {format_duration(self.window.span)} for silence"
            )
            raise wrong(message, self.words[0])


class ClearWords(WindowWords):
    hold_for: DurationMs | None = Field(default=None, alias="for")
    unbuilt: ClassVar[Mapping[str, str]] = dict.fromkeys(("all", "any", "not"), LATER)

    @model_validator(mode="after")
    def _something(self) -> Self:
        self.something()
        return self

    def something(self) -> None:
        if len(self.words) > 1:
            message = f"one condition only, found {' and '.join(self.words)}"
            raise wrong(message, self.words[1])
        self.one_window()
        if not self.words and self.hold_for is None:
            message = "says nothing; write a threshold, for, or both"
            raise ValueError(message)


class UnlessWords(Model):
    metric: Name
    above: Quantity | None = None
    below: Quantity | None = None
    between: Pair | None = None
    outside: Pair | None = None
    equals: Quantity | None = None
    unbuilt: ClassVar[Mapping[str, str]] = dict.fromkeys((*_WINDOWS, "all", "any", "not"), LATER)

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        words = [word for word in COMPARING if getattr(self, word) is not None]
        if self.metric == EVERY_METRIC:
            message = "names one metric; '*' is for select"
            raise wrong(message, "metric")
        if len(words) != 1:
            found = f", found {' and '.join(words)}" if words else ""
            message = f"says one of {', '.join(COMPARING)}{found}"
            raise ValueError(message)
        return self


def countable(words: ComparisonWords, *, least: int) -> bool:
    """Whether a window may count so: it is worked out when a sample comes, and then it holds one at
    least (RULES 23). Nobody can say of a threshold by label."""
    word = words.words[0]
    by_label = isinstance(getattr(words, word), LimitWords)
    return by_label or possible(word, *bounds(words)[1:], least=least)


def bounds(words: ComparisonWords) -> tuple[Word, float | None, float | None]:
    """Word, low and high; a threshold by label counts with its default, None without one."""
    word = words.words[0]
    value: Any = getattr(words, word)
    if isinstance(value, LimitWords):
        value = value.default
    if isinstance(value, tuple):
        return word, value[0], value[1]
    if word == "equals":
        return word, value, value
    return (word, value, None) if word == "above" else (word, None, value)
