"""``citypatrol test``: what was expected beside what came, in words and for programs."""
# ruff: noqa: E501 - a test and what is said of it stand in one line

import json
from pathlib import Path

import pytest

from tests.app.a_rule_test import FLOOD, Done, Try, one


def test_a_wrong_alarm_is_shown_on_its_time_line(attempt: Try) -> None:
    done = attempt(one(FLOOD, "{alarms: [{rule: flooded, source: a, at: {3m: ok, 10m: ok}}]}"))
    assert done.status == 1  # 10m is after the data, so nothing was played
    done = attempt(one(FLOOD, "{alarms: [{rule: flooded, source: a, at: {0s: ok, 3m: pending}}]}"))
    assert done.status == 1
    assert done.err == [
        "8:67: test 't': flooded at a, 3m: expected pending, got firing",
        "    time   0s  1m       2m       3m      4m      5m",
        "    level  3   20       20       20      20      5",
        "    alarm  ok  pending  pending  firing  firing  firing",
        "no test names dark, high, silent",
    ]
    assert done.out == ["1 test, 1 failed"]


def test_long_time_lines_show_what_matters(attempt: Try) -> None:
    done = attempt(
        one('values: "3x20 20x1"', "{alarms: [{rule: flooded, source: a, at: {22m: ok}}]}"), "-q"
    )
    assert done.err[1].split() == ["time", "...", *(f"{at}m" for at in range(14, 23))]


@pytest.mark.parametrize(
    ("expect", "says"),
    [
        (
            "{incidents: [{rule: flooded, source: a, since: 1m, fired_at: 4m, value: 21}]}",
            [
                "8:74: test 't': incident of flooded at a, fired_at: expected 4m, got 3m",
                "8:85: test 't': incident of flooded at a, value: expected 21, got 20",
            ],
        ),
        (
            "{incidents: []}",
            [
                "8:25: test 't': incidents: expected no incident, got rule flooded, source a, "
                "metric level, since 1m, fired_at 3m, cleared_at 7m, value 20, severity critical"
            ],
        ),
        (
            "{incidents: [{rule: flooded, source: a}, {rule: high, source: a, since: 1m}]}",
            [
                "8:54: test 't': incident: expected rule high, source a, since 1m, "
                "got no incident of this rule"
            ],
        ),
        (
            "{incidents: [{rule: flooded, source: a, cleared_at: null}]}",
            ["8:65: test 't': incident of flooded at a, cleared_at: expected null, got 7m"],
        ),
        (
            "{tickets: [{rule: flooded, title: A, unit: null}]}",
            [
                "8:47: test 't': ticket of flooded at a, title: expected A, got A: 20 cm",
                "8:56: test 't': ticket of flooded at a, unit: expected null, got roads",
            ],
        ),
        (
            "{tickets: [{rule: flooded}, {rule: flooded}]}",
            ["8:41: test 't': ticket: expected rule flooded, got rule flooded, source a, "
             "title A: 20 cm, severity critical, category road.flooding, unit roads, "
             "state dispatched, witnesses 1, opened_at 3m, acknowledge_by 8m, resolve_by 4h3m, "
             "cleared_at 7m"],
        ),
    ],
    ids=["fields", "unexpected", "missing", "open", "ticket", "two"],
)  # fmt: skip
def test_expected_beside_what_came(attempt: Try, expect: str, says: list[str]) -> None:
    done = attempt(one(FLOOD, expect), "-q")
    assert (done.status, done.out) == (1, [])
    assert sorted(done.err) == sorted(says)


def test_an_incident_that_fits_is_not_taken_for_another(attempt: Try) -> None:
    done = attempt(
        one(
            'values: "20x3 5x4 20x3 5x4"',
            "{incidents: [{rule: flooded, source: a, value: 21}, {rule: flooded, source: a, since: 0s}]}",
        ),
        "-q",
    )
    assert done.err == ["8:60: test 't': incident of flooded at a, value: expected 21, got 20"]


def test_rules_that_no_test_names(attempt: Try) -> None:
    text = one(FLOOD, "{incidents: [{rule: flooded, source: a}]}")
    assert attempt(text) == Done(0, ["1 test, none failed"], ["no test names dark, high, silent"])
    assert attempt(text, "--coverage", "-q") == Done(1, [], ["no test names dark, high, silent"])
    assert attempt(text, "-v").out == ["passed  t", "1 test, none failed"]


def test_for_programs(attempt: Try, tmp_path: Path) -> None:
    done = attempt(one(FLOOD, "{incidents: []}"), "--json")
    assert (done.status, done.err) == (1, [])
    found = json.loads(done.out[0])
    (test,) = found["tests"]
    (failure,) = test["failures"]
    assert (found["passed"], found["failed"], found["problems"]) == (0, 1, [])
    assert found["untouched"] == ["dark", "flooded", "high", "silent"]
    assert (test["name"], test["line"], test["passed"]) == ("t", 5, False)
    assert (failure["path"], failure["line"], failure["column"]) == (
        str(tmp_path / "tests.yaml"),
        8,
        25,
    )
    assert failure["expected"] == "no incident"
    wrong = json.loads(attempt(one(FLOOD, "{}"), "--json").out[0])
    assert [problem["line"] for problem in wrong["problems"]] == [8]
