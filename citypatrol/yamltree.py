"""YAML text to maps and lists that know where each key and value stands.

Built from libyaml's events rather than PyYAML's composer: that recurses in C without a bound, and
keeps no count of what aliases unfold to.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from citypatrol.errors import Problem
from citypatrol.secret import Secret
from citypatrol.yamlscalar import Place, expand, resolve
from citypatrol.yamlsyntax import syntax_problem

MOST_UNFOLDED: Final = 100_000
DEEPEST: Final = 64
MOST_VALUES: Final = 3_000_000
LONGEST_TEXT: Final = 1_000_000
_STR_TAGS: Final = (None, "!", "tag:yaml.org,2002:str")
_MAP_TAGS: Final = (None, "!", "tag:yaml.org,2002:map")
_SEQ_TAGS: Final = (None, "!", "tag:yaml.org,2002:seq")


class YamlMap(dict[str, Any]):
    """A map that knows where it, its keys and its values stand."""

    __slots__ = ("key_places", "place", "value_places")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.key_places: dict[str, Place] = {}
        self.value_places: dict[str, Place] = {}


class YamlList(list[Any]):
    """A list that knows where it and its items stand."""

    __slots__ = ("place", "value_places")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.value_places: list[Place] = []


def step(node: Any, key: str | int) -> tuple[Any, Place] | None:
    """The value under a key or index of a map or list, and where it stands; None: there is none."""
    if isinstance(node, YamlMap) and isinstance(key, str) and key in node:
        return node[key], node.value_places[key]
    if isinstance(node, YamlList) and isinstance(key, int) and 0 <= key < len(node):
        return node[key], node.value_places[key]
    return None


@dataclass(slots=True)
class Tree:
    """``root`` is None for an empty file, and where ``broken`` (nothing can be said of it)."""

    root: Any = None
    place: Place = (1, 1)
    broken: bool = False
    problems: list[Problem] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)


@dataclass(slots=True)
class _Frame:
    """A map or list that is still open. ``key``: of the value that comes next."""

    holder: YamlMap | YamlList
    anchor: str | None
    wants_key: bool
    size: int = 1
    key: str | None = None
    key_place: Place = (1, 1)
    dropped: bool = False


class _Stop(Exception):
    """The rest of the file is not worth reading."""


def parse(text: str, *, path: str, folder: Path, env: Mapping[str, str]) -> Tree:
    """The one document in ``text``; every problem of its form is in the tree's ``problems``."""
    builder = _Builder(path=path, folder=folder, env=env)
    try:
        takes = builder.takes
        for event in _events(text):
            takes[type(event)](event)
    except yaml.MarkedYAMLError as error:
        builder.tree.problems.append(syntax_problem(error, path=path, text=text))
        builder.tree.broken = True
    except _Stop:
        builder.tree.broken = True
    return builder.tree


def _events(text: str) -> Iterator[yaml.Event]:
    events: Iterator[yaml.Event] = iter(yaml.CLoader(text).get_event, None)
    return events


def _place(event: yaml.Event) -> Place:
    mark: Any = event.start_mark
    return mark.line + 1, mark.column + 1


