"""``payload: senml``: Sensor Measurement Lists in JSON, RFC 8428.

A record's full name is Base Name and Name (section 4.5.1). It is split into a source and a metric
so that a resolved pack (section 4.6) gives the same series as the one it was made from: the source
is ``urn:dev:TYPE:ID``, else what is before the last ``/``, else the Base Name; the metric is what
follows it. A name that is only a device has its unit as the metric.
"""

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from citypatrol.clock import Ts
from citypatrol.errors import Reject
from ingest.profiles.jsontext import number, tree
from ingest.profiles.reading import Part, Reading, shown, value_fault

VERSION: Final = 10
_ABSOLUTE_FROM: Final = 2**28
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*", re.ASCII)
_DEVICE_URN: Final = re.compile(r"(urn:dev:[^:/_]+:[^:/_]+)(?:[:/_](.*))?", re.ASCII)
_SEPARATORS: Final = frozenset(":/._-")
_BASE_TEXTS: Final = frozenset(("bn", "bu"))
_BASE_NUMBERS: Final = frozenset(("bt", "bv", "bs", "bver"))
_TEXTS: Final = frozenset(("n", "u", "vs", "vd"))
_VALUES: Final = ("v", "vb", "vs", "vd")
_REGULAR: Final = _TEXTS | {"v", "vb", "s", "t", "ut"}
_LABELS: Final = _REGULAR | _BASE_TEXTS | _BASE_NUMBERS
_NAMES_KEPT: Final = 10_000


class _Record(NamedTuple):
    """One resolved record. ``device`` or ``metric`` may be empty; ``ts`` None: ``after`` counts
    from now. ``values``: of ``v`` or ``vb``, and of the sum with ``.sum`` behind its metric."""

    device: str
    metric: str
    unit: str
    ts: Ts | None
    after: int
    values: list[tuple[str, float]]


def read_pack(payload: bytes) -> Reading:
    """Every record names its device. Raises ``Reject``."""
    pack = _Pack()
    parts: dict[tuple[str, Ts | None, int], list[tuple[str | None, float]]] = {}
    for record in pack.records(payload):
        device, metric = record.device, record.metric
        if not device:  # the name is one word: there must be a device, the metric may be its unit
            device, metric = metric, ""
        if not device:
            pack.blame("a record names no device, and the topic has no {source}")
            continue
        key = (device, record.ts, record.after)
        parts.setdefault(key, []).extend(pack.named(record, metric))
    return pack.reading([Part(values, ts, d, after) for (d, ts, after), values in parts.items()])


def read_device(payload: bytes) -> Reading:
    """Of the one device that the topic names; names in the payload give the metrics. Raises
    ``Reject``, where they are of two devices too."""
    pack = _Pack()
    parts: dict[tuple[Ts | None, int], list[tuple[str | None, float]]] = {}
    known = ""
    for record in pack.records(payload):
        if record.device and known and record.device != known:
            message = (
                f"names two devices, `{shown(known)}` and `{shown(record.device)}`, but {{source}}"
                " in the topic names one; leave {source} out of the pattern"
            )
            raise Reject(message)
        known = record.device or known
        values = parts.setdefault((record.ts, record.after), [])
        values.extend(pack.named(record, record.metric))
    return pack.reading([Part(values, ts, None, after) for (ts, after), values in parts.items()])


