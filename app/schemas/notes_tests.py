"""What an editor says beside each key of a file of rule tests."""

from collections.abc import Mapping
from typing import Final

from app.schemas.draft7 import Notes, none_of, one_of, where
from app.testing.words import CaseWords, CityWords, ExpectWords, SuiteFile, TicketWords
from rules.testing.words import AlarmWords, IncidentWords, SeriesWords

_RULE: Final = "The name of a rule."
_SOURCE: Final = "A source that sends in this test."
_START: Final = "When it begins, with its zone: 2026-05-13T08:00:00+08:00."
_EVERY: Final = "The time between two values of a series, like 30s."
_TIME: Final = "A time after the start (90s, 1h30m), or one with its zone"
_AT: Final = {"required": ["at"]}

TEST_NOTES: Final[Mapping[type, Notes]] = {
    SuiteFile: Notes(
        {
            "rules": "Rule files or patterns, relative to this file.",
            "city": "The name of a city.yaml, or a tiny city in place.",
            "start": _START + " Default: 2026-01-01T00:00:00Z.",
            "every": _EVERY + " Default: 1m.",
            "sources": "Labels of sources, for all tests: {wl-1: {kind: underpass}}.",
            "tests": "Each plays its series and says what must come of them.",
        }
    ),
    CityWords: Notes(
        {
            "code": "Begins ticket ids.",
            "timezone": "An IANA name, like Asia/Shanghai.",
            "kinds": "lateness and stale by the label kind, as in city.yaml.",
            "units": "Who is responsible, as in units.yaml.",
            "grid": "A GeoJSON file, relative to this file.",
            "registry": "A CSV file, relative to this file.",
            "place": "Where it lies, as in city.yaml.",
            "calendar": "Which days are worked, as in city.yaml.",
            "metrics": "In which unit a metric is sent, as in city.yaml.",
        }
    ),
    CaseWords: Notes(
        {
            "name": "What the test shows, in a few words.",
            "only": "The rules that judge in this test; default: all.",
            "start": _START,
            "every": _EVERY,
            "mode": "The city's mode, or each from its time on: {0s: normal, 20m: flood}.",
            "sources": "Labels of sources, over those of the registry.",
            "series": "What the sources send.",
            "expect": "What must come of it.",
        }
    ),
    SeriesWords: Notes(
        {
            "source": "Who sends.",
            "metric": "What.",
            "values": 'One value after another: "3x2 20x5 0+1x10", _ is no sample.',
            "at": "Samples at times of their own: {0s: 3, 45s: 20}; null is none.",
            "every": _EVERY,
            "from": "When the first value comes; default: at the start.",
            "delay": "How long after its time each sample arrives.",
        },
        [one_of("values", "at"), where(_AT, none_of("every", "from"))],
    ),
    ExpectWords: Notes(
        {
            "alarms": "States of alarms at their times.",
            "incidents": "All incidents that there are; [] says that nothing fires.",
            "tickets": "All tickets that there are; [] says that there is none.",
        },
        [{"anyOf": [{"required": [key]} for key in ("alarms", "incidents", "tickets")]}],
    ),
    AlarmWords: Notes(
        {
            "rule": _RULE,
            "source": _SOURCE,
            "at": "Its state right after the samples of these times: {2m: pending, 4m: firing}.",
        }
    ),
    IncidentWords: Notes(
        {
            "rule": _RULE,
            "source": _SOURCE,
            "metric": 'What fired; "*" of a rule on all metrics.',
            "since": _TIME + ": the first sample that fits.",
            "fired_at": _TIME + ": when `for` and `at_least` were met.",
            "cleared_at": _TIME + "; null: it is still open.",
            "value": "The value when it fired.",
            "severity": "How bad it is.",
        }
    ),
    TicketWords: Notes(
        {
            "rule": _RULE,
            "source": "The source that it is about.",
            "group": "The group that it is about.",
            "title": "Its title, filled in.",
            "severity": "How bad it is.",
            "category": "Its category.",
            "unit": "Who has it; null: nobody.",
            "state": "Where it stands at the end; nobody closes a ticket in a test.",
            "grid": "The cell of the city.",
            "opened_at": _TIME + ".",
            "acknowledge_by": _TIME + ".",
            "resolve_by": _TIME + ".",
            "cleared_at": _TIME + "; null: not all of it is over.",
            "witnesses": "How many incidents it is made of.",
        }
    ),
}
