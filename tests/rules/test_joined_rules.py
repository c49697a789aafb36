"""Joined rules as stories: windows and silence in parts, every metric, a reload, other labels."""

import pytest

from citypatrol.records import SourceSeen
from rules.engine import Engine
from tests.rules.story import DAY, WAYS, one_rule, outcome, records

ANY_OF_THE_SITE = "when: {any: [{site: any, above: 5}]}"
PATIENT = (
    "seen d lateness=60\nseen e lateness=60\nseen f lateness=60\n"
    "seen a site=s\nseen b site=s lateness=30\nseen c site=t\n"
)
CASES = [
    pytest.param(
        "when: {all: [{mean: 20s, above: 10}, {metric: y, max: 10s, below: 5}]}",
        "0 a x 30\n0 a y 9\n| 1\n10 a x 4\n10 a y 3\n| 11\n20 a x 4\n| 21\n",
        ["a x since 10 fired 10 cleared 20 value 4"],
        id="each part has its own window",
    ),
    pytest.param(
        "when: {mean: 20s, above: 10, at_least: 2 samples}, during: {days: [wed]}",
        "0 a x 30\n| 1\n10 a x 20\n| 11\n20 a x 1\n| 21\n30 a x 1\n| 31",
        ["a x since 10 fired 10 cleared 30 value 25"],
        id="a window with too few samples is unknown, and its value is told",
    ),
    pytest.param(
        "when: {all: [{missing: 10s}, {metric: power, above: 0}]}",
        "0 a x 1\n0 a power 1\n| 5\n5 a power 1\n| 11\n20 a x 2\n| 21",
        ["a x since 10 fired 10 cleared 20 value 1"],
        id="silent though it has power",
    ),
    pytest.param(
        "select: {metric: '*'}, when: {missing: 10s}, during: {time: 00:00-00:01}",
        "0 a x 1\n5 a y 2\n| 6\n| 16\n20 a online 1\n| 21\n| 61\n70 a x 3\n| 71\n| 90",
        ["a * since 15 fired 15 cleared 60 value 2"],
        id="every metric of a source, as long as the time lasts",
    ),
    pytest.param(
        "when: {missing: 10s}, unless: {metric: service, above: 0}, during: {days: [wed]}",
        "0 a x 1\n5 a service 1\n| 6\n| 16\n30 a service 0\n| 31\n40 a x 1\n| 41",
        ["a x since 30 fired 30 cleared 40 value 1"],
        id="a gate on a silence",
    ),
    pytest.param(
        "when: {all: [{above: 5}]}, unless: {metric: fault, above: 0}",
        "0 cam/n x 9\n0 cam fault 1\n| 1\n5 cam fault 0\n| 6\n8 cam/n x 9\n| 9",
        ["cam/n x since 8 fired 8 value 9"],
        id="what was said while blind stays worthless",
    ),
    pytest.param(
        "when: {all: [{above: 0}, {missing: 5s, site: all}]}",
        "seen a site=s\nseen b site=s\n0 b x 1\n4 a x 2\n| 5\n7 a x 2\n| 8\n| 10\n| 13",
        ["a x since 12 fired 12 value 2", "b x since 12 fired 12 value 1"],
        id="a neighbour that was not silent then is not silent when time is looked over again",
    ),
    pytest.param(
        "when: {any: [{missing: 2s}, {above: 5}]}",
        "0 a x 1\n| 1\n| 9\n2 a x 1\n| 10\n| 12",
        ["a x since 2 fired 2 cleared 2 value 1", "a x since 4 fired 4 value 1"],
        id="what comes behind its own silence is heard, after a restart or not",
    ),
    pytest.param(
        "when: {any: [{metric: level, above: 5}]}",
        "0 cam/n x 9\n0 cam level 9\n| 1\n5 cam/n level 1\n| 6",
        ["cam/n x since 0 fired 0 cleared 5 value 9"],
        id="its own word comes before its camera's",
    ),
    pytest.param(
        "when: {any: [{above: 5}, {metric: y, above: 5}], at_least: 2 samples}",
        "0 a x 1\n1 a y 9\n| 2\n3 a x 1\n| 4\n5 a x 1\n| 6",
        ["a x since 1 fired 5 value 1"],
        id="samples of the selected metric are counted from since on",
    ),
    pytest.param(
        "when: {all: [{above: {label: limit}}]}, clear: {any: [{below: 1}, {metric: z, above: 0}]}",
        "seen a limit=5\nseen b\n0 a x 9\n0 b x 9\n| 1\n2 a x 3\n| 3\n4 a z 1\n| 5",
        ["a x since 0 fired 0 cleared 4 value 9"],
        id="a threshold by label, and a clear that joins",
    ),
    pytest.param(
        "when: {all: [{site: all, where: {kind: gauge}, above: 5}]}",
        "seen a site=s kind=gauge\nseen b site=s kind=gauge\nseen c site=s\nseen d kind=gauge\n"
        "0 a x 9\n0 c x 0\n0 d x 9\n| 1\n2 b x 1\n| 3\n4 b x 9\n| 5",
        [
            "a x since 0 fired 0 cleared 2 value 9",
            "c x since 0 fired 0 cleared 2 value 0",
            "a x since 4 fired 4 value 9",
            "b x since 4 fired 4 value 9",
            "c x since 4 fired 4 value 0",
        ],
        id="all gauges of a site, whoever asks; without a site nothing is known",
    ),
    pytest.param(
        "when: {above: 5}, clear: {any: [{below: 1}, {metric: z, above: 0}]}, "
        "during: {days: [wed]}",
        "0 a x 9\n0 a z 0\n| 1\n2 a x 3\n| 3\n4 a z 1\n| 5\n6 a x 9\n| 7\n8 a x 0\n| 9",
        ["a x since 0 fired 0 cleared 4 value 9", "a x since 6 fired 6 cleared 8 value 9"],
        id="one comparison, and a clear that joins",
    ),
    pytest.param(
        "when: {all: [{above: 5}, {metric: level, above: 5}]}",
        "0 cam/n x 9\n| 1\n5 cam level 9\n| 6\n8 cam level 1\n| 9",
        ["cam/n x since 5 fired 5 cleared 8 value 9"],
        id="its camera's word moves a region's alarm",
    ),
    pytest.param(
        "when: {any: [{not: {below: {label: limit}}}]}",
        "seen a limit=5\nseen b\n0 a x 9\n0 b x 9\n| 1",
        ["a x since 0 fired 0 value 9"],
        id="who has no low threshold is not above it",
    ),
    pytest.param(
        "when: {any: [{not: {above: {label: limit}}}]}",
        "seen a limit=5\nseen b\n0 a x 3\n0 b x 3\n| 1",
        ["a x since 0 fired 0 value 3"],
        id="who has no high threshold is not below it",
    ),
    pytest.param(
        "when: {all: [{site: all, above: 0.5}]}",
        "seen a site=s lateness=30\nseen b site=s lateness=30\n5 a x 1\n10 b x 9\n| 40\n| 60",
        ["a x since 5 fired 5 value 1", "b x since 10 fired 10 value 9"],
        id="of a site only what had been heard by then",
    ),
    pytest.param(
        ANY_OF_THE_SITE,
        f"{PATIENT}0 a x 9\n0 c x 9\n0 d x 9\n| 29.999",
        ["c x since 0 fired 0 value 9"],
        id="nobody waits for another site, or for who has none",
    ),
    pytest.param(
        ANY_OF_THE_SITE,
        f"{PATIENT}0 a x 9\n0 c x 9\n0 d x 9\n| 1\n| 30",
        ["a x since 0 fired 0 value 9", "c x since 0 fired 0 value 9"],
        id="a site waits for the last of its own",
    ),
    pytest.param(
        "when: {all: [{above: 5}]}",
        "seen cam lateness=30\nseen cam/n\nseen cam/s\nseen e\n0 cam/n x 9\n0 e x 9\n| 29.999",
        ["e x since 0 fired 0 value 9"],
        id="a region waits for its camera",
    ),
    pytest.param(
        "when: {all: [{above: 5}]}",
        "seen cam\nseen cam/n\nseen cam/s lateness=30\n0 cam/n x 9\n0 cam x 9\n| 29.999\n| 30",
        ["cam x since 0 fired 0 value 9", "cam/n x since 0 fired 0 value 9"],
        id="and a camera for all its regions",
    ),
]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("words", "story", "expected"), CASES)
def test_story(way, words: str, story: str, expected: list[str]) -> None:  # type: ignore[no-untyped-def]
    assert outcome(way(one_rule(words), records(story))) == expected


