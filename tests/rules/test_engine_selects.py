"""What a rule is asked about: its selection, and what is told of time."""

import pytest

from tests.rules.story import WAYS, one_rule, outcome, records

ABOVE = "when: {above: 15}"
SELECTED = {
    "a source that is selected later": (
        "seen a kind=no \n0 a x 16 \nseen a kind=k \n1 a x 16",
        ["a x since 1 fired 11 value 16"],
    ),
    "a source that is selected no more": ("seen a kind=k \n0 a x 16 \nseen a kind=no", []),
    "is never judged again": (
        "seen a kind=k \n0 a x 16 \n| 10 \nseen a kind=no \n20 a x 1 \n| 30",
        ["a x since 0 fired 10 value 16"],
    ),
    "until it is selected again": (
        "seen a kind=k \n0 a x 16 \n| 10 \nseen a kind=no \n20 a x 1 \nseen a kind=k \n30 a x 1",
        ["a x since 0 fired 10 cleared 30 value 16"],
    ),
    "a clear time that was running": (
        "seen a kind=k \n0 a x 16 \n| 10 \n11 a x 1 \nseen a kind=no \n| 99",
        ["a x since 0 fired 10 value 16"],
    ),
    "one of several values": (
        "seen a kind=k2 \n0 a x 16",
        ["a x since 0 fired 10 value 16"],
    ),
    "other labels change nothing": (
        "seen a kind=k \n0 a x 16 \nseen a kind=k name=new \n5 a x 17",
        ["a x since 0 fired 10 value 17"],
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SELECTED)
def test_selection(name: str, way: str) -> None:
    story, expected = SELECTED[name]
    words = (
        "select: {metric: x, where: {kind: [k, k2]}}, when: {above: 15, for: 10s}, clear: {for: 0s}"
    )
    if "clear time" in name:
        words = words.replace("for: 0s", "for: 5s")
    assert outcome(WAYS[way](one_rule(words), records(story + "\n| 200"))) == expected


SILENT_SELECTED = {
    "a source that is selected late is silent at once": (
        "seen a kind=no \n0 a x 1 \n| 900 \nseen a kind=k \n| 901",
        ["a {metric} since 600 fired 600 value 1"],
    ),
    "lateness that shrinks": (
        "seen a kind=k lateness=900 \n0 a x 1 \n| 610 \n| 1000 \nseen a kind=k lateness=5 \n| 1001",
        ["a {metric} since 600 fired 600 value 1"],
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("metric", ["x", "*"])
@pytest.mark.parametrize("name", SILENT_SELECTED)
def test_selection_of_silence(name: str, metric: str, way: str) -> None:
    story, expected = SILENT_SELECTED[name]
    words = f"select: {{metric: '{metric}', where: {{kind: k}}}}, when: {{missing: 10m}}"
    found = outcome(WAYS[way](one_rule(words), records(story)))
    assert found == [line.replace("{metric}", metric) for line in expected]


RETIMED = {
    "a shorter lateness judges what waited": (
        "seen a lateness=60 \n0 a x 1 \n20 a x 16 \n40 a x 17 \nseen a lateness=10",
        ["a x since 20 fired 20 value 16"],
    ),
    "no lateness judges all that waited": (
        "seen a lateness=60 \n0 a x 1 \n20 a x 16 \nseen a \n21 a x 1",
        ["a x since 20 fired 20 cleared 21 value 16"],
    ),
    "a longer one waits": ("0 a x 1 \nseen a lateness=60 \n20 a x 16 \n| 30", []),
    "what was judged without waiting is judged": (
        "0 a x 1 \nseen a lateness=60 \n0 a x 16 \n-9 a x 16 \n20 a x 16 \n| 80",
        ["a x since 20 fired 20 value 16"],
    ),
    "what waited is not judged twice": (
        "seen a lateness=60 \n| 1 \n0 a x 16 \nseen a \n1 a x 1 \n| 90",
        ["a x since 0 fired 0 cleared 1 value 16"],
    ),
    "lateness of one source only": (
        "seen a lateness=60 \nseen b \n0 a x 16 \n0 b x 16",
        ["b x since 0 fired 0 value 16"],
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", RETIMED)
def test_lateness_that_changes(name: str, way: str) -> None:
    story, expected = RETIMED[name]
    assert outcome(WAYS[way](one_rule(ABOVE), records(story))) == expected
