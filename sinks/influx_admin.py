"""The HTTP side of setting up: JSON asked and answered, with an administrator's rights."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import orjson

from citypatrol.errors import Retry
from citypatrol.secret import Secret
from sinks.config import InfluxConfig
from sinks.influx_setup import Json
from sinks.influxql import rows

_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Rights:
    """Of an operator: a token (2.x), or a user and password (1.x with authentication)."""

    token: Secret | None = None
    username: str | None = None
    password: Secret | None = None

    @property
    def headers(self) -> dict[str, str]:
        if self.token is not None:
            return {"Authorization": f"Token {self.token.reveal()}"}
        if self.username and self.password is not None:
            auth = aiohttp.encode_basic_auth(self.username, self.password.reveal())
            return {"Authorization": auth}
        return {}


class Admin:
    """``ask`` for the second API, ``query`` for the first."""

    def __init__(self, session: aiohttp.ClientSession, config: InfluxConfig) -> None:
        self._session = session
        self._url = config.url

    async def ask(self, method: str, path: str, body: Json | None) -> tuple[int, Any]:
        data = None if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.request(
                method, f"{self._url}{path}", data=data, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status, _json(await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            message = f"{self._url} does not answer: {error or type(error).__name__}; is it up?"
            raise Retry(message) from error

    async def query(self, statement: str) -> Sequence[Sequence[Any]]:
        return rows(*await self.ask("POST", f"/query?{urlencode({'q': statement})}", None))


@asynccontextmanager
async def administrator(config: InfluxConfig, *, rights: Rights) -> AsyncIterator[Admin]:
    async with aiohttp.ClientSession(
        headers=rights.headers, timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)
    ) as session:
        yield Admin(session, config)


def _json(data: bytes) -> Any:
    """What is no JSON (a proxy's page) is given as text: its status says that it failed."""
    try:
        return orjson.loads(data) if data else {}
    except ValueError:
        return data[:300].decode("utf-8", "replace")
