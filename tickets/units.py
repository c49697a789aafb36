"""``units.yaml``: who is responsible for which kind of case, and where to send it."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field

from citypatrol.errors import Problem
from citypatrol.secret import Secret
from citypatrol.signing import parse_secret
from citypatrol.weburl import HttpUrlText
from citypatrol.yamlfile import Document, Model, load_model

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_CATEGORY: Final = re.compile(r"[^\s.]+(\.[^\s.]+)*")


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        message = f"'{text}' cannot stand in a URL; use up to 64 letters, digits, '-' and '_'"
        raise ValueError(message)
    return text


def _category(text: str) -> str:
    if not _CATEGORY.fullmatch(text):
        message = f"'{text}' is no category; write a dotted name like road.traffic_light"
        raise ValueError(message)
    return text


def _signing_secret(secret: Secret) -> Secret:
    parse_secret(secret)
    return secret


Id = Annotated[str, AfterValidator(_id), Field(json_schema_extra={"pattern": f"^{_ID.pattern}$"})]
Category = Annotated[
    str, AfterValidator(_category), Field(json_schema_extra={"pattern": f"^{_CATEGORY.pattern}$"})
]
SigningSecret = Annotated[
    Secret,
    AfterValidator(_signing_secret),
    Field(json_schema_extra={"pattern": r"^(whsec_[A-Za-z0-9+/=_-]+|.*\$\{.*)$"}),
]


class UnitWebhook(Model):
    """Where a unit's events go, and the key that signs both ways."""

    url: HttpUrlText
    secret: SigningSecret


class Unit(Model):
    """One that answers for cases. Without a webhook it works from the desk alone."""

    noun: ClassVar[str] = "unit"
    unbuilt: ClassVar[Mapping[str, str]] = {
        "areas": "a unit answers for its categories in the whole city; leave it out",
        "calendar": "deadlines run day and night; leave it out",
    }

    id: Id
    name: Annotated[str, Field(min_length=1, max_length=200)]
    level: Literal["street", "district", "city"]
    parent: str | None = None
    handles: list[Category]
    webhook: UnitWebhook | None = None


class UnitFile(Model):
    units: list[Unit]


class Units:
    """The units of a city in the order of their file, which is the order of responsibility."""

    def __init__(self, units: Iterable[Unit] = ()) -> None:
        self._units = {unit.id: unit for unit in units}

    def __iter__(self) -> Iterator[Unit]:
        return iter(self._units.values())

    def __len__(self) -> int:
        return len(self._units)

    def get(self, unit_id: str) -> Unit | None:
        return self._units.get(unit_id)

    def name(self, unit_id: str) -> str:
        """The unit's name; its id where the file no longer has it."""
        unit = self._units.get(unit_id)
        return unit_id if unit is None else unit.name

    def has_webhook(self, unit_id: str | None) -> bool:
        """Whether events go anywhere; True for a unit that the file no longer has, whose events
        wait until it is back."""
        unit = self._units.get(unit_id or "")
        return unit_id is not None and (unit is None or unit.webhook is not None)

    def handling(self, category: str, *, besides: Collection[str] = ()) -> Unit | None:
        """The first unit that handles the category and is not among ``besides``."""
        for unit in self:
            if category in unit.handles and unit.id not in besides:
                return unit
        return None

    def unhandled(self, categories: Iterable[str]) -> list[str]:
        """The categories that no unit handles, sorted: their tickets would stay ``open``."""
        return sorted({category for category in categories if self.handling(category) is None})


def load_units(path: Path) -> tuple[Units | None, list[Problem]]:
    """The units, and everything that is wrong with the file; None where it cannot be read."""
    found, problems, document = load_model(path, UnitFile)
    if found is None:
        return None, problems
    crossed = list(_cross_checks(found.units, document))
    return Units(found.units), sorted([*problems, *crossed])


def _cross_checks(units: Sequence[Unit], document: Document) -> Iterator[Problem]:
    parents: dict[str, str | None] = {}
    for index, unit in enumerate(units):
        if unit.id in parents:
            message = f"unit '{unit.name}': there is another '{unit.id}'; give one another id"
            yield document.problem(message, "units", index, "id")
        parents.setdefault(unit.id, unit.parent)
    for index, unit in enumerate(units):
        if unit.parent is not None and unit.parent not in parents:
            message = f"unit '{unit.name}': there is no unit '{unit.parent}' to be its parent"
            yield document.problem(message, "units", index, "parent")
        elif (circle := _circle(unit.id, parents)) is not None:
            message = f"unit '{unit.name}': is its own parent through {' > '.join(circle)}"
            yield document.problem(message, "units", index, "parent")


def _circle(start: str, parents: Mapping[str, str | None]) -> list[str] | None:
    """The way up from ``start`` where it comes back to ``start``."""
    way = [start]
    while (parent := parents.get(way[-1])) is not None:
        way.append(parent)
        if parent == start:
            return way
        if parent in way[:-1]:
            return None
    return None
