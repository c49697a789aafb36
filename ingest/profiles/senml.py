"""``payload: senml``: Sensor Measurement Lists in JSON, RFC 8428.

A record's full name is Base Name and Name (section 4.5.1). It is split into a source and a metric
so that a resolved pack (section 4.6) gives the same series as the one it was made from: the source
is ``urn:dev:TYPE:ID``, else what is before the last ``/``, else the Base Name; the metric is what
follows it. A name that is only a device has its unit as the metric.
"""

import math
import re
from collections.abc import Callable
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
_WHOLE_DEVICE: Final = re.compile(r"urn:dev:[^:/_]+:[^:/_]+", re.ASCII)
_SEPARATORS: Final = frozenset(":/._-")
_BASE_TEXTS: Final = frozenset(("bn", "bu"))
_TEXTS: Final = frozenset(("n", "u", "vs", "vd"))
_VALUES: Final = ("v", "vb", "vs", "vd")
_REGULAR: Final = _TEXTS | {"v", "vb", "s", "t", "ut"}
_BASE: Final = _BASE_TEXTS | {"bt", "bv", "bs", "bver"}
_LABELS: Final = _REGULAR | _BASE
_NAMES_KEPT: Final = 10_000


class _Values(NamedTuple):
    """Of one record: the value of ``v`` or ``vb``, and the sum; None where there is none."""

    value: float | None
    sum: float | None


Place = Callable[[str, str], tuple[str | None, str]]
"""Source and metric of a record by the two parts of its name, either of which may be empty."""


def read_pack(payload: bytes) -> Reading:
    """Every record names its device. Raises ``Reject``."""
    return _Pack(_by_the_payload).read(payload)


def read_device(payload: bytes) -> Reading:
    """Of the one device that the topic names; names in the payload give the metrics. Raises
    ``Reject``, where they are of two devices too."""
    return _Pack(_ByTheTopic()).read(payload)


def _by_the_payload(device: str, metric: str) -> tuple[str, str]:
    if device:
        return device, metric
    if not metric:
        message = "a record names no device, and the topic has no {source}"
        raise Reject(message)
    return metric, ""  # the name is one word: there must be a device, the metric may be its unit


class _ByTheTopic:
    def __init__(self) -> None:
        self._known = ""

    def __call__(self, device: str, metric: str) -> tuple[None, str]:
        if device and self._known and device != self._known:
            message = (
                f"names two devices, `{shown(self._known)}` and `{shown(device)}`, but {{source}}"
                " in the topic names one; leave {source} out of the pattern"
            )
            raise _Refused(message)
        self._known = device or self._known
        return None, metric


class _Refused(Reject):
    """A fault for which the whole pack is refused, not a record of it."""


