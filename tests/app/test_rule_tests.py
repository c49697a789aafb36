"""``citypatrol test``: what passes, what fails with which words, and what is no test at all."""
# ruff: noqa: E501 - a test and what is said of it stand in one line

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from app.cli import main
from app.commands.init import write_starter

RULES = """\
rules:
  - name: flooded
    select: {metric: level, where: {kind: pond}}
    when: {above: 15, for: 2m}
    clear: {below: 10, for: 2m}
    severity: critical
    ticket: {category: road.flooding, title: "{source.name}: {value:.0f} cm", ack: 5m, resolve: 4h}
  - name: high
    select: {metric: level}
    when: {above: 90}
  - name: silent
    select: {metric: "*"}
    when: {missing: 3m}
    group: gateway
    ticket: {category: device.silent, title: "{group}: {count}", ack: 1h}
  - name: dark
    select: {metric: lit}
    when: {below: 0.5, for: 1m}
    unless: {metric: fault, above: 0}
"""
HEAD = """\
rules: [rules.yaml]
city: {timezone: Asia/Shanghai, units: [{id: roads, name: Roads, level: city, handles: [road.flooding]}]}
start: 2026-05-13T08:00:00+08:00
tests:
"""


class Done(NamedTuple):
    status: int
    out: list[str]
    err: list[str]


Try = Callable[..., Done]


@pytest.fixture
def attempt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Try:
    """The command on one file of tests; places in what it says begin with the line."""
    (tmp_path / "rules.yaml").write_text(RULES)

    def run(tests: str, *words: str, head: str = HEAD) -> Done:
        path = tmp_path / "tests.yaml"
        path.write_text(head + tests)
        capsys.readouterr()
        status = main(["test", str(path), *words])
        out, err = capsys.readouterr()
        return Done(
            status,
            out.splitlines(),
            err.replace(f"{path}:", "").replace(f"{tmp_path}/", "").splitlines(),
        )

    return run


def one(series: str, expect: str, **more: str) -> str:
    """A test ``t`` of one series at ``a``, a pond."""
    extra = "".join(f"    {key}: {value}\n" for key, value in more.items())
    return (
        f"  - name: t\n    sources: {{a: {{kind: pond, name: A}}}}\n{extra}"
        f"    series: [{{source: a, metric: level, {series}}}]\n    expect: {expect}\n"
    )


FLOOD = 'values: "3 20x3 5x4"'


@pytest.mark.parametrize(
    "text",
    [
        one(FLOOD, "{alarms: [{rule: flooded, source: a, at: {0s: ok, 1m: pending, 3m: firing}}]}"),
        one(FLOOD, "{alarms: [{rule: flooded, source: a, at: {6m: firing, 7m: ok}}]}"),
        one(FLOOD, "{alarms: [{rule: flooded, source: a, at: {2m59s999ms: pending}}]}"),
        one(FLOOD, '{alarms: [{rule: flooded, source: a, at: {"2026-05-13T00:03:00Z": firing}}]}'),
        one(
            FLOOD,
            "{incidents: [{rule: flooded, source: a, since: 1m, fired_at: 3m, cleared_at: 7m, value: 20}]}",
        ),
        one('values: "3 20x3"', "{incidents: [{rule: flooded, source: a, cleared_at: null}]}"),
        one('values: "3x9"', "{incidents: [], tickets: []}"),
        one("at: {0s: 20, 90s: 99, 2m: 20}", "{incidents: [{rule: high, source: a, since: 90s}, "
            "{rule: flooded, source: a}]}"),
        one(
            FLOOD,
            "{tickets: [{rule: flooded, source: a, title: 'A: 20 cm', severity: critical, "
            "category: road.flooding, unit: roads, state: dispatched, opened_at: 3m, "
            "acknowledge_by: 8m, resolve_by: 4h3m, cleared_at: 7m, witnesses: 1}]}",
        ),
        one('values: "3 _x3"', "{alarms: [{rule: silent, source: a, at: {2m59s: ok, 3m: firing}}]}"),
        one('values: "20x3", from: 30s, every: 20s', "{incidents: []}"),
        one('values: "20x9"', "{incidents: [{rule: flooded, source: a, since: 0s}]}", every="30s",
            only="[flooded]"),
        one("at: {0s: 20, 1m: null, 2m: null}", "{incidents: [{rule: flooded, source: a}]}"),
    ],
    ids=range(13),
)  # fmt: skip
def test_what_is_so_passes(attempt: Try, text: str) -> None:
    done = attempt(text, "-q")
    assert done == Done(0, [], [])


