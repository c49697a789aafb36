"""Payloads with several sources or times: a bad part harms no other."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from citypatrol.clock import Ts
from citypatrol.errors import Reject
from ingest.profiles.reading import Part, name_fault
from ingest.routes import Route

NO_METRIC: Final = "`value` needs {metric} in the topic or `metric:` beside the pattern"
_NO_SOURCE: Final = (
    "neither the payload nor the topic names the source; put {source} in the pattern"
)


class Settled(NamedTuple):
    """A part whose names and time are sound. ``ts`` None: ``at`` is reckoned from the arrival."""

    source: str
    values: Sequence[tuple[str, float]]
    ts: Ts | None
    at: Ts


def settle(
    parts: Iterable[Part], *, route: Route, arrived: Ts, check_clock: Callable[[Ts, Ts], None]
) -> tuple[list[Settled], Reject | None]:
    """The parts that can be kept, oldest first, and the first fault of the others.

    ``check_clock(ts, arrived)`` raises ``Reject`` for a time that is out of bounds.
    """
    sound: list[Settled] = []
    fault: Reject | None = None
    for values, ts, named, after in parts:
        source = route.source if named is None else named
        at = arrived + after if ts is None else ts
        try:
            _check_source(source, named)
            check_clock(at, arrived)
        except Reject as reject:
            fault = fault or reject
            continue
        pairs = [(route.metric if name is None else name, value) for name, value in values]
        kept = [(name, value) for name, value in pairs if name is not None]
        if len(kept) < len(pairs):
            fault = fault or Reject(NO_METRIC)
        if kept:
            sound.append(Settled(source, kept, ts, at))
    sound.sort(key=_when)
    return sound, fault


def _check_source(source: str, named: str | None) -> None:
    if named is None and not source:
        raise Reject(_NO_SOURCE)
    fault = name_fault(source, "the source's name in the payload")
    if fault is not None:
        raise fault


def _when(part: Settled) -> Ts:
    return part.at
