"""What an editor says beside each key of a rule file, and what its validators ask for."""

from collections.abc import Mapping
from typing import Final

from app.schemas.draft7 import Notes, at_most_one_of, has, none_of, one_of, where
from rules.ruleset import EVERY_METRIC
from rules.ticket_words import MergeWords, TicketWords
from rules.when_words import ClearWords, LimitWords, UnlessWords, WhenWords
from rules.words import RuleFile, RuleWords, SelectWords

_COMPARING: Final = ("above", "below", "between", "outside", "equals")
_COMPARED: Final = {
    "above": "More than this number (the number itself is not above).",
    "below": "Less than this number (the number itself is not below).",
    "between": "From the lower to the higher number, both included: [2, 8].",
    "outside": "Exactly the opposite of between: [2, 8].",
    "equals": "Exactly this number.",
}
_WINDOWED: Final = {
    "mean": "The mean of the samples of so long is compared, not the newest one.",
    "max": "The greatest sample of so long is compared.",
    "min": "The least sample of so long is compared.",
    "sum": "The sum of the samples of so long is compared.",
    "count": "How many samples came in so long; never 0 when a sample comes.",
    "p95": "What 95 % of the samples of so long do not exceed is compared.",
    "rate": "How fast the value grew a second, from the first to the last sample of so long.",
    "change": "The last less the first sample of so long is compared.",
}
_COMPARED_WINDOW: Final = [
    at_most_one_of(*_WINDOWED),
    where(
        {"anyOf": [has(word) for word in _WINDOWED]},
        {"anyOf": [has(word) for word in _COMPARING]},
    ),
]
_FOR: Final = "How long it must hold without a break, like 2m; exactly so long is long enough."
_SILENCE: Final = {"properties": {"when": has("missing")}, "required": ["when"]}
_STAR: Final = {"properties": {"metric": {"const": EVERY_METRIC}}, "required": ["metric"]}
_EVERY: Final = {"properties": {"select": _STAR}, "required": ["select"]}
_GROUP: Final = r"^([^{}]|\{\{|\}\}|\{[^{}]+\})*\{group(:[^{}]*)?\}"
_TITLE: Final = {"properties": {"title": {"type": "string", "pattern": _GROUP}}}
_NAMES_GROUP: Final = {
    "properties": {"ticket": {**_TITLE, "type": "object", "required": ["title"]}},
    "required": ["ticket"],
}

RULE_NOTES: Final[Mapping[type, Notes]] = {
    RuleFile: Notes({"rules": "The rules of this file; a name may be given once over all files."}),
    RuleWords: Notes(
        {
            "name": "Its name in tickets, tests and metrics; given once over all files.",
            "select": "Which series it looks at.",
            "when": "When it is an incident.",
            "clear": "When the incident is over; without it, when `when` is known to be false.",
            "unless": "A metric that makes the rule's own samples worthless while this holds.",
            "group": "A label: sources that share its value share one ticket.",
            "severity": "How bad it is.",
            "stale": "How long a value lives; default: `kinds` of city.yaml.",
            "ticket": "The ticket that it opens; without it there are incidents only.",
            "shadow": "true: its tickets are counted and listed, and sent to nobody.",
            "confirm": "person: the ticket waits until somebody has looked.",
            "merge": "An open ticket of the same category near by, in place and time, is the same.",
        },
        [
            where(_EVERY, _SILENCE),
            where(_SILENCE, {"properties": {"clear": none_of(*_COMPARING)}}),
            where(_SILENCE, {"anyOf": [has("unless"), none_of("stale")]}),
            where(_NAMES_GROUP, has("group")),
            *(where(has(key), has("ticket")) for key in ("confirm", "merge")),
        ],
    ),
    SelectWords: Notes(
        {
            "metric": 'The exact name of a metric, or "*" for all of a source (missing only).',
            "where": "Labels that must all fit; a list means any of these.",
        }
    ),
    WhenWords: Notes(
        {
            **_COMPARED,
            **_WINDOWED,
            "for": _FOR,
            "at_least": "How many samples in a row must fit, or a window must hold: 3 samples.",
            "missing": "Silence: no sample for longer than this.",
        },
        [
            one_of(*_COMPARING, "missing"),
            where(has("missing"), none_of("for", "at_least", *_WINDOWED)),
            *_COMPARED_WINDOW,
        ],
    ),
    ClearWords: Notes(
        {**_COMPARED, **_WINDOWED, "for": "How long that must hold, like 5m."},
        [
            at_most_one_of(*_COMPARING),
            {"anyOf": [has(key) for key in (*_COMPARING, "for")]},
            *_COMPARED_WINDOW,
        ],
    ),
    UnlessWords: Notes(
        {"metric": "One metric of the same source, or of its parent camera.", **_COMPARED},
        [one_of(*_COMPARING), {"not": _STAR}],
    ),
    LimitWords: Notes(
        {
            "label": "The label of the source that holds the number.",
            "default": "The number where that cell is empty.",
        }
    ),
    TicketWords: Notes(
        {
            "category": "A dotted name like road.flooding; it decides which unit gets the ticket.",
            "title": "What people read: {source.name}, {source.LABEL}, {value:.0f}, {count}.",
            "ack": "How soon the unit must answer.",
            "resolve": "How soon it must be done.",
            "cooldown": "How long after it was closed none is opened for the same thing.",
            "joins": "A rule among whose tickets these incidents are filed.",
            "confirm": "person: the ticket waits until somebody has looked.",
            "merge": "An open ticket of the same category near by, in place and time, is the same.",
        }
    ),
    MergeWords: Notes({"radius_m": "How near, in metres.", "within": "How long ago, like 30m."}),
}
