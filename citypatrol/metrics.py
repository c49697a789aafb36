"""The process's Prometheus metrics, with the names that DOORS promises."""

from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

from citypatrol.threads import ThreadSeconds

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY: Final = CollectorRegistry()
REGISTRY.register(ThreadSeconds())
CONTENT_TYPE: Final = prometheus_client.CONTENT_TYPE_LATEST

SAMPLES: Final = Counter(
    "citypatrol_samples_total", "Samples that a stage has handled.", ["stage"], registry=REGISTRY
)
DROPPED: Final = Counter(
    "citypatrol_dropped_total",
    "Frames, samples or messages that a stage let go, by cause.",
    ["stage", "reason"],
    registry=REGISTRY,
)
LATE: Final = Counter(
    "citypatrol_late_total", "Samples kept and marked, too late to be judged.", registry=REGISTRY
)
DEAD: Final = Counter(
    "citypatrol_dead_total", "What went to the dead-letter store.", ["kind"], registry=REGISTRY
)
JOURNAL_BYTES: Final = Gauge(
    "citypatrol_journal_bytes", "Size of the journal's records.", registry=REGISTRY
)
JOURNAL_REFUSES: Final = Gauge(
    "citypatrol_journal_refuses",
    "1 while the journal takes nothing: disk or max_size full, or damaged beyond mending.",
    registry=REGISTRY,
)
CURSOR_LAG: Final = Gauge(
    "citypatrol_cursor_lag",
    "Records that hold samples and are not yet committed by this cursor.",
    ["cursor"],
    registry=REGISTRY,
)
FROM_HISTORY: Final = Counter(
    "citypatrol_from_history_total",
    "Samples that a cursor left behind by the journal took from the history.",
    ["cursor"],
    registry=REGISTRY,
)
SHADOW_TICKETS: Final = Gauge(
    "citypatrol_shadow_tickets",
    "Open tickets of rules on trial, which nobody is sent for.",
    ["rule"],
    registry=REGISTRY,
)
STORMS: Final = Gauge(
    "citypatrol_storms",
    "Open tickets of the storm brake: what was too much for tickets of its own.",
    ["rule"],
    registry=REGISTRY,
)
RULES_HELD: Final = Gauge(
    "citypatrol_rules_held",
    "Firing incidents of a rule that is held back until somebody lets it go.",
    ["rule"],
    registry=REGISTRY,
)
RULES_REFUSED: Final = Gauge(
    "citypatrol_rules_refused",
    "Problems of the rule files as last read: above 0 the rules before them judge on.",
    registry=REGISTRY,
)
DELIVERIES_PENDING: Final = Gauge(
    "citypatrol_deliveries_pending",
    "Webhook deliveries neither accepted nor dead.",
    ["endpoint"],
    registry=REGISTRY,
)
CAMERA_AGE: Final = Gauge(
    "citypatrol_camera_age_seconds", "Age of a camera's last frame.", ["source"], registry=REGISTRY
)
JUDGED: Final = Gauge(
    "citypatrol_judged_timestamp_seconds",
    "The newest tick that the rules have judged: how far they are behind the clock.",
    registry=REGISTRY,
)
RULE_SECONDS: Final = Summary(
    "citypatrol_rule_seconds", "Time a rule took to judge a batch.", ["rule"], registry=REGISTRY
)
ALARMS: Final = Gauge(
    "citypatrol_alarms", "Alarms of a rule by state.", ["rule", "state"], registry=REGISTRY
)
TICKETS: Final = Gauge("citypatrol_tickets", "Tickets by state.", ["state"], registry=REGISTRY)
DELIVERIES: Final = Counter(
    "citypatrol_deliveries_total",
    "Attempts to deliver a webhook by result.",
    ["endpoint", "result"],
    registry=REGISTRY,
)
LATENCY: Final = Histogram(
    "citypatrol_latency_seconds",
    "From a sample's own timestamp to the webhook's acceptance.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600),
    registry=REGISTRY,
)
prometheus_client.ProcessCollector(registry=REGISTRY)


def exposition() -> bytes:
    """Every metric in Prometheus's text form, for ``/metrics``; of type ``CONTENT_TYPE``."""
    return prometheus_client.generate_latest(REGISTRY)
