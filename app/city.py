"""A city: ``city.yaml`` and every file that it names, read offline, every problem at once."""

import glob
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.config import CityFile, with_defaults
from app.crosschecks import cross_check
from app.places import Places
from citypatrol.errors import Problem
from citypatrol.geo import Grid
from citypatrol.registry import Registry
from citypatrol.yamlfile import Document, load_model
from edge.load import Cameras, load_cameras
from rules.load import RuleSet, load_rules
from tickets.units import Units, load_units


@dataclass(frozen=True, slots=True, eq=False)
class City:
    """``notes``: what is allowed and may not be meant, such as a category that no unit handles."""

    path: Path
    file: CityFile
    registry: Registry
    grid: Grid
    units: Units
    rules: RuleSet
    cameras: Cameras
    notes: tuple[Problem, ...] = ()

    @property
    def places(self) -> Places:
        return Places(self.file, self.path.parent)


def load_city(
    path: Path, *, env: Mapping[str, str] = os.environ
) -> tuple[City | None, list[Problem]]:
    """The city and every problem of all its files, sorted; None where there is no city to speak of.

    Nothing may run on a city with problems; it is given so that more can be checked.
    """
    file, problems, document = load_model(path, CityFile, env=env)
    if file is None:
        return None, problems
    file = with_defaults(file, env=env)
    reading = _Reading(path, document, env)
    city = City(
        path=path,
        file=file,
        registry=reading.registry(file.registry),
        grid=reading.grid(file.grid),
        units=reading.units(file.units),
        rules=reading.rules(file.rules),
        cameras=reading.cameras(file.cameras),
    )
    problems += reading.problems
    found, notes = cross_check(city, document)
    return replace(city, notes=tuple(sorted(notes))), sorted({*problems, *found})
