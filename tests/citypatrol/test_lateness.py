"""Late samples in bulk: the same that the engine's gate refuses, one by one."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citypatrol.hashes import hash_names, hash_pairs
from citypatrol.lateness import Lateness
from citypatrol.records import Record, SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from rules.engine import Engine
from rules.ruleset import RuleSet

TIMES = st.one_of(st.integers(0, 60), st.sampled_from([-(10**15), 10**15]))
SOURCES = st.sampled_from(["a", "b", "cam/north"])
SAMPLES = st.builds(
    Sample, SOURCES, st.sampled_from(["x", "y"]), TIMES, st.sampled_from([1.0, 2.0])
)
RECORDS = st.lists(
    st.one_of(
        st.lists(SAMPLES, min_size=1, max_size=12).map(Batch.of),
        st.integers(0, 80).map(Tick),
        st.builds(
            SourceSeen,
            st.just(0),
            SOURCES,
            st.just({}),
            st.sampled_from([0, 5, 20]),
            st.just(1000),
        ),
    ),
    max_size=12,
)


def hashed(names: Sequence[str]) -> np.ndarray:
    return hash_names(pa.array(names, pa.string()))


def refused_by_the_engine(records: Sequence[Record]) -> list[bool]:
    """One sample at a time."""
    engine = Engine(RuleSet())
    said = []
    for record in records:
        if not isinstance(record, Batch):
            engine.fold([record])
            continue
        for sample in record.samples():
            before = engine.late
            engine.fold([Batch.of([sample])])
            said.append(engine.late > before)
    return said


def told_in_bulk(records: Sequence[Record], *, restart_at: int) -> list[bool]:
    lateness, said = Lateness(), []
    for number, record in enumerate(records):
        if number == restart_at:
            lateness = Lateness.load(lateness.dump())
        if isinstance(record, Batch):
            sources = hashed(record.sources)[record.source]
            metrics = hashed(record.metrics)[record.metric]
            said += lateness.samples(sources, metrics, record.ts).tolist()
        elif isinstance(record, Tick):
            lateness.tick(record.ts)
        elif isinstance(record, SourceSeen):
            lateness.introduce(hashed([record.source]), np.array([record.lateness]))
    return said


@settings(max_examples=60, deadline=None)
@given(RECORDS, st.integers(0, 12))
def test_it_says_what_the_engine_says(records: list[Record], restart_at: int) -> None:
    assert told_in_bulk(records, restart_at=restart_at) == refused_by_the_engine(records)


BY_TICK: list[Record] = [
    SourceSeen(0, "a", {}, 20, 1000),
    Tick(100),
    Batch.of([Sample("a", "x", 100, 1.0)]),
    Batch.of([Sample("a", "x", 85, 1.0)]),
    Tick(119),
    Batch.of([Sample("a", "x", 90, 1.0)]),
    Tick(120),
    Batch.of([Sample("a", "x", 95, 1.0)]),
]


def test_a_sample_older_than_one_that_a_tick_has_judged_is_late() -> None:
    assert told_in_bulk(BY_TICK, restart_at=-1) == [False, False, False, True]
    assert told_in_bulk(BY_TICK, restart_at=6) == [False, False, False, True]


def test_several_sources_introduced_at_once_and_the_last_word_holds() -> None:
    lateness = Lateness()
    names = hashed(["a", "b", "a"])
    lateness.introduce(names, np.array([0, 10, 10]))
    x = hashed(["x"])[[0, 0]]
    assert not lateness.samples(names[:2], x, np.array([100, 100])).any()
    assert not lateness.samples(names[:2], x, np.array([90, 90])).any()
    assert lateness.samples(names[:2], x, np.array([89, 89])).all()


def test_times_that_lie_ages_apart() -> None:
    """Too far for one number to hold group and time."""
    lateness, count = Lateness(), 5000
    sources = np.repeat(hashed([f"s{n}" for n in range(count)]), 3)
    x = np.repeat(hashed(["x"]), 3 * count)
    late = lateness.samples(sources, x, np.tile([0, 10**15, -(10**15)], count))
    assert late.tolist() == [False, False, True] * count
    assert lateness.samples(sources, x, np.tile([1, 10**15, 2], count)).tolist() == (
        [True, False, True] * count
    )


def test_no_samples_are_no_late_samples() -> None:
    nothing = np.empty(0, np.int64)
    assert Lateness().samples(nothing, nothing, nothing).tolist() == []


@pytest.mark.parametrize(
    "data", [b"", b"not this", Lateness().dump()[:-2], Lateness().dump() + b"\x00"]
)
def test_what_was_not_saved_by_it_is_refused(data: bytes) -> None:
    if data == Lateness().dump() + b"\x00":
        data = (10**15).to_bytes(8, "little") + data[8:]
    with pytest.raises(ValueError, match="not a state of lateness"):
        Lateness.load(data)


def test_names_have_numbers_of_their_own() -> None:
    names = ["", "a", "b", "ab", "ba", "aa", "aaa", "管城区/水位", "a" * 500, "a" * 501]
    numbers = hashed(names)
    assert len(set(numbers.tolist())) == len(names)
    assert numbers.min() >= 0
    assert hash_names(pa.array(names)[3:7]).tolist() == numbers[3:7].tolist()
    assert hashed(names[:2] * 2).tolist() == numbers[:2].tolist() * 2
    assert hashed([]).tolist() == []


def test_numbers_do_not_change_from_version_to_version() -> None:
    """They lie in snapshots."""
    assert hashed(["pump-1", "water_level"]).tolist() == [
        4267460661797543907,
        1242025980412159368,
    ]


def test_many_pairs_have_numbers_of_their_own() -> None:
    sources = hashed([f"pump-{n}" for n in range(100_000)])
    metrics = hashed([f"m{n}" for n in range(3)])
    pairs = hash_pairs(np.repeat(sources, 3), np.tile(metrics, 100_000))
    assert len(np.unique(pairs)) == 300_000
