import pytest
from pydantic import ValidationError

from citypatrol.kafka_config import KafkaJournalConfig


def test_defaults_are_those_of_the_doors() -> None:
    config = KafkaJournalConfig(type="kafka", brokers=["127.0.0.1:9092"])
    assert (config.prefix, config.partitions, config.replication) == ("citypatrol", 8, 1)
    assert config.topics.samples == "citypatrol.samples"
    config.build()  # connects to nothing


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"brokers": []}, "at least 1 item", id="no broker"),
        pytest.param({"brokers": ["kafka"]}, "'kafka' is no broker; write host:port", id="no port"),
        pytest.param({"brokers": ["kafka:0"]}, "'kafka:0' is no broker", id="port 0"),
        pytest.param({"brokers": ["kafka:65536"]}, "is no broker", id="port too large"),
        pytest.param({"brokers": ["kafka://kafka:9092"]}, "is no broker", id="a url"),
        pytest.param({"prefix": "城"}, "'城' cannot begin a topic's name", id="prefix"),
        pytest.param({"partitions": 0}, "greater than or equal to 1", id="partitions"),
        pytest.param({"keep": "1h30m"}, "is no duration", id="keep"),
        pytest.param({"partition": 3}, "partition", id="unknown key"),
    ],
)
def test_wrong_values_are_said(wrong: dict[str, object], message: str) -> None:
    fields = {"type": "kafka", "brokers": ["127.0.0.1:9092"], **wrong}
    with pytest.raises(ValidationError, match=message):
        KafkaJournalConfig.model_validate(fields)
