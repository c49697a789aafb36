"""From one entry of ``topics:`` to patterns with their readers: what each ``payload:`` needs of its
topic, and which further topics belong to it."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from ingest.profiles import senml, thingsboard
from ingest.profiles.json import read_json
from ingest.profiles.plain import read_plain
from ingest.profiles.reading import Profile
from ingest.profiles.status import read_status
from ingest.profiles.zigbee2mqtt import read_state
from ingest.routes import TopicRule, Use
from ingest.topics import Pattern

Payload = Literal["plain", "json", "thingsboard", "senml", "zigbee2mqtt"]

_TELEMETRY: Final = "/telemetry"
_CONNECT, _DISCONNECT = "/gateway/connect", "/gateway/disconnect"
_GATEWAY: Final = ("gateway/telemetry", "gateway/attributes", _CONNECT, _DISCONNECT)
_DEVICE: Final = "devices/me/telemetry"
_COMMANDS: Final = ("set", "get", "set/{metric}", "get/{metric}", "action")

_NO_SOURCE: Final = "`{source}` is missing: name the level that holds the device's id"
_TWO_METRICS: Final = "the topic names the metric already; leave one of the two out"
_NO_METRIC: Final = "a plain number needs {metric} in the pattern or `metric` beside it"
_OWN_METRICS: Final = "`%s` names its metrics in the payload; leave %s out"
_GATEWAY_SOURCE: Final = (
    "a gateway's payload names the devices; call that level {gateway} instead of {source}"
)
_NOBODY: Final = (
    "`devices/me` says nothing of which device; let it publish below {source}, like"
    " tb/{source}/v1/devices/me/telemetry"
)
_SOURCE_LAST: Final = (
    "{source} must be the last level, for a friendly name may hold slashes: zigbee2mqtt/{source}"
)
_NO_BASE: Final = "write the base topic before {source}, like zigbee2mqtt/{source}"

Fault = tuple[str, Literal["match", "metric"]]


def fault(payload: Payload, pattern: Pattern, metric: str | None) -> Fault | None:
    """What is wrong with a pattern for this payload, and the key to place it at."""
    if payload in ("plain", "json"):
        return _of_one_device(payload, pattern, metric)
    if pattern.has("metric"):
        return _OWN_METRICS % (payload, "{metric}"), "match"
    if metric is not None and payload != "senml":
        return _OWN_METRICS % (payload, "`metric`"), "metric"
    if payload == "thingsboard":
        named = pattern.has("source")
        if named and pattern.text.endswith(_GATEWAY):
            return _GATEWAY_SOURCE, "match"
        return (_NOBODY, "match") if not named and pattern.text.endswith(_DEVICE) else None
    if payload == "zigbee2mqtt":
        return _of_a_bridge(pattern)
    return None


def _of_one_device(payload: Payload, pattern: Pattern, metric: str | None) -> Fault | None:
    if not pattern.has("source"):
        return _NO_SOURCE, "match"
    if metric is not None and pattern.has("metric"):
        return _TWO_METRICS, "metric"
    if payload == "plain" and metric is None and not pattern.has("metric"):
        return _NO_METRIC, "match"
    return None


def _of_a_bridge(pattern: Pattern) -> Fault | None:
    if not pattern.has("source"):
        return _NO_SOURCE, "match"
    if not pattern.text.endswith("{source}"):
        return _SOURCE_LAST, "match"
    return (_NO_BASE, "match") if not pattern.literals else None


def rules(payload: Payload, match: str, metric: str | None) -> list[TopicRule]:
    """The patterns of one entry, the ones that take precedence first."""
    return _RULES[payload](match, metric)


def _plain(match: str, metric: str | None) -> list[TopicRule]:
    return [TopicRule(Pattern.parse(match), read_plain, metric)]


def _json(match: str, metric: str | None) -> list[TopicRule]:
    return [TopicRule(Pattern.parse(match), read_json, metric)]


def _senml(match: str, metric: str | None) -> list[TopicRule]:
    pattern = Pattern.parse(match)
    read = senml.read_device if pattern.has("source") else senml.read_pack
    return [TopicRule(pattern, read, metric)]


def _thingsboard(match: str, _: str | None) -> list[TopicRule]:
    """A gateway says in topics beside its telemetry which devices come and go."""
    pattern = Pattern.parse(match)
    if pattern.has("source"):
        return [TopicRule(pattern, thingsboard.read_device)]
    if match.endswith(_CONNECT):
        return [_status(match, thingsboard.read_connect)]
    if match.endswith(_DISCONNECT):
        return [_status(match, thingsboard.read_disconnect)]
    found = [TopicRule(pattern, thingsboard.read_gateway)]
    if match.endswith(_TELEMETRY):
        beside = match.removesuffix(_TELEMETRY)
        found += [
            _status(f"{beside}/connect", thingsboard.read_connect),
            _status(f"{beside}/disconnect", thingsboard.read_disconnect),
        ]
    return found


def _zigbee2mqtt(match: str, _: str | None) -> list[TopicRule]:
    base = match.removesuffix("/{source}")
    return [
        _nothing(f"{base}/bridge/{{source}}", "bridge"),
        TopicRule(_wide(f"{match}/availability"), read_status, use=Use.STATUS),
        *(_nothing(f"{match}/{command}", "command") for command in _COMMANDS),
        TopicRule(_wide(match), read_state),
    ]


def _status(match: str, read: Profile) -> TopicRule:
    return TopicRule(Pattern.parse(match), read, use=Use.STATUS)


def _nothing(match: str, cause: str) -> TopicRule:
    return TopicRule(_wide(match), read_status, use=Use.NOTHING, cause=cause)


def _wide(match: str) -> Pattern:
    return Pattern.parse(match, rest="source")


_RULES: Final[Mapping[Payload, Callable[[str, str | None], list[TopicRule]]]] = {
    "plain": _plain,
    "json": _json,
    "senml": _senml,
    "thingsboard": _thingsboard,
    "zigbee2mqtt": _zigbee2mqtt,
}
