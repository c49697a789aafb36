"""Snapshots, and rules that change between them."""

from itertools import pairwise

import numpy as np
import orjson
import pytest

from citypatrol.records import SourceSeen
from rules.engine import Engine
from rules.ruleset import RuleSet
from rules.snapshot import pack, unpack
from tests.rules.story import outcome, records, ruleset

FLOOD = "{name: flood, select: {metric: x}, when: {above: 15, for: 60s}, clear: {for: 30s}}"
BLIND = "unless: {metric: fault, above: 0}"
DARK = f"{{name: dark, select: {{metric: x}}, when: {{above: 15, for: 60s}}, {BLIND}}}"
SILENT = "{name: silent, select: {metric: x}, when: {missing: 5m}}"
GONE = "{name: gone, select: {metric: '*'}, when: {missing: 5m}}"


def rules(*each: str) -> RuleSet:
    return ruleset(f"rules: [{', '.join(each)}]")


def play(before: RuleSet, first: str, after: RuleSet, then: str) -> list[str]:
    """``first`` under ``before``, a restart, ``then`` under ``after``; rule by rule."""
    engine = Engine(before)
    found = engine.fold(records(first))
    engine = Engine.restore(after, engine.snapshot())
    found += engine.fold(records(then))
    names = sorted({one.rule for one in found})
    return [f"{r}: {o}" for r in names for o in outcome([i for i in found if i.rule == r])]


@pytest.mark.parametrize("words", [FLOOD, DARK], ids=["prompt", "unless"])
def test_a_timer_goes_on_over_a_restart(words: str) -> None:
    found = play(rules(words), "0 a x 16 \n| 59", rules(words), "| 61")
    name = rules(words).rules[0].name
    assert found == [f"{name}: a x since 0 fired 60 value 16"]


def test_a_reload_that_changes_no_condition_keeps_the_alarm() -> None:
    after = rules(FLOOD.replace("clear:", "severity: critical, clear:"), SILENT)
    found = play(rules(FLOOD), "0 a x 16 \n| 59", after, "60 a x 17 \n70 a x 1 \n| 101")
    assert found == ["flood: a x since 0 fired 60 cleared 100 value 17"]


def test_a_condition_that_changes_begins_anew() -> None:
    after = rules(FLOOD.replace("for: 60s", "for: 61s"))
    found = play(rules(FLOOD), "0 a x 16 \n| 59", after, "| 70 \n71 a x 16 \n| 132")
    assert found == ["flood: a x since 71 fired 132 value 16"]


@pytest.mark.parametrize(
    "after",
    [rules(), rules(SILENT), rules(FLOOD.replace("15", "16"))],
    ids=["removed", "others", "changed"],
)
def test_an_open_incident_of_a_rule_that_is_gone_clears_when_the_new_rules_come(
    after: RuleSet,
) -> None:
    found = play(rules(FLOOD), "0 a x 16 \n| 60", after, f"| 70 \nrules {after.hash} 75 \n| 80")
    assert found == ["flood: a x since 0 fired 60 cleared 75 value 16"]


def test_not_when_other_rules_come() -> None:
    found = play(rules(FLOOD), "0 a x 16 \n| 60", rules(), "rules 0123 75")
    assert found == ["flood: a x since 0 fired 60 value 16"]


def test_an_orphan_survives_restarts_until_then() -> None:
    engine = Engine(rules(FLOOD))
    found = engine.fold(records("0 a x 16 \n| 60"))
    engine = Engine.restore(rules(SILENT), engine.snapshot())
    engine = Engine.restore(rules(SILENT), engine.snapshot())
    found += engine.fold(records(f"rules {rules(SILENT).hash} 30"))
    assert outcome(found) == ["a x since 0 fired 60 cleared 60 value 16"]
    assert engine.in_force == rules(SILENT).hash
    assert engine.fold(records(f"rules {rules(SILENT).hash} 90")) == []


def test_a_new_rule_knows_what_was_heard_before() -> None:
    """A series that is silent already, of a metric that was read before or not."""
    first = "0 a x 1 \n10 a y 1 \n| 400"
    y = SILENT.replace("silent", "quiet").replace("metric: x", "metric: y")
    after = rules(FLOOD, SILENT, y, GONE)
    assert play(rules(FLOOD), first, after, "| 401") == [
        "gone: a * since 310 fired 310 value 1",
        "quiet: a y since 310 fired 310 value 1",
        "silent: a x since 300 fired 300 value 1",
    ]


def test_a_new_rule_knows_online_is_no_life() -> None:
    first = "0 a x 1 \n200 a online 1 \n5 b online 1 \n| 301"
    assert play(rules(), first, rules(GONE), "| 302") == ["gone: a * since 300 fired 300 value 1"]


def test_a_new_rule_counts_from_the_next_sample_on() -> None:
    assert play(rules(), "0 a x 16 \n| 9", rules(FLOOD), "| 200 \n201 a x 16 \n| 300") == [
        "flood: a x since 201 fired 261 value 16"
    ]


def test_a_new_rule_knows_who_is_blind() -> None:
    first = "0 cam fault 1 \n0 a x 16 \n| 9"
    then = "10 cam/n x 16 \n10 a x 16 \n| 100"
    assert play(rules(), first, rules(DARK), then) == ["dark: a x since 10 fired 70 value 16"]


