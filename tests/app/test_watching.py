import pytest

from app.watching import Watch, watching
from rules.comparison import Comparison, Limit
from rules.incidents import TicketSpec
from rules.ruleset import Rule, RuleSet, Unless, When

ABOVE = Comparison("above", low=Limit(15.0, "flood_limit"))
RULES = RuleSet(
    (
        Rule(
            "flooded",
            "water_level",
            When(comparison=ABOVE, hold_for=120_000, at_least=3),
            where=(("kind", ("underpass",)),),
            ticket=TicketSpec("road.flooding", "x"),
        ),
        Rule(
            "bad-air",
            "pm25",
            When(comparison=Comparison("between", Limit(10.0), Limit(20.0))),
            unless=Unless("mask", Comparison("below", high=Limit(0.5))),
        ),
        Rule("silent", "*", When(missing=600_000), severity="minor"),
        Rule("deep", "depth", When(comparison=Comparison("above", low=Limit(None, "deep")))),
    )
)


def _names(labels: dict[str, str], *metrics: str) -> dict[str, bool]:
    return {one.rule: one.heard for one in watching(RULES, labels=labels, metrics=metrics)}


@pytest.mark.parametrize(
    ("labels", "metrics", "found"),
    [
        pytest.param(
            {"kind": "underpass"},
            ["water_level", "pm25"],
            {"bad-air": True, "flooded": True, "silent": True},
            id="by its metrics and labels",
        ),
        pytest.param(
            {"kind": "air"}, ["water_level"], {"silent": True}, id="another kind is not meant"
        ),
        pytest.param(
            {"kind": "underpass"},
            ["level"],
            {"flooded": False, "silent": True},
            id="meant by its labels, but it sends another metric",
        ),
        pytest.param({}, [], {"bad-air": False, "deep": False, "silent": False}, id="never heard"),
        pytest.param({}, ["online"], {"silent": False}, id="a last will is no reading"),
    ],
)
def test_which(labels: dict[str, str], metrics: list[str], found: dict[str, bool]) -> None:
    assert _names(labels, *metrics) == found


def test_in_words_with_its_own_thresholds() -> None:
    labels = {"kind": "underpass", "flood_limit": "12"}
    air, flooded, silent = watching(RULES, labels=labels, metrics=["water_level", "pm25"])
    assert flooded == Watch(
        "flooded",
        "water_level",
        True,
        "above 12 for 2m at least 3 samples",
        "major",
        "road.flooding",
    )
    assert air.condition == "between 10 and 20 unless mask below 0.5"
    assert (silent.condition, silent.severity, silent.ticket) == ("missing 10m", "minor", None)
    [deep, _] = watching(RULES, labels={}, metrics=["depth"])
    assert deep.condition == "above nothing (its label deep holds no number: never judged)"
