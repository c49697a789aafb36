"""InfluxDB line protocol: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from ingest.past.points import Tags, take_point
from ingest.past.reading import Part, Parts, Refused, number

PRECISIONS: Final[Mapping[str, int]] = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
"""Nanoseconds of one."""
_KEY: Final = r"(?:\\.|[^\\,= ])+"
_HEAD: Final = re.compile(rf"((?:\\.|[^\\, ])+)((?:,{_KEY}={_KEY})*) +", re.DOTALL)
_TAG: Final = re.compile(rf",({_KEY})=({_KEY})", re.DOTALL)
_FIELD: Final = re.compile(rf'({_KEY})=("(?:\\.|[^"\\])*"|[^,\s"]+)(,)?', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\([,= \\])")
_TIME: Final = re.compile(r" +(-?\d{1,19})\s*")


def read_lines(lines: Iterable[str], *, precision: str, named: Tags) -> Parts:
    """A point a line; empty lines and comments are none."""
    unit = PRECISIONS[precision]
    part = Part()
    for at, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            _take(text, part, unit=unit, named=named)
        except ValueError as error:
            part.refused.append(Refused(at, str(error), text))
        if part.is_full:
            yield part
            part = Part()
    yield part


def _take(text: str, part: Part, *, unit: int, named: Tags) -> None:
    head = _HEAD.match(text)
    if head is None:
        message = "it does not begin with a measurement, tags and a space"
        raise ValueError(message)
    fields, at = _fields(text, head.end())
    time = _TIME.fullmatch(text, at)
    if time is None:
        message = "it ends without a time" if at == len(text) else f"'{text[at:][:40]}' is no time"
        raise ValueError(message)
    tags = {_plain(key): _plain(value) for key, value in _TAG.findall(head[2])}
    ts = int(time[1]) * unit // 1_000_000
    take_point(part, _plain(head[1]), tags, fields, ts, named=named)


def _fields(text: str, at: int) -> tuple[dict[str, float | str], int]:
    found: dict[str, float | str] = {}
    while True:
        field = _FIELD.match(text, at)
        if field is None:
            message = f"'{text[at:][:40]}' is no field"
            raise ValueError(message)
        found[_plain(field[1])] = _value(field[2])
        at = field.end()
        if not field[3]:
            return found, at


def _value(text: str) -> float | str:
    if text.startswith('"'):
        return text[1:-1]
    if text in ("t", "T", "f", "F"):
        return float(text in "tT")
    return number(text[:-1] if text[-1] in "iu" else text)


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text
