"""Several processes judge the past as one does, to the last digit."""

import random
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from app.backtest.apart import Apart
from app.backtest.judging import Alone, processes_for
from app.backtest.reckoning import Question, reckon_each
from app.backtest.rulefiles import read_ground
from app.backtest.sources import Labels
from citypatrol.history.sweep import Sweep
from citypatrol.history.words import Words, read_words
from citypatrol.kinds import Kinds
from citypatrol.records import ModeSwitched, SourceSeen, Tick
from citypatrol.registry import Registry
from citypatrol.samples import Batch, Sample
from rules.load import load_rules
from rules.ruleset import EVERY_METRIC, NORMAL, Rule, RuleSet, When
from tests.app.a_backtest import BARE, at
from tests.citypatrol.a_history import entries, write

RULES = """\
rules:
  - {name: high, select: {metric: x}, when: {above: {label: limit, default: 7}, for: 2m},
     clear: {below: 3}, group: gateway,
     ticket: {category: road.flooding, title: "{group} {source} {value}", cooldown: 1m}}
  - {name: mean, select: {metric: x, where: {kind: pond}}, when: {mean: 10m, above: 5},
     unless: {metric: fault, above: 0}, mode: {flood: {when: {mean: 10m, above: 4}}}}
  - {name: silent, select: {metric: "*"}, when: {missing: 3m}, group: gateway,
     ticket: {category: device.silent, title: "{group} silent: {count}"}}
  - {name: both, select: {metric: x}, when: {all: [{above: 4}, {metric: y, below: 4}]},
     group: gateway, ticket: {category: road.flooding, title: "both at {source}", joins: high}}
"""
BY_SITE = (
    "rules: [{name: s, select: {metric: x}, when: {all: [{above: 4}, {site: any, above: 7}]}}]"
)
SOURCES = [f"s-{n}" for n in range(12)] + ["cam-1", "cam-1/left", "cam-1/right", "cam-2/up/far"]


def rule_set(tmp_path: Path, text: str) -> RuleSet:
    (tmp_path / "r.yaml").write_text(text)
    found, problems = load_rules([tmp_path / "r.yaml"])
    assert found is not None, problems
    return found


def a_history(folder: Path) -> None:
    chance = random.Random(5)
    seen = [
        SourceSeen(
            at(n), name, {"kind": chance.choice(["pond", "road"]), "limit": str(n)}, 0, 240_000
        )
        for n, name in enumerate(SOURCES[:9])
    ]
    later = [SourceSeen(at(25), "s-1", {"kind": "pond", "limit": "1"}, 0, 240_000)]
    modes = [ModeSwitched(at(20), "flood"), ModeSwitched(at(40), "normal")]
    write(folder, entries(*seen, *later, *modes, Tick(at(63))))
    for begin in range(0, 60, 10):
        samples = [
            Sample(one, metric, at(n) + chance.randrange(90_000), round(chance.uniform(0, 9), 1))
            for n in range(begin, begin + 10)
            for one in (SOURCES if n > 30 else SOURCES[3:])
            for metric in ("x", "y", "fault")
            if chance.random() < (0.1 if metric == "fault" else 0.5)
        ]
        write(folder, entries(Batch.of(samples), first=100 + begin))


def said(question: Question, sets: Sequence[RuleSet], *, processes: int) -> list[object]:
    def tell(path: Path, error: Exception) -> None:
        raise AssertionError(path) from error

    quiet = lambda *_: None  # noqa: E731
    with reckon_each(question, sets, tell=tell, progress=quiet, processes=processes) as answers:
        return [
            (
                one.until,
                one.samples,
                one.since,
                list(one.found.incidents()),
                list(one.found.tickets()),
            )
            for one in answers
        ]


def test_the_answer_is_that_of_one(tmp_path: Path) -> None:
    a_history(tmp_path / "h")
    (tmp_path / "city.yaml").write_text(BARE)
    ground = read_ground(tmp_path / "city.yaml")
    assert ground is not None
    sets = [rule_set(tmp_path, text) for text in (RULES, RULES.replace("7}", "8}"))]
    question = Question(sets[0], tmp_path / "h", ground, ground.opener)
    alone = said(question, sets, processes=1)
    assert said(question, sets, processes=3) == alone
    incidents = [len(one[3]) for one in alone]
    assert min(incidents) > 100
    assert incidents[0] != incidents[1]


def test_each_piece_brings_what_it_brings_to_one(tmp_path: Path) -> None:
    a_history(tmp_path / "h")
    sets = [rule_set(tmp_path, RULES)]
    labels, words = (
        Labels(Registry.empty(), Kinds()),
        read_words(tmp_path / "h", since=None, until=None),
    )
    alone = Alone(sets, labels=labels, words=words, mode="flood")
    apart = Apart(sets, labels=labels, words=words, mode="flood", count=2)
    found = []
    with closing(apart):
        for judges in (alone, apart):
            pieces = Sweep(tmp_path / "h", at_once=100)
            each = [said for piece in pieces for said in judges.judge(piece)]
            found.append([*each, *judges.end(at(70))])
    assert found[0] == found[1]
    assert len(found[0]) > 4


def test_a_process_that_ends_too_soon_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    a_history(tmp_path / "h")
    broken = RuleSet((Rule("broken", EVERY_METRIC, When()),))
    labels, words = Labels(Registry.empty(), Kinds()), Words([], [], None)
    with closing(Apart([broken], labels=labels, words=words, mode=NORMAL, count=2)) as apart:
        (piece,) = Sweep(tmp_path / "h")
        assert list(apart.judge(piece)) == []
        with pytest.raises(ChildProcessError, match="that judges has ended with exit status 1"):
            list(apart.end(at(70)))
    assert "can only be missing" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("text", "rows", "alone"),
    [
        pytest.param(RULES, 1_000, True, id="little to read"),
        pytest.param(RULES, 10**9, False, id="much to read"),
        pytest.param(BY_SITE, 10**9, True, id="rules that join a site"),
    ],
)
def test_how_many_judge(text: str, rows: int, alone: bool, tmp_path: Path) -> None:
    found = processes_for([rule_set(tmp_path, text)], rows=rows)
    assert found == 1 if alone else 1 <= found <= 4
