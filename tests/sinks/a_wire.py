"""Two InfluxDB configurations, and a server of a few lines."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from citypatrol.secret import Secret
from sinks.config import InfluxConfig

AT = 1_778_630_400_000
V1 = InfluxConfig(type="influx", version=1, url="http://127.0.0.1:1", db="city", timeout=500)
V2 = InfluxConfig(
    type="influx", url="http://127.0.0.1:1", org="city", bucket="b", token=Secret("t")
)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    """A server whose every byte the test chooses."""

    serves: list[asyncio.Task[None]] = []

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                await serve(reader, writer)
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serves.append(asyncio.create_task(one(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()
        for task in serves:
            task.cancel()
        await asyncio.gather(*serves, return_exceptions=True)
        await asyncio.sleep(0)  # aborted transports close their sockets in the next round
