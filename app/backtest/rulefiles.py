"""Which rule files are meant by what was typed, and which city they belong to."""

from collections.abc import Sequence
from pathlib import Path

from app.check import rule_files
from app.city import Ground
from app.city_reading import load_ground
from app.config import CityFile, facts_of
from app.outcome import UsageError
from citypatrol.errors import ConfigError
from citypatrol.yamlfile import load_model
from rules.city_facts import UNKNOWN_CITY, CityFacts
from rules.load import load_rules
from rules.ruleset import RuleSet


def read_rules(paths: Sequence[Path], *, city: Path | None = None) -> RuleSet:
    """Of files, of folders with rule files in them, of a city; ``city``: the city.yaml whose they
    are, by default the one beside or above. ConfigError with every problem."""
    facts = facts_beside(paths) if city is None else facts_at(city)
    rules, problems = load_rules(named_files(paths), city=facts)
    if rules is None:
        raise ConfigError(problems)
    return rules


def named_files(paths: Sequence[Path]) -> list[Path]:
    """Each rule file that is meant, once. UsageError where a path means none."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            message = f"{path}: there is no such file or folder"
            raise UsageError(message)
        some = rule_files(path)
        if not some:
            message = f"{path}: there is no file with rules"
            raise UsageError(message)
        found += [one for one in some if one not in found]
    return found


def facts_beside(paths: Sequence[Path]) -> CityFacts:
    """What the city beside or above the rules says of them."""
    return facts_at(next(filter(None, map(find_city, paths)), None))


def facts_at(city: Path | None) -> CityFacts:
    file = None if city is None else load_model(city, CityFile)[0]
    return UNKNOWN_CITY if file is None else facts_of(file)


def find_city(rules: Path) -> Path | None:
    """The city.yaml beside or above the rules."""
    folder = rules.absolute() if rules.is_dir() else rules.absolute().parent
    places = (one / "city.yaml" for one in (folder, *folder.parents))
    return next((path for path in places if path.is_file()), None)


def read_ground(path: Path | None) -> Ground | None:
    """ConfigError with every problem of its files."""
    if path is None:
        return None
    ground, problems = load_ground(path)
    if ground is None:
        raise ConfigError(problems)
    return ground
