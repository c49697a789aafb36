"""What the walls ask InfluxDB, in InfluxQL: it works on InfluxDB 1.x, 2.x and 3; Flux does not.

Every measurement and field here is one that `sinks.line_protocol` writes. `$timeFilter` and
`$__interval` are Grafana's; `runnable` puts plain InfluxQL in their place.
"""

_LAST_OPEN = (
    'SELECT last("open") AS "open" FROM "ticket" WHERE $timeFilter'
    ' GROUP BY "category", "severity", "unit", "district", "state"'
)
"""Counts are written once a minute and zero-filled, so the last one of each series is the truth."""

OPEN_TICKETS = f'SELECT sum("open") FROM ({_LAST_OPEN})'
OPEN_BY_CATEGORY = f'SELECT sum("open") FROM ({_LAST_OPEN}) GROUP BY "category"'
OPEN_BY_UNIT = f'SELECT sum("open") FROM ({_LAST_OPEN}) GROUP BY "unit"'
OPENED_AND_CLOSED = (
    'SELECT sum("opened") AS "opened", sum("closed") AS "closed" FROM "ticket"'
    " WHERE $timeFilter GROUP BY time($__interval) fill(0)"
)
WATER_LEVELS = (
    'SELECT max("value") FROM "sensor" WHERE "metric" = \'water_level\' AND $timeFilter'
    ' GROUP BY time($__interval), "source" fill(none)'
)
TRAFFIC_LIGHTS = (
    'SELECT min("value") FROM "sensor" WHERE "metric" = \'traffic_light.lit\' AND $timeFilter'
    ' GROUP BY time($__interval), "source" fill(none)'
)
LITTER = (
    'SELECT max("count") FROM "detection" WHERE $timeFilter'
    ' GROUP BY time($__interval), "source", "label" fill(none)'
)
CAMERA_FAULTS = (
    'SELECT max("fault") FROM "camera" WHERE $timeFilter'
    ' GROUP BY time($__interval), "source" fill(none)'
)
CAMERA_SHARPNESS = (
    'SELECT mean("sharpness") FROM "camera" WHERE $timeFilter'
    ' GROUP BY time($__interval), "source" fill(none)'
)
READINGS = (
    'SELECT count("value") FROM "sensor" WHERE $timeFilter'
    ' GROUP BY time($__interval), "kind" fill(0)'
)
PIPELINE_THROUGHPUT = (
    'SELECT sum("out") AS "out" FROM "pipeline" WHERE $timeFilter'
    ' GROUP BY time($__interval), "stage", "process" fill(none)'
)
PIPELINE_LAG = (
    'SELECT max("lag") AS "lag" FROM "pipeline" WHERE $timeFilter'
    ' GROUP BY time($__interval), "stage", "process" fill(none)'
)
PIPELINE_LEFT_OUT = (
    'SELECT sum("late") AS "late", sum("dead") AS "dead" FROM "pipeline" WHERE $timeFilter'
    ' GROUP BY time($__interval), "stage" fill(none)'
)
PIPELINE_LATENCY = (
    'SELECT max("latency_p50") AS "p50", max("latency_p99") AS "p99" FROM "pipeline"'
    ' WHERE $timeFilter GROUP BY time($__interval), "process" fill(none)'
)

ALL = {
    name: query
    for name, query in globals().items()
    if name.isupper() and not name.startswith("_") and isinstance(query, str)
}


def runnable(query: str, *, since: str = "now() - 1h", interval: str = "10s") -> str:
    """The query with Grafana's variables filled in, as a person would type it."""
    return query.replace("$timeFilter", f"time > {since}").replace("$__interval", interval)
