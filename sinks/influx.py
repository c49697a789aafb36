"""Writes the journal's samples to InfluxDB 1.x or 2.x, from a cursor of its own.

Synchronous on purpose: a client that batches in memory drops batches when the server is away
(docs/decisions/influx-over-plain-http.md). Here the cursor moves only after the server said 204.
"""

import asyncio
import gzip
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp
import orjson
import structlog

from citypatrol.clock import Clock
from citypatrol.dead import DeadStore
from citypatrol.errors import Reject, Retry
from citypatrol.journal import Entry, Journal, Snapshot
from citypatrol.metrics import SAMPLES
from citypatrol.records import SourceSeen
from citypatrol.samples import Batch
from sinks.config import InfluxConfig
from sinks.line_protocol import TAGS, lines

log = structlog.get_logger(__name__)

MAX_LINES = 5000
"""InfluxData's own advice for one request."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
LABELS_EVERY_S = 5.0
"""While sources introduce themselves by the thousand, their labels are saved this often."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one write."""

    status: int
    text: str = ""
    retry_after: str | None = None


Post = Callable[[str, Mapping[str, str], bytes], Awaitable[Answer]]
"""Sends one request; raises ``Retry`` where no answer came."""


class InfluxSink:
    """A stage: reads its cursor, writes, commits.

    Promised: every sample of the journal is written at least once or lies in the dead-letter store
    with the server's reason; a point written twice is one point. Not promised: any delay while the
    server is away; what was not written waits in the journal.
    """

    def __init__(
        self,
        journal: Journal,
        config: InfluxConfig,
        *,
        dead: DeadStore,
        clock: Clock,
        cursor: str = "influx",
        post: Post | None = None,
    ) -> None:
        self.name = cursor
        self._journal = journal
        self._config = config
        self._dead = dead
        self._clock = clock
        self._post = post
        self._labels: dict[str, dict[str, str]] = {}
        self._unsaved = False
        self._saved_at = 0.0

    def waiting_for(self) -> str | None:
        return None  # DOORS: readiness does not wait for Influx

    async def run(self, stop: asyncio.Event) -> None:
        if self._post is not None:
            await self._follow(self._post, stop)
            return
        async with self._session() as session:
            await self._follow(_poster(session), stop)

    @property
    def url(self) -> str:
        """The server's address: the origin of its dead letters."""
        return self._config.url

    async def rewrite(self, line: bytes) -> None:
        """Write one line of the dead-letter store again.

        Raises ``Reject`` where it is still refused, ``Retry`` where no answer came.
        """
        if self._post is not None:
            await self._send(self._post, line)
            return
        async with self._session() as session:
            await self._send(_poster(session), line)

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._config.timeout / 1000)
        )

    async def _follow(self, post: Post, stop: asyncio.Event) -> None:
        position = await self._journal.committed(self.name)
        await self._recall_labels()
        pause = FIRST_PAUSE_S
        while not stop.is_set():
            entries = await self._journal.read(self.name, after=position, wait_s=1.0)
            try:
                await self._write_entries(post, entries)
            except Retry as retry:
                wait = pause if retry.after_s is None else retry.after_s
                log.warning(
                    "influx is not taking points",
                    url=self._config.url,
                    reason=retry.reason,
                    again_in_s=wait,
                )
                await _wait(stop, wait)
                pause = min(pause * 2, LONGEST_PAUSE_S)
                continue
            pause = FIRST_PAUSE_S
            if entries:
                position = entries[-1].position
            await self._commit(position)

    async def _write_entries(self, post: Post, entries: Sequence[Entry]) -> None:
        text: list[str] = []
        samples = 0
        for entry in entries:
            if isinstance(entry.record, Batch):
                samples += len(entry.record)
                text += lines(entry.record, labels=self._labels_of)
            elif isinstance(entry.record, SourceSeen):
                self._learn(entry.record)
        for start in range(0, len(text), MAX_LINES):
            await self._write(post, text[start : start + MAX_LINES])
        SAMPLES.labels(stage=self.name).inc(samples)

    def _labels_of(self, source: str) -> Mapping[str, str]:
        return self._labels.get(source, {})

    def _learn(self, seen: SourceSeen) -> None:
        tags = {name: value for name, value in seen.labels.items() if name in TAGS and value}
        if self._labels.get(seen.source) != tags:
            self._labels[seen.source] = tags
            self._unsaved = True

    async def _recall_labels(self) -> None:
        """Sources introduce themselves once, perhaps before the part that a restart reads again."""
        snapshot = await self._journal.load_snapshot(self.name)
        if snapshot is not None:
            self._labels = orjson.loads(snapshot.data)

    async def _commit(self, position: int) -> None:
        """The labels first: the cursor must not pass an introduction that is not saved."""
        if self._unsaved:
            if time.monotonic() < self._saved_at + LABELS_EVERY_S:
                return
            data = await asyncio.to_thread(orjson.dumps, self._labels)
            await self._journal.save_snapshot(self.name, Snapshot(position, data))
            self._unsaved, self._saved_at = False, time.monotonic()
        if position > await self._journal.committed(self.name):
            await self._journal.commit(self.name, position)

    async def _write(self, post: Post, text: Sequence[str]) -> None:
        """Write the lines; where the server refuses, halve until the bad line stands alone."""
        try:
            await self._send(post, "\n".join(text).encode())
        except Reject as refused:
            if len(text) > 1:
                middle = len(text) // 2
                await self._write(post, text[:middle])
                await self._write(post, text[middle:])
                return
            await asyncio.to_thread(
                self._dead.put,
                "line",
                origin=self._config.url,
                reason=refused.reason,
                payload=text[0].encode(),
                at=self._clock.now(),
            )
            log.error("influx refused a line", line=text[0][:200], reason=refused.reason)

    async def _send(self, post: Post, body: bytes) -> None:
        """One request. ``Reject``: these lines are bad; ``Retry``: the server or its set-up is."""
        headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip"}
        answer = await post(*self._target(headers), await asyncio.to_thread(gzip.compress, body, 1))
        if answer.status in (200, 204):
            return
        reason = f"{answer.status} {answer.text.strip()[:300]}"
        if answer.status in (400, 413, 422):
            raise Reject(reason)
        raise Retry(reason, after_s=_seconds(answer.retry_after))

    def _target(self, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        config = self._config
        token = config.token.reveal() if config.token else None
        if config.version == 2:
            query = {"org": config.org or "", "bucket": config.bucket or "", "precision": "ms"}
            if token:
                headers["Authorization"] = f"Token {token}"
            return f"{config.url}/api/v2/write?{urlencode(query)}", headers
        if config.username and config.password:
            password = config.password.reveal()
            headers["Authorization"] = aiohttp.encode_basic_auth(config.username, password)
        query = {"db": config.db or "", "precision": "ms"}
        return f"{config.url}/write?{urlencode(query)}", headers


def _poster(session: aiohttp.ClientSession) -> Post:
    async def post(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            async with session.post(
                url, headers=headers, data=body, allow_redirects=False
            ) as answer:
                text = await answer.text(errors="replace")
                return Answer(answer.status, text, answer.headers.get("Retry-After"))
        except TimeoutError as error:
            message = "no answer in time"
            raise Retry(message) from error
        except aiohttp.ClientError as error:
            raise Retry(str(error)) from error

    return post


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds; the date form is left to our own back-off."""
    if retry_after is None or not retry_after.strip().isdigit():
        return None
    return min(float(retry_after), 600.0)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
