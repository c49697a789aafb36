"""The rule file as models: the words people write, and what is wrong with them (DESIGN 6)."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from citypatrol.yamlfile import Model, wrong
from rules.during_words import DuringWords
from rules.incidents import Severity
from rules.join_words import JoinedClear, JoinedWhen
from rules.mode_words import Modes, OverlayWords, under
from rules.plain_words import Cells, Name, Some
from rules.ruleset import EVERY_METRIC
from rules.severity_words import Steps
from rules.spans import overlap
from rules.ticket_words import MergeWords, TicketWords, mentions
from rules.when_words import UnlessWords, bounds, countable


class SelectWords(Model):
    metric: Name
    where: Mapping[Name, Cells] = Field(default_factory=dict)


class RuleWords(Model):
    """One rule of a file."""

    noun: ClassVar[str] = "rule"
    elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("category", "title", "ack", "resolve", "cooldown", "joins"), "ticket"
    ) | {"for": "when", "at_least": "when", "missing": "when", "where": "select"}
    name: Name
    select: SelectWords
    when: JoinedWhen
    clear: JoinedClear | None = None
    unless: UnlessWords | None = None
    group: Name | None = None
    severity: Severity | Steps = "major"
    stale: Some | None = None
    during: DuringWords | None = None
    mode: Modes = Field(default_factory=dict)
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
        self.fits_together()
        return self

    def fits_together(self) -> None:
        silence = self.when.missing is not None
        if self.select.metric == EVERY_METRIC and not silence:
            message = "'*' is for missing only; name the metric"
            raise wrong(message, "select", "metric")
        said = [] if self.clear is None else [*self.clear.words, *(w for w, _ in self.clear.joins)]
        if silence and said:
            word = said[0]
            message = "a silence has no value to compare; leave for only"
            raise wrong(message, "clear", word)
        if silence and self.stale is not None and self.unless is None:
            message = "a silence does not grow stale; leave it out"
            raise wrong(message, "stale")
        if silence and not isinstance(self.severity, str):
            message = "a silence has no value to compare; write one word"
            raise wrong(message, "severity")
        if self.clear is not None and not silence:
            self._apart(self.clear)
        if self.ticket is not None and self.group is None and mentions(self.ticket, "group"):
            message = "{group} stands for nothing: the rule has no group"
            raise wrong(message, "ticket", "title")

    def _apart(self, clear: JoinedClear) -> None:
        window = clear.window or self.when.window
        if clear.words and window is not None and window.word == "count":
            least = self.when.at_least or 1 if window == self.when.window else 1
            if not countable(clear, least=least):
                message = f"never counted: a window holds {least} or more when a sample comes"
                raise wrong(message, "clear", clear.words[0])
        if not (clear.words and self.when.words) or window != self.when.window:
            return
        found = overlap(bounds(self.when), bounds(clear))
        if found is not None:
            message = f"overlaps with when: {found} is in both, and while when holds nothing clears"
            raise wrong(message, "clear", clear.words[0])

    @model_validator(mode="after")
    def _in_every_mode(self) -> Self:
        for mode, overlay in self.mode.items():
            if not isinstance(overlay, str):
                try:
                    self.overlaid(overlay).fits_together()
                except PydanticCustomError as error:
                    raise under(error, "mode", mode) from None
        return self

    def overlaid(self, overlay: OverlayWords) -> "RuleWords":
        """The rule as it is in a mode."""
        said = {name: getattr(overlay, name) for name in overlay.model_fields_set}
        return self.model_copy(update={**said, "mode": {}})


class RuleFile(Model):
    rules: list[RuleWords]
