"""The rule pack of traffic lights, on samples as the detector gives them."""

from pathlib import Path

import pytest

import rules
from citypatrol.records import SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from rules.engine import Engine
from rules.incidents import Incident
from rules.load import load_rules
from tickets.ticket import ticket_key

PACKS = Path(rules.__file__).parent / "packs"
RULES = [PACKS / "traffic-lights.yaml", PACKS / "cameras.yaml"]
LIT, OUT, FAULT = "traffic_light.lit", "traffic_light.lamp_out", "camera.fault"


def fired(*series: tuple[str, str, float], site: str | None = "corner") -> list[Incident]:
    """What fires where each series has its value every 10 s for five minutes."""
    found, problems = load_rules(RULES)
    assert found is not None, problems
    engine = Engine(found)
    labels = {"kind": "camera"} | ({"site": site} if site else {})
    for name in dict.fromkeys(source for source, _, _ in series):
        engine.fold([SourceSeen(0, name, labels, 0, 7_200_000)])
    said: list[Incident] = []
    for second in range(0, 300, 10):
        ts = second * 1000
        batch = Batch.of([Sample(source, metric, ts, value) for source, metric, value in series])
        said += engine.fold([batch, Tick(ts + 5_000)])
    return said


@pytest.mark.parametrize(
    ("site", "tickets"),
    [
        pytest.param("corner", 1, id="one junction"),
        pytest.param(None, 2, id="nobody knows that they are one"),
    ],
)
def test_a_junction_without_power_is_one_ticket(site: str | None, tickets: int) -> None:
    said = fired(("cam/north", LIT, 0.02), ("cam/east", LIT, 0.03), site=site)
    assert [one.rule for one in said] == ["traffic-light-dark"] * 2
    assert len({ticket_key(one) for one in said}) == tickets


def test_a_lost_lamp_joins_the_ticket_of_its_junction() -> None:
    said = fired(("cam/north", OUT, 1.0), ("cam/east", LIT, 0.03), ("cam/north", LIT, 0.97))
    assert {one.rule for one in said} == {"traffic-light-dark", "traffic-light-lamp-out"}
    assert len({ticket_key(one) for one in said}) == 1


@pytest.mark.parametrize("metric", [LIT, OUT])
def test_a_blind_camera_says_nothing_of_its_lights(metric: str) -> None:
    value = 0.02 if metric == LIT else 1.0
    said = fired(("cam/north", metric, value), ("cam", FAULT, 1.0))
    assert [one.rule for one in said] == ["camera-blind"]
