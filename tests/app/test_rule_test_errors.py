"""``citypatrol test``: what is no test at all, each with its place."""
# ruff: noqa: E501 - a test and what is said of it stand in one line

from pathlib import Path

import pytest

from tests.app.a_rule_test import FLOOD, HEAD, RULES, Try, one


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (one(FLOOD, "{}"), "8:13: test 't': expects nothing: write alarms, incidents or tickets"),
        (
            one(FLOOD, "{alarms: [{rule: floded, source: a, at: {0s: ok}}]}"),
            "8:30: test 't': unknown rule 'floded'; did you mean 'flooded'?",
        ),
        (
            one(FLOOD, "{alarms: [{rule: flooded, source: b, at: {0s: ok}}]}"),
            "8:47: test 't': b sends nothing in this test; known: a",
        ),
        (
            one(FLOOD.replace("values", "metric: x, values").replace("metric: level, ", ""),
                "{incidents: [{rule: flooded, source: a}]}").replace("metric: level, ", ""),
            "8:50: test 't': a sends no level in this test, which rule 'flooded' reads",
        ),
        (
            one(FLOOD, "{incidents: [{rule: flooded, source: a}]}").replace("pond", "well"),
            "8:50: test 't': rule 'flooded' does not select a: it wants kind: pond, it has kind: well",
        ),
        (
            one(FLOOD, "{incidents: [{rule: flooded, source: a}]}").replace("kind: pond, ", ""),
            "8:50: test 't': rule 'flooded' does not select a: it wants kind: pond, it has no kind",
        ),
        (
            one(FLOOD, "{alarms: [{rule: flooded, source: a, at: {10m: ok}}]}"),
            "8:60: test 't': asks at 10m, but the data of a ends at 9m; write _ for slots without a sample",
        ),
        (
            one(FLOOD, '{alarms: [{rule: flooded, source: a, at: {"2026-05-12T00:00:00Z": ok}}]}'),
            "8:79: test 't': -1d is before the start",
        ),
        (
            one(FLOOD, "{alarms: [{rule: high, source: a, at: {0s: pending}}]}"),
            "8:56: test 't': rule 'high' is never pending: it has neither for nor at_least",
        ),
        (
            one(FLOOD, "{incidents: [{rule: flooded, source: a, cleared_at: 10m}]}"),
            "8:65: test 't': cleared_at: asks at 10m, but the test's data ends at 9m; "
            "write _ for slots without a sample",
        ),
        (
            one(FLOOD, "{incidents: [{rule: flooded, source: a, since: 2026-05-12T00:00:00Z}]}"),
            "8:60: test 't': since: -1d is before the start",
        ),
        (
            one(FLOOD, "{tickets: [{rule: high, source: a}]}"),
            "8:31: test 't': rule 'high' has no ticket: it makes incidents only",
        ),
        (
            one(FLOOD, "{tickets: [{rule: flooded, group: g}]}"),
            "8:47: test 't': rule 'flooded' has no group",
        ),
        (
            one(FLOOD, "{incidents: [{rule: high, source: a}]}", only="[flooded]"),
            "9:33: test 't': rule 'high' does not judge here: only leaves it out",
        ),
        (one(FLOOD, "{incidents: []}", only="[no]"), "7:12: test 't': unknown rule 'no'; known: "),
        (
            one(FLOOD + ", from: 2026-05-12T00:00:00Z", "{incidents: []}"),
            "7:14: test 't': a sample at -1d is before the start",
        ),
        (one(FLOOD, "{incidents: []}").replace("}]\n", "}, {source: a, metric: level, at: {0s: 1}}]\n", 1),
         "7:64: test 't': a level: there are such series already; write one"),
        (one("values: 5y3", "{incidents: []}"), "7:49: test 't': values: '5y3' is no value"),
        (one("delay: 1s", "{incidents: []}"), "7:14: test 't': series: needs values or at, and not both"),
        (one("at: {}", "{incidents: []}"), "7:45: test 't': at: no samples; write some"),
        (one("at: {0s: 1}, every: 5s", "{incidents: []}"), "7:61: test 't': every: belongs to values"),
        (one("at: {soon: 1}", "{incidents: []}"), "7:46: test 't': soon: 'soon' is no time"),
        (one('values: "1"', "{alarms: [{rule: high, source: a, at: {0s: fired}}]}"),
         "8:56: test 't': 0s: "),
        (one(FLOOD, "{incidents: []}") * 2, "9:11: test 't': name: there is one at line 5 already"),
        (one(FLOOD, "{incidents: []}", evry="5s"), "7:5: test 't': unknown key 'evry'; did you mean"),
    ],
    ids=range(25),
)  # fmt: skip
def test_what_no_rule_could_meet_is_an_error(attempt: Try, text: str, says: str) -> None:
    done = attempt(text, "-q")
    assert done.status == 1
    assert [line for line in done.err if line.startswith(says)], done.err


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (HEAD.replace("rules.yaml", "no.yaml"), "1:9: rules: no file is named like 'no.yaml'"),
        (HEAD.replace("city: {", "city: {grid: no.geojson, "), "2:14: grid: there is no file"),
        ("rules: [rules.yaml]\ncity: no.yaml\ntests:\n", "2:7: city: there is no file 'no.yaml'"),
        (HEAD.replace("+08:00", ""), "3:8: start: '2026-05-13T08:00:00' is no time with its zone"),
    ],
    ids=["rules", "grid", "city", "start"],
)
def test_files_that_are_not_there(attempt: Try, head: str, says: str) -> None:
    done = attempt(one(FLOOD, "{incidents: []}"), head=head)
    assert done.status == 1
    assert [line for line in done.err if line.startswith(says)], done.err


@pytest.mark.parametrize(
    ("series", "says"),
    [
        ("values: 1, every: 0s", "every: must be more than 0s"),
        ("at: {0s: x}", "expected a number"),
        ("at: {0s: true}", "expected a number"),
    ],
)
def test_words_of_series_that_cannot_be(attempt: Try, series: str, says: str) -> None:
    done = attempt(one(series, "{incidents: []}"), "-q")
    assert (done.status, [says in line for line in done.err]) == (1, [True])


def test_labels_and_metrics_that_cannot_be(attempt: Try) -> None:
    text = one(FLOOD, "{incidents: []}")
    wrong = attempt(text.replace("name: A", "name: [A]"), "-q")
    assert "expected text or a number" in wrong.err[0]
    assert attempt(text.replace("name: A", "floor: 3"), "-q", head=HEAD).status == 1
    wrong = attempt(text.replace("metric: level", "metric: '*'"), "-q")
    assert "'*' is no metric; name one" in wrong.err[0]


def test_all_errors_of_all_tests_at_once(attempt: Try) -> None:
    text = one(
        FLOOD, "{alarms: [{rule: a, source: b, at: {9m: ok}}, {rule: b, source: c, at: {0s: ok}}]}"
    )
    done = attempt(text + text.replace("name: t", "name: u"), "-q")
    assert len(done.err) == 4


def test_errors_in_the_rules_are_theirs(attempt: Try, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES.replace("above: 90", "abov: 90"))
    done = attempt(one(FLOOD, "{incidents: []}"))
    assert done.status == 1
    assert done.err[0].startswith("rules.yaml:10:12: rule 'high': unknown key 'abov'")
    assert done.out == ["no tests, none failed, 1 error"]
