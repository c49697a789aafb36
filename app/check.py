"""What ``citypatrol check`` does: reads files and folders, connects to nothing, finds all errors.

A file is what its content says it is: a city, rules, cameras, units, a registry or a grid. Each
reader is imported when there is something to read: a rule file needs none of the others.
"""

import gc
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from citypatrol.errors import Problem
from citypatrol.yamlfile import Model, load_model
from citypatrol.yamlsyntax import decode, read
from citypatrol.yamltree import parse
from rules.load import check_rules

_YAML: Final = (".yaml", ".yml")
_READ: Final = (*_YAML, ".csv", ".geojson")
_PASSED_OVER: Final = frozenset({"data", "node_modules"})
_TOP_WORD: Final = re.compile(
    rb"""^(?:\xef\xbb\xbf)?["']?(\w+)["']?[ \t]*:(?=\s|$)""", re.MULTILINE
)
_CITY_KEYS: Final = frozenset({"city", "journal", "inputs", "sinks", "http", "tickets", "kinds"})
_LATER: Final = {"edge.yaml": "edge agents are documented but not built yet"}


@dataclass(frozen=True, slots=True)
class Findings:
    """``files``: how many were read; ``notes``: what is allowed and may not be meant;
    ``warnings``: rules without what keeps people safe."""

    files: int
    problems: Sequence[Problem]
    notes: Sequence[Problem]
    warnings: Sequence[Problem] = ()


@dataclass(slots=True)
class _Check:
    env: Mapping[str, str]
    read: set[Path] = field(default_factory=set)
    problems: set[Problem] = field(default_factory=set)
    notes: set[Problem] = field(default_factory=set)
    warnings: set[Problem] = field(default_factory=set)

    def city(self, path: Path) -> None:
        """The city and every file that it names."""
        from app.city_reading import load_city

        city, problems = load_city(path, env=self.env)
        self.problems.update(problems)
        self.read.add(path)
        named = _named_by(path)
        if city is None:
            for other in named:
                if other not in self.read:
                    self.one(other)
            return
        self.notes.update(city.notes)
        self.warnings.update(city.warnings)
        self.read.update(named)

    def one(self, path: Path) -> None:
        self.read.add(path)
        reader = _reader(path)
        if reader is _rules:
            self.problems.update(check_rules(path, warn=self.warnings.add))
        else:
            self.problems.update(reader(path))

    def folder(self, folder: Path) -> None:
        """Cities first: what they name is read with them and not again by itself."""
        found = sorted(_files(folder))
        cities = [path for path in found if _is_city(path)]
        for path in cities:
            self.city(path)
        for path in found:
            if path not in self.read and not _is_other_table(path):
                self.one(path)
        if not found:
            message = f"no file to check: nothing ends in {', '.join(_READ)}"
            self.problems.add(Problem(str(folder), 0, 0, message))


