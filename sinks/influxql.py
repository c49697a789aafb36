"""InfluxQL over HTTP, as far as setting up an InfluxDB 1.x needs it."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from citypatrol.errors import Reject

Query = Callable[[str], Awaitable[Sequence[Sequence[Any]]]]
"""One statement to the rows of its answer. Raises ``Reject`` where it is refused."""

_PART: Final = re.compile(r"(\d+)(h|ms|m|s)")
_MS: Final = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


def identifier(name: str) -> str:
    """A name in double quotes, whatever stands in it."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def influxql_ms(duration: str) -> int:
    """Milliseconds of ``2160h0m0s``, as the server writes it; 0 is forever."""
    return sum(int(number) * _MS[unit] for number, unit in _PART.findall(duration))


def rows(status: int, said: Any) -> Sequence[Sequence[Any]]:
    """The rows of ``/query``'s answer to one statement; ``Reject`` with the server's words."""
    result = said["results"][0] if isinstance(said, dict) and said.get("results") else {}
    error = result.get("error") or (said.get("error") if isinstance(said, dict) else str(said))
    if error or not 200 <= status < 300:
        way_out = "; --username and --password-file of an administrator" if status == 401 else ""
        message = f"{status} {error}{way_out}"
        raise Reject(message)
    return [row for series in result.get("series", ()) for row in series.get("values", ())]
