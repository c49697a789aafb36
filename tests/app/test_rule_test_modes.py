"""``citypatrol test``: modes of the city, from the start or from a time on."""
# ruff: noqa: E501 - a test and what is said of it stand in one line

from pathlib import Path

import pytest

from tests.app.a_city import FILES, write_city
from tests.app.a_rule_test import Done, Try

RULES = """\
rules:
  - name: high
    select: {metric: level}
    when: {above: 15}
    mode: {flood: {when: {above: 10, for: 1m}, severity: critical}, works: off}
  - name: low
    select: {metric: level}
    when: {below: 1}
    mode: {normal: off}
"""
HEAD = "rules: [rules.yaml]\ntests:\n"


def case(mode: str, expect: str) -> str:
    return (
        f"  - name: t\n    mode: {mode}\n"
        f'    series: [{{source: a, metric: level, values: "12x6"}}]\n    expect: {expect}\n'
    )


@pytest.fixture
def rules(tmp_path: Path, attempt: Try) -> Try:
    (tmp_path / "rules.yaml").write_text(RULES)
    return attempt


@pytest.mark.parametrize(
    ("mode", "expect"),
    [
        pytest.param(
            "flood",
            "{incidents: [{rule: high, source: a, since: 0s, fired_at: 1m}]}",
            id="all of it",
        ),
        pytest.param(
            "{2m: flood, 5m: works}",
            "{alarms: [{rule: high, source: a, at: {1m: ok, 2m: pending, 3m: firing, 5m: ok}}], "
            "incidents: [{rule: high, source: a, since: 2m, cleared_at: 5m, severity: critical}]}",
            id="and back",
        ),
        pytest.param(
            "{150s: flood}",
            "{alarms: [{rule: high, source: a, at: {150s: ok, 3m: pending, 4m: firing}}]}",
            id="between two samples",
        ),
        pytest.param("{0s: works}", "{incidents: []}", id="off"),
        pytest.param("normal", "{incidents: []}", id="normal"),
    ],
)
def test_a_mode(rules: Try, mode: str, expect: str) -> None:
    assert rules(case(mode, expect), "-q", head=HEAD) == Done(0, [], [])


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        pytest.param("floods", "4:11: test 't': no rule names the mode 'floods'; did you mean 'flood'?", id="unknown"),
        pytest.param("{1m: work}", "4:16: test 't': no rule names the mode 'work'; did you mean 'works'?", id="unknown later"),
        pytest.param("{7m: flood}", "4:16: test 't': mode: 7m is after the test's data", id="too late"),
        pytest.param("{2025-12-31T23:00:00Z: flood}", "4:34: test 't': mode: -1h is before the start", id="too early"),
        pytest.param("{}", "4:11: test 't': mode: ", id="none"),
        pytest.param("[flood]", "4:11: test 't': mode: expected text or a map, found a list", id="a list"),
    ],
)  # fmt: skip
def test_a_mode_that_cannot_be(rules: Try, mode: str, says: str) -> None:
    done = rules(case(mode, "{incidents: []}"), "-q", head=HEAD)
    assert (done.status, [line.startswith(says) for line in done.err]) == (1, [True]), done.err


def test_pending_only_where_the_rule_waits_in_a_mode_of_the_test(rules: Try) -> None:
    asked = "{alarms: [{rule: high, source: a, at: {0s: %s}}]}"
    assert rules(case("flood", asked % "pending"), "-q", head=HEAD).status == 0
    done = rules(case("normal", asked % "pending"), "-q", head=HEAD)
    assert "rule 'high' is never pending" in done.err[0]


def test_the_mode_that_the_city_begins_in(rules: Try, tmp_path: Path) -> None:
    write_city(tmp_path / "city", city=FILES["city.yaml"] + "mode: flood\n")
    head = HEAD.replace("tests:", "city: city/city.yaml\ntests:")
    fires = "{incidents: [{rule: high, source: a, since: %s}]}"
    text = case("flood", fires % "0s").replace("    mode: flood\n", "")
    assert rules(text, "-q", head=head) == Done(0, [], [])
    assert rules(case("{1m: normal, 2m: flood}", fires % "2m"), "-q", head=head) == Done(0, [], [])
