"""POST over aiohttp to where webhooks may go: no redirects, no proxies, no cookies."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from sinks.allow import Allowed, Lookup, Refused, system_lookup
from sinks.attempts import Answer

Post = Callable[[str, Mapping[str, str], bytes], Awaitable[Answer]]
"""Sends one request (URL, headers, body) and says what came back, or why nothing did."""

_MOST_READ: Final = 2_000
_SHOWN: Final = 200
_BODY_S: Final = 1.0


class AllowedResolver(AbstractResolver):
    """DNS whose answers are checked and then pinned: the connection goes to an address from here,
    not to what the name means a moment later."""

    def __init__(self, allowed: Allowed, *, lookup: Lookup) -> None:
        self._allowed = allowed
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = await self._lookup(host, port, family)
        self._allowed.check(host, addresses)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


@asynccontextmanager
async def poster(allowed: Allowed, *, lookup: Lookup = system_lookup) -> AsyncIterator[Post]:
    """A ``Post`` while the context lasts. It sets no time limit: the caller does."""
    connector = aiohttp.TCPConnector(
        resolver=AllowedResolver(allowed, lookup=lookup),
        use_dns_cache=False,
        limit=0,  # the caller's queues are the limit: one endpoint must not use up all connections
        socket_factory=allowed.socket,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        trust_env=False,
        auto_decompress=False,
    ) as session:

        async def post(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
            try:
                async with session.post(
                    url, data=body, headers=headers, allow_redirects=False
                ) as response:
                    return Answer(
                        response.status,
                        reason=_reason(response, await _begin_of_body(response)),
                        retry_after=response.headers.get("Retry-After"),
                    )
            except aiohttp.ClientConnectorError as error:
                cause = error.os_error
                return Answer(None, str(cause) if isinstance(cause, Refused) else str(error))
            except (aiohttp.ClientError, OSError, ValueError) as error:
                return Answer(None, f"{type(error).__name__}: {error}")

        yield post


async def _begin_of_body(response: aiohttp.ClientResponse) -> bytes:
    """What has come of it: the status says how it went, a body that hangs changes nothing."""
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_BODY_S):
            return await response.content.read(_MOST_READ)
    return b""


def _reason(response: aiohttp.ClientResponse, said: bytes) -> str:
    if 300 <= response.status < 400:
        target = response.headers.get("Location", "nowhere")[:_SHOWN]
        return f"a redirect to {target}, which webhooks do not follow; mend the unit's url"
    if 200 <= response.status < 300:
        return ""
    return " ".join(said.decode("utf-8", "replace").split())[:_SHOWN]
