"""Makes what a sink writes to: a database, or a bucket with its mapping and its two tokens.

Asking twice changes nothing. What is there keeps its retention unless another one is asked for:
a shorter one deletes points.
https://docs.influxdata.com/influxdb/v2/api/v2/ and, for 1.x,
https://docs.influxdata.com/influxdb/v1/query_language/manage-database/
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote

from citypatrol.errors import Reject
from citypatrol.secret import Secret
from citypatrol.units import format_duration
from sinks.config import InfluxConfig
from sinks.influxql import Query, identifier, influxql_ms

DEFAULT_RETENTION_MS: Final = 90 * 86_400_000
FOREVER: Final = 0
_POLICY: Final = "autogen"

Json = Mapping[str, Any]
Ask = Callable[[str, str, Json | None], Awaitable[tuple[int, Any]]]
"""``(method, path, body)`` to status and JSON. Raises ``Retry`` where no answer came."""
Access = Literal["write", "read"]


@dataclass(frozen=True, slots=True)
class Step:
    """``done``: 'made', 'changed' or 'there' already. ``token`` is shown by the server this once.
    ``replaces``: the ids of authorizations that are to go once it is safely kept."""

    what: str
    done: Literal["made", "changed", "there"]
    detail: str = ""
    access: Access | None = None
    token: Secret | None = None
    replaces: tuple[str, ...] = ()


async def set_up_v1(query: Query, config: InfluxConfig, *, retention: int | None) -> list[Step]:
    """Database and the duration of its default retention policy. ``retention`` in milliseconds,
    ``FOREVER``, or None: 90 days for a new one. Raises ``Reject``, ``Retry``."""
    db = config.db or ""
    there = db in [row[0] for row in await query("SHOW DATABASES")]
    if not there:
        await query(f"CREATE DATABASE {identifier(db)}")
    policies = await query(f"SHOW RETENTION POLICIES ON {identifier(db)}")
    name, keeps = next((str(row[0]), influxql_ms(str(row[1]))) for row in policies if row[-1])
    wanted = _wanted(keeps, retention, is_new=not there)
    if wanted != keeps:
        duration = f"{wanted}ms" if wanted else "INF"
        await query(
            f"ALTER RETENTION POLICY {identifier(name)} ON {identifier(db)}"
            f" DURATION {duration} SHARD DURATION 0s DEFAULT"
        )
    policy = Step(f"retention policy {name}", _done(keeps, wanted, there), _keeps(wanted))
    return [Step(f"database {db}", "there" if there else "made"), policy]


async def set_up_v2(
    ask: Ask, config: InfluxConfig, *, retention: int | None, renew: Sequence[Access] = ()
) -> list[Step]:
    """Bucket, DBRP mapping (InfluxQL asks for a database), a token that only writes and one that
    only reads. ``renew``: tokens to make anew. Raises ``Reject``, ``Retry``."""
    org = await _org(ask, config.org or "")
    bucket, step = await _bucket(ask, config.bucket or "", org=org, retention=retention)
    steps = [step, await _mapping(ask, config.bucket or "", org=org, bucket=bucket)]
    found = await _ok(ask, "GET", f"/api/v2/authorizations?orgID={org}")
    for access in ("write", "read"):
        name = f"citypatrol may {access} {config.bucket}"
        old = [one["id"] for one in found["authorizations"] if one.get("description") == name]
        if old and access not in renew:
            steps.append(Step(f"token '{name}'", "there", access=access))
            continue
        body = {
            "orgID": org,
            "description": name,
            "permissions": [
                {"action": access, "resource": {"type": "buckets", "id": bucket, "orgID": org}}
            ],
        }
        made = await _ok(ask, "POST", "/api/v2/authorizations", body)
        steps.append(
            Step(
                f"token '{name}'",
                "changed" if old else "made",
                access=access,
                token=Secret(made["token"]),
                replaces=tuple(old),
            )
        )
    return steps


async def forget(ask: Ask, step: Step) -> None:
    """Take the tokens away that ``step`` replaces."""
    for old in step.replaces:
        await _ok(ask, "DELETE", f"/api/v2/authorizations/{old}")


async def _org(ask: Ask, name: str) -> str:
    status, said = await ask("GET", f"/api/v2/orgs?org={quote(name, safe='')}", None)
    found = [] if status == 404 else _check("GET", "/api/v2/orgs", status, said)["orgs"]
    if not found:
        message = f"this token sees no organisation '{name}'; mend `org:`, or use another token"
        raise Reject(message)
    return str(found[0]["id"])


async def _bucket(ask: Ask, name: str, *, org: str, retention: int | None) -> tuple[str, Step]:
    path = f"/api/v2/buckets?orgID={org}&name={quote(name, safe='')}"
    status, said = await ask("GET", path, None)
    found = [] if status == 404 else _check("GET", path, status, said)["buckets"]
    if not found:
        wanted = _wanted(FOREVER, retention, is_new=True)
        body = {"orgID": org, "name": name, "retentionRules": _rules(wanted)}
        made = await _ok(ask, "POST", "/api/v2/buckets", body)
        return str(made["id"]), Step(f"bucket {name}", "made", _keeps(wanted))
    bucket = found[0]
    keeps = sum(rule["everySeconds"] * 1000 for rule in bucket.get("retentionRules") or ())
    wanted = _wanted(keeps, retention, is_new=False)
    if wanted != keeps:
        rules = _rules(wanted) or [{"type": "expire", "everySeconds": 0}]
        await _ok(ask, "PATCH", f"/api/v2/buckets/{bucket['id']}", {"retentionRules": rules})
    return str(bucket["id"]), Step(f"bucket {name}", _done(keeps, wanted, True), _keeps(wanted))


async def _mapping(ask: Ask, name: str, *, org: str, bucket: str) -> Step:
    what = f"database {name} for InfluxQL"
    found = await _ok(ask, "GET", f"/api/v2/dbrps?orgID={org}&bucketID={bucket}")
    if any(one["database"] == name for one in found["content"]):
        return Step(what, "there")
    body = {
        "orgID": org,
        "bucketID": bucket,
        "database": name,
        "retention_policy": _POLICY,
        "default": True,
    }
    await _ok(ask, "POST", "/api/v2/dbrps", body)
    return Step(what, "made")


async def _ok(ask: Ask, method: str, path: str, body: Json | None = None) -> Any:
    return _check(method, path, *await ask(method, path, body))


def _check(method: str, path: str, status: int, said: Any) -> Any:
    if 200 <= status < 300 and isinstance(said, dict):
        return said
    reason = said.get("message", said) if isinstance(said, dict) else said
    way_out = "is this an InfluxDB 2?"
    if status in (401, 403):
        way_out = "the token must be an operator's, or one with all access"
    message = f"{method} {path.partition('?')[0]}: {status} {reason}; {way_out}"
    raise Reject(message)


def _rules(retention: int) -> list[Json]:
    return [{"type": "expire", "everySeconds": retention // 1000}] if retention else []


def _wanted(keeps: int, asked: int | None, *, is_new: bool) -> int:
    if asked is not None:
        return asked
    return DEFAULT_RETENTION_MS if is_new else keeps


def _done(keeps: int, wanted: int, there: bool) -> Literal["made", "changed", "there"]:
    if not there:
        return "made"
    return "there" if keeps == wanted else "changed"


def _keeps(retention: int) -> str:
    return f"keeps {format_duration(retention)}" if retention else "keeps everything"
