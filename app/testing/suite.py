"""Reads a file of rule tests and plays each of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from app.city_reading import load_ground, matching
from app.config import CityFile, facts_of
from app.testing.asking import asked_problems
from app.testing.scene import Scene, TinyCity, play_scene, scene_of
from app.testing.verdict import Failure, failures
from app.testing.words import CityWords, SuiteFile
from citypatrol.errors import Problem
from citypatrol.geo import Grid
from citypatrol.registry import Registry
from citypatrol.yamlfile import Document, load_model
from rules.city_facts import UNKNOWN_CITY, CityFacts
from rules.load import load_rules
from rules.ruleset import RuleSet
from tickets.opening import Opener
from tickets.units import Units


@dataclass(frozen=True, slots=True)
class Verdict:
    """One test; it passed where there are no failures. ``line`` is where it begins."""

    path: Path
    line: int
    name: str
    failures: Sequence[Failure]


@dataclass(frozen=True, slots=True)
class Suite:
    """One file. Where there are ``problems`` no test of it was played. ``rules``: the names that it
    loads; ``touched``: those that some test of it names."""

    path: Path
    problems: Sequence[Problem]
    verdicts: Sequence[Verdict] = ()
    rules: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Read:
    """One file, not played yet. Nothing may be played where there are ``problems``."""

    problems: Sequence[Problem]
    document: Document
    rules: RuleSet = field(default_factory=RuleSet)
    scenes: Sequence[Scene] = ()


def read_suite(path: Path) -> Read:
    """The file with the rules and the city that it names, and all that is wrong with it."""
    file, problems, document = load_model(path, SuiteFile)
    if file is None or problems:
        return Read(_is_of_rules(document) or problems, document)
    rules, rule_problems = _rules(file, document)
    city, city_problems = _city(file, document)
    problems += rule_problems + city_problems + _doubles(file, document)
    if rules is None or city is None or problems:
        return Read(sorted(set(problems)), document)
    scenes = [
        scene_of(words, file=file, rules=rules, city=city, keys=("tests", number))
        for number, words in enumerate(file.tests)
    ]
    problems = [one for scene in scenes for one in asked_problems(scene, document)]
    return Read(sorted(set(problems)), document, rules, scenes)


def run_suite(path: Path) -> Suite:
    """Play every test of the file."""
    read = read_suite(path)
    if read.problems:
        return Suite(path, read.problems)
    verdicts = []
    for scene in read.scenes:
        line, _ = read.document.place(*scene.keys)
        found = failures(scene, play_scene(scene), read.document)
        verdicts.append(Verdict(path, line, scene.words.name, found))
    every = frozenset(rule.name for rule in read.rules.rules)
    touched = frozenset(name for scene in read.scenes for name in scene.named)
    return Suite(path, [], verdicts, every, touched)


def _is_of_rules(document: Document) -> list[Problem]:
    """Said in place of all else of a rule file that was taken for its test."""
    root = document.tree.root
    rules = root.get("rules") if isinstance(root, dict) and "tests" not in root else None
    if not isinstance(rules, list) or not any(isinstance(one, dict) for one in rules):
        return []
    message = "holds rules and no tests: name the file of their tests, which names this one"
    return [Problem(str(document.path), 0, 0, message)]


def _rules(file: SuiteFile, document: Document) -> tuple[RuleSet | None, list[Problem]]:
    paths: list[Path] = []
    problems: list[Problem] = []
    for number, pattern in enumerate(file.rules):
        found = matching(document.path.parent, pattern)
        if not found:
            message = f"rules: no file is named like '{pattern}'"
            problems.append(document.problem(message, "rules", number))
        paths += [path for path in found if path not in paths]
    rules, wrong = load_rules(paths, city=_facts(file, document))
    return rules, problems + wrong


def _facts(file: SuiteFile, document: Document) -> CityFacts:
    """What the rules need of the city that the file names or writes."""
    if isinstance(file.city, str):
        named, _, _ = load_model(document.path.parent / file.city, CityFile)
        return UNKNOWN_CITY if named is None else facts_of(named)
    if file.city is None:
        return UNKNOWN_CITY
    words = file.city
    place = None if words.place is None else (words.place.lat, words.place.lon)
    return CityFacts(words.timezone, place, words.calendar, words.metrics)


def _city(file: SuiteFile, document: Document) -> tuple[TinyCity | None, list[Problem]]:
    if isinstance(file.city, str):
        path = document.path.parent / file.city
        if not path.is_file():
            message = f"city: there is no file '{file.city}'"
            return None, [document.problem(message, "city")]
        ground, problems = load_ground(path)
        if ground is None:
            return None, problems
        return TinyCity(ground.opener, ground.file.kinds, ground.file.mode), []
    words = file.city or CityWords()
    grid, registry = Grid.empty(), Registry.empty()
    problems = []
    for key in ("grid", "registry"):
        name = getattr(words, key)
        if name is None:
            continue
        path = document.path.parent / name
        if not path.is_file():
            problems.append(document.problem(f"{key}: there is no file '{name}'", "city", key))
        elif key == "grid":
            grid, found = Grid.read(path)
            problems += found
        else:
            registry, found = Registry.read(path)
            problems += found
    opener = Opener(words.code, ZoneInfo(words.timezone), Units(words.units), registry, grid)
    return TinyCity(opener, words.kinds), problems


def _doubles(file: SuiteFile, document: Document) -> list[Problem]:
    first: dict[str, int] = {}
    problems = []
    for number, test in enumerate(file.tests):
        if test.name in first:
            line = document.place("tests", first[test.name])[0]
            message = f"test '{test.name}': name: there is one at line {line} already"
            problems.append(document.problem(message, "tests", number, "name"))
        first.setdefault(test.name, number)
    return problems
