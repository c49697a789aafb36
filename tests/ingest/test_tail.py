from collections.abc import Mapping

import pytest

from ingest.config import MqttInput, Topic
from ingest.message import Message
from ingest.tail import NO_SAMPLE, Seen, SeenSample, Tail
from ingest.tap import Came

T = 1_778_630_531_480
INPUT = MqttInput(
    type="mqtt",
    url="mqtt://127.0.0.1:1883",
    topics=(
        Topic(match="city/{kind}/{source}/{metric}", payload="plain"),
        Topic(match="city/{kind}/{source}", payload="json"),
    ),
)


def _tail(newest: Mapping[str, tuple[int | None, int]] | None = None) -> Tail:
    known = newest or {}
    return Tail(
        {"mqtt": INPUT.parser()}, newest=lambda source, metric: known.get(source, (None, 0))
    )


def _came(payload: bytes, *, topic: str = "city/water/a", retain: bool = False) -> Came:
    return Came("mqtt", Message(topic, payload, T, retain))


def _sample(ts: int) -> bytes:
    return b'{"ts": %d, "level": 1.5}' % ts


def test_a_reading_is_shown_with_what_became_of_it() -> None:
    [seen] = _tail()([_came(_sample(T - 5))])
    assert seen == Seen(T, "city/water/a", [SeenSample("a", "level", 1.5, T - 5, False)], None, [])


def test_what_was_set_aside_is_shown_with_its_reason() -> None:
    [seen] = _tail()([_came(b"wet", topic="city/water/a/level")])
    assert seen.samples == []
    assert seen.dead is not None
    assert "`wet`" in seen.dead


def test_a_part_of_a_payload_may_be_read() -> None:
    [seen] = _tail()([_came(b'{"level": 1, "flow": NaN, "name": "x"}')])
    assert [one.metric for one in seen.samples] == ["level"]
    assert seen.dead == "`flow` is not finite"
    assert seen.notes == [NO_SAMPLE["ignored_key"]]


@pytest.mark.parametrize(
    ("came", "note"),
    [
        (_came(b""), "empty"),
        (_came(b"1", topic="elsewhere"), "no_pattern"),
        (_came(b"1", topic="city/water/a/level", retain=True), "retained"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_makes_no_sample_says_why(came: Came, note: str) -> None:
    assert _tail()([came]) == [Seen(T, came.message.topic, [], None, [NO_SAMPLE[note]])]


@pytest.mark.parametrize(
    ("before", "times", "late"),
    [
        pytest.param((None, 0), [T - 50, T - 60, T - 40], [False, True, False], id="as shown"),
        pytest.param((T, 0), [T - 1, T, T + 1], [True, False, False], id="as heard before"),
        pytest.param((T, 1_000), [T - 1_000, T - 1_001], [False, True], id="with its lateness"),
    ],
)
def test_late(before: tuple[int | None, int], times: list[int], late: list[bool]) -> None:
    seen = _tail({"a": before})([_came(_sample(ts)) for ts in times])
    assert [one.samples[0].late for one in seen] == late


def test_what_is_too_much_says_so() -> None:
    [seen] = _tail()([_came(_sample(T))._replace(surplus=True)])
    assert seen.samples == []
    assert seen.notes[0].startswith("not read: its source sends far more than it may")


def test_another_input_is_not_known_here() -> None:
    assert _tail()([Came("other", Message("city/water/a", b"1", T))]) == []
