"""InfluxQL over HTTP, chunk by chunk: https://docs.influxdata.com/influxdb/v1/tools/api/#query-http-endpoint"""

import base64
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from citypatrol.clock import Ts
from ingest.past.points import Tags, take_point
from ingest.past.reading import Part, Parts, Refused

_CHUNK: Final = 10_000
_PATIENCE_S: Final = 120.0
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """``since`` and ``until`` in milliseconds, both included; ``token`` for InfluxDB 2 and 3."""

    measurement: str = "sensor"
    since: Ts | None = None
    until: Ts | None = None
    token: str | None = None


def read_influx(url: str, asked: Asked, *, named: Tags) -> Parts:
    """``url``: ``http://HOST:8086?db=NAME``. ValueError where the server refuses, OSError where it
    is not to be had."""
    part = Part()
    for series in _series(url, asked):
        columns, tags = series["columns"], series.get("tags") or {}
        for row in series["values"]:
            cells = dict(zip(columns, row, strict=True))
            ts = cells.pop("time")
            fields = {name: value for name, value in cells.items() if value is not None}
            try:
                take_point(part, series["name"], tags, fields, int(ts), named=named)
            except ValueError as error:
                part.refused.append(Refused(0, str(error), json.dumps([tags, ts, fields])))
            if part.is_full:
                yield part
                part = Part()
    yield part


def _series(url: str, asked: Asked) -> Iterator[Mapping[str, Any]]:
    request = _request(url, asked)
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310 - http(s), seen to by the caller
            for line in answer:  # a chunk a line
                for result in _json(line).get("results", []):
                    if "error" in result:
                        raise ValueError(result["error"])
                    yield from result.get("series", [])
    except urllib.error.HTTPError as error:
        said = error.read(_SHOWN).decode("utf-8", "replace").strip()
        message = f"InfluxDB answers {error.code}: {said}"
        raise ValueError(message) from error
    except urllib.error.URLError as error:
        why = error.reason.strerror if isinstance(error.reason, OSError) else error.reason
        message = f"there is no way to it: {why}; is its address right, and does it run?"
        raise OSError(message) from error
    except http.client.HTTPException as error:
        message = f"the answer broke off: {error!r}"
        raise OSError(message) from error


def _request(url: str, asked: Asked) -> urllib.request.Request:
    parts = urlsplit(url)
    db = parse_qs(parts.query).get("db", [""])[0]
    if parts.scheme not in ("http", "https") or not parts.hostname or not db:
        message = f"'{_shown(url)}' is no address; write http://HOST:8086?db=NAME"
        raise ValueError(message)
    times = [
        f"time {sign} {at}ms"
        for sign, at in ((">=", asked.since), ("<=", asked.until))
        if at is not None
    ]
    where = f" WHERE {' AND '.join(times)}" if times else ""
    name = asked.measurement.replace("\\", "\\\\").replace('"', '\\"')
    query = {
        "db": db,
        "q": f'SELECT * FROM "{name}"{where} GROUP BY *',  # noqa: S608 - quoted
        "epoch": "ms",
        "chunked": "true",
        "chunk_size": str(_CHUNK),
    }
    host = parts.netloc.rpartition("@")[2]
    path = parts.path.rstrip("/") or "/query"
    request = urllib.request.Request(f"{parts.scheme}://{host}{path}?{urlencode(query)}")  # noqa: S310 - as above
    if asked.token is not None:
        request.add_header("Authorization", f"Token {asked.token}")
    elif parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        request.add_header("Authorization", f"Basic {base64.b64encode(pair).decode()}")
    return request


def _json(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        message = f"no answer of InfluxDB: {line[:_SHOWN]!r}"
        raise ValueError(message) from error
    return found if isinstance(found, dict) else {}


def _shown(url: str) -> str:
    """Without a password."""
    before, at, after = url.rpartition("@")
    return f"{before.partition('//')[0]}//***@{after}" if at else url
