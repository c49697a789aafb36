import pytest

from citypatrol.errors import Reject
from ingest.profiles.json import read_json
from ingest.profiles.plain import read_plain
from ingest.routes import Routes, TopicRule
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
