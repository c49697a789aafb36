"""The pipeline's own series: once a minute the process's counters go into the journal, and from
there to the walls (DOORS: InfluxDB, `pipeline`)."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from prometheus_client.metrics import MetricWrapperBase

from app.minutes import each_minute
from citypatrol import metrics
from citypatrol.clock import Clock, Ts
from citypatrol.samples import Batch, Sample
from ingest.intake import Intake

log = structlog.get_logger(__name__)

Counts = Mapping[str, float]
_DROPS_AS: Final = {"ingest": "mqtt"}
_DEAD_AS: Final = {"ingest": "message", "rules": "batch", "influx": "line", "webhooks": "delivery"}


@dataclass(frozen=True, slots=True)
class Vitals:
    """The process's counters at one moment, by stage or kind. ``latency`` counts webhooks by the
    upper bound of their seconds, each with all below it."""

    samples: Counts = field(default_factory=dict)
    dropped: Counts = field(default_factory=dict)
    dead: Counts = field(default_factory=dict)
    lag: Counts = field(default_factory=dict)
    late: float = 0.0
    delivered: float = 0.0
    pending: float = 0.0
    latency: Sequence[tuple[float, float]] = ()


def take_vitals() -> Vitals:
    """Of this process, now."""
    return Vitals(
        samples=_summed(metrics.SAMPLES, "stage"),
        dropped=_summed(metrics.DROPPED, "stage"),
        dead=_summed(metrics.DEAD, "kind"),
        lag=_summed(metrics.CURSOR_LAG, "cursor"),
        late=sum(_summed(metrics.LATE, "").values()),
        delivered=_summed(metrics.DELIVERIES, "result").get("accepted", 0.0),
        pending=sum(_summed(metrics.DELIVERIES_PENDING, "endpoint").values()),
        latency=[
            (float(sample.labels["le"]), sample.value)
            for family in metrics.LATENCY.collect()
            for sample in family.samples
            if sample.name.endswith("_bucket")
        ],
    )


def figures(now: Vitals, *, before: Vitals) -> Mapping[str, Counts]:
    """By stage the fields of `pipeline`: counts since ``before``, lag as it is, latency in
    seconds. A stage has the fields that mean something for it."""
    told: dict[str, dict[str, float]] = {}
    for stage, total in now.samples.items():
        handled = total - before.samples.get(stage, 0.0)
        drops, dies = _DROPS_AS.get(stage, stage), _DEAD_AS.get(stage, "")
        dead = now.dead.get(dies, 0.0) - before.dead.get(dies, 0.0)
        lost = now.dropped.get(drops, 0.0) - before.dropped.get(drops, 0.0)
        fields = {"in": handled, "out": max(0.0, handled - dead - lost), "dead": dead}
        if stage == "ingest":  # counts what is in the journal: what came is more
            fields = {"in": handled + lost, "out": handled, "dead": dead}
            fields["late"] = now.late - before.late
        if stage in now.lag:
            fields["lag"] = now.lag[stage]
        told[stage] = fields
    hooks = {"out": now.delivered - before.delivered, "lag": now.pending}
    hooks["dead"] = now.dead.get("delivery", 0.0) - before.dead.get("delivery", 0.0)
    buckets = _since(now.latency, dict(before.latency))
    if buckets and buckets[-1][1] > 0:
        hooks |= {"latency_p50": quantile(buckets, 0.5), "latency_p99": quantile(buckets, 0.99)}
    return told | {"webhooks": hooks}


def quantile(buckets: Sequence[tuple[float, float]], share: float) -> float:
    """Of (upper bound, count up to it), linear inside a bucket; the last bound stands for more."""
    rank, low, below = share * buckets[-1][1], 0.0, 0.0
    for high, count in buckets:
        if count >= rank:
            if high == float("inf"):
                return low
            inside = count - below
            return low + (high - low) * ((rank - below) / inside if inside else 1.0)
        low, below = high, count
    return low


class VitalsStage:
    """A stage: once a minute, on the minute, and at its end. ``process``: this one of the city."""

    name = "vitals"

    def __init__(
        self,
        *,
        intake: Intake,
        clock: Clock,
        process: str,
        take: Callable[[], Vitals] = take_vitals,
    ) -> None:
        self._intake = intake
        self._clock = clock
        self._process = process
        self._take = take
        self._before = Vitals()

    def waiting_for(self) -> str | None:
        return None

    async def run(self, stop: asyncio.Event) -> None:
        async for at in each_minute(stop, clock=self._clock):
            self.tell(at)
        self.tell(self._clock.now())  # what the last part of a minute brought

    def tell(self, at: Ts) -> None:
        now = self._take()
        batch, labels = as_batch(figures(now, before=self._before), process=self._process, at=at)
        if self._intake.offer(batch, labels=labels):
            self._before = now
        else:
            log.warning("no room for the pipeline's figures; they come with the next minute")


def as_batch(
    told: Mapping[str, Counts], *, process: str, at: Ts
) -> tuple[Batch, Mapping[str, Mapping[str, str]]]:
    """Samples ``pipeline.in`` and so on, and the labels of their sources."""
    labels = {
        f"citypatrol/pipeline/{stage}/{process}": {"stage": stage, "process": process}
        for stage in told
    }
    samples = [
        Sample(source, f"pipeline.{name}", at, value)
        for source, tags in labels.items()
        for name, value in told[tags["stage"]].items()
    ]
    return Batch.of(samples), labels


def _summed(metric: MetricWrapperBase, label: str) -> dict[str, float]:
    """By this label's values, over those of the others; '' where it has none."""
    sums: dict[str, float] = {}
    for family in metric.collect():
        for sample in family.samples:
            key = sample.labels.get(label, "")
            sums[key] = sums.get(key, 0.0) + sample.value
    return sums


def _since(
    now: Iterable[tuple[float, float]], before: Mapping[float, float]
) -> list[tuple[float, float]]:
    return [(bound, count - before.get(bound, 0.0)) for bound, count in now]
