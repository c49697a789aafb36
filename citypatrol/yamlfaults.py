"""Where in the file each of pydantic's errors lies, and one message for each mistake."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from citypatrol.secret import Secret
from citypatrol.yamlscalar import Place
from citypatrol.yamltree import YamlMap, step
from citypatrol.yamlwords import either, instead, misplaced, nearest, no_choice, says, shown, wanted

Path = tuple[str | int, ...]
MOST_FAULTS = 10_000
"""Of one file: whoever has more has given the wrong file."""


@dataclass(slots=True)
class Reading:
    """What one validation of one file remembers: which models were tried where, and secrets."""

    unbuilt: Mapping[str, str]
    secrets: list[Secret]
    models: dict[int, list[type[BaseModel]]] = field(default_factory=dict)
    accepted: set[int] = field(default_factory=set)

    def remember_model(self, data: Any, model: type[BaseModel]) -> None:
        if type(data) is YamlMap:
            tried = self.models.get(id(data))
            if tried is None:
                self.models[id(data)] = [model]
            elif model not in tried:
                tried.append(model)

    def remember_secret(self, secret: Secret) -> None:
        self.secrets.append(secret)
        self.accepted.add(id(secret))

    def tried(self, node: Any) -> Sequence[type[BaseModel]]:
        return self.models.get(id(node), ())


@dataclass(frozen=True, slots=True)
class Fault:
    """A message at a place; ``unknown_key`` where that is all that is wrong.

    ``missing`` and ``meant`` are (map's id, key): a key that is missing because it was misspelt is
    not worth a second message.
    """

    place: Place
    message: str
    unknown_key: tuple[YamlMap, str] | None = None
    missing: tuple[int, str | int] | None = None
    meant: tuple[int, str] | None = None


@dataclass(slots=True)
class _Spot:
    """Where an error's ``loc`` leads. ``branches``: members of plain unions passed on the way."""

    error: ErrorDetails
    path: Path
    nodes: list[Any]
    place: Place
    rest: Path
    branches: list[tuple[Path, str]]

    @property
    def node(self) -> Any:
        return self.nodes[-1]


def faults(error: ValidationError, *, root: YamlMap, reading: Reading) -> list[Fault]:
    """Every error of one validation, those of a union's members made into one."""
    some = error.errors(include_url=False)[:MOST_FAULTS]
    details = [each for each in some if not _counts_good_items(each)]
    spots = [_walk(each, root) for each in details]
    found = list(_settle(_longest(spots), reading=reading, depth=0))
    meant = {fault.meant for fault in found if fault.meant is not None}
    return [fault for fault in found if fault.missing is None or fault.missing not in meant]


def _counts_good_items(error: ErrorDetails) -> bool:
    """Pydantic calls a list too short where it is long enough but its items are wrong."""
    is_short = error["type"] == "too_short"
    return is_short and len(error["input"]) >= error["ctx"]["min_length"]


def _longest(spots: Sequence[_Spot]) -> list[_Spot]:
    """A list of fixed length that is too short lacks each item: once is enough."""
    last: dict[int, int] = {}
    for spot in spots:
        if spot.rest and isinstance(spot.rest[0], int):
            last[id(spot.node)] = max(spot.rest[0], last.get(id(spot.node), 0))
    return [s for s in spots if not s.rest or s.rest[0] == last.get(id(s.node), s.rest[0])]


def _walk(error: ErrorDetails, root: YamlMap) -> _Spot:
    loc: Path = error["loc"]
    if error["type"] == "wrong":
        loc += tuple(error["ctx"]["keys"])
    named_last = error["type"] in ("missing", "extra_forbidden")
    spot = _Spot(error, (), [root], root.place, (), [])
    tagged: set[int] = set()
    for at, part in enumerate(loc):
        node = spot.node
        if named_last and at == len(loc) - 1:
            spot.rest = (part,)
        elif isinstance(node, YamlMap) and node.get("type") == part and id(node) not in tagged:
            tagged.add(id(node))
        elif part == "[key]" and len(spot.nodes) > 1:
            spot.place = spot.nodes[-2].key_places[spot.path[-1]]
        elif (below := step(node, part)) is not None:
            spot.path += (part,)
            spot.nodes.append(below[0])
            spot.place = below[1]
        elif isinstance(part, str):
            spot.branches.append((spot.path, part))
    return spot


def _settle(spots: Iterable[_Spot], *, reading: Reading, depth: int) -> Iterable[Fault]:
    groups: dict[Path, dict[str, list[_Spot]]] = {}
    for spot in spots:
        if len(spot.branches) <= depth:
            yield _fault(spot, reading)
        else:
            path, member = spot.branches[depth]
            groups.setdefault(path, {}).setdefault(member, []).append(spot)
    for path, members in groups.items():
        fitting = [m for m in members.values() if any(s.path != path or s.rest for s in m)]
        if fitting:  # the value has this member's form: what is wrong lies inside
            nearest = min(fitting, key=lambda member: len(member))
            yield from _settle(nearest, reading=reading, depth=depth + 1)
            continue
        alike = [spot for member in members.values() for spot in member]
        if len(alike) == 1:
            yield from _settle(alike, reading=reading, depth=depth + 1)
        else:
            yield _either(alike, reading)


def _either(spots: Sequence[_Spot], reading: Reading) -> Fault:
    """One sentence for a value that is no member of a union at all."""
    first = spots[0]
    forms = list(dict.fromkeys(form for spot in spots if (form := wanted(spot.error))))
    told = [spot for spot in spots if not wanted(spot.error)]
    if isinstance(first.error["input"], Secret):
        message = misplaced(first.error["input"])
    elif told:
        said = [_says(spot, reading) for spot in told]
        message = "; or ".join(dict.fromkeys(said + forms))
    else:
        message = f"expected {either(forms)}, found {shown(first.error['input'])}"
    return Fault(first.place, _named(first, reading, message))


def _fault(spot: _Spot, reading: Reading) -> Fault:
    kind, node = spot.error["type"], spot.node
    if kind == "extra_forbidden" and isinstance(node, YamlMap):
        return _unknown(spot, node, reading)
    if kind == "missing":
        message = _prefix(spot, reading) + _missing(spot, reading)
        return Fault(spot.place, message, missing=(id(node), spot.rest[0]))
    if kind == "union_tag_not_found":
        key = spot.error["ctx"]["discriminator"].strip("'")
        message = f"missing key '{key}'{_where(spot, reading)}"
        return Fault(spot.place, _prefix(spot, reading) + message)
    if kind == "union_tag_invalid":
        return _unknown_type(spot, reading)
    return Fault(spot.place, _named(spot, reading, _says(spot, reading)))


def _unknown(spot: _Spot, node: YamlMap, reading: Reading) -> Fault:
    key, where = str(spot.rest[0]), _where(spot, reading)
    place, meant = node.key_places[key], None
    unbuilt = _unbuilt(key, spot.nodes[-1:], reading, is_root=len(spot.nodes) == 1)
    if unbuilt is not None:
        message = f"'{key}'{where} is {unbuilt}"
    elif (below := _elsewhere(key, node, reading)) is not None:
        message = f"'{key}'{where} belongs below '{below}:'"
    else:
        known = [
            info.alias or name
            for model in reading.tried(node)
            for name, info in model.model_fields.items()
        ]
        message = f"unknown key '{key}'{where}{instead(key, known)}"
        near = nearest(key, known)
        meant = (id(node), near) if near is not None else None
    return Fault(place, _prefix(spot, reading) + message, unknown_key=(node, key), meant=meant)


def _elsewhere(key: str, node: YamlMap, reading: Reading) -> str | None:
    found = [getattr(model, "elsewhere", {}).get(key) for model in reading.tried(node)]
    return next(filter(None, found), None)


def _missing(spot: _Spot, reading: Reading) -> str:
    key = spot.rest[0]
    if isinstance(key, int):  # a list of fixed length is too short
        return f"{_key(spot)}expected {key + 1} items, found {len(spot.node)}"
    return f"missing key '{key}'{_where(spot, reading)}"


def _unknown_type(spot: _Spot, reading: Reading) -> Fault:
    context = spot.error["ctx"]
    key, tag = context["discriminator"].strip("'"), context["tag"]
    place = spot.place
    if isinstance(spot.node, YamlMap) and key in spot.node:
        place = spot.node.value_places[key]
    unbuilt = _unbuilt(f"{key}: {tag}", spot.nodes, reading, is_root=True)
    if unbuilt is not None:
        return Fault(place, f"{_prefix(spot, reading)}{key} '{tag}' is {unbuilt}")
    known = re.findall(r"'([^']*)'", context["expected_tags"])
    where = _where(spot, reading)
    message = f"unknown {key} '{tag}'{where}{instead(tag, known)}"
    return Fault(place, _prefix(spot, reading) + message)


def _unbuilt(key: str, nodes: Sequence[Any], reading: Reading, *, is_root: bool) -> str | None:
    named: dict[str, str] = dict(reading.unbuilt) if is_root else {}
    for node in nodes:
        for model in reading.tried(node):
            named.update(getattr(model, "unbuilt", {}))
    if key not in named:
        return None
    return "documented but not built yet" + (f": {named[key]}" if named[key] else "")


def _prefix(spot: _Spot, reading: Reading) -> str:
    return "".join(
        f"{noun} '{name}': " for node in spot.nodes for noun, name in _identity(node, reading)
    )


def _identity(node: Any, reading: Reading) -> list[tuple[str, str]]:
    nouns = [getattr(model, "noun", "") for model in reading.tried(node)]
    noun = next(filter(None, nouns), "")
    names = [node.get("name"), node.get("id")] if noun else []
    return [(noun, _short(name)) for name in names if isinstance(name, str)][:1]


def _short(name: str) -> str:
    name = " ".join(name[:200].splitlines())
    return name if len(name) <= 100 else f"{name[:60]}..."


def _where(spot: _Spot, reading: Reading) -> str:
    names = [part for part in spot.path if isinstance(part, str)]
    return f" in {names[-1]}" if names and not _identity(spot.node, reading) else ""


def _key(spot: _Spot) -> str:
    names = [part for part in spot.path if isinstance(part, str)]
    return f"{names[-1]}: " if names else ""


def _named(spot: _Spot, reading: Reading, message: str) -> str:
    own = "" if _identity(spot.node, reading) else _key(spot)
    return f"{_prefix(spot, reading)}{own}{message}"


def _says(spot: _Spot, reading: Reading) -> str:
    value = spot.error["input"]
    if isinstance(value, Secret) and id(value) not in reading.accepted:
        return misplaced(value)
    if spot.error["type"] in ("literal_error", "enum"):
        key = next((part for part in reversed(spot.path) if isinstance(part, str)), "")
        unbuilt = _unbuilt(f"{key}: {value}", spot.nodes, reading, is_root=True)
        return f"{shown(value)} is {unbuilt}" if unbuilt else no_choice(spot.error)
    return says(spot.error)