def test_an_incident_that_grows_says_so_once_a_step() -> None:
    rules = one_rule(
        "when: {above: 5}, severity: [{above: 5, is: minor}, {above: 20, is: critical}]"
    )
    said = Engine(rules).fold(records("0 a x 9\n| 1\n2 a x 25\n| 3\n4 a x 9\n| 5\n6 a x 30\n| 7"))
    assert [(one.severity, one.value, one.cleared_at) for one in said] == [
        ("minor", 9.0, None),
        ("critical", 9.0, None),
    ]
    assert len({one.id for one in said}) == 1


def test_alarms_are_counted_by_their_states() -> None:
    engine = Engine(one_rule("when: {all: [{above: 5}], for: 10s}"))
    engine.fold(records("0 a x 9\n5 b x 9\n5 c x 9\n5 d x 1\n5 e x 1\n5 f x 1\n| 12"))
    counts = {state: count for (_, state), count in engine.alarms().items()}
    assert counts == {"ok": 3, "pending": 2, "firing": 1}


@pytest.mark.parametrize(
    ("words", "story", "expected"),
    [
        pytest.param(
            "when: {all: [{above: 5}]}",
            "| 2\n10 a x 9\n| 11",
            ["a x since 10 fired 10 value 9"],
            id="a new condition waits for the next sample",
        ),
        pytest.param(
            "when: {missing: 10s}, during: {days: [wed]}",
            "| 2\n| 11",
            ["a x since 10 fired 10 value 9"],
            id="a silence knows when it was heard last",
        ),
        pytest.param(
            "when: {all: [{above: 5}, {metric: y, above: 0}]}",
            "2 a y 0\n| 3\n4 a y 1\n| 5",
            ["a x since 4 fired 4 value 9"],
            id="with what the others said last",
        ),
        pytest.param(
            "select: {metric: '*'}, when: {missing: 10s}, during: {days: [wed]}",
            "| 2\n| 11",
            ["a * since 10 fired 10 value 9"],
            id="of every metric",
        ),
        pytest.param(
            "when: {all: [{sum: 20s, above: 10}]}",
            "| 2\n10 a x 9\n| 11",
            ["a x since 10 fired 10 value 9"],
            id="a window begins with the newest sample",
        ),
    ],
)
def test_a_rule_that_comes_by_a_reload(words: str, story: str, expected: list[str]) -> None:
    engine = Engine(one_rule("when: {above: 100}"))
    engine.fold(records("0 a x 9\n0 a y 1\n| 1"))
    again = Engine.restore(one_rule(words), engine.snapshot())
    assert outcome(again.fold(records(story))) == expected


def test_labels_and_lateness_may_change() -> None:
    """A source that comes to the site counts there; one that waits longer lets the others wait."""
    rules = one_rule("select: {metric: x, where: {kind: k}}, when: {all: [{above: 5}]}")
    engine = Engine(rules)
    assert engine.fold(records("seen a kind=other\n0 a x 9\n| 1")) == []
    engine.fold([SourceSeen(DAY, "a", {"kind": "k"}, 5_000, 7_200_000)])
    assert engine.fold(records("10 a x 9\n| 11")) == []
    assert outcome(engine.fold(records("| 15"))) == ["a x since 10 fired 10 value 9"]
    engine.fold([SourceSeen(DAY, "a", {"kind": "k", "limit": "3"}, 0, 7_200_000)])
    counts = engine.alarms()
    assert (counts["r", "ok"], counts["r", "pending"], counts["r", "firing"]) == (0, 0, 1)
