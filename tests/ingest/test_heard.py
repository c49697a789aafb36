import random
from dataclasses import dataclass

import numpy as np
import pytest

from citypatrol.records import SourceSeen, Tick
from citypatrol.samples import Batch, Sample
from ingest.heard import COLUMNS, Heard
from ingest.heard_facts import Copied, SeriesFacts, series_of
from ingest.heard_state import dump, load

T = 1_778_630_531_480


def _take(heard: Heard, *samples: Sample, at: int = T) -> None:
    heard.take([Batch.of(samples)], at=at)


def _only(heard: Heard, source: str = "a") -> SeriesFacts:
    [found] = series_of(heard, source)
    return found


@dataclass
class Plain:
    """One series, a reading at a time."""

    newest: int | None = None
    value: float = 0.0
    arrival: int = 0
    count: int = 0
    late: int = 0

    def hear(self, ts: int, value: float, at: int, lateness: int) -> None:
        if self.newest is None or ts > self.newest:
            self.newest, self.value = ts, value
        elif ts < self.newest - lateness:
            self.late += 1
        self.arrival, self.count = at, self.count + 1


@pytest.mark.parametrize("seed", range(8))
def test_batches_say_what_one_reading_after_the_other_says(seed: int) -> None:
    chance = random.Random(seed)
    lateness = {"s0": 0, "s1": 500, "s2": 5_000}
    heard, plain = Heard(), {}
    heard.take([SourceSeen(T, name, {}, ms, 1) for name, ms in lateness.items()], at=T)
    for at in range(T, T + 30_000, 1_000):
        rows = [
            Sample(
                chance.choice(list(lateness)),
                chance.choice(["m", "n"]),
                at + chance.randrange(-9, 9) * 1_000,
                chance.random(),
            )
            for _ in range(chance.randrange(1, 40))
        ]
        _take(heard, *rows, at=at)
        for row in rows:
            one = plain.setdefault((row.source, row.metric), Plain())
            one.hear(row.ts, row.value, at, lateness[row.source])
    for (source, metric), one in plain.items():
        [found] = [facts for facts in series_of(heard, source) if facts.metric == metric]
        assert one == Plain(found.newest, found.value, found.arrival, found.count, found.late)


@pytest.mark.parametrize("together", [1, 7], ids=["one by one", "seven at once"])
def test_pace_and_jitter_of_a_steady_device(together: int) -> None:
    heard = Heard()
    times = [T + 10_000 * n + (1_000 if n % 2 else -1_000) for n in range(70)]
    for group in _grouped(times, together):
        _take(heard, *(Sample("a", "m", ts, 1.0) for ts in group), at=group[-1])
    facts = _only(heard)
    assert facts.interval == pytest.approx(10_000, rel=0.05)
    assert facts.jitter == pytest.approx(2_000, rel=0.1)


def _grouped(times: list[int], size: int) -> list[list[int]]:
    return [times[at : at + size] for at in range(0, len(times), size)]


def test_a_device_that_changes_its_pace_is_followed() -> None:
    heard = Heard()
    for n in range(50):
        _take(heard, Sample("a", "m", T + 1_000 * n, 1.0))
    for n in range(80):
        _take(heard, Sample("a", "m", T + 50_000 + 60_000 * n, 1.0))
    assert _only(heard).interval == pytest.approx(60_000, rel=0.02)


def test_the_first_reading_has_no_pace_yet() -> None:
    heard = Heard()
    _take(heard, Sample("a", "m", T, 1.5), at=T + 40)
    assert _only(heard) == SeriesFacts("m", T, 1.5, T + 40, 1, 0, None, None, 40.0)


@pytest.mark.parametrize(
    ("delays", "offset"),
    [
        pytest.param([20] * 20, 20, id="in step"),
        pytest.param([-240_000] * 5, -240_000, id="four minutes fast"),
        pytest.param([240_000] * 5, 240_000, id="four minutes slow"),
        pytest.param([3_600_000, 1_800_000, 60_000, 30], 30, id="had waited in the broker"),
        pytest.param([-240_000, *[50] * 60], 0, id="was fast, has been put right"),
        pytest.param([50] * 30 + [-240_000], -30_000, id="fast once is not believed at once"),
    ],
)
def test_the_clock(delays: list[int], offset: int) -> None:
    heard = Heard()
    for n, delay in enumerate(delays):
        at = T + 10_000 * n
        _take(heard, Sample("a", "m", at - delay, 1.0), at=at)
    assert _only(heard).offset == pytest.approx(offset, abs=250)


