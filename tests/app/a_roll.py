"""Sources of a small city: some heard, one silent, one not registered, one never heard."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from app.rollcall import RollCall
from citypatrol.clock import ManualClock
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.kinds import Kinds
from citypatrol.records import SourceSeen
from citypatrol.registry import Registry
from citypatrol.samples import Batch, Sample
from ingest.config import MqttInput, Topic, input_names
from ingest.heard import Heard
from ingest.heard_stage import HeardStage
from rules.comparison import Comparison, Limit
from rules.ruleset import Rule, RuleSet, When
from tests.app.a_desk import NOW

REGISTRY = Registry(
    {
        "id": pa.array(["pump-1", "pump-2", "cam-1", "air-1"]),
        "name": pa.array(["京广路隧道", "River Street", "Crossing", None]),
        "kind": pa.array(["underpass", "underpass", "camera", "air"]),
        "district": pa.array(["erqi", None, "erqi", None]),
        "flood_limit": pa.array(["12", None, None, None]),
    }
)
TOPICS: Mapping[str, Mapping[str, str]] = {
    "pump-2": {"district": "jinshui", "kind": "topic"},
    "new-1": {"district": "erqi", "kind": "underpass"},
}
INPUT = MqttInput(
    type="mqtt",
    url="mqtt://127.0.0.1:1883",
    topics=(Topic(match="city/{kind}/{source}/{metric}", payload="plain"),),
)
[NAME] = input_names((INPUT,))
RULES = RuleSet((Rule("flooded", "water_level", When(Comparison("above", Limit(15.0)))),))
MINUTE = 60_000


def heard(folder: Path, *, most: int = 1_000) -> HeardStage:
    """``pump-1`` every 10 s until now, its clock 4 min fast; ``pump-2`` silent for 20 min;
    ``cam-1/north`` 1 min ago; ``new-1`` 5 s ago and twice late; ``air-1`` never."""
    journal = SqliteJournal(folder / "roll.db", clock=ManualClock(NOW))  # never opened
    stage = HeardStage(journal, heard=Heard(most=most))
    kinds = Kinds.model_validate({"underpass": {"lateness": "1s"}})
    seen = [
        SourceSeen(NOW, name, {}, kinds.of({"kind": "underpass"}).lateness, 1)
        for name in ("pump-1", "pump-2", "new-1")
    ]
    stage.take(seen, at=NOW)

    def say(source: str, metric: str, ts: int, value: float, at: int) -> None:
        stage.take([Batch.of([Sample(source, metric, ts, value)])], at=at)

    for n in range(30):
        at = NOW - 10_000 * (29 - n)
        say("pump-1", "water_level", at + 4 * MINUTE, 3.0 + n / 10, at)
    say("pump-2", "water_level", NOW - 20 * MINUTE, 1.0, NOW - 20 * MINUTE)
    say("pump-2", "online", NOW - 19 * MINUTE, 0.0, NOW - 19 * MINUTE)
    say("cam-1/north", "traffic_light.lit", NOW - MINUTE, 1.0, NOW - MINUTE)
    say("citypatrol/ticket/none", "ticket.open", NOW, 1.0, NOW)  # the city's own
    for ts in (NOW - 5_000, NOW - 9_000, NOW - 7_000):
        say("new-1", "water_level", ts, 2.0, NOW - 5_000)
    return stage


def roll_of(stage: HeardStage, *, registry: Registry = REGISTRY) -> RollCall:
    kinds = Kinds.model_validate({"underpass": {"lateness": "1s", "stale": "10m"}})
    return RollCall(
        stage, registry=registry, kinds=kinds, topic_labels=lambda source: TOPICS.get(source, {})
    )
