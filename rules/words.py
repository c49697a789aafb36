"""The rule file as models: the words people write, and what is wrong with them (DESIGN 6)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from citypatrol.yamlfile import Model, wrong
from rules.plain_words import Name, Some
from rules.ruleset import EVERY_METRIC
from rules.spans import overlap
from rules.ticket_words import MergeWords, TicketWords, mentions
from rules.when_words import LATER, ClearWords, UnlessWords, WhenWords, bounds, countable


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


_CELL: Final = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}]}
Cells = Annotated[
    list[str],
    BeforeValidator(_cells),
    WithJsonSchema({"anyOf": [*_CELL["anyOf"], {"type": "array", "items": _CELL, "minItems": 1}]}),
]
SeverityWord = Annotated[
    Literal["info", "minor", "major", "critical"], BeforeValidator(_one_severity)
]


class SelectWords(Model):
    metric: Name
    where: Mapping[Name, Cells] = Field(default_factory=dict)


class RuleWords(Model):
    """One rule of a file."""

    noun: ClassVar[str] = "rule"
    elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("category", "title", "ack", "resolve", "cooldown", "joins"), "ticket"
    ) | {"for": "when", "at_least": "when", "missing": "when", "where": "select"}
    unbuilt: ClassVar[Mapping[str, str]] = dict.fromkeys(("during", "mode"), LATER)
    name: Name
    select: SelectWords
    when: WhenWords
    clear: ClearWords | None = None
    unless: UnlessWords | None = None
    group: Name | None = None
    severity: SeverityWord = "major"
    stale: Some | None = None
    shadow: bool = False
    confirm: Literal["person"] | None = None
    merge: MergeWords | None = None
    ticket: TicketWords | None = None

    @model_validator(mode="after")
    def _about_tickets(self) -> Self:
        for key in ("confirm", "merge"):
            if getattr(self, key) is None:
                continue
            if self.ticket is None:
                message = "is about tickets, and the rule makes none; leave it out"
                raise wrong(message, key)
            if getattr(self.ticket, key) is not None:
                message = "stands in ticket too; write it once"
                raise wrong(message, key)
        return self

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
        if self.ticket is not None and self.group is None and mentions(self.ticket, "group"):
            message = "{group} stands for nothing: the rule has no group"
            raise wrong(message, "ticket", "title")
        return self

    def _apart(self, clear: ClearWords) -> None:
        window = clear.window or self.when.window
        if clear.words and window is not None and window.word == "count":
            least = self.when.at_least or 1 if window == self.when.window else 1
            if not countable(clear, least=least):
                message = f"never counted: a window holds {least} or more when a sample comes"
                raise wrong(message, "clear", clear.words[0])
        if not clear.words or window != self.when.window:
            return
        found = overlap(bounds(self.when), bounds(clear))
        if found is not None:
            message = f"overlaps with when: {found} is in both, and while when holds nothing clears"
            raise wrong(message, "clear", clear.words[0])


class RuleFile(Model):
    rules: list[RuleWords]
