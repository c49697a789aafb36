"""The ``ticket`` part of a rule in words, and the placeholders of its title."""

import re
from string import Formatter
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from citypatrol.units import DurationMs
from citypatrol.yamlfile import Model
from rules.plain_words import Name, Some

_CATEGORY: Final = re.compile(r"[\w-]+(\.[\w-]+)*")
_WORD: Final = r"[^\x00-\x20!-,./:-@\[-^`{-\x7f]+"
_FILLED: Final = r"\{(source|group|rule|metric|value|count|source\.[^{}:!]+)(:[^{}]*)?\}"
_SENTENCES: Final = ("source", "group", "rule", "metric")


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


Category = Annotated[
    str,
    StringConstraints(max_length=100),
    AfterValidator(_category),
    Field(json_schema_extra={"pattern": rf"^{_WORD}(\.{_WORD})*$"}),
]
Title = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_title),
    Field(json_schema_extra={"pattern": rf"^([^{{}}]|\{{\{{|\}}\}}|{_FILLED})*$"}),
]


class MergeWords(Model):
    """How near, in place and time, an open ticket of the same category is the same case."""

    radius_m: Annotated[float, Field(gt=0, le=5_000)]
    within: Some


class TicketWords(Model):
    """``confirm`` and ``merge`` may stand here or at the rule: the same."""

    category: Category
    title: Title
    ack: Some | None = None
    resolve: Some | None = None
    cooldown: DurationMs = 600_000
    joins: Name | None = None
    confirm: Literal["person"] | None = None
    merge: MergeWords | None = None


def mentions(ticket: TicketWords, name: str) -> bool:
    """Whether the title has this placeholder."""
    return any(field == name for _, field, _, _ in Formatter().parse(ticket.title))
