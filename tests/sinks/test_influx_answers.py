"""What a server's answer means, and a connection that ends before there is one."""

import asyncio
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from citypatrol.clock import ManualClock
from citypatrol.dead import DeadStore
from citypatrol.errors import Retry
from sinks.config import InfluxConfig
from sinks.influx_http import Answer, Refused, WrongSetUp, judge, poster, session
from sinks.influx_writer import LineWriter
from tests.sinks.a_wire import AT, V1, V2, Serve, serving

PARTIAL = "partial write: field type conflict: input field dropped="


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(204), id="204"),
        pytest.param(Answer(200), id="200 with nothing in it"),
        pytest.param(Answer(200, " \n"), id="200 with a line break in it"),
    ],
)
def test_taken(answer: Answer) -> None:
    judge(answer, config=V1, now=AT)


@pytest.mark.parametrize(
    ("answer", "dropped", "expired", "too_large"),
    [
        pytest.param(Answer(400, "unable to parse"), 0, False, False, id="a line nobody can read"),
        pytest.param(Answer(400, f'{{"error":"{PARTIAL}7"}}'), 7, False, False, id="partial write"),
        pytest.param(Answer(422, f"{PARTIAL}1"), 1, False, False, id="partial write of 2.x"),
        pytest.param(
            Answer(422, "partial write: points beyond retention policy dropped=3"),
            3, True, False, id="older than what is kept",
        ),
        pytest.param(
            Answer(422, "partial write: dropped 1 points outside retention policy dropped=1"),
            1, True, False, id="older than what is kept, as 2.7 says it",
        ),
        pytest.param(Answer(413, "too large"), 0, False, True, id="too large"),
    ],
)  # fmt: skip
def test_refused_lines(answer: Answer, dropped: int, expired: bool, too_large: bool) -> None:
    with pytest.raises(Refused) as refused:
        judge(answer, config=V1, now=AT)
    found = refused.value
    assert (found.dropped, found.expired, found.too_large) == (dropped, expired, too_large)


@pytest.mark.parametrize(
    ("header", "after_s"),
    [
        pytest.param("7", 7.0, id="seconds"),
        pytest.param(formatdate(AT / 1000 + 7, usegmt=True), 7.0, id="a date"),
        pytest.param(formatdate(AT / 1000 - 7, usegmt=True), None, id="a date that is over"),
        pytest.param("86400", 600.0, id="not longer than ten minutes"),
        pytest.param("soon", None, id="nonsense"),
        pytest.param(None, None, id="not said"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_says_when_to_come_again(
    status: int, header: str | None, after_s: float | None
) -> None:
    with pytest.raises(Retry) as retry:
        judge(Answer(status, "busy", header), config=V2, now=AT)
    assert retry.value.after_s == after_s
    assert not isinstance(retry.value, WrongSetUp)


@pytest.mark.parametrize(
    ("answer", "config", "message"),
    [
        pytest.param(Answer(401, "no"), V2, "token may not write to bucket 'b'", id="401"),
        pytest.param(Answer(403, "forbidden"), V2, "influx setup city.yaml` makes one", id="403"),
        pytest.param(Answer(404, "no bucket"), V2, "'city' or its bucket 'b' is not", id="404"),
        pytest.param(Answer(401, "no"), V1, "username and password may not write", id="401 of 1.x"),
        pytest.param(Answer(404, "no"), V1, "database 'city' is not there", id="404 of 1.x"),
        pytest.param(Answer(200, "<html>"), V1, "write the address of the InfluxDB", id="a page"),
        pytest.param(
            Answer(302, location="https://login.example"), V1,
            "sends to https://login.example; write the address", id="a redirect",
        ),
    ],
)  # fmt: skip
def test_a_wrong_set_up_is_said_with_the_way_out(
    answer: Answer, config: InfluxConfig, message: str
) -> None:
    with pytest.raises(WrongSetUp, match=message.replace(".", r"\.")):
        judge(answer, config=config, now=AT)


async def _closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """In the middle of the answer's head."""
    writer.write(b"HTTP/1.1 204 No Con")


async def _resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """In the middle of the request."""
    writer.transport.abort()


async def _hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


async def _breaks_off_200(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<html>")


async def _breaks_off_400(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 500\r\n\r\npartial write: dro")


async def _endless_400(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 500_000)


@pytest.mark.parametrize(
    ("serve", "error", "reason"),
    [
        pytest.param(_closes, Retry, "", id="the answer's head breaks off"),
        pytest.param(_resets, Retry, "", id="the connection is reset"),
        pytest.param(_hangs, Retry, "no answer in time", id="nothing is answered"),
        pytest.param(_breaks_off_200, Retry, "and nothing else", id="a page breaks off"),
        pytest.param(_breaks_off_400, Refused, "400", id="a refusal breaks off"),
        pytest.param(_endless_400, Refused, "400 xxx", id="a refusal without end"),
    ],
)
async def test_an_answer_that_breaks_off(
    serve: Serve, error: type[Exception], reason: str, tmp_path: Path
) -> None:
    dead = DeadStore(tmp_path / "dead.db")
    async with serving(serve) as url:
        config = V1.model_copy(update={"url": url})
        async with session(config) as opened:
            writer = LineWriter(
                config, dead=dead, clock=ManualClock(AT), stage="influx", post=poster(opened)
            )
            with pytest.raises(error) as found:
                await writer.send(b"sensor value=1 1")
    assert reason in str(found.value)


async def test_nobody_there_at_all_is_noticed_within_the_timeout() -> None:
    """192.0.2.0/24 belongs to nobody (RFC 5737): packets go out and nothing comes back."""
    config = V1.model_copy(update={"url": "http://192.0.2.1:8086", "timeout": 300})
    began = time.monotonic()
    async with session(config) as opened:
        with pytest.raises(Retry):
            await poster(opened)(f"{config.url}/write", {}, b"")
    assert time.monotonic() - began < 5
