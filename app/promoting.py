"""Takes ``shadow: true`` out of a rule, and leaves every other byte as it was (pure)."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from citypatrol.yamltree import YamlMap, parse


class NoShadow(Exception):
    """There is nothing to take out, or not by a machine: the message says why."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A file's text before and after."""

    before: str
    after: str

    def diff(self, name: str) -> str:
        """As ``diff -u`` says it."""
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        lines = difflib.unified_diff(before, after, fromfile=name, tofile=name, n=2)
        return "".join(f"{line.rstrip()}\n" for line in lines)


def names_of(text: str) -> set[str]:
    """The rules of a rule file, as far as it can be read."""
    return {str(rule.get("name")) for rule in _rules(text)}


def promote(text: str, rule: str) -> Edit:
    """The file without the shadow of this rule. Raises NoShadow."""
    found = next((one for one in _rules(text) if one.get("name") == rule), None)
    if found is None:
        message = f"there is no rule '{rule}'"
        raise NoShadow(message)
    if found.get("shadow") is not True:
        message = f"rule '{rule}' is no shadow: units are sent already"
        raise NoShadow(message)
    after = _without(text, found)
    if after is None or _plain(after) != _expected(text, rule):
        line = found.key_places["shadow"][0]
        message = f"rule '{rule}': shadow in line {line} is written unusually; remove it by hand"
        raise NoShadow(message)
    return Edit(text, after)


def _without(text: str, rule: YamlMap) -> str | None:
    """None where it is not written as people write it."""
    (row, key), (value_row, value) = rule.key_places["shadow"], rule.value_places["shadow"]
    lines = text.split("\n")
    line = lines[row - 1]
    end = value - 1 + len("true")
    if row != value_row or line[value - 1 : end].lower() != "true":
        return None
    before, after = line[: key - 1], line[end:]
    is_last = not after.strip() or after.lstrip().startswith("#")
    if is_last and not before.strip():
        del lines[row - 1]
    elif is_last and before.strip() == "-" and row < len(lines):  # the next key takes its place
        lines[row - 1 : row + 1] = [before + lines[row][len(before) :]]
    elif after.lstrip().startswith(","):  # among others in braces
        lines[row - 1] = before + after.lstrip()[1:].lstrip()
    else:
        lines[row - 1] = before.rstrip().removesuffix(",") + after
    return "\n".join(lines)


def _expected(text: str, rule: str) -> Any:
    root = _plain(text)
    for one in root["rules"]:
        if one.get("name") == rule:
            del one["shadow"]
    return root


def _plain(text: str) -> Any:
    return parse(text.removeprefix("\ufeff"), path="", folder=Path(), env={}).root


def _rules(text: str) -> list[YamlMap]:
    root = _plain(text)
    rules = root.get("rules") if isinstance(root, dict) else None
    return [one for one in rules if isinstance(one, YamlMap)] if isinstance(rules, list) else []
