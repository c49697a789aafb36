"""``all any not`` in words: conditions of several series as parts of one."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from citypatrol.yamlfile import Model, wrong
from rules.plain_words import Cells, Name, Some
from rules.ruleset import EVERY_METRIC
from rules.when_words import ClearWords, WhenWords, WindowWords

DEEPEST: Final = 4
MOST_PARTS: Final = 20
_BESIDE: Final = {"for": "when", "at_least": "when", "stale": "rules"}


class _Joins(Model):
    """``all``, ``any`` and ``not``, of which there is one at the most."""

    all_of: "Annotated[list[PartWords], Field(min_length=1)] | None" = Field(
        default=None, alias="all"
    )
    any_of: "Annotated[list[PartWords], Field(min_length=1)] | None" = Field(
        default=None, alias="any"
    )
    none_of: "PartWords | None" = Field(default=None, alias="not")

    @property
    def joins(self) -> list[tuple[Literal["all", "any", "not"], Sequence["PartWords"]]]:
        found: list[tuple[Literal["all", "any", "not"], Sequence[PartWords]]] = []
        if self.all_of is not None:
            found.append(("all", self.all_of))
        if self.any_of is not None:
            found.append(("any", self.any_of))
        if self.none_of is not None:
            found.append(("not", [self.none_of]))
        return found

    @property
    def depth(self) -> int:
        return max((1 + part.depth for _, parts in self.joins for part in parts), default=0)

    @property
    def leaves(self) -> int:
        parts = [part for _, parts in self.joins for part in parts]
        return sum(part.leaves for part in parts) if parts else 1

    def joins_alone(self, *others: str) -> bool:
        """Whether it joins; an error where it says ``others`` too."""
        words = [word for word, _ in self.joins]
        if not words:
            return False
        if len(words) > 1 or others:
            other = [*words[1:], *others][0]
            message = f"{words[0]} joins whole conditions; put {other} into one of its parts"
            raise wrong(message, other)
        return True

    def bounded(self) -> None:
        word = self.joins[0][0]
        if self.depth > DEEPEST:
            message = f"all, any and not lie {self.depth} deep, {DEEPEST} are the most"
            raise wrong(message, word)
        if self.leaves > MOST_PARTS:
            message = f"joins {self.leaves} conditions, {MOST_PARTS} are the most"
            raise wrong(message, word)


class PartWords(_Joins, WindowWords):
    """One part: a comparison, ``missing``, or parts of its own."""

    elsewhere: ClassVar[Mapping[str, str]] = _BESIDE
    metric: Name | None = None
    site: Literal["any", "all"] | None = None
    where: Mapping[Name, Cells] = Field(default_factory=dict)
    missing: Some | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        said = [*self.words, *(["missing"] if self.missing is not None else [])]
        window = [self.window.word] if self.window is not None else []
        of = [key for key in ("metric", "site", "where") if getattr(self, key)]
        if self.joins_alone(*said, *window, *of):
            return self
        if self.metric == EVERY_METRIC:
            message = "names one metric; '*' is for select"
            raise wrong(message, "metric")
        if self.where and self.site is None:
            message = "chooses among the sources of a site; write site: any or site: all too"
            raise wrong(message, "where")
        if not said and not window:
            message = "says no condition; write one of above, below, between, all, any, not, ..."
            raise ValueError(message)
        if len(said) > 1:
            message = f"one condition only, found {' and '.join(said)}"
            raise wrong(message, said[1])
        if self.missing is not None and window:
            message = "a silence has no samples; leave one of the two out"
            raise wrong(message, window[0])
        self.one_window()
        return self


class JoinedWhen(_Joins, WhenWords):
    """``when``, which may join."""

    unbuilt: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        said = [*self.words, *(["missing"] if self.missing is not None else [])]
        if self.joins_alone(*said, *([self.window.word] if self.window is not None else [])):
            self.bounded()
        else:
            self.one_condition()
        return self


class JoinedClear(_Joins, ClearWords):
    """``clear``, which may join."""

    unbuilt: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.joins_alone(*self.words, *([self.window.word] if self.window is not None else [])):
            self.bounded()
        else:
            self.something()
        return self
