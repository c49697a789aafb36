"""``all any not`` once more, plain and slow (decision 13)."""

from collections.abc import Sequence

from citypatrol.units import duration_ms
from tests.rules.reference_words import Rule

Truth = bool | None


def kleene(word: str, truths: Sequence[Truth]) -> Truth:
    if word == "not":
        return None if truths[0] is None else not truths[0]
    decides = word == "any"
    if decides in truths:
        return decides
    return None if None in truths else not decides


def leaves(part: Rule) -> list[Rule]:
    """Its parts that join nothing."""
    inner = [*part.get("all", []), *part.get("any", []), *([part["not"]] if "not" in part else [])]
    return [leaf for one in inner for leaf in leaves(one)] if inner else [part]


def gaps(part: Rule) -> set[int]:
    """Every duration of silence that it names."""
    return {duration_ms(leaf["missing"]) for leaf in leaves(part) if "missing" in leaf}
