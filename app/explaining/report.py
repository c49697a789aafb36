"""An explanation for people and for programs."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from app.explaining.filed import Filed
from app.spoken import exactly
from citypatrol.clock import Ts, rfc3339
from rules.explain_alarm import Explanation

_TIMES: Final = frozenset(
    {
        "at", "since", "fired_at", "clearing", "fires_at", "clears_at", "sample_by", "ts",
        "dies_at", "during_changes", "held_until", "quiet_until",
    }
)  # fmt: skip
_SECONDS: Final = {"hold_for": "for_s", "clear_for": "clear_for_s"}
_TRUTHS: Final = {True: "true", False: "false", None: "unknown"}


def as_dict(explanation: Explanation, filed: Filed | None) -> dict[str, Any]:
    """JSON: times are RFC 3339, durations seconds. ``held_s`` and ``clearing_s``: how far the
    timer has come."""
    found: dict[str, Any] = _plain(asdict(explanation))
    at = explanation.at
    for name, since in (("held_s", explanation.since), ("clearing_s", explanation.clearing)):
        found[name] = None if since is None else (at - since) / 1000
    found["filed"] = None if filed is None else _plain(asdict(filed))
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Of what ``as_dict`` made, here or in a running city."""
    at = _ms(found["at"])
    yield f"{found['rule']} at {found['source']}, {_short(found['at'])}"
    yield f"{found['state']}{_progress(found)}"
    following = _next(found, at)
    if following:
        yield following
    yield from _block("when", found["for_s"], found["at_least"], found["when"], at)
    if found["clear"] is not None:
        yield from _block("clear", found["clear_for_s"], 1, found["clear"], at)
    elif found["clear_for_s"]:
        yield f"clear: when that is false for {exactly(found['clear_for_s'] * 1000)}"
    if found["unless"] is not None:
        yield from _block("unless", 0, 1, found["unless"], at)
    if found["during"] is not None:
        changes = _short(found["during_changes"])
        yield f"during: it {'judges' if found['during'] else 'does not judge'} until {changes}"
    if found["group"] is not None:
        yield f"group: {found['group']}"
    if found["filed"] is not None:
        yield f"ticket: {_ticket(found['filed'])}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_SECONDS.get(key, key): _named(key, one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _named(key: str, value: Any) -> Any:
    if key in _TIMES:
        return None if value is None else rfc3339(value)
    if key in _SECONDS:
        return value / 1000
    return _plain(value)


def _progress(found: dict[str, Any]) -> str:
    if found["since"] is None:
        return ""
    said = f" since {_short(found['since'])}"
    if found["state"] == "firing":
        return f"{said}, fired at {_short(found['fired_at'])}"
    if found["for_s"]:
        said += f": {exactly(found['held_s'] * 1000)} of {exactly(found['for_s'] * 1000)}"
    if found["counted"] is not None:
        said += f", {found['counted']} of {found['at_least']} samples"
    return said


def _next(found: dict[str, Any], at: Ts) -> str:
    for name, verb in (("fires_at", "fires"), ("clears_at", "clears")):
        if found[name] is not None:
            left = _ms(found[name]) - at
            said = f"next: {verb} at {_short(found[name])}"
            said += f", in {exactly(left)}, if it stays so" if left > 0 else ", at the next tick"
            if found["sample_by"] is not None:
                return f"{said} and a sample comes before {_short(found['sample_by'])}"
            return f"{said} ({found['because']})" if found["because"] else said
    return f"no next moment: {found['because']}" if found["because"] else ""


def _block(name: str, seconds: float, at_least: int, told: dict[str, Any], at: Ts) -> Iterator[str]:
    waits = f" for {exactly(seconds * 1000)}" if seconds else ""
    counts = f", at least {at_least} samples" if at_least > 1 else ""
    yield f"{name}{waits}{counts}"
    yield from _tree(told, at, depth=1)


def _tree(told: dict[str, Any], at: Ts, *, depth: int) -> Iterator[str]:
    because = f" ({told['because']})" if told["because"] else ""
    values = "; ".join(_value(one, at) for one in told["seen"])
    more = f"; and {told['more']} more" if told["more"] else ""
    shown = f": {values}{more}" if values else ""
    yield f"{'  ' * depth}{_TRUTHS[told['truth']]:<8}{told['says']}{shown}{because}"
    for part in told["parts"]:
        yield from _tree(part, at, depth=depth + 1)


def _value(seen: dict[str, Any], at: Ts) -> str:
    if seen["ts"] is None:
        return f"{seen['source']} has sent none"
    age = exactly(at - _ms(seen["ts"]))
    if seen["dies_at"] is None:
        return f"{seen['source']} was heard {age} ago"
    value = "not known" if seen["value"] is None else f"{seen['value']:.10g}"
    return f"{value} from {seen['source']}, {age} ago"


def _ticket(filed: dict[str, Any]) -> str:
    if not filed["makes_tickets"]:
        return "the rule makes incidents only"
    if filed["ticket"] is not None:
        return str(filed["ticket"])
    if filed["held_until"] is not None:
        return f"waits for the cool-down to end at {_short(filed['held_until'])}"
    if filed["quiet_until"] is not None:
        return f"none; the cool-down lasts until {_short(filed['quiet_until'])}"
    return "none"


def _short(text: str | None) -> str:
    return "the end" if text is None else text.replace(".000Z", "Z")


def _ms(text: str) -> Ts:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
