"""Rules as their authors wrote them, beside what they mean.

A diff names what was changed in the author's words, and tries one changed word alone: so it works
on the words, and every trial goes through the reading that judges them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.backtest.rulefiles import named_files
from citypatrol.errors import ConfigError
from citypatrol.yamlfile import load_model
from rules.city_facts import CityFacts
from rules.load import load_rules
from rules.ruleset import Rule
from rules.words import RuleFile

Words = Mapping[str, Any]
"""One rule as YAML maps, lists, texts and numbers."""


@dataclass(frozen=True, slots=True)
class Worded:
    """A rule and the words that it was read from."""

    rule: Rule
    words: Words


def read_worded(paths: Sequence[Path], *, city: CityFacts) -> dict[str, Worded]:
    """By name. ConfigError with every problem, UsageError where there is no file."""
    files = named_files(paths)
    rules, problems = load_rules(files, city=city)
    if rules is None:
        raise ConfigError(problems)
    words: dict[str, Words] = {}
    for path in files:
        _, _, document = load_model(path, RuleFile)
        words |= {one["name"]: _plain(one) for one in document.tree.root["rules"]}
    return {rule.name: Worded(rule, words[rule.name]) for rule in rules.rules}


def meant_by(words: Iterable[Words], *, city: CityFacts) -> list[Rule] | None:
    """The rules that these words mean; None where together they are no valid rule file."""
    with TemporaryDirectory(prefix="citypatrol-diff-") as folder:
        path = Path(folder, "rules.yaml")
        path.write_text(_yaml(words), encoding="utf-8")
        rules, _ = load_rules([path], city=city)
    return None if rules is None else list(rules.rules)


def _yaml(words: Iterable[Words]) -> str:
    """JSON is YAML; and a text that a file spells ``$${`` was read as ``${``."""
    return json.dumps({"rules": list(words)}).replace("${", "$${")


def spoken(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {spoken(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(spoken, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
