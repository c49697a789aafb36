"""What every test begins with, nobody else's log handlers, and what several rooms use."""

import itertools
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from bench.servers.kafka import Kafka, kafka

_prefixes = itertools.count(1)

# How long an example takes says nothing on a busy machine.
settings.register_profile(
    "patient", settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def _nobodys_logs() -> Iterator[None]:
    """A command that a test runs sets logging up on that test's captured stderr, which closes with
    it: whoever logs next would write to a closed file."""
    before = logging.root.handlers[:], logging.root.level
    yield
    for handler in logging.root.handlers[:]:
        if handler not in before[0]:
            logging.root.removeHandler(handler)
    logging.root.setLevel(before[1])
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[Kafka]:
    """For tests that keep to topics of their own (``prefix``) and leave it running."""
    with kafka() as running:
        yield running


@pytest.fixture
def prefix() -> str:
    """Of Kafka topics that no other test uses."""
    return f"t{next(_prefixes)}"
