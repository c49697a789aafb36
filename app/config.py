"""``city.yaml`` as models: what may stand in it, and what holds where it is silent (DOORS)."""

import os
import re
import zoneinfo
from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from app.guard import is_loopback
from citypatrol.kafka_config import KafkaJournalConfig
from citypatrol.kinds import Kinds
from citypatrol.secret import Secret
from citypatrol.units import DurationMs, SizeBytes
from citypatrol.yamlfile import Model
from detectors.types import Hidden
from ingest.config import MqttInput
from rules.city_facts import CityFacts
from rules.mode_words import ModeName
from rules.plain_words import Name as MetricName
from rules.unit_words import UnitName
from sinks.config import InfluxConfig, WebhooksConfig

_HOUR: Final = 3_600_000
_DAY: Final = 24 * _HOUR
_CODE: Final = re.compile(r"[A-Z0-9]{1,8}", re.ASCII)
_LISTEN: Final = re.compile(r"(?:\[([0-9a-fA-F:]+)\]|([^\s:\[\]/]+)):(\d{1,5})", re.ASCII)


def _timezone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"'{text}' is no time zone; write one of the IANA names, like Asia/Shanghai"
        raise ValueError(message) from error
    return text


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        message = f"'{text}' cannot begin ticket ids; write 1 to 8 of A-Z and 0-9, like ZZ"
        raise ValueError(message)
    return text


def _listen(text: str) -> str:
    found = _LISTEN.fullmatch(text)
    if found is None or int(found[3]) > 65_535:
        message = f"'{text}' is no address; write host:port, like 127.0.0.1:8080"
        raise ValueError(message)
    return text


def _public_url(text: str) -> str:
    try:
        url = urlsplit(text)
        good = url.scheme in ("http", "https") and bool(url.hostname)
        good = good and not (url.query or url.fragment or url.username) and url.port != 0
    except ValueError:
        good = False
    if not good:
        message = f"'{text}' is no address of a page; write one like https://desk.example"
        raise ValueError(message)
    return text.rstrip("/")


Name = Annotated[str, Field(min_length=1, max_length=200)]
Code = Annotated[
    str, AfterValidator(_code), Field(json_schema_extra={"pattern": "^[A-Z0-9]{1,8}$"})
]
TimezoneName = Annotated[str, AfterValidator(_timezone)]
Listen = Annotated[
    str,
    AfterValidator(_listen),
    Field(json_schema_extra={"pattern": r"^(\[[0-9a-fA-F:]+\]|[^\s:\[\]/]+):[0-9]{1,5}$"}),
]
PublicUrl = Annotated[
    str,
    AfterValidator(_public_url),
    Field(json_schema_extra={"pattern": r"^[hH][tT][tT][pP][sS]?://[^\s/?#@]+[^?#]*$"}),
]


class PlaceSection(Model):
    """Degrees, north and east positive."""

    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]


class CitySection(Model):
    """``code`` begins ticket ids; days are days of ``timezone``."""

    name: Name
    code: Code = "ZZ"
    timezone: TimezoneName
    place: PlaceSection | None = None
    calendar: Literal["china"] | None = None


class SqliteJournalConfig(Model):
    type: Literal["sqlite"]
    path: Name = "data/journal.db"
    keep: DurationMs = 7 * _DAY
    max_size: SizeBytes = 20 * 10**9


def _an_hour(ms: int) -> int:
    if ms < _HOUR:
        message = "must be at least 1h: the history is kept by the hour"
        raise ValueError(message)
    return ms


class HistorySection(Model):
    """Every sample as Parquet. ``keep``: by the samples' own time."""

    path: Name = "data/history"
    keep: Annotated[DurationMs, AfterValidator(_an_hour)] = 90 * _DAY


class BrakeSection(Model):
    """The storm brake: what comes beyond this is one ticket for all."""

    per_rule_unit_hour: Annotated[int, Field(ge=1, le=1_000_000)] = 50


class HoldSection(Model):
    """A rule that is new in a city at work and begins with more than this is held back."""

    first_load: Annotated[int, Field(ge=1, le=1_000_000)] = 200


class TicketsSection(Model):
    """``url`` may hold a password."""

    url: Secret = Secret("sqlite:///data/tickets.db")
    brake: BrakeSection | Literal["off"] = BrakeSection()
    hold: HoldSection | Literal["off"] = HoldSection()

    @property
    def most_an_hour(self) -> int | None:
        """Tickets of one rule for one unit; None: as many as there are."""
        return None if self.brake == "off" else self.brake.per_rule_unit_hour

    @property
    def most_at_first(self) -> int | None:
        """Cases that a rule may begin at its first load; None: as many as there are."""
        return None if self.hold == "off" else self.hold.first_load


class EvidenceSection(Model):
    """``mask``: what is covered in every picture of a camera before it is kept."""

    path: Name = "data/evidence"
    keep: DurationMs = 30 * _DAY
    mask: tuple[Hidden, ...] = ("person", "plate")


class HttpSection(Model):
    """``token`` guards the desk and the API; callbacks and signed pictures are open."""

    listen: Listen = "127.0.0.1:8080"
    token: Secret | None = None
    public_url: PublicUrl | None = None

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """Where others reach us."""
        return self.public_url or f"http://{self.listen}"


Journal = Annotated[SqliteJournalConfig | KafkaJournalConfig, Field(discriminator="type")]


class CityFile(Model):
    """The whole file. Paths are relative to it."""

    city: CitySection
    registry: Name | None = None
    cameras: Name | None = None
    grid: Name | None = None
    units: Name | None = None
    rules: list[Name] = Field(default_factory=list)
    mode: ModeName = "normal"
    metrics: Mapping[MetricName, UnitName] = Field(default_factory=dict)
    kinds: Kinds = Field(default_factory=Kinds)
    journal: Journal
    history: HistorySection = Field(default_factory=HistorySection)
    tickets: TicketsSection = Field(default_factory=TicketsSection)
    evidence: EvidenceSection = Field(default_factory=EvidenceSection)
    inputs: list[MqttInput]
    webhooks: WebhooksConfig = Field(default_factory=WebhooksConfig)
    sinks: list[InfluxConfig] = Field(default_factory=list)
    http: HttpSection = Field(default_factory=HttpSection)


def facts_of(file: CityFile) -> CityFacts:
    """What the rules need of it."""
    city = file.city
    place = None if city.place is None else (city.place.lat, city.place.lon)
    return CityFacts(city.timezone, place, city.calendar, file.metrics)


def with_defaults(file: CityFile, *, env: Mapping[str, str] = os.environ) -> CityFile:
    """DOORS shows `token: "${CITYPATROL_TOKEN}"` as the default: taken where that is set."""
    token = env.get("CITYPATROL_TOKEN")
    if file.http.token is not None or not token:
        return file
    secret = Secret(token, origin="${CITYPATROL_TOKEN}")
    return file.model_copy(update={"http": file.http.model_copy(update={"token": secret})})