def test_totals_are_by_source_and_a_last_will_is_no_reading() -> None:
    heard = Heard()
    for n in range(5):
        rows = [Sample("a", "m", T + 10_000 * n, 1.0), Sample("a", "n", T + 30_000 * n, 1.0)]
        _take(heard, *rows, at=T + n)
    _take(heard, Sample("a", "online", T, 0.0), Sample("b", "online", T, 1.0), at=T + 99)
    heard.take([Tick(T), SourceSeen(T, "announced", {}, 0, 1)], at=T)
    totals = Copied.of(heard).totals()
    assert list(totals.names) == ["a", "b", "announced"]
    assert totals.arrival[:2].tolist() == [T + 4, T + 99]
    assert totals.arrival[2] < 0
    assert totals.per_minute.tolist() == pytest.approx([8.0, 0.0, 0.0])
    assert totals.series.tolist() == [3, 1, 0]
    assert totals.count.tolist() == [11, 1, 0]


def test_what_was_never_heard_has_no_facts() -> None:
    heard = Heard()
    _take(heard, Sample("a", "m", T, 1.0))
    heard.take([Batch.of([])], at=T)
    assert series_of(heard, "b") == []
    assert heard.row("a", "m") == 0
    assert (heard.row("b", "m"), heard.row("a", "n")) == (None, None)


def test_names_that_no_row_uses_are_not_heard() -> None:
    heard = Heard()
    batch = Batch.of([Sample("a", "m", T, 1.0)])
    codes = np.zeros(1, np.int32)
    heard.take(
        [Batch(("a", "ghost"), codes, ("m", "n"), codes, batch.ts, batch.value)],
        at=T,
    )
    assert (list(heard.names.packed()), heard.metrics) == (["a"], ["m"])


def test_a_flood_of_names_is_forgotten_before_the_devices() -> None:
    heard = Heard(most=1_000)
    devices = [Sample(f"device-{n}", "m", T, 1.0) for n in range(100)]
    for n in range(4):
        _take(heard, *(row._replace(ts=T + n) for row in devices), at=T)
    for n in range(40):
        flood = (Sample(f"x{n}-{k}", f"m{n}", T, 1.0) for k in range(100))
        _take(heard, *flood, at=T + 1 + n)
    assert heard.size <= 1_000
    assert heard.size + heard.forgotten == 4_100
    assert heard.generation > 0
    for row in devices:
        facts = _only(heard, row.source)
        assert (facts.count, facts.newest) == (4, T + 3)
    assert _only(heard, "x39-99").metric == "m39", "and the newest of them stay"


@pytest.mark.parametrize("most", [10, 50, 99], ids=str)
def test_a_batch_larger_than_there_is_room(most: int) -> None:
    heard = Heard(most=most)
    for n in range(3):
        _take(heard, *(Sample(f"x{k + 40 * n}", "m", T, float(k)) for k in range(60)), at=T + n)
        assert heard.size <= max(most, 60)
    assert _only(heard, "x139").value == 59.0


def test_after_a_restart_it_goes_on_as_before() -> None:
    heard, again = Heard(), Heard()
    heard.take([SourceSeen(T, "站点", {}, 700, 1)], at=T)
    rows = [Sample("站点", "m", T, 1.5), Sample("b", "n", T - 9, -0.0), Sample("b", "m", T, 2.0)]
    _take(heard, *rows)
    load(again, dump(heard))
    for both in (heard, again):
        _take(both, Sample("站点", "m", T - 600, 3.0), Sample("c", "m", T, 1.0), at=T + 5)
    assert list(again.names.packed()) == list(heard.names.packed())
    assert again.metrics == heard.metrics
    for name in COLUMNS:
        assert again.column(name).tolist() == heard.column(name).tolist()
    assert series_of(again, "站点")[0].late == 0, "its lateness is known too"


def test_nothing_is_kept_too() -> None:
    again = Heard()
    load(again, dump(Heard()))
    assert again.size == 0


def _mixed(heard: Heard) -> bytes:
    _take(heard, Sample("a", "m", T, 1.0))
    heard.column("source")[0] = 7
    return dump(heard)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 99, id="nonsense"),
        pytest.param(dump(Heard())[:-300], id="half"),
        pytest.param(dump(Heard()).replace(b"citypatrol.heard", b"citypatrol.tasted"), id="other"),
        pytest.param(_mixed(Heard()), id="no such source"),
    ],
)
def test_what_cannot_be_read_is_said(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not what was heard|version|fit"):
        load(Heard(), data)
