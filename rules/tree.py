"""``all any not`` as data, and what they come to: Kleene's three values (RULES 13, 24)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from rules.comparison import Comparison, Reading

Among = Literal["any", "all"]
Truth = bool | None
"""None is unknown."""


@dataclass(frozen=True, slots=True)
class Part:
    """A condition on one metric: ``comparison``, of what ``window`` says if there is one, or
    ``missing`` (milliseconds).

    ``metric``: None for the selected series; else that metric of the same source, or where nothing
    is known there of its parent. ``site``: of any or all sources of the same site instead, those
    that ``where`` selects.
    """

    comparison: Comparison | None = None
    missing: int | None = None
    window: Reading | None = None
    metric: str | None = None
    site: Among | None = None
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def every(self) -> "tuple[Part, ...]":
        return (self,)

    def truth(self, of: "Callable[[Part], Truth]") -> Truth:
        return of(self)


@dataclass(frozen=True, slots=True)
class Node:
    """``not`` has one part, ``all`` and ``any`` one or more."""

    word: Literal["all", "any", "not"]
    parts: "tuple[Node | Part, ...]"

    @property
    def every(self) -> tuple[Part, ...]:
        """The parts that compare, in their order."""
        return tuple(leaf for part in self.parts for leaf in part.every)

    def truth(self, of: Callable[[Part], Truth]) -> Truth:
        """``of``: what each part that compares comes to."""
        each = (part.truth(of) for part in self.parts)
        if self.word == "not":
            (one,) = each
            return None if one is None else not one
        return every(each) if self.word == "all" else some(each)


def every(truths: Iterable[Truth]) -> Truth:
    """False where one is false, unknown where one is unknown, else true."""
    found: Truth = True
    for one in truths:
        if one is False:
            return False
        if one is None:
            found = None
    return found


def some(truths: Iterable[Truth]) -> Truth:
    """True where one is true, unknown where one is unknown, else false."""
    found: Truth = False
    for one in truths:
        if one is True:
            return True
        if one is None:
            found = None
    return found
