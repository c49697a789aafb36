"""``above: 15 cm``: converted into the unit in which the metric is sent, or an error."""

from pathlib import Path

import pytest

from rules.city_facts import UNKNOWN_CITY, CityFacts
from rules.comparison import Limit
from rules.load import load_rules
from rules.ruleset import Rule

CITY = CityFacts(units={"level": "mm", "temp": "degC", "rain": "mm"})


def loaded(folder: Path, words: str, city: CityFacts) -> tuple[Rule | None, list[str]]:
    path = folder / "r.yaml"
    path.write_text(f"rules: [{{name: r, select: {{metric: level}}, {words}}}]")
    rules, problems = load_rules([path], city=city)
    said = [str(one).removeprefix(f"{path}:") for one in problems]
    return (None if rules is None else rules.rules[0]), said


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        pytest.param("when: {above: 15 cm}", 150.0, id="a length"),
        pytest.param("when: {above: 15cm}", 150.0, id="without a space"),
        pytest.param("when: {above: 15}", 15.0, id="a number is in the metric's own"),
        pytest.param("when: {above: {label: limit, default: 0.2 m}}", 200.0, id="a default"),
        pytest.param("when: {all: [{metric: temp, above: 86 degF}]}", 30.0, id="of a part"),
        pytest.param(
            "when: {all: [{metric: temp, change: 5m, above: 9 degF}]}", 5.0, id="a change"
        ),
        pytest.param("when: {mean: 5m, above: 1 cm}", 10.0, id="a mean"),
    ],
)
def test_it_is_converted(tmp_path: Path, words: str, limit: float) -> None:
    rule, problems = loaded(tmp_path, words, CITY)
    assert (rule is not None, problems) == (True, [])
    assert rule is not None
    comparison = rule.parts[0].comparison if rule.parts else rule.when.comparison
    assert comparison is not None
    assert comparison.low is not None
    assert comparison.low.default == pytest.approx(limit)


def test_everywhere_in_a_rule(tmp_path: Path) -> None:
    rule, _ = loaded(
        tmp_path,
        "when: {above: 2 cm}, clear: {between: [0 cm, 1 cm]}, unless: {metric: rain, above: 1 cm}, "
        "severity: [{above: 3 cm, is: critical}], mode: {flood: {when: {above: 1 m}}}",
        CITY,
    )
    assert rule is not None
    assert rule.clear.comparison is not None
    assert [one.default for one in rule.clear.comparison.limits] == [0.0, 10.0]
    assert rule.unless is not None
    assert rule.unless.comparison.low == Limit(10.0)
    assert rule.steps[0].comparison.low == Limit(30.0)
    flood = rule.in_mode("flood")
    assert flood is not None
    assert flood.when.comparison is not None
    assert flood.when.comparison.low == Limit(1000.0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(
            "when: {above: 15 degC}",
            "1:58: rule 'r': above: 15 degC is a temperature, and the metric is sent in mm",
            id="another thing",
        ),
        pytest.param(
            "when: {any: [{metric: wind, above: 3 m/s}]}",
            "1:79: rule 'r': above: 3 m/s: nobody says in which unit wind is sent; "
            "write it into city.yaml, like metrics: {wind: m/s}",
            id="nobody knows",
        ),
        pytest.param(
            "when: {count: 5m, above: 3 mm}",
            "1:69: rule 'r': above: 3 mm: a count has not the unit of its metric; leave it out",
            id="a count",
        ),
        pytest.param(
            "when: {above: 1}, mode: {flood: {when: {above: 3 V}}}",
            "1:91: rule 'r': above: 3 V is a voltage, and the metric is sent in mm",
            id="in a mode",
        ),
    ],
)
def test_what_does_not_fit(tmp_path: Path, words: str, says: str) -> None:
    rule, problems = loaded(tmp_path, words, CITY)
    assert (rule, problems) == (None, [says])


def test_without_a_city_it_is_a_remark(tmp_path: Path) -> None:
    rule, problems = loaded(tmp_path, "when: {above: 15 cm}", UNKNOWN_CITY)
    assert problems == []
    assert rule is not None
    assert rule.when.comparison is not None
    assert rule.when.comparison.low == Limit(15.0)
