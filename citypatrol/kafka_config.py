"""``journal: {type: kafka}`` in city.yaml."""

import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from citypatrol.errors import ConfigError, Problem
from citypatrol.kafka_topics import Topics
from citypatrol.partitions import SiteOf
from citypatrol.units import DurationMs
from citypatrol.yamlfile import Model

if TYPE_CHECKING:
    from citypatrol.journal_kafka import KafkaJournal
    from citypatrol.kafka import Cluster

_BROKER = re.compile(r"[^\s:/]+:(\d{1,5})", re.ASCII)
_PREFIX = re.compile(r"[a-zA-Z0-9._-]{1,200}", re.ASCII)


def _broker(text: str) -> str:
    found = _BROKER.fullmatch(text)
    if found is None or not 0 < int(found[1]) < 65536:
        message = f"'{text}' is no broker; write host:port, like 127.0.0.1:9092"
        raise ValueError(message)
    return text


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        message = f"'{text}' cannot begin a topic's name; use letters, digits, '.', '_' and '-'"
        raise ValueError(message)
    return text


BrokerText = Annotated[
    str, AfterValidator(_broker), Field(json_schema_extra={"pattern": r"^[^\s:/]+:[0-9]{1,5}$"})
]
Prefix = Annotated[
    str, AfterValidator(_prefix), Field(json_schema_extra={"pattern": f"^{_PREFIX.pattern}$"})
]


class KafkaJournalConfig(Model):
    """The Kafka form of the journal. ``partitions`` is fixed when the topics are made."""

    type: Literal["kafka"]
    brokers: Annotated[list[BrokerText], Field(min_length=1)]
    prefix: Prefix = "citypatrol"
    partitions: Annotated[int, Field(ge=1, le=1024)] = 8
    replication: Annotated[int, Field(ge=1, le=9)] = 1
    keep: DurationMs = 7 * 24 * 3_600_000

    @property
    def topics(self) -> Topics:
        return Topics.of(self.prefix)

    def cluster(self) -> "Cluster":
        """The connection; connects to nothing yet. ConfigError where aiokafka is not installed."""
        try:
            from citypatrol.kafka import Cluster
        except ModuleNotFoundError as error:
            message = f"type 'kafka' needs {error.name}: pip install 'citypatrol[cluster]'"
            raise ConfigError([Problem("journal", 0, 0, message)]) from error
        layout = self.topics.layout(partitions=self.partitions, keep=self.keep)
        return Cluster(self.brokers, topics=layout, replication=self.replication)

    def build(self, *, site: SiteOf | None = None, process: str | None = None) -> "KafkaJournal":
        """The journal over all partitions; connects to nothing yet.

        ``site`` is the registry's site of a source, ``process`` the name of an input process
        (see ``KafkaJournal``). Raises as ``cluster`` does.
        """
        cluster = self.cluster()
        from citypatrol.journal_kafka import KafkaJournal

        return KafkaJournal(
            cluster, topics=self.topics, partitions=self.partitions, site=site, process=process
        )
