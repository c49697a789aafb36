"""What was changed from one rule to another, part by part. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.diffing.wording import Words, spoken

Kind = Literal["added", "removed", "renamed", "changed"]
_COMPARING: Final = frozenset({"above", "below", "between", "outside", "equals"})
_WINDOWS: Final = frozenset({"mean", "max", "min", "sum", "count", "p95", "rate", "change"})
_TIMING: Final = ("for", "at_least")
_NAMED: Final = {"select": "selection", "cooldown": "cool-down", "for": "timer"}
_TEXTS: Final = frozenset({"category", "title", "ack", "resolve"})
"""Of a ticket: they say what it tells, not when there is one."""
_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that was changed. ``name`` is the reason that people read (threshold, timer,
    clear...); ``keys`` what must be taken over from the other rule, as paths into its words."""

    name: str
    old: str
    new: str
    keys: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        return f"{self.name}: {self.old} \N{RIGHTWARDS ARROW} {self.new}"


def parts_of(old: Words, new: Words) -> list[Part]:
    """Every part that reads otherwise; whether it means otherwise is asked of the reading."""
    found = _when(_map(old, "when"), _map(new, "when"))
    found += _ticket(old, new)
    for key in _keys(old, new):
        if key not in ("name", "when", "ticket"):
            found += _part(_NAMED.get(key, key), old, new, [(key,)])
    return found


def swapped(words: Words, other: Words, parts: Iterable[Part]) -> Words:
    """The rule with these parts as the other one has them."""
    found = {key: dict(one) if isinstance(one, Mapping) else one for key, one in words.items()}
    for part in parts:
        for path in part.keys:
            _put(found, path, _at(other, path))
    return found


def _when(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Part]:
    found: list[Part] = []
    for key in _TIMING:
        found += _part(_NAMED.get(key, key), old, new, [("when", key)])
    keys = [key for key in _keys(old, new) if key not in _TIMING]
    changed = {key for key in keys if old.get(key) != new.get(key)}
    apart = set(old) - set(_TIMING) == set(new) - set(_TIMING)  # the same words, other numbers
    if not apart and changed <= _COMPARING:
        return [*found, *_part("threshold", old, new, [("when", key) for key in keys])]
    if not apart:
        return [*found, *_part("condition", old, new, [("when", key) for key in keys])]
    for key in keys:
        name = "threshold" if key in _COMPARING else "window" if key in _WINDOWS else key
        name = "condition" if key in ("all", "any", "not") else name
        found += _part(name, old, new, [("when", key)])
    return found


def _ticket(old: Words, new: Words) -> list[Part]:
    if ("ticket" in old) != ("ticket" in new):
        return _part("ticket", old, new, [("ticket",)])
    mine, other = _map(old, "ticket"), _map(new, "ticket")
    texts = [("ticket", key) for key in _keys(mine, other) if key in _TEXTS]
    found = _part("ticket", mine, other, texts)
    for key in _keys(mine, other):
        if key not in _TEXTS:
            found += _part(_NAMED.get(key, key), mine, other, [("ticket", key)])
    return found


def _part(
    name: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    paths: Sequence[tuple[str, ...]],
) -> list[Part]:
    """One part, if any of these last keys of the paths reads otherwise; only those are said."""
    names = [path[-1] for path in paths]
    other = [one for one in names if old.get(one) != new.get(one)]
    if not other:
        return []
    alone = other == [next(key for key, said in (*_NAMED.items(), (name, name)) if said == name)]
    return [Part(name, _said(old, other, alone), _said(new, other, alone), tuple(paths))]


def _said(words: Mapping[str, Any], keys: Sequence[str], alone: bool) -> str:
    """``alone``: the part is called after its only key."""
    found = [f"{'' if alone else f'{key} '}{spoken(words[key])}" for key in keys if key in words]
    return ", ".join(found) or "none"


def _keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))


def _map(words: Words, key: str) -> Mapping[str, Any]:
    found = words.get(key)
    return found if isinstance(found, Mapping) else _NOTHING


def _at(words: Any, path: Sequence[str]) -> Any:
    for key in path:
        words = words.get(key) if isinstance(words, Mapping) else None
    return words


def _put(words: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """A key that the other rule has not goes."""
    for key in path[:-1]:
        words = words.setdefault(key, {})
    if value is None:
        words.pop(path[-1], None)
    else:
        words[path[-1]] = value
