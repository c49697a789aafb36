"""A rule that judged nothing says so, and what was near: `0 incidents` is no good news then."""

import json
from pathlib import Path

import pytest

from app.backtest.reckoning import Question, reckon_each
from app.backtest.rulefiles import read_ground
from app.backtest.unselected import unselected
from tests.app.a_backtest import BARE, Backtest, fill, flood
from tests.app.test_backtest_apart import a_history, rule_set

IDLE = {
    "a name that is nearly right": (
        "select: {metric: water_levle}, when: {above: 1}",
        "no sample of water_levle in this time; the nearest: water_level",
    ),
    "a name like no other": (
        "select: {metric: pm25}, when: {above: 1}",
        "no sample of pm25 in this time; there is water_level",
    ),
    "a label that nobody has so": (
        "select: {metric: water_level, where: {kind: [pond, river]}}, when: {above: 1}",
        "none of 1 series of water_level has kind: pond or river; kind is underpass there",
    ),
    "a label that nobody has": (
        "select: {metric: water_level, where: {colour: red}}, when: {above: 1}",
        "none of 1 series of water_level has colour: red; nobody has a colour",
    ),
    "silence of sources": (
        'select: {metric: "*", where: {kind: pond}}, when: {missing: 9m}',
        "none of 1 sources has kind: pond; kind is underpass there",
    ),
    "joined": (
        "select: {metric: pm10}, when: {all: [{above: 1}, {metric: water_level, above: 1}]}",
        "no sample of pm10 in this time; there is water_level",
    ),
}


@pytest.mark.parametrize(("words", "why"), IDLE.values(), ids=IDLE)
def test_a_rule_that_judged_nothing(
    words: str, why: str, backtest: Backtest, tmp_path: Path
) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    busy = "{name: busy, select: {metric: water_level}, when: {above: 99}}"
    (tmp_path / "city/odd.yaml").write_text(f"rules: [{{name: idle, {words}}}, {busy}]")
    done = backtest(rules="city/odd.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == [f"Rule 'idle' judged nothing: {why}."]
    found = json.loads(backtest("--json", rules="city/odd.yaml").stdout)
    assert found["judged_nothing"] == [{"rule": "idle", "why": why}]


def test_without_a_city_labels_are_missed(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    (tmp_path / "r.yaml").write_text(
        "rules: [{name: a, select: {metric: water_level, where: {kind: pond}}, when: {above: 1}}]"
    )
    done = backtest(rules="r.yaml")
    assert "nobody has a kind (labels come from the registry: write --city FILE)." in done.stdout


def test_many_of_them_are_counted(backtest: Backtest, tmp_path: Path) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    some = [f"{{name: r{n}, select: {{metric: m{n}}}, when: {{above: 1}}}}" for n in range(13)]
    (tmp_path / "r.yaml").write_text(f"rules: [{', '.join(some)}]")
    lines = backtest(rules="r.yaml").stdout.splitlines()
    assert len(lines) == 12
    assert lines[-1] == "... and 3 rules more; --json names them"


def test_processes_add_up_what_they_judged(tmp_path: Path) -> None:
    a_history(tmp_path / "h")
    (tmp_path / "city.yaml").write_text(BARE)
    ground = read_ground(tmp_path / "city.yaml")
    assert ground is not None
    one = "{name: %s, select: {metric: %s, where: {kind: [%s]}}, when: {above: 1}}"
    texts = [one % each for each in (("a", "x", "pond"), ("b", "z", "pond"), ("c", "x", "lake"))]
    rules = rule_set(tmp_path, f"rules: [{', '.join(texts)}]")
    question = Question(rules, tmp_path / "h", ground, ground.opener)
    found = []
    for count in (1, 2):
        each = reckon_each(
            question, [rules], tell=lambda *_: None, progress=lambda *_: None, processes=count
        )
        with each as (answer,):
            found.append([(one.rule.name, one.series, one.heard) for one in answer.selections])
            idle = unselected(answer, labelled=True)
    assert found[0] == found[1]
    assert found[0][1:] == [("b", 0, 0), ("c", 0, 16)]
    assert found[0][0][1] > 0
    assert idle["c"] == "none of 16 series of x has kind: lake; kind is pond, road there"


def test_a_time_without_samples_says_which_time_has_some(
    backtest: Backtest, tmp_path: Path
) -> None:
    fill(tmp_path / "h", *flood("wl-1", 5, 10, until=30))
    done = backtest("--since", "2027-01-01", "--until", "2027-01-02")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no sample from 2026-12-31T16:00:00.000Z until 2027-01-01T16:00:00.000Z; " in done.stderr
    assert "from 2026-05-13T07:00:00.000Z until 2026-05-13T07:30:00.000Z" in done.stderr
    (tmp_path / "h/2026-05-13T07.parquet").unlink()
    assert "`citypatrol history import` fills one" in backtest().stderr
