import re

from citypatrol import metrics

PROMISED = {
    "citypatrol_samples_total": {"stage"},
    "citypatrol_dropped_total": {"stage", "reason"},
    "citypatrol_late_total": set(),
    "citypatrol_dead_total": {"kind"},
    "citypatrol_journal_bytes": set(),
    "citypatrol_cursor_lag": {"cursor"},
    "citypatrol_deliveries_pending": {"endpoint"},
    "citypatrol_camera_age_seconds": {"source"},
    "citypatrol_rule_seconds_sum": {"rule"},
    "citypatrol_alarms": {"rule", "state"},
    "citypatrol_tickets": {"state"},
    "citypatrol_deliveries_total": {"endpoint", "result"},
    "citypatrol_latency_seconds_sum": set(),
}


def test_the_names_and_labels_that_the_doors_promise() -> None:
    metrics.SAMPLES.labels("ingest").inc(3)
    metrics.DROPPED.labels("camera", "older").inc()
    metrics.LATE.inc()
    metrics.DEAD.labels("message").inc()
    metrics.JOURNAL_BYTES.set(5)
    metrics.CURSOR_LAG.labels("rules").set(1)
    metrics.DELIVERIES_PENDING.labels("unit").set(1)
    metrics.CAMERA_AGE.labels("cam").set(1.5)
    metrics.RULE_SECONDS.labels("flooded").observe(0.1)
    metrics.ALARMS.labels("flooded", "firing").set(1)
    metrics.TICKETS.labels("open").set(1)
    metrics.DELIVERIES.labels("unit", "accepted").inc()
    metrics.LATENCY.observe(2)
    text = metrics.exposition().decode()
    found = {
        name: set(re.findall(r'(\w+)="', labels))
        for name, labels in re.findall(r"^(citypatrol_\w+)(\{.*\})? ", text, re.MULTILINE)
    }
    assert {name: found.get(name) for name in PROMISED} == PROMISED
    assert not [name for name in found if name.endswith("_created")]
    assert 'citypatrol_latency_seconds_bucket{le="2.5"}' in text
    assert "process_resident_memory_bytes" in text
