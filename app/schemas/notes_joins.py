"""What an editor says beside the keys of conditions, of ``during`` and of modes."""

from collections.abc import Mapping
from typing import Final

from app.schemas.draft7 import Notes, at_most_one_of, has, none_of, one_of, where
from app.schemas.rule_words import (
    COMPARED,
    COMPARED_WINDOW,
    COMPARING,
    FOR,
    JOINING,
    JOINS,
    STAR,
    WINDOWED,
)
from rules.during_words import DuringWords
from rules.join_words import JoinedClear, JoinedWhen, PartWords
from rules.mode_words import OverlayWords
from rules.severity_words import StepWords

_ALONE: Final = where(
    {"anyOf": [has(word) for word in JOINING]},
    none_of(*COMPARING, *WINDOWED, "missing"),
)
_OVERLAID: Final = ("when", "clear", "unless", "during", "severity", "stale")

JOIN_NOTES: Final[Mapping[type, Notes]] = {
    JoinedWhen: Notes(
        {
            **COMPARED,
            **WINDOWED,
            **JOINS,
            "for": FOR,
            "at_least": "How many samples in a row must fit, or a window must hold: 3 samples.",
            "missing": "Silence: no sample for longer than this.",
        },
        [
            one_of(*COMPARING, "missing", *JOINING),
            where(has("missing"), none_of("for", "at_least", *WINDOWED)),
            _ALONE,
            *COMPARED_WINDOW,
        ],
    ),
    JoinedClear: Notes(
        {**COMPARED, **WINDOWED, **JOINS, "for": "How long that must hold, like 5m."},
        [
            at_most_one_of(*COMPARING, *JOINING),
            {"anyOf": [has(key) for key in (*COMPARING, *JOINING, "for")]},
            _ALONE,
            *COMPARED_WINDOW,
        ],
    ),
    PartWords: Notes(
        {
            **COMPARED,
            **WINDOWED,
            **JOINS,
            "metric": "Another metric of the same source, or else of its parent camera.",
            "site": "any or all sources of the same site, not this source alone.",
            "where": "Which sources of the site, by their labels.",
            "missing": "Silence: no sample for longer than this.",
        },
        [
            one_of(*COMPARING, "missing", *JOINING),
            where(has("missing"), none_of(*WINDOWED)),
            where(has("where"), has("site")),
            where({"anyOf": [has(word) for word in JOINING]}, none_of("metric", "site", "where")),
            {"not": STAR},
            _ALONE,
            *COMPARED_WINDOW,
        ],
    ),
    StepWords: Notes(
        {**COMPARED, "is": "How grave an incident is where this holds."}, [one_of(*COMPARING)]
    ),
    DuringWords: Notes(
        {
            "time": "From and until, like 22:00-06:00 or sunset-30m to sunrise; or a list of them.",
            "days": "mon to sun, weekdays, weekends, workdays or holidays; or a list of days.",
            "calendar": "Whose holidays and make-up days; default: that of the city.",
        },
        [
            {"anyOf": [has("time"), has("days")]},
            where(has("calendar"), {"properties": {"days": {"enum": ["workdays", "holidays"]}}}),
            where(has("calendar"), has("days")),
        ],
    ),
    OverlayWords: Notes(
        {
            "when": "When it is an incident in this mode.",
            "clear": "When the incident is over in this mode.",
            "unless": "What makes its samples worthless in this mode.",
            "during": "At which times it judges in this mode.",
            "severity": "How bad it is in this mode.",
            "stale": "How long a value lives in this mode.",
        },
        [{"anyOf": [has(key) for key in _OVERLAID]}],
    ),
}
