"""What several parts of a rule file say of the same keys, for editors."""

from typing import Final

from app.schemas.draft7 import at_most_one_of, has, where
from rules.ruleset import EVERY_METRIC

COMPARING: Final = ("above", "below", "between", "outside", "equals")
COMPARED: Final = {
    "above": "More than this number (the number itself is not above).",
    "below": "Less than this number (the number itself is not below).",
    "between": "From the lower to the higher number, both included: [2, 8].",
    "outside": "Exactly the opposite of between: [2, 8].",
    "equals": "Exactly this number.",
}
WINDOWED: Final = {
    "mean": "The mean of the samples of so long is compared, not the newest one.",
    "max": "The greatest sample of so long is compared.",
    "min": "The least sample of so long is compared.",
    "sum": "The sum of the samples of so long is compared.",
    "count": "How many samples came in so long; never 0 when a sample comes.",
    "p95": "What 95 % of the samples of so long do not exceed is compared.",
    "rate": "How fast the value grew a second, from the first to the last sample of so long.",
    "change": "The last less the first sample of so long is compared.",
}
COMPARED_WINDOW: Final = [
    at_most_one_of(*WINDOWED),
    where(
        {"anyOf": [has(word) for word in WINDOWED]},
        {"anyOf": [has(word) for word in COMPARING]},
    ),
]
FOR: Final = "How long it must hold without a break, like 2m; exactly so long is long enough."
SILENCE: Final = {"properties": {"when": has("missing")}, "required": ["when"]}
STAR: Final = {"properties": {"metric": {"const": EVERY_METRIC}}, "required": ["metric"]}
JOINING: Final = ("all", "any", "not")
JOINS: Final = {
    "all": "Every one of these must hold.",
    "any": "One of these must hold.",
    "not": "This must be known not to hold.",
}
