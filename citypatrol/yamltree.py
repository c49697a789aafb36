"""YAML text to maps and lists that know where each key and value stands.

Built from libyaml's events rather than PyYAML's composer: that recurses in C without a bound, and
keeps no count of what aliases unfold to.
"""

from collections.abc import Iterator, Mapping
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
    name: str
    size: int = 1
    key: str | None = None
    key_place: Place = (1, 1)
    wants_key: bool = False
    dropped: bool = False


class _Stop(Exception):
    """The rest of the file is not worth reading."""


def parse(text: str, *, path: str, folder: Path, env: Mapping[str, str]) -> Tree:
    """The one document in ``text``; every problem of its form is in the tree's ``problems``."""
    builder = _Builder(path=path, folder=folder, env=env)
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        builder.tree.problems.append(syntax_problem(error, path=path, text=text))
        builder.tree.broken = True
    except _Stop:
        builder.tree.broken = True
    return builder.tree


def _events(text: str) -> Iterator[yaml.Event]:
    events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.CLoader)
    return events


def _place(mark: Any) -> Place:
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

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            holder = YamlMap(_place(event.start_mark))
            self._open(event, holder, tags=_MAP_TAGS)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._open(event, YamlList(_place(event.start_mark)), tags=_SEQ_TAGS)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents == 2:
                place = _place(event.start_mark)
                self._problem(
                    place, "a second document ('---') begins here; one file, one document"
                )
                raise _Stop

    def _problem(self, place: Place, message: str) -> None:
        self.tree.problems.append(Problem(self._path, *place, message))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        place = _place(event.start_mark)
        text: str = event.value
        if len(text) > LONGEST_TEXT:
            message = f"text of {len(text)} characters; {LONGEST_TEXT} are the most"
            self._problem(place, self._named(message))
            raise _Stop
        if self._wants_key():
            self._key(text, place=place)
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
        self._put(value, place=place, size=1)

    def _key(self, text: str, *, place: Place) -> None:
        frame = self._stack[-1]
        frame.wants_key, frame.key, frame.key_place, frame.dropped = False, text, place, False
        holder = frame.holder
        where = f" in {frame.name}" if frame.name else ""
        if text == "<<":
            self._problem(place, f"'<<'{where} is not YAML 1.2; write the keys out")
            frame.dropped = True
        elif text in holder:
            first = holder.key_places[text][0] if isinstance(holder, YamlMap) else 0
            self._problem(place, f"duplicate key '{text}'{where}; the first is at line {first}")
            frame.dropped = True

    def _open(
        self, event: yaml.CollectionStartEvent, holder: YamlMap | YamlList, *, tags: tuple[Any, ...]
    ) -> None:
        name = self._name()
        if len(self._stack) == DEEPEST:
            self._problem(holder.place, f"nested deeper than {DEEPEST} levels")
            raise _Stop
        if event.tag not in tags:
            self._problem(holder.place, f"tag {_tag(event.tag)} is not read; take it away")
        if self._wants_key():
            self._no_key(holder.place)
        is_map = isinstance(holder, YamlMap)
        self._stack.append(_Frame(holder, event.anchor, name, wants_key=is_map))

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.holder, frame.size)
        self._put(frame.holder, place=frame.holder.place, size=frame.size)

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = _place(event.start_mark)
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
        self._put(value, place=place, size=size)

    def _put(self, value: Any, *, place: Place, size: int) -> None:
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
        elif (
            frame.wants_key
        ):  # a map or list stood where a key must: its own value is still to come
            frame.wants_key = False
        else:
            if frame.key is not None and not frame.dropped:
                holder[frame.key] = value
                holder.key_places[frame.key] = frame.key_place
                holder.value_places[frame.key] = place
            frame.wants_key, frame.key = True, None

    def _wants_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].wants_key

    def _no_key(self, place: Place) -> None:
        self._stack[-1].key = None
        self._problem(place, "a key must be plain text, not a list, map or alias")

    def _name(self) -> str:
        """What the value that comes next is called: its key, or its list's."""
        if not self._stack:
            return ""
        frame = self._stack[-1]
        return frame.key or frame.name

    def _named(self, message: str) -> str:
        name = self._name()
        return f"{name}: {message}" if name else message


def _tag(tag: str | None) -> str:
    return (tag or "").replace("tag:yaml.org,2002:", "!!")
