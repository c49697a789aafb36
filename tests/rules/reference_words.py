"""Comparisons once more, of rules as the plain mappings of the YAML (decisions 10, 11)."""

import re
from collections.abc import Mapping
from typing import Any

Rule = Mapping[str, Any]
NUMBER = re.compile(r"-?\d+(\.\d+)?")


def threshold(spec: Any, labels: Mapping[str, str]) -> float | None:
    """The number, or the source's own cell, or the default, or unknown (decision 11)."""
    if not isinstance(spec, Mapping):
        return float(spec)
    cell = labels.get(spec["label"], "")
    if cell:
        return float(cell) if NUMBER.fullmatch(cell) else None
    return float(spec["default"]) if "default" in spec else None


def compare(part: Rule, value: float, labels: Mapping[str, str]) -> bool | None:
    """Decision 10: above and below are strict, between holds at its ends."""
    for word in ("above", "below"):
        if word in part:
            limit = threshold(part[word], labels)
            if limit is None:
                return None
            return value > limit if word == "above" else value < limit
    for word in ("between", "outside"):
        if word in part:
            low, high = (threshold(end, labels) for end in part[word])
            if low is None or high is None:
                return None
            return (low <= value <= high) == (word == "between")
    if "equals" in part:
        return value == float(part["equals"])
    raise AssertionError(part)


def has_threshold(part: Rule) -> bool:
    return any(word in part for word in ("above", "below", "between", "outside", "equals"))
