"""``inputs:`` of city.yaml."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from citypatrol.clock import Clock
from citypatrol.dead import DeadStore
from citypatrol.journal import Journal
from citypatrol.secret import Secret
from citypatrol.units import DurationMs
from citypatrol.yamlfile import Model, wrong
from ingest.broker import Broker
from ingest.flood import Allowance
from ingest.intake import Intake
from ingest.message import ClockBounds
from ingest.parse import Parser
from ingest.payloads import Payload, fault, rules
from ingest.routes import Routes, TopicRule
from ingest.subscriber import Subscriber
from ingest.tap import Tap
from ingest.topics import Pattern, covers

_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/([smh])")
_RATE_S: Final = {"s": 1, "m": 60, "h": 3_600}
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_INSTEAD: Final = "use one of plain, json, thingsboard, senml and zigbee2mqtt"


def _pattern(text: str) -> str:
    Pattern.parse(text)
    return text


_LEVEL: Final = r"(\{[a-z][a-z0-9_]{0,62}\}|[^{}+#/]*)"
Match = Annotated[
    str,
    AfterValidator(_pattern),
    Field(json_schema_extra={"minLength": 1, "pattern": rf"^(?!\$share/){_LEVEL}(/{_LEVEL})*$"}),
]
Url = Annotated[
    str, Field(json_schema_extra={"pattern": r"^[mM][qQ][tT][tT][sS]?://[^\s/@?#]+/?([?#].*)?$"})
]


class Topic(Model):
    """One pattern and how its payloads are read."""

    unbuilt: ClassVar[Mapping[str, str]] = {"payload: sparkplug": _INSTEAD}

    match: Match
    payload: Payload
    metric: Annotated[str, Field(min_length=1, max_length=200)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> "Topic":
        found = fault(self.payload, Pattern.parse(self.match), self.metric)
        if found is not None:
            message, key = found
            raise wrong(message, key)
        return self

    def rules(self) -> list[TopicRule]:
        return rules(self.payload, self.match, self.metric)

    def hides(self, later: "Topic") -> bool:
        """Whether every topic of ``later`` is one of this entry's too."""
        own = [rule.pattern.filter for rule in self.rules()]
        return all(any(covers(one, rule.pattern.filter) for one in own) for rule in later.rules())


def _hidden(topic: Topic, before: Topic) -> str:
    if topic.match == before.match:
        return f"`{topic.match}` stands twice; the first one would take everything"
    return (
        f"`{topic.match}` never gets a message: `{before.match}` above it takes them all; write the"
        " narrower one first, or leave one out"
    )


class Bounds(Model):
    """How far a payload's time may be from its arrival."""

    future: DurationMs = 300_000
    past: DurationMs = 604_800_000


def _per_second(value: object) -> object:
    """``50/s`` or ``600/m`` as messages a second."""
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        message = "write a number of messages a second, minute or hour: 50/s, 600/m, 100/h"
        raise ValueError(message)
    return int(found[1]) / _RATE_S[found[2]]


Rate = Annotated[
    float,
    BeforeValidator(_per_second),
    WithJsonSchema({"type": "string", "pattern": f"^{_RATE.pattern}$"}),
]


class Limit(Model):
    """What one source may send before it is thinned."""

    per_source: Rate = 1_000.0
    burst: Annotated[int, Field(ge=1)] = 100_000


class MqttInput(Model):
    """One MQTT broker. Several inputs may name one broker."""

    type: Literal["mqtt"]
    url: Url
    username: str | None = None
    password: Secret | None = None
    client_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    clock: Bounds = Bounds()
    limit: Limit | Literal["off"] = Limit()
    share: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$")] | None = None
    topics: Annotated[tuple[Topic, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> "MqttInput":
        broker = self.broker(Path())
        if self.password is not None and self.username is None:
            message = "a password needs a `username`"
            raise wrong(message, "password")
        for name in ("ca", "cert", "key"):
            if getattr(self, name) is not None and not broker.tls:
                message = f"`{name}` is for TLS: write the url with mqtts://"
                raise wrong(message, name)
        if (self.cert is None) != (self.key is None):
            given, other = ("cert", "key") if self.key is None else ("key", "cert")
            message = f"`{given}` needs a `{other}` beside it"
            raise wrong(message, given)
        for number, topic in enumerate(self.topics):
            before = next((one for one in self.topics[:number] if one.hides(topic)), None)
            if before is not None:
                raise wrong(_hidden(topic, before), "topics", number, "match")
        return self

    def parser(self) -> Parser:
        """One more, for whoever reads messages a second time."""
        bounds = ClockBounds(future=self.clock.future, past=self.clock.past)
        return Parser(self.routes(), clock=bounds)

    def broker(self, folder: Path) -> Broker:
        """Paths are relative to ``folder``."""
        scheme, host, port = _address(self.url)
        return Broker(
            host=host,
            port=port,
            username=self.username,
            password=self.password,
            tls=scheme == "mqtts",
            ca=self.ca and folder / self.ca,
            cert=self.cert and folder / self.cert,
            key=self.key and folder / self.key,
        )

    def _allowance(self) -> Allowance | None:
        if self.limit == "off":
            return None
        return Allowance(per_second=self.limit.per_source, burst=self.limit.burst)

    def routes(self) -> Routes:
        return Routes([rule for topic in self.topics for rule in topic.rules()])

    def build(
        self,
        *,
        name: str,
        folder: Path,
        intake: Intake,
        dead: DeadStore,
        journal: Journal,
        clock: Clock,
        tap: Tap | None = None,
    ) -> Subscriber:
        """``name``: of this input in logs, metrics and the journal, one of ``input_names``;
        ``folder``: of city.yaml."""
        return Subscriber(
            self.broker(folder),
            name=name,
            routes=self.routes(),
            bounds=ClockBounds(future=self.clock.future, past=self.clock.past),
            intake=intake,
            dead=dead,
            journal=journal,
            clock=clock,
            client_id=self.client_id,
            share=self.share,
            allowance=self._allowance(),
            tap=tap,
        )


def input_names(inputs: tuple[MqttInput, ...]) -> list[str]:
    """``mqtt://127.0.0.1:1883``, and ``mqtt://127.0.0.1:1883 (2)`` for the second there: the same
    over restarts, while the order of inputs at one broker is."""
    urls = [one.broker(Path()).url for one in inputs]
    return [
        url if url not in urls[:number] else f"{url} ({urls[:number].count(url) + 1})"
        for number, url in enumerate(urls)
    ]


def _address(url: str) -> tuple[str, str, int]:
    """Scheme, host and port."""
    form = "write one like mqtt://127.0.0.1:1883 or mqtts://broker.example:8883"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        message = f"is no address; {form}"
        raise wrong(message, "url") from None
    if parts.username is not None or parts.password is not None:
        message = "holds a user or password; write them as `username` and `password`"
        raise wrong(message, "url")
    if parts.scheme not in _PORTS or not host or parts.path not in ("", "/") or port == 0:
        message = f"'{url}' is no MQTT address; {form}"
        raise wrong(message, "url")
    return parts.scheme, host, port or _PORTS[parts.scheme]
