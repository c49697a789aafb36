import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import structlog

from bench.servers.kafka import Kafka
from citypatrol.journal_kafka import KafkaJournal
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.kafka import Cluster
from citypatrol.kafka_topics import Topics
from tests.citypatrol.a_full_disk import files_end_at
from tests.citypatrol.a_journal import MakeJournal, OpenKafkaJournal


@pytest.fixture
def logging_undone() -> Iterator[None]:
    """Leaves the process's logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(name="files_end_at")
def _files_end_at() -> Callable[[int], AbstractContextManager[None]]:
    return files_end_at


@pytest.fixture
def journal_path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.db"


@pytest.fixture
async def make_journal(journal_path: Path) -> AsyncIterator[MakeJournal]:
    """Handles on one journal; all are closed at the end of the test."""
    made: list[SqliteJournal] = []

    def one(**options: Any) -> SqliteJournal:
        made.append(SqliteJournal(journal_path, **options))
        return made[-1]

    yield one
    for journal in made:
        await journal.close()


@pytest.fixture
def topics(prefix: str) -> Topics:
    return Topics.of(prefix)


@pytest.fixture
async def kafka_journal(kafka_server: Kafka, topics: Topics) -> AsyncIterator[OpenKafkaJournal]:
    """Opens journals on the test's own topics, each with its own connection."""
    async with contextlib.AsyncExitStack() as held:

        def open_one(*, partitions: int = 1, **more: object) -> KafkaJournal:
            layout = topics.layout(partitions=partitions, keep=86_400_000)
            cluster = Cluster([kafka_server.address], topics=layout)
            held.push_async_callback(cluster.close)
            journal = KafkaJournal(cluster, topics=topics, partitions=partitions, **more)  # type: ignore[arg-type]
            held.push_async_callback(journal.close)
            return journal

        yield open_one


@pytest.fixture
async def history_journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    journal = SqliteJournal(tmp_path / "journal.db")
    yield journal
    await journal.close()


@pytest.fixture
def history_folder(tmp_path: Path) -> Path:
    return tmp_path / "history"
