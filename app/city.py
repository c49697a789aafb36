"""A city as it was read: ``city.yaml`` and what every file that it names says."""

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from app.config import CityFile
from app.places import Places
from citypatrol.errors import Problem
from citypatrol.geo import Grid
from citypatrol.registry import Registry
from edge.load import Cameras
from rules.ruleset import RuleSet
from tickets.opening import Opener
from tickets.units import Units


@dataclass(frozen=True, slots=True, eq=False)
class City:
    """``notes``: what is allowed and may not be meant, such as a category that no unit handles; a
    city with problems has none. ``warnings``: rules without what keeps people safe."""

    path: Path
    file: CityFile
    registry: Registry
    grid: Grid
    units: Units
    rules: RuleSet
    cameras: Cameras
    notes: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def places(self) -> Places:
        return Places(self.file, self.path.parent)


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What tickets need of a city, for who judges without running it."""

    file: CityFile
    registry: Registry
    grid: Grid
    units: Units

    @property
    def opener(self) -> Opener:
        city = self.file.city
        zone = ZoneInfo(city.timezone)
        brake = self.file.tickets.most_an_hour
        return Opener(city.code, zone, self.units, self.registry, self.grid, brake)
