"""Topic patterns: ``city/{district}/{kind}/{source}/{metric}`` is a filter and a matcher in one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_LONGEST_BYTES: Final = 65_535  # MQTT 3.1.1, 1.5.3
_DEEPEST: Final = 100  # stock Mosquitto takes 200 levels


@dataclass(frozen=True, slots=True)
class Pattern:
    """One ``match:``. Each level of the topic is a literal or one ``{name}``; the name at level
    ``rest``, where there is one, takes one level or more."""

    text: str
    literals: tuple[tuple[int, str], ...]
    names: tuple[tuple[int, str], ...]
    depth: int
    rest: int | None = None

    @classmethod
    def parse(cls, text: str, *, rest: str | None = None) -> "Pattern":
        """``rest``: the name that takes one level or more. Raises ValueError with what is wrong
        and the way out."""
        levels = text.split("/")
        _check_whole(text, len(levels))
        literals: list[tuple[int, str]] = []
        names: dict[str, int] = {}
        for number, level in enumerate(levels):
            name = _name(level)
            if name is None:
                literals.append((number, level))
            elif name in names:
                message = f"`{{{name}}}` stands twice; give each level a name of its own"
                raise ValueError(message)
            else:
                names[name] = number
        named = tuple((number, name) for name, number in names.items())
        wide = None if rest is None else names[rest]
        return cls(text, tuple(literals), named, depth=len(levels), rest=wide)

    def has(self, name: str) -> bool:
        return any(name == known for _, known in self.names)

    @property
    def filter(self) -> str:
        """The MQTT topic filter to subscribe to: every ``{name}`` is a ``+``, and all from
        ``rest`` on is a ``#``."""
        literals = dict(self.literals)
        levels = [literals.get(number, "+") for number in range(self.depth)]
        return "/".join(levels if self.rest is None else [*levels[: self.rest], "#"])

    def match(self, topic: str) -> Mapping[str, str] | None:
        """The text of every name; None where the topic is not of this pattern."""
        levels = topic.split("/")
        more = len(levels) - self.depth
        if more > 0 and self.rest is not None:
            wide = slice(self.rest, self.rest + more + 1)
            levels[wide] = ["/".join(levels[wide])]
        elif more:
            return None
        if any(levels[n] != text for n, text in self.literals):
            return None
        if topic.startswith("$") and self.names and self.names[0][0] == 0:
            return None  # a wildcard at the front does not match the broker's own topics
        return {name: levels[number] for number, name in self.names}


def uncovered(filters: list[str]) -> list[str]:
    """The filters without those that another one includes, each once.

    A broker may send one message once for each subscription that it matches (MQTT 3.1.1, 3.3.5).
    """
    unique = list(dict.fromkeys(filters))
    return [
        one for one in unique if not any(covers(other, one) for other in unique if other != one)
    ]


def covers(wide: str, narrow: str) -> bool:
    """Whether every topic of the filter ``narrow`` is one of ``wide`` too."""
    one, other = wide.split("/"), narrow.split("/")
    if one[-1] == "#":
        one.pop()
        # `a/#` includes `a` too (MQTT 3.1.1, 4.7.1.2)
        deep = len(other) >= len(one)
    else:
        deep = len(other) == len(one)
    return deep and all(w == n or (w == "+" and n != "#") for w, n in zip(one, other, strict=False))


def _check_whole(text: str, depth: int) -> None:
    if not text:
        message = "is empty; write a pattern like city/{district}/{kind}/{source}/{metric}"
    elif "\0" in text or not text.isprintable():
        message = "holds a character that does not print"
    elif len(text.encode()) > _LONGEST_BYTES or depth > _DEEPEST:
        message = f"is too long: at most {_LONGEST_BYTES} bytes and {_DEEPEST} levels"
    elif text.startswith("$share/"):
        message = "is a shared subscription; write the group as the input's `share: GROUP`"
    else:
        return
    raise ValueError(message)


def _name(level: str) -> str | None:
    """The name in ``{name}``; None for a literal."""
    if "+" in level or "#" in level:
        message = f"`{level}` is a wildcard; name the level instead, like {{district}}"
        raise ValueError(message)
    if "{" not in level and "}" not in level:
        return None
    if not (level.startswith("{") and level.endswith("}")) or level.count("{") > 1:
        message = f"`{level}`: a name takes the whole level, like {{source}}"
        raise ValueError(message)
    name = level[1:-1]
    if not _NAME.fullmatch(name):
        message = f"`{level}`: a name is small letters, digits and `_`, like {{source}}"
        raise ValueError(message)
    return name