class _Pack:
    """Resolves the records of one pack, one after the other (sections 4.1 to 4.6)."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._texts: dict[str, str] = {"bn": "", "bu": ""}
        self._numbers: dict[str, float] = {"bt": 0.0}
        self._version: float | None = None
        self._parts: dict[tuple[str | None, Ts | None, int], list[tuple[str | None, float]]] = {}
        self._ignored = 0
        self._aside: Reject | None = None

    def read(self, payload: bytes) -> Reading:
        found = tree(payload)
        if type(found) is not list:
            message = f"a SenML pack is a JSON array: `{shown(payload)}`"
            raise Reject(message)
        for fields in found:
            try:
                self._take(fields)
            except _Refused:
                raise
            except Reject as reject:
                self._aside = self._aside or reject
        parts = [Part(rows, ts, source, at) for (source, ts, at), rows in self._parts.items()]
        if not parts and not self._ignored:
            raise self._aside or Reject("the SenML pack holds no measurement")
        return Reading(ignored=self._ignored, aside=self._aside, parts=parts)

    def _take(self, fields: Any) -> None:
        if type(fields) is not dict:
            message = f"a SenML record is an object, not `{shown(str(fields))}`"
            raise Reject(message)
        self._take_base(fields)
        if not _REGULAR.isdisjoint(fields):
            self._take_record(fields)

    def _take_base(self, fields: dict[str, Any]) -> None:
        """A fault here is one of all that follows: the pack is refused."""
        try:
            for label in fields.keys() - _LABELS:
                _check_unknown(label)
            for label in fields.keys() & _BASE:
                if label in _BASE_TEXTS:
                    self._texts[label] = _text(fields, label)
                else:
                    self._numbers[label] = _finite(fields, label)
        except Reject as reject:
            raise _Refused(reject.reason) from reject
        version = self._numbers.get("bver", VERSION)
        if version > VERSION:
            message = f"SenML version {version:g}; up to {VERSION} is understood (RFC 8428, 4.4)"
            raise _Refused(message)
        if self._version not in (None, version):
            message = "`bver` differs between the records of one pack (RFC 8428, 4.4)"
            raise _Refused(message)
        self._version = version

    def _take_record(self, fields: dict[str, Any]) -> None:
        for label in fields.keys() & _TEXTS:
            _text(fields, label)
        source, metric = self._place(*_split(self._texts["bn"], fields.get("n", "")))
        seconds = self._numbers["bt"] + (_finite(fields, "t") if "t" in fields else 0.0)
        at = _milliseconds(seconds)
        key = (source, at, 0) if seconds >= _ABSOLUTE_FROM else (source, None, at)
        value, total = self._values(fields)
        metric = metric or fields.get("u") or self._texts["bu"]
        if value is not None:
            self._keep(key, metric or None, value)
        if total is not None:
            self._keep(key, f"{metric}.sum" if metric else "sum", total)

    def _keep(
        self, key: tuple[str | None, Ts | None, int], metric: str | None, value: float
    ) -> None:
        fault = value_fault(metric or "value", value)
        if fault is not None:
            raise fault
        self._parts.setdefault(key, []).append((metric, value))

    def _values(self, fields: dict[str, Any]) -> _Values:
        """Section 4.5.4: base and own value are added up, and so are the sums."""
        labels = [label for label in _VALUES if label in fields]
        if len(labels) > 1:
            message = f"a record has one value, not `{labels[0]}` and `{labels[1]}`"
            raise Reject(message)
        value, total = self._numbers.get("bv"), self._numbers.get("bs")
        if labels == ["v"]:
            value = (value or 0.0) + _number(fields, "v")
        elif labels == ["vb"]:
            value = _truth(fields)
        elif labels:
            self._ignored += 1
            value = None
        if "s" in fields:
            total = (total or 0.0) + _number(fields, "s")
        if value is None and total is None and not labels:
            message = "a record holds neither a value nor a sum (RFC 8428, 4.2)"
            raise Reject(message)
        return _Values(value, total)


def _check_unknown(label: str) -> None:
    if label.endswith("_"):
        message = f"field `{shown(label)}` must be understood, and is not (RFC 8428, 4.4)"
        raise Reject(message)


@lru_cache(maxsize=_NAMES_KEPT)
def _split(base: str, name: str) -> tuple[str, str]:
    """Device and metric of a full name; the device is empty for a single word. Raises ``Reject``
    (sections 4.5.1 and 4.6)."""
    full = base + name
    if full and not _NAME.fullmatch(full):
        message = f"name `{shown(full)}`: only A-Z a-z 0-9 - : . / _ (RFC 8428, 4.5.1)"
        raise Reject(message)
    if name and name[0] not in _SEPARATORS and _WHOLE_DEVICE.fullmatch(base):
        return base, name  # by the letter a device of its own: somebody has forgotten the colon
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


def _truth(fields: dict[str, Any]) -> float:
    if type(fields["vb"]) is not bool:
        message = f"`vb` is `{shown(str(fields['vb']))}`, no boolean"
        raise Reject(message)
    return float(fields["vb"])


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
