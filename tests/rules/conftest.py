from collections.abc import AsyncIterator

import pytest

from bench.servers.kafka import Kafka
from citypatrol.journal_kafka import KafkaJournal
from citypatrol.kafka_config import KafkaJournalConfig


@pytest.fixture
def config(kafka_server: Kafka, prefix: str) -> KafkaJournalConfig:
    """Empty topics of four partitions."""
    return KafkaJournalConfig(
        type="kafka", brokers=[kafka_server.address], prefix=prefix, partitions=4
    )


@pytest.fixture
async def kafka_journal(config: KafkaJournalConfig) -> AsyncIterator[KafkaJournal]:
    journal = config.build()
    await journal.open()
    yield journal
    await journal.close()
