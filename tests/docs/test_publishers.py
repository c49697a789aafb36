"""Every payload of the table in docs/publishers.md becomes what the table says."""

import re

import pytest
import yaml

from bench.docs import ROOT
from ingest.config import MqttInput
from ingest.message import ClockBounds, Message
from ingest.parse import Parser

TEXT = (ROOT / "docs" / "publishers.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\w+)` \| `([^`]+)` \| `([^`]+)` \| (`.+`) \|$", re.MULTILINE)
ARRIVED = 1_778_630_531_500


def _parser() -> Parser:
    body = re.search(r"```yaml\n# city.yaml, part: inputs\n(.*?)```", TEXT, re.DOTALL)
    assert body is not None
    one = MqttInput.model_validate(yaml.safe_load(body[1])["inputs"][0])
    return Parser(one.routes(), clock=ClockBounds())


@pytest.mark.parametrize(
    ("topic", "payload", "becomes"),
    [pytest.param(*row[1:], id=row[1]) for row in ROW.findall(TEXT)],
)
def test_an_example_becomes_what_stands_beside_it(topic: str, payload: str, becomes: str) -> None:
    parsed = _parser()([Message(topic, payload.encode(), ARRIVED)])
    assert [letter.reason for letter in parsed.letters] == []
    samples = [f"{row.source} {row.metric} {row.value:g}" for row in parsed.batch.samples()]
    assert samples == re.findall(r"`([^`]+)`", becomes)


def test_every_profile_has_an_example() -> None:
    found = {row[0] for row in ROW.findall(TEXT)}
    assert found == {"plain", "json", "thingsboard", "senml", "zigbee2mqtt"}
