"""A backlog in long pages, decoded and looked up by the thousand, brings the incidents that the
same records bring one by one."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.samples import Batch
from rules.engine import Engine
from rules.ruleset import RuleSet
from tests.rules.story import DAY, one_by_one, outcome, ruleset

SOURCES = 700
SECONDS = 26
RULES = """
rules:
  - {name: high, select: {metric: x}, when: {above: 15, for: 2s}, clear: {below: 10}}
  - {name: often, select: {metric: x}, when: {above: 5, at_least: 3 samples}}
  - {name: silent, select: {metric: "*"}, when: {missing: 9s}}
  - {name: low, select: {metric: x}, when: {below: 1}, unless: {metric: blind, above: 0}}
"""


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return ruleset(RULES)


@pytest.fixture(scope="module")
def stream() -> list[Record]:
    """Two thirds of the sources are announced, some of them with lateness; samples come late, twice
    and not at all; new sources appear in the midst of it."""
    random = np.random.default_rng(44)
    names = np.array([f"s-{number}" for number in range(SOURCES)], object)
    found: list[Record] = [
        SourceSeen(DAY, name, {}, 2_000 if at % 7 == 0 else 0, 6_000)
        for at, name in enumerate(names[: 2 * SOURCES // 3])
    ]
    for second in range(SECONDS):
        known = SOURCES - 50 + 2 * second
        sent = random.permutation(known)[: known * 4 // 5 if 10 < second < 25 else known]
        for rows in np.array_split(sent[sent % 11 > second % 13], 15):
            found.append(batch(names[rows], second, random))
        found.append(Tick(DAY + 1_000 * second + 999))
    return found


def batch(names: np.ndarray, second: int, random: np.random.Generator) -> Batch:
    size = len(names)
    late = np.where(random.random(size) < 0.05, random.integers(0, 4_000, size), 0)
    return Batch(
        sources=tuple(names.tolist()),
        source=np.arange(size, dtype=np.int32),
        metrics=("x", "blind"),
        metric=(random.random(size) < 0.02).astype(np.int32),
        ts=DAY + 1_000 * second + random.integers(0, 900, size) - late,
        value=random.integers(0, 20, size).astype(np.float64),
    )


@pytest.fixture
async def journal(tmp_path: Path, stream: Sequence[Record]) -> AsyncIterator[SqliteJournal]:
    journal = SqliteJournal(tmp_path / "journal.db")
    await journal.append(stream)
    yield journal
    await journal.close()


@pytest.fixture(scope="module")
def expected(rules: RuleSet, stream: Sequence[Record]) -> list[str]:
    found = outcome(one_by_one(rules, stream))
    assert len(found) > 500
    return found


@pytest.mark.parametrize("page", [90, 5_000])
async def test_pages_bring_what_single_records_bring(
    journal: SqliteJournal, rules: RuleSet, expected: list[str], page: int
) -> None:
    engine, at, found = Engine(rules), 0, []
    while entries := await journal.read("rules", after=at, limit=page):
        at = entries[-1].position
        found += engine.fold([entry.record for entry in entries])
    assert outcome(found) == expected


async def test_so_does_a_crash_in_the_midst_of_it(
    journal: SqliteJournal, rules: RuleSet, expected: list[str]
) -> None:
    """Everything behind the snapshot is judged again, and brings the same."""
    engine, found = Engine(rules), []
    first = await journal.read("rules", after=0, limit=600)
    found += engine.fold([entry.record for entry in first])
    saved = engine.snapshot()
    lost = await journal.read("rules", after=first[-1].position, limit=100)
    before = [one.id for one in engine.fold([entry.record for entry in lost])]
    engine = Engine.restore(rules, saved)
    again = engine.fold([entry.record for entry in lost])
    assert [one.id for one in again] == before
    rest = await journal.read("rules", after=lost[-1].position, limit=5_000)
    found += again + engine.fold([entry.record for entry in rest])
    assert outcome(found) == expected
