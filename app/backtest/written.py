"""A backtest's answer as files: Parquet, and a picture."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from app.backtest.days import chart_of
from app.backtest.reckoning import Answer

_AT_ONCE: Final = 10_000
_NAMED: Final = 3
_TIMES: Final = ("since", "fired_at", "cleared_at")
_TS: Final = pa.timestamp("ms", "UTC")
_INCIDENTS: Final = pa.schema(
    [(name, pa.string()) for name in ("id", "rule", "source", "metric")]
    + [(name, _TS) for name in _TIMES]
    + [("value", pa.float64()), ("ticket", pa.string())]
)
_TICKETS: Final = pa.schema(
    [(name, pa.string()) for name in ("id", "rule", "category", "severity", "state", "title")]
    + [(name, pa.string()) for name in ("source", "group", "unit", "site", "grid", "district")]
    + [(name, pa.float64()) for name in ("lat", "lon")]
    + [(name, _TS) for name in ("opened_at", "acknowledge_by", "resolve_by")]
    + [(name, _TS) for name in ("cleared_at", "closed_at")]
    + [(name, pa.int64()) for name in ("witnesses", "sources")]
    + [("shadow", pa.bool_())]
)


def as_parquet(answer: Answer, folder: Path) -> list[Path]:
    """``incidents.parquet`` and ``tickets.parquet``; OSError where they cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        folder / "incidents.parquet": (_INCIDENTS, answer.found.incidents()),
        folder / "tickets.parquet": (
            _TICKETS,
            (
                {name: getattr(one, name) for name in _TICKETS.names}
                for one, _ in answer.found.tickets()
            ),
        ),
    }
    for path, (schema, rows) in files.items():
        with pq.ParquetWriter(path, schema) as writer:
            for some in _chunks(rows):
                writer.write_table(pa.Table.from_pylist(some, schema=schema))
    return list(files)


def as_picture(answer: Answer, file: Path, *, rules: Sequence[Path], zone: str) -> None:
    """Tickets a day by rule as a PNG; OSError where it cannot be written."""
    from app.backtest.plot import picture  # OpenCV, only for whoever wants a picture

    title = ", ".join(map(str, rules[:_NAMED]))
    if len(rules) > _NAMED:
        title += f" and {len(rules) - _NAMED} more"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(picture(chart_of(answer), title=title, zone=zone))


def _chunks(rows: Iterable[Mapping[str, Any]]) -> Iterable[list[Mapping[str, Any]]]:
    some: list[Mapping[str, Any]] = []
    for row in rows:
        some.append(row)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    yield some
