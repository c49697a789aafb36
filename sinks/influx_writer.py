"""Puts lines into InfluxDB, however long that takes; what it never takes is set aside."""

import asyncio
import gzip
import time
from collections.abc import Iterable, Iterator
from typing import Final

import structlog

from citypatrol.clock import Clock
from citypatrol.crashpoints import CrashPoint, crash_point
from citypatrol.dead import DeadLetter, DeadStore
from citypatrol.errors import Retry
from citypatrol.metrics import DROPPED
from sinks.config import InfluxConfig
from sinks.influx_http import Post, Refused, WrongSetUp, judge, target
from sinks.line_protocol import Lines
from sinks.page import MAX_BYTES, MAX_LINES

log = structlog.get_logger(__name__)

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
_FEWEST_LINES: Final = 100
_TELL_EVERY_S: Final = 60.0


class LineWriter:
    """One server. ``stage`` is the label of what it drops; ``clock`` dates dead letters."""

    def __init__(
        self, config: InfluxConfig, *, dead: DeadStore, clock: Clock, stage: str, post: Post
    ) -> None:
        self._config = config
        self._dead = dead
        self._clock = clock
        self._stage = stage
        self._post = post
        self._most_lines = MAX_LINES
        self._expired = 0
        self._tell_expired_at = 0.0

    async def write(self, text: Lines) -> None:
        """Returns once every line was taken or set aside: a server that is away is waited for."""
        while len(text):
            part = text.first(self._most_lines, most_bytes=MAX_BYTES)
            text = text[len(part) :]
            try:
                await self._until_taken(part.body)
            except Refused as refused:
                await self._halve(part, refused)

    async def send(self, body: bytes | memoryview) -> None:
        """One request. ``Refused``: these lines are bad; ``Retry``: the server or its set-up is."""
        url, headers = target(self._config)
        if self._config.gzip:
            headers["Content-Encoding"] = "gzip"
            body = await asyncio.to_thread(gzip.compress, body, 1)
        judge(await self._post(url, headers, body), config=self._config, now=self._clock.now())

    async def _halve(self, text: Lines, refused: Refused) -> None:
        """Until the bad line stands alone. ``dropped=N`` for all of them saves asking for each."""
        if len(text) > 1 and refused.dropped < len(text):
            middle = len(text) // 2
            if refused.too_large:
                self._most_lines = min(self._most_lines, max(middle, _FEWEST_LINES))
            await self.write(text[:middle])
            await self.write(text[middle:])
            return
        if refused.expired:
            self._count_expired(len(text), refused)
            return
        await self._set_aside(text, refused)
        log.error(
            "influx refused lines",
            lines=len(text),
            first=bytes(text[:1].body)[:200].decode(errors="replace").rstrip(),
            reason=refused.reason,
        )

    async def _set_aside(self, text: Lines, refused: Refused) -> None:
        while True:
            letters = self._letters(text.each(), refused.reason)
            try:
                await asyncio.to_thread(self._dead.put_many, letters)
            except Retry as retry:
                log.error("refused lines cannot be set aside yet", reason=retry.reason)
                await asyncio.sleep(FIRST_PAUSE_S)
            else:
                return

    def _count_expired(self, lines: int, refused: Refused) -> None:
        DROPPED.labels(self._stage, "retention").inc(lines)
        self._expired += lines
        if time.monotonic() >= self._tell_expired_at:
            log.warning(
                "influx keeps no points that old", lines=self._expired, reason=refused.reason
            )
            self._expired, self._tell_expired_at = 0, time.monotonic() + _TELL_EVERY_S

    def _letters(self, refused: Iterable[bytes], reason: str) -> Iterator[DeadLetter]:
        at = self._clock.now()
        for line in refused:
            yield DeadLetter("line", self._config.url, reason, line, at)

    async def _until_taken(self, body: memoryview) -> None:
        pause_s, failed_at = FIRST_PAUSE_S, 0.0
        while True:
            crash_point(CrashPoint.INFLUX_WRITE_BEFORE)
            try:
                await self.send(body)
                break
            except Retry as retry:
                wait_s = pause_s if retry.after_s is None else retry.after_s
                tell = log.error if isinstance(retry, WrongSetUp) else log.warning
                tell(
                    "influx is not taking points",
                    url=self._config.url,
                    reason=retry.reason,
                    again_in_s=round(wait_s, 1),
                )
                failed_at = failed_at or time.monotonic()
                await asyncio.sleep(wait_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        crash_point(CrashPoint.INFLUX_WRITTEN)
        if failed_at:
            away_s = round(time.monotonic() - failed_at, 1)
            log.warning("influx takes points again", url=self._config.url, away_s=away_s)
