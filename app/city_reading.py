"""Reads a city offline: ``city.yaml`` and every file that it names, every problem at once."""

import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app import crosschecks
from app.city import City, Ground
from app.config import CityFile, facts_of, with_defaults
from citypatrol.errors import Problem
from citypatrol.geo import Grid
from citypatrol.registry import Registry
from citypatrol.yamlfile import Document, load_model
from edge.load import Cameras, load_cameras
from rules.city_facts import CityFacts
from rules.load import load_rules
from rules.ruleset import RuleSet
from tickets.units import Units, load_units


def load_city(
    path: Path, *, env: Mapping[str, str] = os.environ
) -> tuple[City | None, list[Problem]]:
    """The city and every problem of all its files, sorted; None where there is no city to speak of.

    Nothing may run on a city with problems. Connects to nothing.
    """
    file, problems, document = load_model(path, CityFile, env=env)
    if file is None:
        return None, problems
    file = with_defaults(file, env=env)
    reader = _Reader(path.parent, document, env, facts_of(file), problems)
    registry = reader.registry(file.registry)
    city = City(
        path=path,
        file=file,
        registry=registry,
        grid=reader.grid(file.grid),
        units=reader.units(file.units),
        rules=reader.rules(file.rules),
        cameras=reader.cameras(file.cameras, registry),
    )
    city = replace(city, warnings=tuple(sorted(set(reader.warnings))))
    problems += crosschecks.problems(city, document)
    if problems:
        return city, sorted(set(problems))
    return replace(city, notes=tuple(sorted(crosschecks.notes(city, document)))), []


def with_rules_anew(
    city: City, *, env: Mapping[str, str] = os.environ
) -> tuple[City | None, list[Problem]]:
    """The city with its rule files as they are now (also new ones that its patterns fit), all else
    as it was read; None, and every problem, where there is any. Blocking."""
    _, _, document = load_model(city.path, CityFile, env=env)  # for places: the file may be another
    reader = _Reader(city.path.parent, document, env, facts_of(city.file))
    rules = reader.rules(city.file.rules)
    anew = replace(city, rules=rules, warnings=tuple(sorted(set(reader.warnings))))
    problems = reader.problems + list(crosschecks.problems(anew, document))
    if problems:
        return None, sorted(set(problems))
    return replace(anew, notes=tuple(sorted(crosschecks.notes(anew, document)))), []


def load_ground(
    path: Path, *, env: Mapping[str, str] = os.environ
) -> tuple[Ground | None, list[Problem]]:
    """The ground of the city, and every problem of its files; its rules and cameras are not read.
    None where there is any."""
    file, problems, document = load_model(path, CityFile, env=env)
    if file is None:
        return None, problems
    reader = _Reader(path.parent, document, env, facts_of(file), problems)
    registry = reader.registry(file.registry)
    ground = Ground(file, registry, reader.grid(file.grid), reader.units(file.units))
    return (None, sorted(set(problems))) if problems else (ground, [])


@dataclass(slots=True)
class _Reader:
    """Reads each file through its own room; what cannot be read counts as empty."""

    folder: Path
    document: Document
    env: Mapping[str, str]
    facts: CityFacts
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def registry(self, name: str | None) -> Registry:
        if name is None or not self._is_there(name, "registry"):
            return Registry.empty()
        registry, problems = Registry.read(self.folder / name)
        self.problems += problems
        return registry

    def grid(self, name: str | None) -> Grid:
        if name is None or not self._is_there(name, "grid"):
            return Grid.empty()
        grid, problems = Grid.read(self.folder / name)
        self.problems += problems
        return grid

    def units(self, name: str | None) -> Units:
        if name is None or not self._is_there(name, "units"):
            return Units()
        units, problems = load_units(self.folder / name)
        self.problems += problems
        return units or Units()

    def cameras(self, name: str | None, registry: Registry) -> Cameras:
        if name is None or not self._is_there(name, "cameras"):
            return Cameras()
        path = self.folder / name
        cameras, problems = load_cameras(path, registry=registry, env=self.env)
        self.problems += problems
        return cameras or Cameras()

    def rules(self, patterns: Sequence[str]) -> RuleSet:
        paths: list[Path] = []
        for index, pattern in enumerate(patterns):
            found = matching(self.folder, pattern)
            if not found:
                message = f"rules: no file is named like '{pattern}'"
                self.problems.append(self.document.problem(message, "rules", index))
            paths += [path for path in found if path not in paths]
        rules, problems = load_rules(paths, city=self.facts, warn=self.warnings.append)
        self.problems += problems
        return rules or RuleSet()

    def _is_there(self, name: str, *keys: str | int) -> bool:
        """Said at the line that names the file, which is where it is mended."""
        if (self.folder / name).is_file():
            return True
        message = f"{keys[0]}: there is no file '{name}'"
        self.problems.append(self.document.problem(message, *keys))
        return False


def matching(folder: Path, pattern: str) -> list[Path]:
    """The files that a ``rules:`` pattern of a city in ``folder`` means, by name."""
    if not Path(pattern).is_absolute():
        pattern = f"{glob.escape(str(folder))}/{pattern}"
    names = sorted(glob.glob(pattern))  # noqa: PTH207 - Path.glob takes no absolute pattern
    return [Path(name) for name in names if Path(name).is_file()]
