"""``payload: thingsboard``: telemetry as devices and gateways send it to ThingsBoard.

Device form: https://thingsboard.io/docs/reference/mqtt-api/telemetry/ (payload formats)
Gateway form: https://thingsboard.io/docs/reference/gateway-api/telemetry/
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from citypatrol.clock import Ts
from citypatrol.errors import Reject
from ingest.profiles.jsontext import number, tree
from ingest.profiles.reading import ONLINE, Part, Reading, shown, value_fault

_NUMBER: Final = re.compile(r"-?(?:\d+(?:\.\d+)?|\.\d+)", re.ASCII)
_LONGEST_NUMBER: Final = 64


def read_device(payload: bytes) -> Reading:
    """One object, or an array of them, each flat or ``{"ts": ..., "values": {...}}``; ``ts`` are
    milliseconds. Raises ``Reject``."""
    found = tree(payload)
    collected = _Collected()
    collected.take(found, None)
    return collected.reading(payload)


def read_gateway(payload: bytes) -> Reading:
    """An object of device names, each with what that device would send. Raises ``Reject``."""
    found = tree(payload)
    if type(found) is not dict:
        message = f"not an object of device names: `{shown(payload)}`"
        raise Reject(message)
    collected = _Collected()
    for device, telemetry in found.items():
        collected.take(telemetry, device)
    return collected.reading(payload)


def read_connect(payload: bytes) -> Reading:
    """``v1/gateway/connect``: the device named by ``device`` is online. Raises ``Reject``."""
    return _says(payload, 1.0)


def read_disconnect(payload: bytes) -> Reading:
    """``v1/gateway/disconnect``: it is offline. Raises ``Reject``."""
    return _says(payload, 0.0)


def _says(payload: bytes, online: float) -> Reading:
    found = tree(payload)
    device = found.get("device") if type(found) is dict else None
    if type(device) is not str:
        message = f'no `{{"device": NAME}}`: `{shown(payload)}`'
        raise Reject(message)
    return Reading(parts=(Part(((ONLINE, online),), source=device),))


class _Collected:
    """What the objects of one payload hold."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._ignored = 0
        self._aside: Reject | None = None

    def take(self, telemetry: Any, device: str | None) -> None:
        """One object or an array of them; a faulty one harms no other."""
        for one in telemetry if type(telemetry) is list else [telemetry]:
            try:
                self._parts.append(self._part(one, device))
            except Reject as reject:
                self._aside = self._aside or reject

    def _part(self, one: Any, device: str | None) -> Part:
        if type(one) is not dict:
            where = f" of device `{shown(device)}`" if device is not None else ""
            message = f"telemetry{where} is no object: `{shown(str(one))}`"
            raise Reject(message)
        values, ts = one.get("values"), None
        if type(values) is not dict:
            values = one
        elif "ts" in one:
            ts = _milliseconds(one["ts"])
        return Part(list(self._numbers(values)), ts, device)

    def _numbers(self, fields: dict[str, Any]) -> Iterator[tuple[str | None, float]]:
        """Numbers in text count as numbers, as ThingsBoard casts them by default."""
        for key, value in fields.items():
            found = _number_in(value) if type(value) is str else number(value)
            if found is None:
                self._ignored += 1
                continue
            fault = value_fault(key, found)
            if fault is None:
                yield key, found
            else:
                self._aside = self._aside or fault

    def reading(self, payload: bytes) -> Reading:
        parts = [part for part in self._parts if part.values]
        if not parts and not self._ignored:
            message = f"no telemetry in it: `{shown(payload)}`"
            raise self._aside or Reject(message)
        if len(parts) == 1 and parts[0].source is None:
            return Reading(parts[0].values, parts[0].ts, self._ignored, self._aside)
        return Reading(ignored=self._ignored, aside=self._aside, parts=parts)


def _number_in(text: str) -> float | None:
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    return float(text)


def _milliseconds(value: Any) -> Ts:
    found = None if type(value) is bool else number(value)
    if type(value) is str:
        found = _number_in(value)
    if found is None or not -1e18 < found < 1e18:
        message = f"`ts` is `{shown(str(value))}`; ThingsBoard counts milliseconds since 1970"
        raise Reject(message)
    return int(found)
