"""``/api/v1/sources``, ``incidents`` and ``tail`` through a real server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.tailing import Tailing
from citypatrol.dead import DeadLetter
from ingest.message import Message
from ingest.tap import Tap
from tests.app.a_desk import NOW, TheDesk, incident, make_desk, serving
from tests.app.a_roll import INPUT, NAME, RULES, heard, roll_of


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[TheDesk]:
    stage = heard(tmp_path)
    tailing = Tailing(Tap(), heard=stage, inputs=[INPUT])
    made = make_desk(tmp_path)
    async with serving(made, roll=roll_of(stage), rules=lambda: RULES, tailing=tailing) as running:
        yield running
        tailing.tap.close()


async def test_the_list_has_counts_and_pages(city: TheDesk):
    _, body, _ = await city.get("/api/v1/sources?limit=3")
    assert [one["id"] for one in body["sources"]] == ["pump-1", "pump-2", "new-1"]
    assert body["counts"] == {"heard": 4, "silent": 1, "unregistered": 1, "never": 1}
    _, rest, _ = await city.get(f"/api/v1/sources?limit=3&cursor={body['cursor']}")
    assert ([one["id"] for one in rest["sources"]], rest["cursor"]) == (["cam-1/north"], None)
    pump = body["sources"][1]
    assert pump == {
        "id": "pump-2",
        "registered": True,
        "labels": {"name": "River Street", "kind": "underpass", "district": "jinshui"},
        "last_heard": "2026-05-12T23:42:11.480Z",
        "silent_s": 1_200.0,
        "per_minute": 0.0,
        "series": 2,
        "readings": 2,
        "late": 0,
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("silent_for=2m", ["pump-2"]),
        ("unregistered=true", ["new-1"]),
        ("never=true", ["air-1"]),
        ("kind=camera", ["cam-1/north"]),
        ("district=jinshui&silent_for=1m", ["pump-2"]),
    ],
)
async def test_the_list_can_be_narrowed(city: TheDesk, query: str, found: list[str]):
    _, body, _ = await city.get(f"/api/v1/sources?{query}")
    assert [one["id"] for one in body["sources"]] == found


async def test_one_source_with_everything(city: TheDesk):
    city.file(incident())
    city.dead.put_many(
        [
            DeadLetter("message", "city/water/pump-1/level", "no number: `wet`", b"wet", NOW),
            DeadLetter("message", "city/water/pump-1/level", "no number: `dry`", b"dry", NOW),
            DeadLetter("message", "city/water/pump-12/level", "no number: `x`", b"x", NOW),
        ]
    )
    _, body, _ = await city.get("/api/v1/sources/pump-1")
    assert body["clock"] == {"offset_s": -240.0, "says": "its clock is 4 min fast"}
    assert (body["silent_s"], body["readings"], body["online"]) == (0.0, 30, None)
    assert (body["lateness_s"], body["stale_s"]) == (1.0, 600.0)
    [series] = body["series"]
    assert series["value"] == pytest.approx(5.9)
    assert (series["metric"], series["interval_s"], series["jitter_s"]) == ("water_level", 10, 0)
    assert series["ts"] == "2026-05-13T00:06:11.480Z"
    [rule] = body["rules"]
    assert (rule["rule"], rule["condition"], rule["heard"]) == ("flooded", "above 15", True)
    [firing] = body["incidents"]
    assert (firing["rule"], firing["cleared_at"]) == ("underpass-flooded", None)
    assert firing["ticket"] == "ZZ-260513-0001"
    assert body["dead"]["count"] == 2
    assert body["dead"]["causes"] == [
        {"kind": "message", "cause": "no number: …", "count": 2, "newest_id": 2}
    ]
    assert [letter["payload"] for letter in body["dead"]["newest"]] == ["dry", "wet"]


async def test_a_source_never_heard_and_a_region(city: TheDesk):
    _, body, _ = await city.get("/api/v1/sources/air-1")
    assert (body["last_heard"], body["series"], body["clock"]) == (None, [], None)
    for path in ("cam-1/north", "cam-1%2Fnorth"):
        _, body, _ = await city.get(f"/api/v1/sources/{path}")
        assert (body["id"], body["registered"]) == ("cam-1/north", True)
    _, body, _ = await city.get("/api/v1/sources/pump-2")
    assert body["online"] is False


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        (
            "/api/v1/sources/pmup-1",
            404,
            "there is no source pmup-1; the nearest are pump-1",
        ),
        ("/api/v1/sources/zzzzzzzz", 404, "there is no source zzzzzzzz"),
        ("/api/v1/sources?silent_for=soon", 422, "silent_for: 'soon' is no duration; write one"),
        ("/api/v1/sources?limit=0", 422, "limit: "),
        ("/api/v1/tail?topic=a%23", 422, "topic: 'a#' is no topic filter"),
    ],
)
async def test_what_is_asked_wrongly(city: TheDesk, path: str, status: int, detail: str):
    answered, body, headers = await city.get(path)
    assert (answered, headers["Content-Type"]) == (status, "application/problem+json")
    assert body["detail"].startswith(detail)


async def test_a_device_of_which_nothing_can_be_read_is_no_stranger(city: TheDesk):
    city.dead.put_many([DeadLetter("message", "city/water/odd-1/x", "no number", b"wet", NOW)])
    status, body, _ = await city.get("/api/v1/sources/odd-1")
    assert (status, body["registered"], body["last_heard"]) == (200, False, None)
    assert (body["dead"]["count"], body["rules"][0]["heard"]) == (1, False)


async def test_before_the_city_is_there(desk: TheDesk):
    for path in ("sources", "sources/pump-1", "tail"):
        status, body, _ = await desk.get(f"/api/v1/{path}")
        assert (status, body["detail"][:20]) == (503, "the city is starting")


async def test_nobody_looks_without_the_token(guarded: TheDesk):
    for path in ("sources", "sources/pump-1", "incidents", "tail", "dead/groups", "dead/deeds"):
        assert (await guarded.get(f"/api/v1/{path}"))[0] == 401


async def test_incidents(city: TheDesk):
    gone = replace(incident(source="pump-2"), cleared_at=NOW)
    city.file(incident(), incident(source="pump-2"), gone)
    _, body, _ = await city.get("/api/v1/incidents")
    assert len(body["incidents"]) == 2
    _, body, _ = await city.get("/api/v1/incidents?firing=true")
    assert [one["source"] for one in body["incidents"]] == ["pump-1"]
    _, body, _ = await city.get("/api/v1/incidents?source=pump-2")
    [one] = body["incidents"]
    assert one["cleared_at"] == "2026-05-13T00:02:11.480Z"


class Reader:
    """Reads server-sent events one after the other."""

    def __init__(self, content: Any) -> None:
        self._content = content

    async def next(self) -> dict[str, Any] | None:
        """None at the end."""
        while line := await asyncio.wait_for(self._content.readline(), 20):
            if line.startswith(b"data: "):
                event: dict[str, Any] = orjson.loads(line[6:])
                return event
        return None

    async def begun(self) -> None:
        assert (await self._content.readline()).startswith(b": here it begins")


async def test_looking_on(city: TheDesk):
    assert city.session is not None
    tailing = city.door.tailing
    assert tailing is not None
    async with city.session.get(f"{city.base}/api/v1/tail?topic=city/%2B/pump-1/%23") as answer:
        assert answer.content_type == "text/event-stream"
        reader = Reader(answer.content)
        await reader.begun()
        topic = "city/water/pump-1/water_level"
        tailing.tap.show(
            [
                Message("city/water/pump-9/water_level", b"1", NOW),
                Message(topic, b"3.5", NOW),
                Message(topic, b"wet", NOW + 1),
            ],
            input=NAME,
        )
        seen = await reader.next()
        assert seen == {
            "at": "2026-05-13T00:02:11.480Z",
            "topic": topic,
            "samples": [
                {
                    "source": "pump-1",
                    "metric": "water_level",
                    "value": 3.5,
                    "ts": "2026-05-13T00:02:11.480Z",
                    "late": True,
                }
            ],
            "dead": None,
            "notes": [],
        }
        refused = await reader.next()
        assert refused is not None
        assert "`wet`" in refused["dead"]
        many = [Message(topic, b"%d" % n, NOW + n) for n in range(5_000)]
        tailing.tap.show(many, input=NAME)
        shown, dropped = 0, 0
        while shown + dropped < 5_000:
            event = await reader.next()
            assert event is not None
            shown, dropped = shown + ("topic" in event), dropped + event.get("dropped", 0)
        assert shown == 2_000, "the others were not waited for"
    for _ in range(500):
        if not tailing.tap.is_open:
            break
        await asyncio.sleep(0.02)
    assert not tailing.tap.is_open, "who has gone costs nothing any more"


async def test_at_the_stop_of_the_city_it_ends(city: TheDesk):
    assert city.session is not None
    assert city.door.tailing is not None
    async with city.session.get(f"{city.base}/api/v1/tail") as answer:
        reader = Reader(answer.content)
        await reader.begun()
        stop = asyncio.Event()
        stop.set()
        await city.door.tailing.run(stop)
        assert await reader.next() is None


async def test_only_so_many_look_on(city: TheDesk):
    assert city.door.tailing is not None
    for _ in range(8):
        city.door.tailing.tap.listen("#")
    status, body, _ = await city.get("/api/v1/tail")
    assert (status, body["detail"]) == (
        503,
        "as many as may look on at once do so already; end one of them",
    )
    events = [event async for event in city.door.tailing.events("#")]
    assert events == [b'data: {"error":"8 look on already; end one of them"}\n\n']