class _Builder:
    def __init__(self, *, path: str, folder: Path, env: Mapping[str, str]) -> None:
        self.tree = Tree()
        self._path = path
        self._folder = folder
        self._env = env
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._unfolded = 0
        self._values = 0
        self._documents = 0
        self.takes: Mapping[type[yaml.Event], Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._map,
            yaml.SequenceStartEvent: self._list,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
            yaml.DocumentEndEvent: _nothing,
            yaml.StreamStartEvent: _nothing,
            yaml.StreamEndEvent: _nothing,
        }

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents == 2:
            message = "a second document ('---') begins here; one file, one document"
            self._problem(_place(event), message)
            raise _Stop

    def _map(self, event: yaml.MappingStartEvent) -> None:
        self._open(event, YamlMap(_place(event)), tags=_MAP_TAGS)

    def _list(self, event: yaml.SequenceStartEvent) -> None:
        self._open(event, YamlList(_place(event)), tags=_SEQ_TAGS)

    def _problem(self, place: Place, message: str) -> None:
        self.tree.problems.append(Problem(self._path, *place, message))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        mark: Any = event.start_mark
        place = mark.line + 1, mark.column + 1
        text: str = event.value
        if len(text) > LONGEST_TEXT:
            message = f"text of {len(text)} characters; {LONGEST_TEXT} are the most"
            self._problem(place, self._named(message))
            raise _Stop
        stack = self._stack
        if stack and stack[-1].wants_key:
            self._key(stack[-1], text, place)
            return
        value: Any = text
        if event.tag not in _STR_TAGS:
            self._problem(place, f"tag {_tag(event.tag)} is not read; take it away")
        elif event.implicit[0]:
            try:
                value = resolve(text)
            except ValueError as error:
                self._problem(place, self._named(str(error)))
                value = 0
        if isinstance(value, str) and "${" in value:
            value = expand(
                value,
                folder=self._folder,
                env=self._env,
                problem=lambda message: self._problem(place, self._named(message)),
            )
            if isinstance(value, Secret):
                self.tree.secrets.append(value)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        self._put(value, place, 1)

    def _key(self, frame: _Frame, text: str, place: Place) -> None:
        frame.wants_key, frame.key, frame.key_place, frame.dropped = False, text, place, False
        holder = frame.holder
        if text not in holder and text != "<<":
            return
        frame.dropped = True
        name = _name(self._stack[:-1])
        where = f" in {name}" if name else ""
        if text == "<<":
            self._problem(place, f"'<<'{where} is not YAML 1.2; write the keys out")
        else:
            first = holder.key_places[text][0] if isinstance(holder, YamlMap) else 0
            self._problem(place, f"duplicate key '{text}'{where}; the first is at line {first}")

    def _open(
        self, event: yaml.CollectionStartEvent, holder: YamlMap | YamlList, *, tags: tuple[Any, ...]
    ) -> None:
        if len(self._stack) == DEEPEST:
            self._problem(holder.place, f"nested deeper than {DEEPEST} levels")
            raise _Stop
        if event.tag not in tags:
            self._problem(holder.place, f"tag {_tag(event.tag)} is not read; take it away")
        if self._wants_key():
            self._no_key(holder.place)
        self._stack.append(_Frame(holder, event.anchor, type(holder) is YamlMap))

    def _close(self, _: yaml.CollectionEndEvent) -> None:
        frame = self._stack.pop()
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.holder, frame.size)
        self._put(frame.holder, frame.holder.place, frame.size)

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = _place(event)
        if self._wants_key():
            self._no_key(place)
            self._stack[-1].wants_key = False
            return
        if any(frame.anchor == event.anchor for frame in self._stack):
            self._problem(place, f"alias *{event.anchor} stands inside what it names")
            raise _Stop
        if event.anchor not in self._anchors:
            self._problem(place, f"unknown alias *{event.anchor}; no &{event.anchor} before it")
            raise _Stop
        value, size = self._anchors[event.anchor]
        self._unfolded += size
        if self._unfolded > MOST_UNFOLDED:
            self._problem(place, f"aliases unfold to more than {MOST_UNFOLDED} values")
            raise _Stop
        self._put(value, place, size)

    def _put(self, value: Any, place: Place, size: int) -> None:
        if not self._stack:
            self.tree.root, self.tree.place = value, place
            return
        self._values += 1
        if self._values > MOST_VALUES:
            self._problem(place, f"more than {MOST_VALUES} values in one file; split it")
            raise _Stop
        frame = self._stack[-1]
        frame.size += size
        holder = frame.holder
        if isinstance(holder, YamlList):
            holder.append(value)
            holder.value_places.append(place)
        elif frame.wants_key:
            frame.wants_key = False  # a map or list is where a key must be: its value is to come
        else:
            key = frame.key
            if key is not None and not frame.dropped:
                holder[key] = value
                holder.key_places[key] = frame.key_place
                holder.value_places[key] = place
            frame.wants_key, frame.key = True, None

    def _wants_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].wants_key

    def _no_key(self, place: Place) -> None:
        self._stack[-1].key = None
        self._problem(place, "a key must be plain text, not a list, map or alias")

    def _named(self, message: str) -> str:
        name = _name(self._stack)
        return f"{name}: {message}" if name else message


def _name(stack: Sequence[_Frame]) -> str:
    """What the value that comes next is called: its key, or its list's."""
    return next((frame.key for frame in reversed(stack) if frame.key), "")


def _nothing(_: yaml.Event) -> None: ...


def _tag(tag: str | None) -> str:
    return (tag or "").replace("tag:yaml.org,2002:", "!!")
