"""What an editor says beside each key of city.yaml, cameras.yaml and units.yaml."""

from collections.abc import Mapping
from typing import Final

from app.config import (
    BrakeSection,
    CityFile,
    CitySection,
    EvidenceSection,
    HistorySection,
    HoldSection,
    HttpSection,
    PlaceSection,
    SqliteJournalConfig,
    TicketsSection,
)
from app.schemas.draft7 import Notes, has, where
from citypatrol.kafka_config import KafkaJournalConfig
from citypatrol.kinds import KindTimes
from ingest.config import Bounds, Limit, MqttInput, Topic
from sinks.config import InfluxConfig, WebhooksConfig
from tickets.units import Unit, UnitFile, UnitWebhook

_SECRET: Final = "Write ${NAME} for a variable of the environment, ${file:PATH} for a file."  # noqa: S105
_KEEP: Final = "How long it is kept, like 30d."

CITY_NOTES: Final[Mapping[type, Notes]] = {
    CityFile: Notes(
        {
            "city": "Its name, the code of its tickets, its time zone.",
            "registry": "A CSV file of every source: id,name,kind,site,lat,lon and further labels.",
            "cameras": "A YAML file of the cameras that this process reads.",
            "grid": "A GeoJSON file of the city's cells.",
            "units": "A YAML file of who is responsible for what.",
            "rules": "Rule files or patterns: [rules/*.yaml].",
            "mode": "The profile in which the rules judge until somebody switches it.",
            "metrics": "In which unit a metric is sent: {water_level: cm}.",
            "kinds": "By the label kind: how long a sample waits, and how long it lives.",
            "journal": "The durable queue between the stages.",
            "history": "Every sample as Parquet.",
            "tickets": "Where tickets are stored.",
            "evidence": "Where pictures are stored.",
            "inputs": "Where samples come from.",
            "webhooks": "How units are told.",
            "sinks": "Where samples go.",
            "http": "The desk, the API and the metrics.",
        }
    ),
    CitySection: Notes(
        {
            "name": "The city's name.",
            "code": "Begins ticket ids: ZZ-260513-0042.",
            "timezone": "An IANA name, like Asia/Shanghai; days are days of this zone.",
            "place": "Where it lies; sunset of sources without a place is there.",
            "calendar": "Whose holidays and make-up days make workdays; else Monday to Friday.",
        }
    ),
    PlaceSection: Notes({"lat": "Degrees, north positive.", "lon": "Degrees, east positive."}),
    KindTimes: Notes(
        {
            "lateness": "How long a sample waits for an older one.",
            "stale": "How long a value lives without a newer one.",
        }
    ),
    SqliteJournalConfig: Notes(
        {
            "type": "sqlite: one machine.",
            "path": "The journal's file.",
            "keep": _KEEP,
            "max_size": "At this size no more messages are taken, like 20GB.",
        }
    ),
    KafkaJournalConfig: Notes(
        {
            "type": "kafka: for more than one machine.",
            "brokers": "host:port of some brokers.",
            "prefix": "How the topics begin.",
            "partitions": "Fixed when the topics are made.",
            "replication": "On how many brokers each record is kept.",
            "keep": _KEEP,
        }
    ),
    HistorySection: Notes({"path": "A folder.", "keep": _KEEP}),
    TicketsSection: Notes(
        {
            "url": "sqlite:///... or postgresql+psycopg://... " + _SECRET,
            "brake": "The storm brake: what comes beyond it is one ticket. Or off.",
            "hold": "A new rule that begins with too many is held back. Or off.",
        }
    ),
    HoldSection: Notes({"first_load": "Cases that a new rule may begin in its first minutes."}),
    BrakeSection: Notes({"per_rule_unit_hour": "Tickets of one rule for one unit, in any hour."}),
    EvidenceSection: Notes(
        {
            "path": "A folder.",
            "keep": _KEEP,
            "mask": "What is covered in every picture of a camera; [] for nothing.",
        }
    ),
    MqttInput: Notes(
        {
            "type": "mqtt.",
            "url": "mqtt://host:1883 or mqtts://host:8883.",
            "username": "The user that the broker knows.",
            "password": _SECRET,
            "client_id": "Of the persistent session; default: one made at the first start.",
            "ca": "A file with the certificates to trust.",
            "cert": "A file with our own certificate.",
            "key": "A file with its key.",
            "clock": "How far a payload's time may be from its arrival.",
            "limit": "What one source may send before it is thinned; off: anything.",
            "share": "The group of an MQTT shared subscription.",
            "topics": "Patterns of topics, the narrower one first.",
        },
        [
            where(has("password"), has("username")),
            *(where(has(one), has(other)) for one, other in (("cert", "key"), ("key", "cert"))),
        ],
    ),
    Bounds: Notes(
        {"future": "How far ahead its time may be.", "past": "How far behind its time may be."}
    ),
    Limit: Notes({"per_source": "Messages: 50/s, 600/m or 100/h.", "burst": "At once."}),
    Topic: Notes(
        {
            "match": "A pattern that names the parts: city/{district}/{kind}/{source}/{metric}.",
            "payload": "How its messages are read.",
            "metric": "The metric, where neither topic nor payload names it.",
        }
    ),
    WebhooksConfig: Notes(
        {
            "allow": "Private networks that may be sent to: [10.20.0.0/16].",
            "schedule": "The wait before each attempt, after the one before.",
            "timeout": "How long an answer may take.",
        }
    ),
    InfluxConfig: Notes(
        {
            "type": "influx.",
            "version": "2 posts to /api/v2/write, 1 to /write.",
            "url": "http://host:8086.",
            "org": "Of InfluxDB 2.",
            "bucket": "Of InfluxDB 2.",
            "token": _SECRET,
            "db": "Of InfluxDB 1.",
            "username": "Of InfluxDB 1.",
            "password": _SECRET,
            "timeout": "How long an answer may take.",
            "gzip": "false spares the work where both are on one machine.",
        },
        [
            where(
                {"properties": {"version": {"const": 1}}, "required": ["version"]},
                has("db"),
            )
            | {"else": {"allOf": [has(key) for key in ("org", "bucket", "token")]}}
        ],
    ),
    HttpSection: Notes(
        {
            "listen": "host:port; beyond this machine only with a token.",
            "token": "Guards the desk and the API. " + _SECRET,
            "public_url": "Where units send their answers.",
        }
    ),
    UnitFile: Notes({"units": "In the order of responsibility."}),
    Unit: Notes(
        {
            "id": "Stands in URLs.",
            "name": "Its name.",
            "level": "street, district or city.",
            "parent": "The id of the unit above it.",
            "handles": "The categories that it answers for.",
            "webhook": "Where its events go; without one it works from the desk.",
        }
    ),
    UnitWebhook: Notes(
        {"url": "https://host/path.", "secret": "whsec_ and base64, signs both ways. " + _SECRET}
    ),
}
