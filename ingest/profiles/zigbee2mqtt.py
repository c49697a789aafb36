"""``payload: zigbee2mqtt``: the state object of one device.

https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html; ``last_seen``:
https://www.zigbee2mqtt.io/guide/configuration/mqtt.html
"""

import math
import re
from typing import Any, Final

from citypatrol.clock import Ts
from citypatrol.errors import Reject
from ingest.profiles.jsontext import number, tree
from ingest.profiles.reading import Reading, shown, value_fault
from ingest.profiles.rfc3339 import milliseconds

_LAST_SEEN: Final = "last_seen"
_WORDS: Final = {"ON": 1.0, "OFF": 0.0}
_BARE_ZONE: Final = re.compile(r"[+-]\d{4}", re.ASCII)
_DEEPEST: Final = 8


def read_state(payload: bytes) -> Reading:
    """Numbers, booleans, ``ON`` and ``OFF``; what lies in an object is ``OUTER.INNER``.
    ``last_seen`` is the time, as ISO_8601, ISO_8601_local or epoch. Raises ``Reject``."""
    found = tree(payload)
    if type(found) is not dict:
        message = f"not a JSON object: `{shown(payload)}`"
        raise Reject(message)
    ts = _time(found.pop(_LAST_SEEN, None))
    state = _State()
    state.take(found, "", depth=1)
    if not state.values and not state.ignored and ts is None:
        raise state.aside or Reject("the state is empty")
    # A message that only says when the device was heard leaves its trace in the counts.
    ignored = state.ignored or (0 if state.values or state.aside else 1)
    return Reading(state.values, ts, ignored, state.aside)


class _State:
    def __init__(self) -> None:
        self.values: list[tuple[str | None, float]] = []
        self.ignored = 0
        self.aside: Reject | None = None

    def take(self, fields: dict[str, Any], outer: str, *, depth: int) -> None:
        for key, value in fields.items():
            name = f"{outer}{key}"
            if type(value) is dict and depth < _DEEPEST:
                self.take(value, f"{name}.", depth=depth + 1)
                continue
            found = _WORDS.get(value) if type(value) is str else number(value)
            if found is None:
                self.ignored += 1
                continue
            fault = value_fault(name, found)
            if fault is None:
                self.values.append((name, found))
            else:
                self.aside = self.aside or fault


def _time(value: Any) -> Ts | None:
    """None where there is none: `last_seen` is off by default, and `null` before the first word."""
    if value is None:
        return None
    ts: Ts | None = None
    if type(value) is str:
        zone = value[-5:]
        colon = f"{value[:-5]}{zone[:3]}:{zone[3:]}" if _BARE_ZONE.fullmatch(zone) else value
        ts = milliseconds(colon)
    elif type(value) is not bool and (found := number(value)) is not None and math.isfinite(found):
        ts = round(found)
    if ts is None:
        message = (
            f"`last_seen` is `{shown(str(value))}`; set advanced.last_seen to ISO_8601,"
            " ISO_8601_local or epoch"
        )
        raise Reject(message)
    return ts
