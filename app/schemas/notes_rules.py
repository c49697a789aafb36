"""What an editor says beside each key of a rule file, and what its validators ask for."""

from collections.abc import Mapping
from typing import Final

from app.schemas.draft7 import Notes, has, none_of, one_of, where
from app.schemas.rule_words import COMPARED, COMPARING, JOINING, SILENCE, STAR
from rules.ticket_words import MergeWords, TicketWords
from rules.when_words import LimitWords, UnlessWords
from rules.words import RuleFile, RuleWords, SelectWords

_EVERY: Final = {"properties": {"select": STAR}, "required": ["select"]}
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
            "severity": "How bad it is; or steps: [{above: 15, is: major}, ...].",
            "stale": "How long a value lives; default: `kinds` of city.yaml.",
            "ticket": "The ticket that it opens; without it there are incidents only.",
            "during": "At which times it judges; outside them its condition is false.",
            "mode": "What is another in a mode of the city: flood: {when: {above: 10}}, or off.",
            "shadow": "true: its tickets are counted and listed, and sent to nobody.",
            "confirm": "person: the ticket waits until somebody has looked.",
            "merge": "An open ticket of the same category near by, in place and time, is the same.",
        },
        [
            where(_EVERY, SILENCE),
            where(SILENCE, {"properties": {"clear": none_of(*COMPARING, *JOINING)}}),
            where(SILENCE, {"properties": {"severity": {"type": "string"}}}),
            where(SILENCE, {"anyOf": [has("unless"), none_of("stale")]}),
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
    UnlessWords: Notes(
        {"metric": "One metric of the same source, or of its parent camera.", **COMPARED},
        [one_of(*COMPARING), {"not": STAR}],
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
