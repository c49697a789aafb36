import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citypatrol.errors import Reject
from ingest.profiles.json import read_json
from ingest.profiles.plain import read_plain
from ingest.routes import Route, Routes, TopicRule, Use
from ingest.topics import Pattern


def _rule(text: str, *, metric: str | None = None, json: bool = False) -> TopicRule:
    return TopicRule(Pattern.parse(text), read_json if json else read_plain, metric)


FULL = _rule("city/{district}/{kind}/{source}/{metric}")
FLAT = _rule("city/{district}/{kind}/{source}", json=True)


def test_the_parts_of_the_topic_become_source_metric_and_labels() -> None:
    route = Routes([FULL]).of("city/gc/water/ws-1/level")
    assert route is not None
    assert (route.source, route.metric) == ("ws-1", "level")
    assert dict(route.labels) == {"district": "gc", "kind": "water"}


def test_an_empty_level_gives_no_label() -> None:
    route = Routes([FULL]).of("city//water/ws-1/level")
    assert route is not None
    assert dict(route.labels) == {"kind": "water"}


def test_topics_with_the_same_labels_share_one_object() -> None:
    routes = Routes([FULL])
    one, two = routes.of("city/gc/water/ws-1/level"), routes.of("city/gc/water/ws-2/level")
    assert one is not None
    assert two is not None
    assert one.labels is two.labels


def test_the_first_pattern_that_matches_wins() -> None:
    routes = Routes([_rule("city/{source}/{metric}", json=True), _rule("{a}/{source}/{metric}")])
    first, second = routes.of("city/ws-1/level"), routes.of("town/ws-1/level")
    assert first is not None
    assert second is not None
    assert (first.read, second.read) == (read_json, read_plain)


def test_a_metric_beside_the_pattern() -> None:
    route = Routes([_rule("city/{source}", metric="pm25")]).of("city/a1")
    assert route is not None
    assert route.metric == "pm25"


def test_no_pattern_matches() -> None:
    assert Routes([FULL]).of("elsewhere") is None


@pytest.mark.parametrize(
    ("topic", "says"),
    [
        pytest.param("city/gc/water//level", "`source` is empty", id="no source"),
        pytest.param("city/gc/water/ws-1/", "`metric` is empty", id="no metric"),
        pytest.param("city/gc/water/a\nb/level", "do not print", id="line break"),
        pytest.param(f"city/gc/water/{'x' * 201}/level", "at most 200", id="too long"),
    ],
)
def test_a_level_that_is_no_name(topic: str, says: str) -> None:
    with pytest.raises(Reject, match=says):
        Routes([FULL]).of(topic)


def test_status_below_a_device_is_its_last_will() -> None:
    route = Routes([FLAT]).of("city/gc/water/ws-1/status")
    assert route is not None
    assert route.is_status
    assert (route.source, dict(route.labels)) == ("ws-1", {"district": "gc", "kind": "water"})


def test_a_status_that_a_pattern_matches_may_also_be_a_number() -> None:
    route = Routes([FLAT, FULL]).of("city/gc/water/ws-1/status")
    assert route is not None
    assert (route.may_be_will, route.is_status, route.metric) == (True, False, "status")


def test_filters_hold_the_last_will_and_no_double() -> None:
    assert Routes([FLAT]).filters == ["city/+/+/+", "city/+/+/+/status"]
    assert Routes([FLAT, FULL]).filters == ["city/+/+/+", "city/+/+/+/+"]


RULES = {
    "one place for all": [FULL, FLAT],
    "one place for some": [FULL, _rule("city/{source}/{kind}/{district}/{metric}"), FLAT],
    "a gateway's topic": [_rule("city/gw/{kind}/up", metric="x"), FLAT],
    "the source first": [_rule("{source}/{metric}")],
    "the source is the rest": [
        TopicRule(Pattern.parse("city/{source}", rest="source"), read_plain, "x"),
        FLAT,
    ],
    "a command beside it": [
        TopicRule(Pattern.parse("city/{source}/set"), read_plain, use=Use.NOTHING, cause="set"),
        _rule("city/{source}/{metric}"),
    ],
}
_topics = st.lists(
    st.sampled_from(["city", "gw", "a", "b", "up", "set", "status", "", "$SYS", "x\n"]),
    min_size=1,
    max_size=6,
).map("/".join)


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@settings(deadline=None)
@given(topics=st.lists(_topics, max_size=30))
def test_what_is_remembered_is_what_the_patterns_say(
    rules: list[TopicRule], topics: list[str]
) -> None:
    routes = Routes(rules)
    for topic in topics:
        assert _said(routes, topic) == _said(Routes(rules), topic), topic


def _said(routes: Routes, topic: str) -> Route | str | None:
    try:
        return routes.of(topic)
    except Reject as reject:
        return reject.reason