def test_groups_and_joined_witnesses(attempt: Try) -> None:
    text = """\
  - name: a gateway with two sensors
    sources: {a: {gateway: g1}, b: {gateway: g1}}
    series:
      - {source: a, metric: t, values: "1 _x9"}
      - {source: b, metric: t, values: "1x1 _x8"}
    expect:
      incidents:
        - {rule: silent, source: a, metric: "*", fired_at: 3m}
        - {rule: silent, source: b, fired_at: 4m}
      tickets: [{rule: silent, group: g1, title: "g1: 2", witnesses: 2, unit: null, state: open}]
"""
    assert attempt(text, "-q") == Done(0, [], [])


def test_a_veto_and_a_value_at_the_parent(attempt: Try) -> None:
    text = """\
  - name: blind
    every: 30s
    series:
      - {source: cam/n, metric: lit, values: "0.1x6"}
      - {source: cam, metric: fault, values: "0 1x2 0x3"}
    expect:
      alarms: [{rule: dark, source: cam/n, at: {0s: pending, 30s: ok, 2m: pending, 3m: firing}}]
"""
    assert attempt(text, "-q") == Done(0, [], [])


def test_samples_that_come_late(attempt: Try) -> None:
    head = HEAD.replace("city: {", "city: {kinds: {pond: {lateness: 1m}}, ")
    series = "at: {0s: 20, 1m: 20, 2m: 20, 3m: 20}"
    asked = "{alarms: [{rule: flooded, source: a, at: {1m: %s, 2m: %s, 3m: %s}}], "
    fired = "incidents: [{rule: flooded, source: a, fired_at: 2m}]}"
    late = one(series + ", delay: 30s", asked % ("ok", "pending", "pending") + fired)
    assert attempt(late, "-q", head=head) == Done(0, [], [])
    prompt = one(series, asked % ("pending", "firing", "firing") + fired)
    assert attempt(prompt, "-q", head=head) == Done(0, [], [])


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


def test_a_city_that_was_just_made_passes_its_own_tests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_starter(tmp_path / "city")
    assert main(["test", str(tmp_path / "city"), "-q"]) == 0
    assert main(["check", str(tmp_path / "city"), "-q"]) == 0
    (tmp_path / "city/tests/more.yaml").write_text("tests: [{}]\n")
    assert main(["check", str(tmp_path / "city")]) == 1
    assert "more.yaml:1:1: missing key 'rules'" in capsys.readouterr().err


def test_a_rule_file_is_no_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "water.yaml"
    path.write_text("rules: [{name: a, select: {metric: x}, when: {above: 1}}]\n")
    assert main(["test", str(path)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{path}: holds rules and no tests")


def test_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(tmp_path / "no.yaml")]) == 2
    assert main(["test", str(tmp_path)]) == 2
    assert "there is no file with tests" in capsys.readouterr().err


def test_the_example_of_the_page_passes_and_fails_as_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()
    blocks = dict(re.findall(r"^```(yaml|yml|console)\n(.*?)^```$", page, re.M | re.S)[::-1])
    (tmp_path / "rules.yaml").write_text(blocks["yaml"])  # the page's first rule
    (tmp_path / "water.yaml").write_text(blocks["yml"])
    monkeypatch.chdir(tmp_path)
    assert main(["test", "water.yaml", "--coverage"]) == 0
    (tmp_path / "water.yaml").write_text(blocks["yml"].replace("2m: pending", "2m: firing"))
    capsys.readouterr()
    assert main(["test", "water.yaml"]) == 1
    assert capsys.readouterr().err == blocks["console"]
