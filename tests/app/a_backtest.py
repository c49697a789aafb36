"""A history of a few water levels, and what backtests say of it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from citypatrol.clock import rfc3339
from rules.incidents import incident_id
from tests.app.a_command import Done
from tests.citypatrol.a_history import SEVEN

MINUTE = 60_000
BARE = """\
city: {name: Bare, timezone: UTC}
journal: {type: sqlite}
inputs: []
"""
Backtest = Callable[..., Done]


def fill(folder: Path, *levels: tuple[str, int, float]) -> None:
    """Water levels as somebody else's Parquet: source, minute after seven, value."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table(
            {
                "source": [source for source, _, _ in levels],
                "metric": ["water_level"] * len(levels),
                "ts": pa.array([at(minute) for _, minute, _ in levels], pa.timestamp("ms", "UTC")),
                "value": [value for _, _, value in levels],
                "evidence": pa.nulls(len(levels), pa.string()),
                "late": [False] * len(levels),
            }
        ),
        folder / "2026-05-13T07.parquet",
    )


def at(minute: float) -> int:
    return SEVEN + int(minute * MINUTE)


def flood(source: str, begin: int, end: int, *, until: int) -> list[tuple[str, int, float]]:
    """20 cm from ``begin`` to before ``end``, else nothing, every minute."""
    return [(source, m, 20.0 if begin <= m < end else 0.0) for m in range(until + 1)]


def incident(since: float, fired: float, cleared: float | None, **more: Any) -> dict[str, Any]:
    rule, source, metric = more.get("rule", "flooded"), more.get("source", "wl-1"), "water_level"
    return {
        "id": incident_id(rule, source, metric, at(since)),
        "rule": rule,
        "source": source,
        "metric": metric,
        "since": rfc3339(at(since)),
        "fired_at": rfc3339(at(fired)),
        "cleared_at": None if cleared is None else rfc3339(at(cleared)),
        "value": 20.0,
    }


def without_ticket(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in one.items() if name != "ticket"} for one in found]
