"""One write to InfluxDB over HTTP: the request of each version, and what an answer means.

https://docs.influxdata.com/influxdb/v2/api/v2/#operation/PostWrite and, for 1.x,
https://docs.influxdata.com/influxdb/v1/tools/api/#write-http-endpoint
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import aiohttp

from citypatrol.clock import Ts
from citypatrol.errors import Reject, Retry
from sinks.attempts import retry_after_ms
from sinks.config import InfluxConfig

_MOST_READ: Final = 4_000
_SHOWN: Final = 300
_LONGEST_WAIT_S: Final = 600.0
_DROPPED: Final = re.compile(r"\bdropped=(\d+)")
_EXPIRED: Final = re.compile(r"points (beyond|outside) retention policy")
"""1.x and 2.0 say beyond; 2.7 says outside."""
_SET_UP: Final = frozenset({401, 403, 404, 405})
Body = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one request: the beginning of its text is enough."""

    status: int
    text: str = ""
    retry_after: str | None = None
    location: str = ""


Post = Callable[[str, Mapping[str, str], Body], Awaitable[Answer]]
"""Sends one request; raises ``Retry`` where no answer came."""


class Refused(Reject):
    """Lines of this request were not taken; the others of it may have been.

    ``dropped``: how many, where the server says so; ``expired``: they are older than what it keeps;
    ``too_large``: none was looked at.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(_said(answer))
        found = _DROPPED.search(answer.text)
        self.dropped = int(found[1]) if found else 0
        self.expired = _EXPIRED.search(answer.text) is not None
        self.too_large = answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class WrongSetUp(Retry):
    """The server will not take anything until a person mends what ``reason`` names."""


def session(config: InfluxConfig) -> aiohttp.ClientSession:
    """Every request of it ends after ``config.timeout``."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=config.timeout / 1000),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def poster(session: aiohttp.ClientSession) -> Post:
    async def post(url: str, headers: Mapping[str, str], body: Body) -> Answer:
        try:
            async with session.post(
                url, headers=headers, data=bytes(body), allow_redirects=False
            ) as answer:
                return Answer(
                    answer.status,
                    text=await _begin_of_text(answer),
                    retry_after=answer.headers.get("Retry-After"),
                    location=answer.headers.get("Location", ""),
                )
        except TimeoutError as error:
            message = "no answer in time"
            raise Retry(message) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            message = f"{type(error).__name__}: {error}"
            raise Retry(message) from error

    return post


async def _begin_of_text(answer: aiohttp.ClientResponse) -> str:
    """What came of it: where it breaks off, the status still says how it went."""
    said = b""
    with suppress(aiohttp.ClientError, TimeoutError):
        async for part in answer.content.iter_any():
            said += part
            if len(said) >= _MOST_READ:
                answer.close()
                break
    return said[:_MOST_READ].decode("utf-8", "replace")


def target(config: InfluxConfig) -> tuple[str, dict[str, str]]:
    """Address and headers of a write."""
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    if config.version == 2:
        if config.token:
            headers["Authorization"] = f"Token {config.token.reveal()}"
        query = {"org": config.org or "", "bucket": config.bucket or "", "precision": "ms"}
        return f"{config.url}/api/v2/write?{urlencode(query)}", headers
    if config.username and config.password:
        password = config.password.reveal()
        headers["Authorization"] = aiohttp.encode_basic_auth(config.username, password)
    query = {"db": config.db or "", "precision": "ms"}
    return f"{config.url}/write?{urlencode(query)}", headers


def judge(answer: Answer, *, config: InfluxConfig, now: Ts) -> None:
    """Returns where the points were taken. Raises ``Refused`` where these lines are bad, ``Retry``
    where the server, or its set-up, is."""
    status = answer.status
    if 200 <= status < 300 and not answer.text.strip():
        return
    if status in (400, 413, 422):
        raise Refused(answer)
    if 200 <= status < 400:
        where = f" and sends to {answer.location[:_SHOWN]}" if answer.location else ""
        message = (
            f"{_said(answer)}: a write is answered 204 and nothing else{where};"
            " write the address of the InfluxDB itself as the sink's url"
        )
        raise WrongSetUp(message)
    if status in _SET_UP:
        message = f"{_said(answer)}: {_way_out(status, config)}"
        raise WrongSetUp(message)
    wait_ms = retry_after_ms(answer.retry_after, now=now)
    raise Retry(_said(answer), after_s=min(wait_ms / 1000, _LONGEST_WAIT_S) if wait_ms else None)


def _way_out(status: int, config: InfluxConfig) -> str:
    if config.version == 2:
        if status == HTTPStatus.NOT_FOUND:
            return (
                f"organisation '{config.org}' or its bucket '{config.bucket}' is not there;"
                " `citypatrol influx setup city.yaml` makes the bucket"
            )
        return (
            f"the sink's token may not write to bucket '{config.bucket}';"
            " `citypatrol influx setup city.yaml` makes one that may"
        )
    if status == HTTPStatus.NOT_FOUND:
        return (
            f"database '{config.db}' is not there; `citypatrol influx setup city.yaml` makes it"
            " (an InfluxDB 2 wants `version: 2`)"
        )
    return f"the sink's username and password may not write to database '{config.db}'"


def _said(answer: Answer) -> str:
    return f"{answer.status} {' '.join(answer.text.split())[:_SHOWN]}".strip()