class _Pack:
    """Resolves the records of one pack, one after the other (sections 4.1 to 4.6)."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {"bn": "", "bu": ""}
        self._numbers: dict[str, float] = {"bt": 0.0}
        self._version: float | None = None
        self._ignored = 0
        self._aside: Reject | None = None

    def blame(self, message: str) -> None:
        self._aside = self._aside or Reject(message)

    def records(self, payload: bytes) -> Iterator[_Record]:
        found = tree(payload)
        if type(found) is not list:
            message = f"a SenML pack is a JSON array: `{shown(payload)}`"
            raise Reject(message)
        for fields in found:
            if type(fields) is not dict:
                self.blame(f"a SenML record is an object, not `{shown(str(fields))}`")
                continue
            self._take_base(fields)
            if not _REGULAR.isdisjoint(fields):
                try:
                    yield self._record(fields)
                except Reject as reject:
                    self._aside = self._aside or reject
        if not found:
            message = "the SenML pack is empty"
            raise Reject(message)

    def _take_base(self, fields: dict[str, Any]) -> None:
        """A fault here is one of all that follows: the pack is refused."""
        for label in fields.keys() - _LABELS:
            if label.endswith("_"):
                message = f"field `{shown(label)}` must be understood, and is not (RFC 8428, 4.4)"
                raise Reject(message)
        for label in fields.keys() & _BASE_TEXTS:
            self._texts[label] = _text(fields, label)
        for label in fields.keys() & _BASE_NUMBERS:
            self._numbers[label] = _finite(fields, label)
        version = self._numbers.get("bver", VERSION)
        if version > VERSION:
            message = f"SenML version {version:g}; up to {VERSION} is understood (RFC 8428, 4.4)"
            raise Reject(message)
        if self._version not in (None, version):
            message = "`bver` differs between the records of one pack (RFC 8428, 4.4)"
            raise Reject(message)
        self._version = version

    def _record(self, fields: dict[str, Any]) -> _Record:
        for label in fields.keys() & _TEXTS:
            _text(fields, label)
        device, metric = _split(self._texts["bn"], fields.get("n", ""))
        seconds = self._numbers["bt"] + (_finite(fields, "t") if "t" in fields else 0.0)
        at = _milliseconds(seconds)
        absolute = seconds >= _ABSOLUTE_FROM
        unit = fields.get("u") or self._texts["bu"]
        values = self._values(fields)
        return _Record(
            device, metric, unit, at if absolute else None, 0 if absolute else at, values
        )

    def _values(self, fields: dict[str, Any]) -> list[tuple[str, float]]:
        """Section 4.5.4: base and own value are added up, and so are the sums."""
        labels = [label for label in _VALUES if label in fields]
        if len(labels) > 1:
            message = f"a record has one value, not `{labels[0]}` and `{labels[1]}`"
            raise Reject(message)
        values = []
        base, base_sum = self._numbers.get("bv"), self._numbers.get("bs")
        if labels == ["vb"]:
            if type(fields["vb"]) is not bool:
                message = f"`vb` is `{shown(str(fields['vb']))}`, no boolean"
                raise Reject(message)
            values.append(("", float(fields["vb"])))
        elif labels == ["v"]:
            values.append(("", (base or 0.0) + _number(fields, "v")))
        elif labels:
            self._ignored += 1
        elif base is not None:
            values.append(("", base))
        if "s" in fields or base_sum is not None:
            own = _number(fields, "s") if "s" in fields else 0.0
            values.append((".sum", (base_sum or 0.0) + own))
        if not values and not labels:
            message = "a record holds neither a value nor a sum (RFC 8428, 4.2)"
            raise Reject(message)
        return values

    def named(self, record: _Record, metric: str) -> Iterator[tuple[str | None, float]]:
        """The record's values with their metrics; None where neither name nor unit is there."""
        metric = metric or record.unit
        for suffix, value in record.values:
            name = (f"{metric}{suffix}" if metric else suffix[1:]) or None
            fault = value_fault(name or "value", value)
            if fault is None:
                yield name, value
            else:
                self._aside = self._aside or fault

    def reading(self, parts: list[Part]) -> Reading:
        kept = [part for part in parts if part.values]
        if not kept and not self._ignored:
            raise self._aside or Reject("the SenML pack holds no measurement")
        return Reading(ignored=self._ignored, aside=self._aside, parts=kept)


@lru_cache(maxsize=_NAMES_KEPT)
def _split(base: str, name: str) -> tuple[str, str]:
    """Device and metric of a full name; the device is empty for a single word. Raises ``Reject``
    (sections 4.5.1 and 4.6)."""
    full = base + name
    if full and not _NAME.fullmatch(full):
        message = f"name `{shown(full)}`: only A-Z a-z 0-9 - : . / _ (RFC 8428, 4.5.1)"
        raise Reject(message)
    urn = _DEVICE_URN.fullmatch(full)
    if urn is not None:
        return urn[1], urn[2] or ""
    if "/" in full:
        device, _, metric = full.rpartition("/")
        return device, metric
    if not base:
        return "", name
    return (base[:-1] if len(base) > 1 and base[-1] in _SEPARATORS else base), name


def _text(fields: dict[str, Any], label: str) -> str:
    value = fields[label]
    if type(value) is not str:
        message = f"`{label}` is `{shown(str(value))}`, no text"
        raise Reject(message)
    return value


def _number(fields: dict[str, Any], label: str) -> float:
    value = fields[label]
    found = None if type(value) is bool else number(value)
    if found is None:
        message = f"`{label}` is `{shown(str(value))}`, no number"
        raise Reject(message)
    return found


def _finite(fields: dict[str, Any], label: str) -> float:
    found = _number(fields, label)
    if not math.isfinite(found):
        message = f"`{label}` is not finite"
        raise Reject(message)
    return found


def _milliseconds(seconds: float) -> int:
    if not abs(seconds) < 1e15:
        message = f"time {seconds:g} s is out of every bound"
        raise Reject(message)
    return round(seconds * 1000)
