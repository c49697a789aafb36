"""Short ways to a rule's explanation at an instant of the day's story."""

from dataclasses import asdict

from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from rules.engine import Engine
from rules.explain_alarm import Explanation
from rules.ruleset import RuleSet
from tests.rules.story import DAY, one_rule


def seen(source: str, **labels: str) -> SourceSeen:
    return SourceSeen(DAY, source, labels, 0, 7_200_000)


def sample(at: float, value: float, metric: str = "x", source: str = "a") -> Batch:
    return Batch.of([Sample(source, metric, DAY + int(1000 * at), value)])


def explained(
    words: str, *records: Record, at: float, rule: str = "r", source: str = "a"
) -> Explanation:
    return of_rules(one_rule(words), *records, at=at, rule=rule, source=source)


def of_rules(
    rules: RuleSet, *records: Record, at: float, rule: str = "r", source: str = "a"
) -> Explanation:
    engine = Engine(rules)
    before = engine.explain
    engine.fold([*records, Tick(DAY + int(1000 * at))])
    saved = engine.snapshot()
    found = before(rule, source=source)
    assert engine.snapshot() == saved  # a look changes nothing
    return found


def facts(found: Explanation, *names: str) -> dict[str, object]:
    """Times as seconds of the day's story."""
    every = asdict(found)
    times = {"since", "fired_at", "clearing", "fires_at", "clears_at", "sample_by", "at"}
    return {
        name: (every[name] - DAY) / 1000
        if name in times and every[name] is not None
        else every[name]
        for name in names
    }
