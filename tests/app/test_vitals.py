"""The pipeline's own series: what the process's counters become once a minute."""

import asyncio
from collections.abc import Mapping

import pytest

from app.minutes import each_minute
from app.vitals import Vitals, VitalsStage, as_batch, figures, quantile, take_vitals
from citypatrol import metrics
from citypatrol.clock import ManualClock
from citypatrol.samples import Batch

AT = 1_778_630_400_000
INF = float("inf")


class Taking:
    """An intake that has room, or has not."""

    def __init__(self) -> None:
        self.room = True
        self.said: dict[tuple[str, str], float] = {}
        self.labels: Mapping[str, Mapping[str, str]] = {}

    def offer(self, batch: Batch, *, labels: Mapping[str, Mapping[str, str]]) -> bool:
        if self.room:
            self.said = {(one.source, one.metric): one.value for one in batch.samples()}
            self.labels = labels
        return self.room


def test_a_stage_has_the_fields_that_mean_something_for_it() -> None:
    before = Vitals(samples={"ingest": 100, "influx": 90}, dead={"line": 1}, late=2)
    now = Vitals(
        samples={"ingest": 160, "influx": 140},
        dropped={"mqtt": 5, "influx": 3},
        dead={"line": 4, "message": 2, "delivery": 1},
        lag={"influx": 12, "history": 7},
        late=6,
        delivered=3,
        pending=8,
        latency=[(0.1, 0), (1.0, 2), (INF, 2)],
    )
    assert figures(now, before=before) == {
        "ingest": {"in": 65, "out": 60, "dead": 2, "late": 4},
        "influx": {"in": 50, "out": 44, "dead": 3, "lag": 12},
        "webhooks": {
            "out": 3, "lag": 8, "dead": 1,
            "latency_p50": pytest.approx(0.55), "latency_p99": pytest.approx(0.991),
        },
    }  # fmt: skip


def test_without_a_delivery_there_is_no_latency() -> None:
    vitals = Vitals(latency=[(0.1, 3.0), (INF, 5.0)])
    assert "latency_p50" not in figures(vitals, before=vitals)["webhooks"]


@pytest.mark.parametrize(
    ("buckets", "share", "seconds"),
    [
        pytest.param([(1.0, 10.0), (INF, 10.0)], 0.5, 0.5, id="in the middle of a bucket"),
        pytest.param([(1.0, 0.0), (2.0, 4.0), (INF, 4.0)], 0.99, 1.99, id="an empty one below"),
        pytest.param([(1.0, 1.0), (INF, 9.0)], 0.99, 1.0, id="beyond the last bound"),
    ],
)
def test_quantiles_are_read_off_the_buckets(
    buckets: list[tuple[float, float]], share: float, seconds: float
) -> None:
    assert quantile(buckets, share) == pytest.approx(seconds)


def test_the_process_is_read() -> None:
    before = take_vitals()
    metrics.SAMPLES.labels("ingest").inc(7)
    metrics.DROPPED.labels("mqtt", "clock").inc(2)
    metrics.DROPPED.labels("mqtt", "empty").inc(1)
    metrics.DELIVERIES.labels("unit", "accepted").inc(4)
    metrics.LATENCY.observe(0.2)
    metrics.LATE.inc(3)
    told = figures(take_vitals(), before=before)
    assert told["ingest"]["in"] == 10
    assert told["ingest"]["out"] == 7
    assert told["ingest"]["late"] == 3
    assert told["webhooks"]["out"] == 4
    assert 0.1 < told["webhooks"]["latency_p50"] <= 0.25


def test_what_found_no_room_comes_with_the_next_minute() -> None:
    vitals = iter([Vitals(samples={"rules": 5}), Vitals(samples={"rules": 9})])
    intake = Taking()
    stage = VitalsStage(
        intake=intake,  # type: ignore[arg-type]
        clock=ManualClock(AT),
        process="run",
        take=lambda: next(vitals),
    )
    intake.room = False
    stage.tell(AT)
    intake.room = True
    stage.tell(AT + 60_000)
    assert intake.said["citypatrol/pipeline/rules/run", "pipeline.in"] == 9
    assert intake.labels["citypatrol/pipeline/rules/run"] == {"stage": "rules", "process": "run"}


def test_samples_carry_the_minute() -> None:
    batch, _ = as_batch({"rules": {"in": 1.0, "lag": 2.0}}, process="run", at=AT)
    assert {one.ts for one in batch.samples()} == {AT}
    assert {one.metric for one in batch.samples()} == {"pipeline.in", "pipeline.lag"}


async def test_a_minute_comes_when_the_clock_says_so_and_the_end_at_once() -> None:
    stop = asyncio.Event()
    async with asyncio.timeout(10):
        async for at in each_minute(stop, clock=ManualClock(AT - 20)):
            assert at == AT - 60_000, "a clock that stands still has not come to the minute"
            stop.set()
