import re

import pytest

from ingest.topics import Pattern, uncovered

CITY = "city/{district}/{kind}/{source}/{metric}"


def test_a_pattern_is_a_filter_with_a_plus_for_every_name() -> None:
    assert Pattern.parse(CITY).filter == "city/+/+/+/+"
    assert Pattern.parse("/a b/{source}").filter == "/a b/+"


@pytest.mark.parametrize(
    ("pattern", "topic", "found"),
    [
        pytest.param(
            CITY,
            "city/gc/water/ws-1/level",
            {"district": "gc", "kind": "water", "source": "ws-1", "metric": "level"},
            id="names",
        ),
        pytest.param(
            "城市/{source}", "城市/传感器-1", {"source": "传感器-1"}, id="text that is not ASCII"
        ),
        pytest.param("a/{source}", "a/", {"source": ""}, id="an empty level is a level"),
        pytest.param(CITY, "city/gc/water/ws-1", None, id="one level short"),
        pytest.param(CITY, "city/gc/water/ws-1/level/x", None, id="one level long"),
        pytest.param(CITY, "town/gc/water/ws-1/level", None, id="another literal"),
        pytest.param("{a}/{source}", "$SYS/clients", None, id="the broker's own topics"),
        pytest.param("$SYS/{source}", "$SYS/x", {"source": "x"}, id="asked for by name"),
    ],
)
def test_match(pattern: str, topic: str, found: dict[str, str] | None) -> None:
    assert Pattern.parse(pattern).match(topic) == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("city/+/{source}", "`+` is a wildcard; name the level", id="plus"),
        pytest.param("city/{source}/#", "`#` is a wildcard", id="hash"),
        pytest.param("city/a#b/{source}", "`a#b` is a wildcard", id="hash inside"),
        pytest.param("{source}/{source}", "`{source}` stands twice", id="twice"),
        pytest.param("city/s-{source}", "a name takes the whole level", id="part of a level"),
        pytest.param("city/{source", "a name takes the whole level", id="open"),
        pytest.param("city/{source}{metric}", "a name takes the whole level", id="two in one"),
        pytest.param("city/{}/{source}", "`{}`: a name is small letters", id="no name"),
        pytest.param("city/{Kind}/{source}", "`{Kind}`: a name is small", id="capital"),
        pytest.param("city/\0/{source}", "does not print", id="NUL"),
        pytest.param("city\n/{source}", "does not print", id="line break"),
        pytest.param("x" * 70_000 + "/{source}", "is too long", id="too long"),
        pytest.param("a/" * 100 + "{source}", "is too long", id="too deep"),
        pytest.param("$share/g/{source}", "`share: GROUP`", id="shared subscription"),
    ],
)
def test_a_bad_pattern_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        Pattern.parse(text)


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        pytest.param(["a/+", "a/+"], ["a/+"], id="the same"),
        pytest.param(["a/+/s", "a/+/+"], ["a/+/+"], id="included"),
        pytest.param(["+/b", "a/+"], ["+/b", "a/+"], id="they only meet"),
        pytest.param(["a/+", "a/+/+"], ["a/+", "a/+/+"], id="another depth"),
        pytest.param(["a/#", "a/+/+", "a"], ["a/#"], id="all below"),
        pytest.param(["a/#", "a/b/#", "ab/#"], ["a/#", "ab/#"], id="all below, twice"),
        pytest.param(["+/#", "a/#"], ["+/#"], id="all below anything"),
        pytest.param(["a/+", "a/#"], ["a/#"], id="one level of all below"),
    ],
)
def test_uncovered(filters: list[str], left: list[str]) -> None:
    assert uncovered(filters) == left
