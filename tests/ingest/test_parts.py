"""One payload with several sources and several times."""

from collections.abc import Sequence

import pytest

from citypatrol.samples import Sample
from ingest.message import ClockBounds, Message
from ingest.parse import Parsed, Parser
from ingest.profiles.reading import Part, Reading
from ingest.routes import Routes, TopicRule, Use
from ingest.topics import Pattern

NOW = 1_747_094_531_480


def _parse(
    parts: Sequence[Part],
    *,
    use: Use = Use.READINGS,
    retain: bool = False,
    dup: bool = False,
    times: int = 1,
) -> Parsed:
    rule = TopicRule(Pattern.parse("gw/{gateway}"), lambda _: Reading(parts=parts), use=use)
    parser = Parser(Routes([rule]), clock=ClockBounds(future=300_000, past=86_400_000))
    return parser([Message("gw/g-1", b"x", NOW, retain, dup)] * times)


def _rows(parsed: Parsed) -> list[Sample]:
    return list(parsed.batch.samples())


def test_sources_and_times_of_one_payload_oldest_first() -> None:
    parsed = _parse(
        [
            Part([("t", 2.0)], NOW - 1, "b"),
            Part([("t", 1.0), ("h", 9.0)], NOW - 9, "a"),
            Part([("t", 3.0)], None, "a"),
            Part([("t", 0.0)], None, "a", after=-20),
        ]
    )
    assert _rows(parsed) == [
        Sample("a", "t", NOW - 20, 0.0),
        Sample("a", "t", NOW - 9, 1.0),
        Sample("a", "h", NOW - 9, 9.0),
        Sample("b", "t", NOW - 1, 2.0),
        Sample("a", "t", NOW, 3.0),
    ]
    assert parsed.labels == {"a": {"gateway": "g-1"}, "b": {"gateway": "g-1"}}
    assert parsed.stamps == [NOW - 1], "one a message"
    assert not parsed.letters


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        pytest.param(Part([("t", 1.0)], NOW, "x" * 201), "has 201 characters; at most", id="long"),
        pytest.param(Part([("t", 1.0)], NOW, ""), "name in the payload is empty", id="empty"),
        pytest.param(Part([("t", 1.0)], NOW, "a\nb"), "do not print: `a\\nb`", id="line break"),
        pytest.param(Part([("t", 1.0)], NOW), "put {source} in the pattern", id="none"),
        pytest.param(Part([("t", 1.0)], 1, "a"), "behind its arrival", id="clock"),
        pytest.param(Part([("t", 1.0)], None, "a", after=400_000), "ahead of its", id="relative"),
        pytest.param(Part([(None, 1.0)], NOW, "a"), "`value` needs {metric}", id="no metric"),
    ],
)
def test_a_bad_part_harms_no_other(bad: Part, says: str) -> None:
    parsed = _parse([bad, Part([("t", 5.0)], NOW, "ok"), bad])
    assert _rows(parsed) == [Sample("ok", "t", NOW, 5.0)]
    assert [says in letter.reason for letter in parsed.letters] == [True]
    assert sum(parsed.counts.values()) == 1


def test_retained_parts_without_a_time_make_no_sample() -> None:
    parts = [Part([("t", 1.0)], NOW, "a"), Part([("t", 2.0)], None, "a", after=-5)]
    parsed = _parse(parts, retain=True)
    assert _rows(parsed) == [Sample("a", "t", NOW, 1.0)]
    assert (parsed.counts, parsed.stamps) == ({"retained": 1}, [])


def test_who_is_online_is_taken_from_a_retained_message_too() -> None:
    parsed = _parse([Part([("online", 0.0)], None, "a")], retain=True, use=Use.STATUS)
    assert _rows(parsed) == [Sample("a", "online", NOW, 0.0)]


def test_redelivered_parts_without_a_time_are_counted() -> None:
    parts = [Part([("t", 1.0)], NOW, "a"), Part([("t", 2.0)], None, "a")]
    parsed = _parse(parts, dup=True)
    assert len(parsed.batch) == 2
    assert parsed.counts == {"redelivered_unstamped": 1}


def test_times_counted_from_one_arrival_never_meet() -> None:
    parts = [Part([("t", float(n))], None, "a", after=-n) for n in (0, 1, 1, 2)]
    rows = _rows(_parse(parts, times=3))
    assert len(rows) == 12
    assert len({row.ts for row in rows}) == 12


def test_payloads_that_are_good_for_nothing_are_counted() -> None:
    def read(payload: bytes) -> Reading:
        raise AssertionError(payload)

    rule = TopicRule(Pattern.parse("gw/{x}"), read, use=Use.NOTHING, cause="command")
    parsed = Parser(Routes([rule]), clock=ClockBounds())([Message("gw/set", b"x", NOW)])
    assert (len(parsed.batch), parsed.letters, parsed.counts) == (0, [], {"command": 1})
