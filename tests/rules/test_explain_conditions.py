"""What is said of conditions at an instant: trees, sites, regions, hours, and what says nothing."""

import pytest

from citypatrol.records import ModeSwitched, Record, SourceSeen
from rules.explain import Unexplained
from rules.explain_tree import Told
from tests.rules.an_explanation import explained, facts, of_rules, sample, seen
from tests.rules.story import DAY, ruleset


@pytest.mark.parametrize(
    ("words", "records", "says", "truth", "because", "value"),
    [
        ("when: {above: 15}", [sample(0, 20)], "x above 15", True, None, 20),
        ("when: {outside: [2, 8]}", [sample(0, 5)], "x outside 2 and 8", False, None, 5),
        ("when: {equals: 1}", [sample(0, 1)], "x equals 1", True, None, 1),
        ("when: {mean: 1m, above: 9}", [sample(0, 8), sample(1, 12)],
         "mean over 1m of x above 9", True, None, 10),
        ("when: {rate: 1m, above: 9}", [sample(0, 8)],
         "rate over 1m of x above 9", None, "the window holds too few samples", None),
        ("when: {above: 15}, stale: 5s", [sample(0, 20)],
         "x above 15", None, "the value is older than 5s", 20),
        ("when: {above: {label: limit, default: 3}}", [seen("a", limit="4"), sample(0, 20)],
         "x above 4 (its limit)", True, None, 20),
        ("when: {above: {label: limit, default: 3}}", [sample(0, 20)],
         "x above 3 (default of limit)", True, None, 20),
        ("when: {above: {label: limit}}", [sample(0, 20)],
         "x above no number (default of limit)", None, "the source has no threshold", 20),
        ("when: {missing: 90s}", [sample(0, 20)], "x missing for 90s", False, None, 20),
    ],
)  # fmt: skip
def test_a_condition_with_its_value(
    words: str, records: list[Record], says: str, truth: bool | None, because: str | None, value
) -> None:
    told = explained(words, *records, at=10).when
    assert (told.says, told.truth, told.because) == (says, truth, because)
    assert [one.value for one in told.seen] == [value]


def test_a_tree_of_conditions() -> None:
    words = (
        "when: {any: [{all: [{above: 15}, {metric: y, below: 3}]}, {not: {metric: z, equals: 1}}]}"
    )
    found = explained(words, sample(0, 20), sample(1, 5, "y"), at=10)

    def shape(told: Told) -> object:
        return [told.says, told.truth, *map(shape, told.parts)]

    assert shape(found.when) == [
        "any", None,
        ["all", False, ["x above 15", True], ["y below 3", False]],
        ["not", None, ["z equals 1", None]],
    ]  # fmt: skip
    assert found.when.parts[1].parts[0].because == "no sample yet"


@pytest.mark.parametrize(
    ("at", "told"),
    [
        pytest.param(89, [("cam/north", 0)], id="its own word"),
        pytest.param(90, [("cam", 1)], id="its camera's, when its own has died"),
        pytest.param(150, [("cam/north", 0)], id="none, when both have"),
    ],
)
def test_a_region_whose_own_word_dies(at: int, told: list[tuple[str, float]]) -> None:
    words = "when: {below: 0.5, for: 60s}, unless: {metric: fault, above: 0}, stale: 90s"
    records = [
        sample(0, 0, "fault", "cam/north"), sample(60, 1, "fault", "cam"),
        sample(85, 0.1, source="cam/north"),
    ]  # fmt: skip
    found = explained(words, *records, at=at, source="cam/north")
    assert found.unless is not None
    assert [(one.source, one.value) for one in found.unless.seen] == told
    assert (found.unless.truth is True) == (at == 90)


def test_a_region_looks_at_its_camera() -> None:
    words = "when: {below: 0.5, for: 60s}, unless: {metric: fault, above: 0}"
    records = [sample(0, 1, "fault", "cam"), sample(5, 0.1, source="cam/north")]
    found = explained(words, *records, at=10, source="cam/north")
    assert found.unless is not None
    assert [(one.source, one.value) for one in found.unless.seen] == [("cam", 1)]
    assert (found.blind, found.state) == (True, "ok")


