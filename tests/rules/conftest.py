import pytest

from bench.servers.kafka import Kafka
from citypatrol.kafka_config import KafkaJournalConfig


@pytest.fixture
def config(kafka_server: Kafka, prefix: str) -> KafkaJournalConfig:
    """Empty topics of four partitions."""
    return KafkaJournalConfig(
        type="kafka", brokers=[kafka_server.address], prefix=prefix, partitions=4
    )
