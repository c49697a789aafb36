"""What is said of one alarm at an instant: truth, values, timers, and what comes next."""

import pytest

from citypatrol.records import Record
from tests.rules.an_explanation import explained, facts, sample
from tests.rules.story import DAY

TIMERS = ("state", "since", "fires_at", "sample_by", "clears_at")
CASES: dict[str, tuple[str, list[Record], float, dict[str, object]]] = {
    "above, and the timer runs": (
        "when: {above: 15, for: 120s}",
        [sample(0, 20)],
        100,
        {"state": "pending", "since": 0, "fires_at": 120, "sample_by": None},
    ),
    "the value will be too old before": (
        "when: {above: 15, for: 120s}, stale: 60s",
        [sample(0, 20), sample(40, 20)],
        50,
        {"state": "pending", "since": 0, "fires_at": 120, "sample_by": 100},
    ),
    "too few samples": (
        "when: {above: 15, at_least: 3 samples}",
        [sample(0, 20), sample(1, 20)],
        5,
        {"state": "pending", "fires_at": None, "counted": 2, "because": "1 more sample must come"},
    ),
    "it is below": (
        "when: {above: 15, for: 120s}",
        [sample(0, 3)],
        5,
        {"state": "ok", "fires_at": None, "because": "the condition does not hold; a sample must"
         " change that"},
    ),
    "it was pending, and the value has died": (
        "when: {above: 15, for: 120s}, stale: 60s",
        [sample(0, 20)],
        100,
        {"state": "ok", "since": None, "because": "nothing is known; a sample must come"},
    ),
    "it fires": (
        "when: {above: 15}, clear: {below: 10, for: 60s}",
        [sample(0, 20), sample(10, 12)],
        15,
        {"state": "firing", "since": 0, "fired_at": 0, "clears_at": None,
         "because": "the clear condition does not hold"},
    ),
    "it clears soon": (
        "when: {above: 15}, clear: {below: 10, for: 60s}",
        [sample(0, 20), sample(10, 2)],
        15,
        {"state": "firing", "clearing": 10, "clears_at": 70, "because": None},
    ),
    "it would clear, and the value dies first": (
        "when: {above: 15}, clear: {below: 10, for: 60s}, stale: 30s",
        [sample(0, 20), sample(10, 2)],
        15,
        {"state": "firing", "clears_at": 70, "sample_by": 40},
    ),
    "silence is near": (
        "when: {missing: 60s}",
        [sample(5, 20)],
        30,
        {"state": "ok", "fires_at": 65, "because": "unless a sample comes"},
    ),
    "it is silent": (
        "when: {missing: 60s}",
        [sample(5, 20)],
        70,
        {"state": "firing", "since": 65, "fired_at": 65},
    ),
    "unless": (
        "when: {above: 15, for: 60s}, unless: {metric: fault, above: 0}",
        [sample(0, 20), sample(0, 1, "fault")],
        10,
        {"state": "ok", "blind": True,
         "because": "`unless` holds, or held when the newest sample came"},
    ),
    "unless, no more": (
        "when: {above: 15, for: 60s}, unless: {metric: fault, above: 0}",
        [sample(0, 1, "fault"), sample(5, 0, "fault"), sample(6, 20)],
        10,
        {"state": "pending", "blind": False, "since": 6, "fires_at": 66},
    ),
    "a window": (
        "when: {mean: 60s, above: 15, for: 30s}",
        [sample(0, 10), sample(10, 40)],
        20,
        {"state": "pending", "since": 10, "fires_at": 40},
    ),
    "in the very instant of the sample": (
        "when: {above: 15, for: 60s}",
        [sample(10, 20)],
        10,
        {"state": "pending", "since": 10, "fires_at": 70},
    ),
    "in the very instant of another's sample": (
        "when: {all: [{above: 15}, {metric: y, above: 1}], for: 60s}",
        [sample(0, 20), sample(10, 2, "y")],
        10,
        {"state": "pending", "since": 10, "fires_at": 70},
    ),
    "the value is too old in the very instant": (
        "when: {above: 15, for: 60s}, stale: 60s",
        [sample(0, 20)],
        10,
        {"state": "pending", "fires_at": 60, "sample_by": 60},
    ),
    "the value is too old a second later": (
        "when: {above: 15, for: 60s}, stale: 61s",
        [sample(0, 20)],
        10,
        {"state": "pending", "fires_at": 60, "sample_by": None},
    ),
    "two samples too few, and the value ages": (
        "when: {above: 15, at_least: 3 samples}, stale: 60s",
        [sample(0, 20)],
        5,
        {"state": "pending", "fires_at": None, "counted": 1, "sample_by": 60,
         "because": "2 more samples must come"},
    ),
    "samples enough, and the timer runs": (
        "when: {above: 15, for: 60s, at_least: 2 samples}",
        [sample(0, 20), sample(1, 20)],
        5,
        {"state": "pending", "fires_at": 60, "counted": 2, "because": None},
    ),
    "one sample is no count": (
        "when: {above: 15, for: 60s}",
        [sample(0, 20)],
        5,
        {"state": "pending", "counted": None, "at_least": 1},
    ),
    "a window counts for itself": (
        "when: {mean: 60s, above: 15, for: 30s, at_least: 2 samples}",
        [sample(0, 20), sample(10, 40)],
        20,
        {"state": "pending", "fires_at": 40, "counted": None, "because": None},
    ),
    "it fires, and the value has died": (
        "when: {above: 15}, stale: 30s",
        [sample(0, 20)],
        40,
        {"state": "firing", "clears_at": None, "because": "nothing is known"},
    ),
    "it fires, and sees nothing": (
        "when: {above: 15}, unless: {metric: fault, above: 0}",
        [sample(0, 20), sample(5, 1, "fault")],
        10,
        {"state": "firing", "blind": True, "clears_at": None,
         "because": "it sees nothing while `unless` holds"},
    ),
    "it would clear in the instant in which the value dies": (
        "when: {above: 15}, clear: {below: 10, for: 30s}, stale: 30s",
        [sample(0, 20), sample(10, 2)],
        15,
        {"state": "firing", "clears_at": 40, "sample_by": 40},
    ),
    "it clears a second before the value dies": (
        "when: {above: 15}, clear: {below: 10, for: 30s}, stale: 31s",
        [sample(0, 20), sample(10, 2)],
        15,
        {"state": "firing", "clears_at": 40, "sample_by": None},
    ),
    "it clears when it has not held for so long": (
        "when: {above: 15}, clear: {for: 60s}",
        [sample(0, 20), sample(10, 2)],
        15,
        {"state": "firing", "clearing": 10, "clears_at": 70, "because": None},
    ),
    "it fires, and its hours are over": (
        "when: {above: 15}, during: {time: '00:00-00:01'}, clear: {for: 60s}",
        [sample(0, 20)],
        90,
        {"state": "firing", "during": False, "clearing": 60, "clears_at": 120, "because": None},
    ),
    "it is heard again, and not yet for so long": (
        "when: {missing: 60s}, clear: {for: 90s}",
        [sample(5, 20), sample(70, 20)],
        80,
        {"state": "firing", "since": 65, "clearing": 70, "clears_at": 160},
    ),
    "several": (
        "when: {all: [{above: 15}, {not: {metric: y, above: 80}}], for: 60s}",
        [sample(0, 20), sample(1, 30, "y")],
        20,
        {"state": "pending", "fires_at": 61},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("words", "records", "at", "expected"), CASES.values(), ids=CASES)
def test_state_timers_and_what_comes_next(
    words: str, records: list[Record], at: float, expected: dict[str, object]
) -> None:
    found = explained(words, *records, at=at)
    assert facts(found, *expected) == expected
    assert found.at == DAY + 1000 * at
