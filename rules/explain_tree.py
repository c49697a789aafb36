"""What each part of a condition comes to at an instant, with the values that it was judged by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from citypatrol.clock import Ts
from citypatrol.units import format_duration
from rules.block import NEVER
from rules.comparison import Comparison, compare
from rules.phrases import phrase
from rules.tree import Node, Part, Truth, every, some

_MOST_SEEN: Final = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest judged value of one series, or what a window says of it; None: nothing known.
    ``dies_at``: when it is too old to count."""

    source: str
    metric: str
    ts: Ts | None
    value: float | None
    dies_at: Ts | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One condition: ``says`` in words, ``truth`` with None for unknown, and then ``because``.
    ``parts`` of an ``all any not``; ``seen`` of a comparison, ``more`` series than those told."""

    says: str
    truth: Truth
    because: str | None = None
    seen: tuple[Seen, ...] = ()
    parts: "tuple[Told, ...]" = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """One series that a part looks at: its newest judged sample, ``NEVER`` where there is none,
    and how long a value of it lives. ``value`` is NaN where a window knows nothing."""

    source: str
    metric: str
    ts: Ts
    value: float
    life: int
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class View:
    """``looks``: what a part looks at, the one that counts first; ``least``: samples that a window
    of ``when`` must hold."""

    metric: str
    labels: Mapping[str, str]
    at: Ts
    looks: Callable[[Part], Sequence[Look]]


def told(tree: Node | Part, view: View) -> Told:
    if isinstance(tree, Part):
        return _part(tree, view)
    parts = tuple(told(part, view) for part in tree.parts)
    if tree.word == "not":
        one = parts[0].truth
        return Told("not", None if one is None else not one, parts=parts)
    truth = (every if tree.word == "all" else some)(part.truth for part in parts)
    return Told(tree.word, truth, parts=parts)


def _part(part: Part, view: View) -> Told:
    says = phrase(part, metric=view.metric, labels=view.labels)
    looks = view.looks(part)
    if part.site is not None:
        each = [_of_one(part, look, view.at) for look in looks]
        if not looks:
            return Told(says, None, because="no source of the site sends it")
        truth = (some if part.site == "any" else every)(one.truth for one in each)
        seen = tuple(_seen(part, look) for look in looks[:_MOST_SEEN])
        return Told(says, truth, seen=seen, more=len(looks) - len(seen))
    for look in looks:  # the source's own word, else its parent's
        heard = look.ts <= view.at
        if heard and (part.missing is not None or view.at < look.ts + look.life):
            return _of_one(part, look, view.at, says=says)
    if not looks or all(look.ts > view.at for look in looks):
        return Told(says, None, because="no sample yet", seen=tuple(_seen(part, x) for x in looks))
    return _of_one(part, looks[0], view.at, says=says)


def _of_one(part: Part, look: Look, at: Ts, *, says: str = "") -> Told:
    seen = (_seen(part, look),)
    if look.ts > at:
        return Told(says, None, because="no sample yet", seen=seen)
    if part.comparison is None:
        return Told(says, at >= look.ts + (part.missing or 0), seen=seen)
    if at >= look.ts + look.life:
        because = f"the value is older than {format_duration(look.life)}"
        return Told(says, None, because=because, seen=seen)
    if look.value != look.value:
        return Told(says, None, because="the window holds too few samples", seen=seen)
    truth = _compared(part.comparison, look)
    return Told(
        says, truth, because=None if truth is not None else "the source has no threshold", seen=seen
    )


def _compared(comparison: Comparison, look: Look) -> Truth:
    limits = [one.of(look.labels) for one in comparison.limits]
    if any(one is None for one in limits):
        return None
    low, high = (
        0.0 if one is None else one.of(look.labels) for one in (comparison.low, comparison.high)
    )
    return bool(compare(comparison.word, look.value, low, high))


def _seen(part: Part, look: Look) -> Seen:
    if look.ts == NEVER:
        return Seen(look.source, look.metric, None, None)
    value = None if look.value != look.value else look.value
    dies = None if part.missing is not None else look.ts + look.life
    return Seen(look.source, look.metric, look.ts, value, dies)
