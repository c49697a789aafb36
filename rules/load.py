"""Rule files in, a ``RuleSet`` out, or every problem with its place."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from citypatrol.errors import Problem
from citypatrol.yamlfile import Document, load_model
from citypatrol.yamltree import step
from rules.building import build
from rules.city_facts import UNKNOWN_CITY, CityFacts
from rules.lint import lint
from rules.ruleset import RuleSet
from rules.unit_check import unit_problems
from rules.words import RuleFile, RuleWords

__all__ = ["RuleSet", "check_rules", "load_rules"]


def load_rules(
    paths: Sequence[Path],
    *,
    city: CityFacts = UNKNOWN_CITY,
    env: Mapping[str, str] = os.environ,
    warn: Callable[[Problem], None] | None = None,
) -> tuple[RuleSet | None, list[Problem]]:
    """The rules of all files, and every problem of every file; None where there is any. ``warn``
    hears of what is allowed and seldom meant."""
    files, problems = _read(paths, city=city, env=env, warn=warn)
    if problems:
        return None, problems
    return RuleSet(tuple(build(words, city) for file, _ in files for words in file.rules)), []


def check_rules(path: Path, *, warn: Callable[[Problem], None] | None = None) -> list[Problem]:
    """Every problem of a file that is read by itself; nothing is built."""
    return _read([path], city=UNKNOWN_CITY, env=os.environ, warn=warn)[1]


def _read(
    paths: Sequence[Path],
    *,
    city: CityFacts,
    env: Mapping[str, str],
    warn: Callable[[Problem], None] | None,
) -> tuple[list[tuple[RuleFile, Document]], list[Problem]]:
    problems: list[Problem] = []
    first: dict[str, str] = {}
    files: list[tuple[RuleFile, Document]] = []
    for path in paths:
        file, found, document = load_model(path, RuleFile, env=env)
        problems += found + _doubles(document, first)
        if file is not None:
            files.append((file, document))
    if not problems:
        problems = _joins(files) + _units(files, city)
    if warn is not None:
        _lint(files, warn)
    return files, sorted(problems)


def _doubles(document: Document, first: dict[str, str]) -> list[Problem]:
    """Names that were given before, here or in another file; read from the plain tree, so that
    another mistake in the file does not hide them."""
    problems = []
    found = step(document.tree.root, "rules")
    count = len(found[0]) if found is not None and isinstance(found[0], list) else 0
    for at in range(count):
        keys = ("rules", at, "name")
        rule = step(found[0], at) if found is not None else None
        name = step(rule[0], "name") if rule is not None else None
        if name is None or not isinstance(name[0], str):
            continue
        place = f"{document.path}:{name[1][0]}"
        if name[0] in first:
            message = f"rule '{name[0]}': name: there is one at {first[name[0]]} already"
            problems.append(document.problem(message, *keys))
        first.setdefault(name[0], place)
    return problems


def _joins(files: Sequence[tuple[RuleFile, Document]]) -> list[Problem]:
    """Rules whose ``joins`` names none that can be joined, in any file."""
    known = {rule.name: rule for file, _ in files for rule in file.rules}
    problems = []
    for file, document in files:
        for at, rule in enumerate(file.rules):
            joins = rule.ticket.joins if rule.ticket is not None else None
            why = None if joins is None else _cannot_join(rule, known.get(joins))
            if why is not None:
                message = f"rule '{rule.name}': ticket.joins: '{joins}' {why}"
                problems.append(document.problem(message, "rules", at, "ticket", "joins"))
    return problems


def _cannot_join(rule: RuleWords, other: RuleWords | None) -> str | None:
    if other is None:
        return "is no rule; write the name of one"
    if other.name == rule.name:
        return "is this rule itself; leave it out"
    if other.ticket is None or other.ticket.joins is not None:
        return "has no tickets of its own; name a rule that has"
    if other.group != rule.group:
        groups = f"group: {other.group}" if other.group is not None else "no group"
        return f"has {groups}; both rules need the same"
    return None


def _units(files: Sequence[tuple[RuleFile, Document]], city: CityFacts) -> list[Problem]:
    return [
        document.problem(f"rule '{words.name}': {message}", "rules", at, *keys)
        for file, document in files
        for at, words in enumerate(file.rules)
        for message, keys in unit_problems(words, city)
    ]


def _lint(files: Sequence[tuple[RuleFile, Document]], warn: Callable[[Problem], None]) -> None:
    for file, document in files:
        for at, words in enumerate(file.rules):
            for key, message in lint(words):
                warn(document.problem(f"rule '{words.name}': {key}: {message}", "rules", at, key))