@pytest.mark.parametrize(
    ("count", "told", "more"), [(3, 3, 0), (20, 20, 0), (21, 20, 1), (23, 20, 3)]
)
def test_a_site_tells_of_twenty(count: int, told: int, more: int) -> None:
    names = [f"p{n:02}" for n in range(count)]
    records: list[Record] = [seen(name, site="s") for name in names]
    records += [sample(n, n, source=name) for n, name in enumerate(names)]
    found = explained(
        "when: {any: [{site: any, above: 1.5}]}", *records, at=40, source="p00"
    ).when.parts[0]
    assert (len(found.seen), found.more, found.truth) == (told, more, True)
    assert [one.value for one in found.seen] == list(range(told))


def test_a_site_without_that_metric() -> None:
    words = "when: {any: [{above: 99}, {metric: y, site: all, above: 1}]}"
    found = explained(words, seen("a", site="s"), sample(0, 1), at=5).when.parts[1]
    assert (found.truth, found.because, found.seen) == (
        None, "no source of the site sends it", (),
    )  # fmt: skip


def test_what_waits_is_not_told_yet() -> None:
    """As of the instant up to which all samples of the source have come (RULES 3)."""
    waits = SourceSeen(DAY, "a", {}, 30_000, 7_200_000)
    records = [waits, sample(0, 20), sample(35, 3)]
    found = explained("when: {above: 15, for: 120s}", *records, at=60)
    assert facts(found, "at", "state", "since", "fires_at") == {
        "at": 30, "state": "pending", "since": 0, "fires_at": 120,
    }  # fmt: skip
    assert facts(explained("when: {above: 15}", *records, at=70), "at", "state") == {
        "at": 40, "state": "ok",
    }  # fmt: skip


def test_the_hours() -> None:
    words = "when: {above: 15}, during: {time: '02:00-04:00'}"
    found = explained(words, sample(0, 20), at=10)
    assert (found.during, found.because) == (False, "it does not judge at this time of day")
    assert found.during_changes == DAY + 2 * 3_600_000


def test_every_metric_of_a_source_and_its_group() -> None:
    words = "select: {metric: '*'}, when: {missing: 60s}, group: gateway"
    found = explained(words, seen("a", gateway="gw-1"), sample(0, 1), sample(9, 1, "y"), at=10)
    assert (found.when.says, found.fires_at, found.group) == (
        "every metric missing for 1m", DAY + 69_000, "gw-1",
    )  # fmt: skip


RULES = ruleset(
    "rules: [{name: wet, select: {metric: x, where: {kind: [a, b]}}, when: {above: 1}},"
    " {name: dry, select: {metric: x}, when: {below: 1}}]"
)


@pytest.mark.parametrize(
    ("rule", "source", "says"),
    [
        ("wett", "a", "there is no rule 'wett'; the nearest: wet"),
        ("noise", "a", "there is no rule 'noise'"),
        ("wet", "pump-2", "nothing is known of a source pump-2; the nearest: pump-1"),
        ("wet", "pump-1", "rule 'wet' does not select pump-1: it wants kind: a or b, and the source"
         " has 'c'"),
        ("wet", "bare", "rule 'wet' does not select bare: it wants kind: a or b, and the source has"
         " none"),
        ("dry", "bare", "bare has sent no x in this time, so rule 'dry' judges nothing there"),
    ],
)  # fmt: skip
def test_what_cannot_be_explained(rule: str, source: str, says: str) -> None:
    records = [seen("pump-1", kind="c"), seen("bare"), sample(0, 1, source="pump-1")]
    with pytest.raises(Unexplained) as raised:
        of_rules(RULES, *records, at=10, rule=rule, source=source)
    assert str(raised.value) == says


def test_a_rule_that_is_off_in_this_mode() -> None:
    words = "when: {above: 1}, mode: {flood: off}"
    with pytest.raises(Unexplained, match="rule 'r' is off in the mode 'flood'"):
        explained(words, sample(0, 2), ModeSwitched(DAY + 1000, "flood"), at=10)
