"""The rule file as models: the words people write, and what is wrong with them (DESIGN 6)."""

import re
from collections.abc import Mapping
from string import Formatter
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from citypatrol.units import DurationMs
from citypatrol.yamlfile import Model, wrong
from rules.ruleset import EVERY_METRIC, Word
from rules.spans import overlap

_SAMPLES: Final = re.compile(r"([1-9]\d{0,5}) samples?", re.ASCII)
_CATEGORY: Final = re.compile(r"[\w-]+(\.[\w-]+)*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_COMPARING: Final[tuple[Word, ...]] = ("above", "below", "between", "outside")
_LATER: Final = "leave it out until then"
_WINDOWS: Final = ("mean", "max", "min", "sum", "count", "p95", "rate", "change")
_SENTENCES: Final = ("source", "group", "rule", "metric")


def _name(text: str) -> str:
    if _CONTROL.search(text):
        message = "must be one line without control characters"
        raise ValueError(message)
    return text


def _count(value: object) -> object:
    found = _SAMPLES.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        message = f"'{value}' is no count; write one like 3 samples"
        raise ValueError(message)
    return int(found[1])


def _some(ms: int) -> int:
    if ms == 0:
        message = "must be more than 0s"
        raise ValueError(message)
    return ms


def _ordered(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        message = f"{pair[0]:g} is above {pair[1]:g}; write the lower number first"
        raise ValueError(message)
    return pair


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


def _one_severity(value: object) -> object:
    if isinstance(value, list | dict):
        message = "severity by steps is documented but not built yet; write one word"
        raise ValueError(message)
    return value


def _category(text: str) -> str:
    if not _CATEGORY.fullmatch(text):
        message = f"'{text}' is no category; write a dotted name like road.flooding"
        raise ValueError(message)
    return text


def _title(text: str) -> str:
    try:
        fields = list(Formatter().parse(text))
    except ValueError as error:
        message = f"{error}; write {{{{ and }}}} for braces"
        raise ValueError(message) from error
    for _, name, spec, conversion in fields:
        if name is not None:
            _placeholder(name, spec or "", conversion)
    return text


def _placeholder(name: str, spec: str, conversion: str | None) -> None:
    label = name.removeprefix("source.")
    known = name in (*_SENTENCES, "value", "count") or (label != name and bool(label))
    if not known:
        message = (
            f"unknown placeholder '{{{name}}}'; there are {{source.name}}, {{source.LABEL}}, "
            "{value:.0f}, {group} and {count}"
        )
        raise ValueError(message)
    example: object = {"value": 1.5, "count": 2}.get(name, "text")
    try:
        if conversion is not None or "{" in spec:
            raise ValueError
        format(example, spec)
    except ValueError as error:
        message = f"'{name}' cannot be written as '{spec or '!' + str(conversion)}'"
        raise ValueError(message) from error


Name = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_name)]
Samples = Annotated[int, BeforeValidator(_count)]
Some = Annotated[DurationMs, AfterValidator(_some)]
Pair = Annotated[tuple[float, float], AfterValidator(_ordered)]
Cells = Annotated[list[str], BeforeValidator(_cells)]
Category = Annotated[str, StringConstraints(max_length=100), AfterValidator(_category)]
SeverityWord = Annotated[
    Literal["info", "minor", "major", "critical"], BeforeValidator(_one_severity)
]


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
        (*_WINDOWS, "equals", "all", "any", "not", "during"), _LATER
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
        (*_WINDOWS, "equals", "all", "any", "not"), _LATER
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
        (*_WINDOWS, "equals", "all", "any", "not"), _LATER
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


class SelectWords(Model):
    metric: Name
    where: Mapping[Name, Cells] = Field(default_factory=dict)


class TicketWords(Model):
    category: Category
    title: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_title)]
    ack: Some | None = None
    resolve: Some | None = None
    cooldown: DurationMs = 600_000
    joins: Name | None = None


class RuleWords(Model):
    """One rule of a file."""

    noun: ClassVar[str] = "rule"
    elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("category", "title", "ack", "resolve", "cooldown", "joins"), "ticket"
    ) | {"for": "when", "at_least": "when", "missing": "when", "where": "select"}
    unbuilt: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("during", "mode", "shadow", "merge", "confirm"), _LATER
    )
    name: Name
    select: SelectWords
    when: WhenWords
    clear: ClearWords | None = None
    unless: UnlessWords | None = None
    group: Name | None = None
    severity: SeverityWord = "major"
    stale: Some | None = None
    ticket: TicketWords | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        silence = self.when.missing is not None
        if self.select.metric == EVERY_METRIC and not silence:
            message = "'*' is for missing only; name the metric"
            raise wrong(message, "select", "metric")
        if silence and self.clear is not None and self.clear.words:
            word = self.clear.words[0]
            message = "a silence has no value to compare; leave for only"
            raise wrong(message, "clear", word)
        if silence and self.stale is not None and self.unless is None:
            message = "a silence does not grow stale; leave it out"
            raise wrong(message, "stale")
        if self.clear is not None and not silence:
            self._apart(self.clear)
        if self.ticket is not None and self.group is None and _mentions(self.ticket, "group"):
            message = "{group} stands for nothing: the rule has no group"
            raise wrong(message, "ticket", "title")
        return self

    def _apart(self, clear: ClearWords) -> None:
        found = overlap(bounds(self.when), bounds(clear)) if clear.words else None
        if found is not None:
            message = f"overlaps with when: {found} is in both, and while when holds nothing clears"
            raise wrong(message, "clear", clear.words[0])


class RuleFile(Model):
    rules: list[RuleWords]


def bounds(words: ComparisonWords) -> tuple[Word, float | None, float | None]:
    """Word, low and high; a threshold by label counts with its default, None without one."""
    word = words.words[0]
    value: Any = getattr(words, word)
    if isinstance(value, LimitWords):
        value = value.default
    if isinstance(value, tuple):
        return word, value[0], value[1]
    return (word, value, None) if word == "above" else (word, None, value)


def _mentions(ticket: TicketWords, name: str) -> bool:
    return any(field == name for _, field, _, _ in Formatter().parse(ticket.title))
