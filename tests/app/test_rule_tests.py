"""``citypatrol test``: what passes, and files that are there or not."""
# ruff: noqa: E501 - a test and what is said of it stand in one line

import re
from pathlib import Path

import pytest

from app.cli import main
from app.commands.init import write_starter
from tests.app.a_rule_test import FLOOD, HEAD, Done, Try, one


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
