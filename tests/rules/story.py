"""Streams and incidents as short text, for tables of scenarios.

A story has a record a line, times in seconds: ``seen a kind=water lateness=30``, ``5 a x 20``
(a sample of source a, metric x, value 20 with timestamp 5), ``| 60`` (a tick), ``|.. 60`` (a tick a
second up to 60), ``rules HASH 60``. A sample with a fifth word has this evidence.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from citypatrol.records import Record, RulesInForce, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from rules.engine import Engine
from rules.incidents import Incident
from rules.load import load_rules
from rules.ruleset import RuleSet

DAY = 1_778_630_400_000  # 2026-05-13T00:00:00Z


def ms(seconds: str) -> int:
    return DAY + round(float(seconds) * 1000)


def records(story: str) -> list[Record]:
    found: list[Record] = []
    last = 0
    for line in filter(None, (line.split("#")[0].split() for line in story.splitlines())):
        if line[0] == "seen":
            labels = dict(word.split("=") for word in line[2:])
            lateness = int(float(labels.pop("lateness", "0")) * 1000)
            stale = int(float(labels.pop("stale", "7200")) * 1000)
            found.append(SourceSeen(DAY, line[1], labels, lateness, stale))
        elif line[0] == "|":
            found.append(Tick(ms(line[1])))
            last = int(float(line[1]))
        elif line[0] == "|..":
            found += [Tick(DAY + 1000 * at) for at in range(last + 1, int(line[1]) + 1)]
            last = int(line[1])
        elif line[0] == "rules":
            found.append(RulesInForce(ms(line[2]), line[1]))
        else:
            at, source, metric, value, *proof = line
            sample = Sample(source, metric, ms(at), float(value), proof[0] if proof else None)
            found.append(Batch.of([sample]))
    return found


def ruleset(text: str) -> RuleSet:
    """Of a rule file, or of rules that leave out ``rules:``, names and what they select."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "rules.yaml")
        path.write_text(text)
        found, problems = load_rules([path])
    assert found is not None, "\n".join(map(str, problems))
    return found


def one_rule(words: str) -> RuleSet:
    """``when: {above: 15}`` and more words become the rule ``r`` on metric ``x``."""
    select = "" if "select:" in words else "select: {metric: x}, "
    return ruleset(f"rules:\n  - {{name: r, {select}{words}}}\n")


def outcome(incidents: Sequence[Incident]) -> list[str]:
    """One line an incident: ``a x since 0 fired 60 cleared 90 value 20``."""
    last: dict[str, Incident] = {}
    for one in incidents:
        before = last.get(one.id)
        if before is None:
            assert one.cleared_at is None, f"cleared before it fired: {one}"
        else:
            assert one.cleared_at is not None, f"fired twice: {one}"
            assert before.cleared_at is None, f"cleared twice: {one}"
            assert one.cleared_at >= one.fired_at
        last[one.id] = one
    return sorted(map(line, last.values()), key=_by_time)


def line(one: Incident) -> str:
    cleared = "" if one.cleared_at is None else f" cleared {seconds(one.cleared_at)}"
    begin, fired = seconds(one.since), seconds(one.fired_at)
    return f"{one.source} {one.metric} since {begin} fired {fired}{cleared} value {one.value:g}"


def seconds(ts: int) -> str:
    return f"{(ts - DAY) / 1000:g}"


def _by_time(text: str) -> tuple[float, str]:
    return float(text.split(" since ")[1].split()[0]), text


def in_one_call(rules: RuleSet, stream: Sequence[Record]) -> list[Incident]:
    return Engine(rules).fold(stream)


def one_by_one(rules: RuleSet, stream: Sequence[Record]) -> list[Incident]:
    engine = Engine(rules)
    return [incident for record in stream for incident in engine.fold([record])]


def with_restarts(rules: RuleSet, stream: Sequence[Record]) -> list[Incident]:
    """A new engine from the snapshot before each record."""
    engine = Engine(rules)
    found: list[Incident] = []
    for record in stream:
        engine = Engine.restore(rules, engine.snapshot())
        found += engine.fold([record])
    return found


def merged(stream: Sequence[Record]) -> list[Record]:
    """Neighbouring batches as one."""
    found: list[Record] = []
    for record in stream:
        last = found[-1] if found else None
        if isinstance(record, Batch) and isinstance(last, Batch):
            found[-1] = Batch.of([*last.samples(), *record.samples()])
        else:
            found.append(record)
    return found


def in_few_batches(rules: RuleSet, stream: Sequence[Record]) -> list[Incident]:
    return Engine(rules).fold(merged(stream))


WAYS = {
    "in one call": in_one_call,
    "one by one": one_by_one,
    "with restarts": with_restarts,
    "in few batches": in_few_batches,
}
