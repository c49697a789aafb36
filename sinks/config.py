"""The sinks' part of city.yaml (DOORS: city.yaml)."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from citypatrol.secret import Secret
from citypatrol.units import DurationMs, format_duration
from citypatrol.weburl import BaseUrlText
from citypatrol.yamlfile import Model, wrong


class InfluxConfig(Model):
    """One `type: influx` of `sinks:`. 2.x wants org, bucket and token; 1.x wants db.

    ``gzip: false`` spares the work where pipeline and server are on one machine.
    """

    noun: ClassVar[str] = "sink"

    type: Literal["influx"]
    version: Literal[1, 2] = 2
    url: BaseUrlText
    org: str | None = None
    bucket: str | None = None
    token: Secret | None = None
    db: str | None = None
    username: str | None = None
    password: Secret | None = None
    timeout: DurationMs = 10_000
    gzip: bool = True

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wanted = ("org", "bucket", "token") if self.version == 2 else ("db",)
        missing = [name for name in wanted if getattr(self, name) is None]
        if missing:
            message = f"version {self.version} needs {', '.join(missing)}"
            raise wrong(message)
        return self


Network = IPv4Network | IPv6Network
_M, _H = 60_000, 3_600_000
_SCHEDULE: Final = (0, 5_000, 5 * _M, 30 * _M, *(hours * _H for hours in (2, 5, 10, 14, 20, 24)))
_LONGEST_SCHEDULE: Final = 30 * 24 * _H


def _network(value: object) -> Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(value if isinstance(value, str) else "")
    except ValueError:
        message = f"'{value}' is no network; write one like 10.20.0.0/16 or fd00:1::/32"
        raise ValueError(message) from None


def _schedule(waits: list[int]) -> list[int]:
    if sum(waits) > _LONGEST_SCHEDULE:
        message = "the waits add up to more than 30d; nobody waits for news that old"
        raise ValueError(message)
    return waits


def _timeout(ms: int) -> int:
    if not 100 <= ms <= 120_000:
        message = f"{format_duration(ms)} is no time to wait for an answer; use 100ms to 120s"
        raise ValueError(message)
    return ms


class WebhooksConfig(Model):
    """``allow``: networks that are not public and may be sent to all the same. ``schedule``: the
    wait after the attempt before, so its length is the number of attempts."""

    allow: list[
        Annotated[Network, BeforeValidator(_network), WithJsonSchema({"type": "string"})]
    ] = Field(default_factory=list)
    schedule: Annotated[list[DurationMs], AfterValidator(_schedule)] = Field(
        default_factory=lambda: list(_SCHEDULE), min_length=1, max_length=50
    )
    timeout: Annotated[DurationMs, AfterValidator(_timeout)] = 15_000