def test_a_new_rule_does_not_judge_what_is_older() -> None:
    first = "seen a lateness=30 \n50 a x 16 \n| 90 \n60 a x 1"
    then = "40 a x 16 \n55 a x 16 \n| 200"
    found = play(rules(), first, rules(FLOOD.replace("for: 60s", "for: 4s")), then)
    assert found == ["flood: a x since 55 fired 59 cleared 90 value 16"]


def test_labels_that_only_new_rules_ask_for() -> None:
    first = "seen a kind=k limit=20 \nseen b kind=z \n0 a x 1 \n0 b x 1"
    after = rules("{name: n, select: {metric: x, where: {kind: k}}, when: {above: {label: limit}}}")
    assert play(rules(), first, after, "1 a x 19 \n2 a x 21 \n2 b x 99") == [
        "n: a x since 2 fired 2 value 21"
    ]


def test_the_clear_event_keeps_what_was_said_when_it_fired() -> None:
    engine = Engine(rules(FLOOD))
    (fired,) = engine.fold(records("seen a name=old \n0 a x 16 \n| 60"))
    critical = rules(FLOOD.replace("clear:", "severity: critical, clear:"))
    engine = Engine.restore(critical, engine.snapshot())
    (cleared,) = engine.fold(records("seen a name=new \n61 a x 1 \n| 100"))
    assert (cleared.id, cleared.severity, cleared.labels) == (fired.id, "major", {"name": "old"})


def test_a_snapshot_is_the_same_after_a_restore() -> None:
    each = rules(FLOOD, DARK, SILENT, GONE)
    story = """
        seen a kind=k lateness=30 \n seen cam \n | 1
        0 a x 16 ab \n 5 a x 17 \n 40 a x 16 cd \n 0 cam/n x 16 ef \n 5 cam fault 1 \n 6 cam fault 0
        | 50 \n 60 a x 16 \n 55 cam/n x 17 \n 70 cam/n x 16
    """
    engine = Engine(each)
    engine.fold(records(story))
    data = engine.snapshot()
    again = Engine.restore(each, data)
    assert again.snapshot() == data
    assert again.alarms() == engine.alarms()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it begins with b''"),
        (b"something else altogether", "it begins with b'something else alto"),
        (b"citypatrol rules 1\n", "not a snapshot of rules"),
        (b"citypatrol rules 1\n" + b"\x10" + bytes(20), "not a snapshot of rules"),
        (Engine(rules(FLOOD)).snapshot()[:-9], "not a snapshot of rules"),
    ],
    ids=["empty", "foreign", "cut at the head", "garbage", "cut short"],
)
def test_bytes_that_are_no_snapshot(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Engine.restore(rules(FLOOD), data)


def test_facts_that_are_not_ours() -> None:
    with pytest.raises(ValueError, match=r"not a snapshot of rules: KeyError\('now'\)"):
        Engine.restore(rules(FLOOD), pack({}, {}))


def test_names_as_earlier_versions_saved_them() -> None:
    """A list of texts; a region comes behind its camera, of which the city's own is none."""
    engine = Engine(rules(FLOOD, GONE))
    engine.fold(records("0 cam/north x 16 \n 0 citypatrol/tickets x 3 \n 0 管 x 16"))
    facts, columns = unpack(engine.snapshot())
    text, bounds = columns.pop("names").tobytes(), columns.pop("name bounds").tolist()
    names = [text[a:b].decode() for a, b in pairwise(bounds)]
    assert names == ["cam", "cam/north", "citypatrol", "citypatrol/tickets", "管"]
    again = Engine.restore(rules(FLOOD, GONE), pack(facts | {"names": names}, columns))
    found = again.fold(records("| 400"))
    assert sorted((one.rule, one.source) for one in found) == [
        ("flood", "cam/north"),
        ("flood", "管"),
        ("gone", "cam/north"),
        ("gone", "管"),
    ]
    assert again.snapshot() == Engine.restore(rules(FLOOD, GONE), again.snapshot()).snapshot()


def test_names_that_do_not_fit_together() -> None:
    engine = Engine(rules(FLOOD))
    engine.fold(records("0 a x 16"))
    facts, columns = unpack(engine.snapshot())
    columns["name bounds"] = np.array([0, 1 << 40])
    with pytest.raises(ValueError, match="ffset"):
        Engine.restore(rules(FLOOD), pack(facts, columns))


@pytest.mark.parametrize("sizes", ["label bytes", "label sizes"])
def test_labels_as_earlier_versions_saved_them(sizes: str) -> None:
    """JSON, one source behind the other; the sizes in bytes, still earlier in characters."""
    named = {"a": {"name": "设备"}, "b": {}, "c": {"name": "C", "limit": "20"}}
    engine = Engine(rules(FLOOD))
    engine.fold([SourceSeen(0, source, labels, 0, 7_200_000) for source, labels in named.items()])
    facts, columns = unpack(engine.snapshot())
    texts = [orjson.dumps(labels) for labels in named.values()]
    lengths = [len(text) if sizes == "label bytes" else len(text.decode()) for text in texts]
    del facts["label forms"]
    kept = {name: column for name, column in columns.items() if not name.startswith("label ")}
    kept |= {"labels": np.frombuffer(b"".join(texts), np.uint8), sizes: np.array(lengths)}
    by_label = FLOOD.replace("above: 15", "above: {label: limit, default: 15}")
    again = Engine.restore(rules(by_label), pack(facts, kept))
    fired = again.fold(records("0 a x 16 \n0 c x 16 \n1 c x 21 \n| 70"))
    assert [(one.source, one.labels) for one in fired] == [("a", named["a"]), ("c", named["c"])]