def check(paths: Iterable[Path], *, env: Mapping[str, str] = os.environ) -> Findings:
    """Every problem of every file, sorted by file and line."""
    work = _Check(env)
    with _nothing_collected():
        for path in paths:
            if path.is_dir():
                work.folder(path)
            elif _is_city(path):
                work.city(path)
            elif path not in work.read:
                work.one(path)
    found = (work.problems, work.notes, work.warnings)
    return Findings(len(work.read), *map(sorted, found))


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """What is read makes no circles: to look for some among millions of values costs a third."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def rule_files(path: Path) -> list[Path]:
    """The rule files in a folder, or those that a city names; else the file itself."""
    if path.is_dir():
        found = [one for one in _files(path) if one.suffix in _YAML and not _is_city(one)]
        return [
            one for one in found if "rules" in (keys := _top_words(one)) and "tests" not in keys
        ]
    if not _is_city(path):
        return [path]
    from app.city_reading import matching

    rules = _keys(path).get("rules")
    patterns = [one for one in rules if isinstance(one, str)] if isinstance(rules, list) else []
    return [one for pattern in patterns for one in matching(path.parent, pattern)]


def test_files(folder: Path) -> list[Path]:
    """The files with rule tests in a folder."""
    found = (one for one in _files(folder) if one.suffix in _YAML and not _is_city(one))
    return [one for one in found if "tests" in _top_words(one)]


def _files(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in _PASSED_OVER:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        elif path.suffix in _READ and path.is_file():
            yield path


def _is_city(path: Path) -> bool:
    if path.suffix not in _YAML or path.name in ("city.yaml", "city.yml"):
        return path.suffix in _YAML
    keys = _top_words(path)
    return bool(_CITY_KEYS & keys) and "tests" not in keys


def _named_by(path: Path) -> list[Path]:
    """The files that a city names and that are there, also where the city itself is wrong."""
    from app.city_reading import matching

    top = _keys(path)
    names = [top.get(key) for key in ("registry", "cameras", "grid", "units")]
    named = [path.parent / name for name in names if isinstance(name, str)]
    rules = top.get("rules")
    for pattern in rules if isinstance(rules, list) else []:
        if isinstance(pattern, str) and pattern:
            named += matching(path.parent, pattern)
    return [other for other in named if other.is_file()]


def _is_other_table(path: Path) -> bool:
    """A CSV of something else that lies in the folder of a city, like readings to import: fewer
    than half of a registry's columns, whatever stands between them."""
    if path.suffix != ".csv":
        return False
    from citypatrol.registry_csv import COLUMNS

    try:
        with path.open("rb") as file:
            words = set(re.findall(r"\w+", file.readline(65_536).decode(errors="replace")))
    except OSError:
        return False  # whoever reads it says why not
    return bool(words) and 2 * len(words.intersection(COLUMNS)) < len(COLUMNS)


def _reader(path: Path) -> Callable[[Path], Sequence[Problem]]:
    if path.suffix == ".csv":
        return _registry
    if path.suffix in (".geojson", ".json"):
        return _grid
    if path.name in _LATER:
        return lambda path: [Problem(str(path), 0, 0, _LATER[path.name])]
    keys = _top_words(path)
    for key, reader in _READERS.items():
        if key in keys or path.stem == key:
            return reader
    return _stranger


def _stranger(path: Path) -> Sequence[Problem]:
    _, problems, document = load_model(path, Model)  # no more than its form
    if document.tree.broken:
        return problems
    if document.tree.root is None:
        message = "is empty; write a city, or rules, tests, cameras or units"
        return [Problem(str(path), 0, 0, message)]
    message = (
        "is neither a city nor rules, tests, cameras or units: none of their keys is at its top"
    )
    return [Problem(str(path), 0, 0, message)]


def _rules(path: Path) -> Sequence[Problem]:
    return check_rules(path)


def _tests(path: Path) -> Sequence[Problem]:
    from app.testing.suite import read_suite

    return read_suite(path).problems


def _cameras(path: Path) -> Sequence[Problem]:
    from edge.load import load_cameras

    return load_cameras(path)[1]


def _units(path: Path) -> Sequence[Problem]:
    from tickets.units import load_units

    return load_units(path)[1]


def _registry(path: Path) -> Sequence[Problem]:
    from citypatrol.registry import Registry

    return Registry.read(path)[1]


def _grid(path: Path) -> Sequence[Problem]:
    from citypatrol.geo import Grid

    return Grid.read(path)[1]


_READERS: Final[Mapping[str, Callable[[Path], Sequence[Problem]]]] = {
    "tests": _tests,
    "rules": _rules,
    "cameras": _cameras,
    "units": _units,
}


def _top_words(path: Path) -> frozenset[str]:
    """The top keys alone, which takes no parser where each begins a line."""
    try:
        words = _TOP_WORD.findall(read(path))
    except OSError:
        return frozenset()
    return frozenset(word.decode() for word in words) or frozenset(_keys(path))


def _keys(path: Path) -> dict[str, Any]:
    """The top keys of a YAML file with their values, {} where it cannot be read as far as that."""
    try:
        text, problems = decode(read(path), path=str(path))
    except OSError:
        return {}
    if problems:
        return {}
    root = parse(text, path=str(path), folder=path.parent, env={}).root
    return root if isinstance(root, dict) else {}
