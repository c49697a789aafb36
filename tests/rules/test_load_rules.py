"""Rule files: good ones, and wrong ones that carry their exact messages behind ``#!``."""

from dataclasses import replace
from pathlib import Path

import pytest

from rules.comparison import Comparison, Limit
from rules.incidents import TicketSpec
from rules.load import load_rules
from rules.ruleset import Clear, Rule, RuleSet, Unless, When
from tests.rules.story import ruleset

FILES = Path(__file__).parent / "files"
GOOD = sorted(FILES.glob("*.good.yaml"))
BAD = sorted(FILES.glob("*.bad.yaml"))
ENV = {"HOME": "/home/someone"}


def load(path: Path) -> tuple[RuleSet | None, list[str]]:
    rules, problems = load_rules([path], env=ENV)
    messages = [str(problem).replace(f"{FILES}/", "") for problem in problems]
    return rules, [message.removeprefix(f"{path.name}:") for message in messages]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name.removesuffix(".good.yaml"))
def test_good_file(path: Path) -> None:
    rules, problems = load(path)
    assert problems == []
    assert rules is not None


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name.removesuffix(".bad.yaml"))
def test_bad_file(path: Path) -> None:
    lines = path.read_text().splitlines()
    expected = [line.removeprefix("#! ") for line in lines if line.startswith("#! ")]
    assert expected, "a wrong file says what is wrong with it"
    assert load(path) == (None, expected)


def test_there_are_many_wrong_files() -> None:
    assert len(BAD) >= 60


def test_every_word_means_what_it_says() -> None:
    rules, _ = load(FILES / "full.good.yaml")
    assert rules is not None
    by_name = {rule.name: rule for rule in rules.rules}
    assert list(by_name) == sorted(by_name)
    assert by_name["underpass-flooded"] == Rule(
        name="underpass-flooded",
        metric="water_level",
        where=(("district", ("管城区", "金水区")), ("floor", ("3",)), ("kind", ("underpass",))),
        when=When(Comparison("above", low=Limit(15.0, "flood_limit")), hold_for=120_000),
        clear=Clear(Comparison("below", high=Limit(10.0, "dry_limit")), hold_for=300_000),
        severity="critical",
        stale=1_800_000,
        ticket=TicketSpec(
            category="road.flooding",
            title="Underpass {source.name} ({source.district}) under water: {value:.0f} cm",
            ack=300_000,
            resolve=14_400_000,
            cooldown=0,
        ),
    )
    assert by_name["traffic-light-dark"] == Rule(
        name="traffic-light-dark",
        metric="traffic_light.lit",
        when=When(Comparison("below", high=Limit(0.5)), hold_for=60_000, at_least=3),
        clear=Clear(Comparison("above", low=Limit(0.5)), hold_for=30_000),
        unless=Unless("camera.fault", Comparison("above", low=Limit(0.0))),
        ticket=TicketSpec("road.traffic_light", "Traffic light dark at {source.name}"),
    )
    assert by_name["cold-room"].when == When(
        Comparison("outside", low=Limit(2.0), high=Limit(8.0)), hold_for=600_000
    )
    assert by_name["jam"].when.at_least == 1
    silent = by_name["sensor-silent"]
    assert (silent.metric, silent.when, silent.group) == ("*", When(missing=600_000), "gateway")
    assert silent.unless == Unless("maintenance", Comparison("between", Limit(1.0), Limit(1.0)))


def test_a_name_may_be_given_once_over_all_files(tmp_path: Path) -> None:
    one = tmp_path / "a.yaml"
    other = tmp_path / "b.yaml"
    one.write_text("rules:\n  - {name: r, select: {metric: x}, when: {above: 1}}\n")
    other.write_text("rules:\n  - {name: r, select: {metric: x}, when: {above: up}}\n")
    rules, problems = load_rules([one, other])
    assert rules is None
    assert [str(problem) for problem in problems] == [
        f"{other}:2:12: rule 'r': name: there is one at {one}:2 already",
        f"{other}:2:50: rule 'r': above: expected a number or a map, found 'up'",
    ]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "gone.yaml"
    rules, problems = load_rules([path])
    assert rules is None
    assert [str(one) for one in problems] == [f"{path}: cannot be read: No such file or directory"]


def test_no_files_are_no_rules() -> None:
    assert load_rules([]) == (RuleSet(), [])


HASHED = "rules:\n  - {name: a, select: {metric: x}, when: {above: 1}}\n"


@pytest.mark.parametrize(
    "other",
    [
        "# a comment\n" + HASHED,
        "rules:\n- when:\n    above: 1.0\n  select:\n    metric: 'x'\n  name: a\n",
        "rules: [{name: a, select: {metric: x}, when: {above: 1, for: 0s}}]",
    ],
    ids=["comment", "layout and order", "a default written out"],
)
def test_the_hash_is_of_the_meaning(other: str) -> None:
    assert ruleset(other).hash == ruleset(HASHED).hash


@pytest.mark.parametrize(
    "other",
    [
        HASHED.replace("name: a", "name: b"),
        HASHED.replace("above: 1", "above: 2"),
        HASHED.replace("above: 1}", "above: 1}, severity: info"),
        HASHED + "  - {name: b, select: {metric: x}, when: {above: 1}}\n",
    ],
    ids=["name", "threshold", "severity", "one more"],
)
def test_the_hash_changes_with_the_meaning(other: str) -> None:
    assert ruleset(other).hash != ruleset(HASHED).hash


def test_the_condition_is_what_alarms_depend_on() -> None:
    (rule,) = ruleset(HASHED).rules
    spec = TicketSpec("a.b", "t")
    same = [replace(rule, severity="info"), replace(rule, group="g"), replace(rule, ticket=spec)]
    assert {one.condition for one in same} == {rule.condition}
    other = [
        replace(rule, metric="y"),
        replace(rule, where=(("kind", ("k",)),)),
        replace(rule, when=When(missing=1)),
        replace(rule, clear=Clear(hold_for=1)),
        replace(rule, unless=Unless("f", Comparison("above", low=Limit(0.0)))),
        replace(rule, stale=5),
    ]
    assert rule.condition not in {one.condition for one in other}
    assert len({one.condition for one in other}) == len(other)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("15", 15.0),
        (" -2.50 ", -2.5),
        ("+.5", 0.5),
        ("1e3", 1000.0),
        ("3.", 3.0),
        ("", None),
        ("high", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("1_000", None),
        ("１５", None),
        ("0x10", None),
    ],
)
def test_threshold_of_a_cell(cell: str, value: float | None) -> None:
    labels = {"limit": cell} if cell else {}
    assert Limit(None, "limit").of(labels) == value
    assert Limit(7.0, "limit").of({}) == 7.0
