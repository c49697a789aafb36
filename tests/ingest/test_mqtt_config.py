import re
from pathlib import Path

import pytest

from citypatrol.secret import Secret
from citypatrol.yamlfile import Model, load_model
from ingest.config import Limit, MqttInput, input_names


class City(Model):
    inputs: tuple[MqttInput, ...]


GOOD = """
inputs:
  - type: mqtt
    url: mqtts://broker.example
    username: ingest
    password: "${MQTT_PASSWORD}"
    ca: tls/ca.pem
    cert: /etc/citypatrol/cert.pem
    key: /etc/citypatrol/key.pem
    clock: {future: 1m, past: 30d}
    limit: {per_source: 600/m, burst: 500}
    share: ingest
    topics:
      - {match: "city/{district}/{kind}/{source}/{metric}", payload: plain}
      - {match: "city/{district}/{kind}/{source}", payload: json}
      - {match: "air/{source}", payload: plain, metric: pm25}
"""


def _load(tmp_path: Path, text: str) -> tuple[City | None, list[str]]:
    path = tmp_path / "city.yaml"
    path.write_text(text)
    city, problems, _ = load_model(path, City, env={"MQTT_PASSWORD": "canary-1234"})
    return city, [str(problem).removeprefix(f"{path}:") for problem in problems]


def test_every_key(tmp_path: Path) -> None:
    city, problems = _load(tmp_path, GOOD)
    assert problems == []
    assert city is not None
    one = city.inputs[0]
    broker = one.broker(tmp_path)
    assert broker.url == "mqtts://broker.example:8883"
    assert broker.password == Secret("canary-1234")
    assert (broker.ca, broker.cert) == (tmp_path / "tls/ca.pem", Path("/etc/citypatrol/cert.pem"))
    assert one.limit == Limit(per_source="10/s", burst=500)
    assert one.share == "ingest"
    assert (one.clock.future, one.clock.past) == (60_000, 2_592_000_000)
    assert "canary" not in repr(city)
    assert "canary" not in repr(broker)


def test_defaults(tmp_path: Path) -> None:
    text = """
inputs:
  - {type: mqtt, url: "mqtt://127.0.0.1", topics: [{match: "{source}/{metric}", payload: plain}]}
"""
    city, problems = _load(tmp_path, text)
    assert problems == []
    assert city is not None
    one = city.inputs[0]
    assert one.broker(tmp_path).url == "mqtt://127.0.0.1:1883"
    assert (one.clock.future, one.clock.past) == (300_000, 604_800_000)


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        pytest.param("{source}/{metric}", "+/{source}/{metric}", "`+` is a wildcard", id="plus"),
        pytest.param("/{source}/{metric}", "/x/{metric}", "`{source}` is missing", id="source"),
        pytest.param(
            "/{source}/{metric}",
            "/{source}",
            "needs {metric} in the pattern",
            id="plain, no metric",
        ),
        pytest.param(
            "payload: json", "payload: sparkplug", "not built yet: use one of", id="spark"
        ),
        pytest.param(
            "payload: plain", "payload: senml", "`senml` names its metrics in the", id="senml"
        ),
        pytest.param(
            "payload: plain, metric: pm25",
            "payload: thingsboard, metric: pm25",
            "leave `metric` out",
            id="thingsboard, metric",
        ),
        pytest.param(
            '{kind}/{source}", payload: json',
            '{source}/v1/gateway/telemetry", payload: thingsboard',
            "call that level {gateway} instead",
            id="gateway with a source",
        ),
        pytest.param(
            '{kind}/{source}", payload: json',
            '{source}/v1/gateway/attributes", payload: thingsboard',
            "call that level {gateway} instead",
            id="gateway's attributes with a source",
        ),
        pytest.param(
            'city/{district}/{kind}/{source}", payload: json',
            'v1/devices/me/telemetry", payload: thingsboard',
            "`devices/me` says nothing of which device",
            id="thingsboard, nobody's",
        ),
        pytest.param(
            '{kind}/{source}", payload: json',
            '{source}/state", payload: zigbee2mqtt',
            "{source} must be the last level",
            id="zigbee2mqtt, source inside",
        ),
        pytest.param(
            'city/{district}/{kind}/{source}", payload: json',
            '{district}/{source}", payload: zigbee2mqtt',
            "write the base topic before {source}",
            id="zigbee2mqtt, no base",
        ),
        pytest.param(
            '{kind}/{source}", payload: json',
            '{kind}", payload: zigbee2mqtt',
            "`{source}` is missing",
            id="zigbee2mqtt, no source",
        ),
        pytest.param("payload: json", "payload: xml", "plain", id="no profile"),
        pytest.param(
            "air/{source}", "air/{source}/{metric}", "names the metric already", id="both"
        ),
        pytest.param("air/{source}", "city/{district}/{kind}/{source}", "twice", id="twice"),
        pytest.param(
            "air/{source}",
            "city/{area}/{sort}/{source}",
            "never gets a message: `city/{district}/{kind}/{source}` above it takes them all",
            id="hidden by another name",
        ),
        pytest.param(
            '"city/{district}/{kind}/{source}/{metric}", payload: plain',
            '"{district}/{source}", payload: plain, metric: x',
            "`air/{source}` never gets a message",
            id="hidden by a wider one",
        ),
        pytest.param(
            '"city/{district}/{kind}/{source}/{metric}", payload: plain',
            '"city/{source}", payload: zigbee2mqtt',
            "`city/{district}/{kind}/{source}` never gets a message",
            id="hidden by all below",
        ),
        pytest.param("mqtts://broker.example", "http://broker", "is no MQTT address", id="http"),
        pytest.param("mqtts://broker.example", "broker.example", "is no MQTT", id="no scheme"),
        pytest.param("broker.example", "broker:99999", "is no address", id="port"),
        pytest.param("broker.example", "broker:0", "is no MQTT address", id="port 0"),
        pytest.param("broker.example", "broker/city", "is no MQTT address", id="path"),
        pytest.param("broker.example", "me:pw1234@broker", "holds a user or password", id="user"),
        pytest.param("mqtts:", "mqtt:", "`ca` is for TLS: write the url with mqtts://", id="tls"),
        pytest.param("    key: /etc/citypatrol/key.pem\n", "", "`cert` needs a `key`", id="key"),
        pytest.param("    username: ingest\n", "", "a password needs a `username`", id="username"),
        pytest.param("1m", "1 minute", "is no duration", id="clock"),
        pytest.param("clock:", "clok:", "clock", id="unknown key"),
        pytest.param("600/m", "600", "50/s, 600/m, 100/h", id="limit without unit"),
        pytest.param("600/m", "0/s", "50/s, 600/m, 100/h", id="limit of nothing"),
        pytest.param("burst: 500", "burst: 0", "burst", id="no burst"),
        pytest.param("share: ingest", "share: a/b", "share", id="share with a slash"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(
    tmp_path: Path, was: str, becomes: str, says: str
) -> None:
    assert was in GOOD
    _, problems = _load(tmp_path, GOOD.replace(was, becomes, 1))
    assert len(problems) == 1, problems
    assert says in problems[0]
    assert re.match(r"\d+:\d+: ", problems[0])
    assert "pw1234" not in problems[0]


def test_every_input_has_a_name_of_its_own(tmp_path: Path) -> None:
    city, _ = _load(tmp_path, GOOD + GOOD.split("inputs:\n")[1])
    assert city is not None
    assert input_names(city.inputs) == [
        "mqtts://broker.example:8883",
        "mqtts://broker.example:8883 (2)",
    ]
