"""``/api/v1/dead`` for many letters at once, and what is kept of it."""

import base64

import pytest

from app.resend import Resender, Sent
from citypatrol.dead import DeadLetter
from citypatrol.dead_desk import DeadDesk, Which
from citypatrol.errors import Reject, Retry
from tests.app.a_desk import NOW, TheDesk


@pytest.fixture
def letters(desk: TheDesk) -> TheDesk:
    desk.dead.put_many(
        DeadLetter(
            "line" if n % 4 == 3 else "message", f"city/a/{n}", f"no number: `{n}`", b"%d" % n, NOW
        )
        for n in range(8)
    )
    return desk


def _payloads(desk: TheDesk) -> list[bytes]:
    return [letter.payload for letter in desk.replayed]


async def test_grouped_and_chosen(letters: TheDesk):
    _, body, _ = await letters.get("/api/v1/dead/groups")
    assert body["count"] == 8
    assert [(one["kind"], one["cause"], one["count"]) for one in body["groups"]] == [
        ("message", "no number: …", 6),
        ("line", "no number: …", 2),
    ]
    _, body, _ = await letters.get("/api/v1/dead/groups?by=origin&kind=line")
    assert [one["cause"] for one in body["groups"]] == ["city/a/7", "city/a/3"]
    _, body, _ = await letters.get("/api/v1/dead?reason=number&origin=city/*&kind=line")
    assert [one["id"] for one in body["dead"]] == [8, 4]


async def test_many_are_sent_again_in_pages_and_what_fails_stays(letters: TheDesk):
    cursor, results = 0, []
    while cursor is not None:
        status, body, _ = await letters.post(
            "/api/v1/dead/replay",
            json={"reason": "no number", "limit": 3, "cursor": cursor, "who": "li"},
        )
        assert status == 200
        results += body["results"]
        cursor = body["cursor"]
    assert [one["id"] for one in results] == list(range(1, 9)), "the oldest first"
    refused = {one["id"]: one["reason"] for one in results if one["result"] == "refused"}
    assert refused == {4: "400 still no line", 8: "400 still no line"}
    assert _payloads(letters) == [b"0", b"1", b"2", b"4", b"5", b"6"]
    _, body, _ = await letters.get("/api/v1/dead")
    assert [(one["id"], one["reason"]) for one in body["dead"]] == [
        (8, "400 still no line"),
        (4, "400 still no line"),
    ]
    _, body, _ = await letters.get("/api/v1/dead/deeds?letter=4")
    [deed] = body["deeds"]
    assert (deed["deed"], deed["who"], deed["reason"]) == ("refused", "li", "no number: `3`")
    _, body, _ = await letters.get("/api/v1/dead?settled=true&limit=2")
    assert [one["id"] for one in body["dead"]] == [7, 6]


async def test_by_ids(letters: TheDesk):
    _, body, _ = await letters.post("/api/v1/dead/replay", json={"ids": [3, 1]})
    assert [(one["id"], one["result"]) for one in body["results"]] == [
        (3, "replayed"),
        (1, "replayed"),
    ]
    assert body["cursor"] is None
    status, body, _ = await letters.post("/api/v1/dead/replay", json={"ids": [2, 1]})
    assert (status, body["detail"]) == (409, "dead letter 1 is dealt with already: replayed")
    assert _payloads(letters) == [b"2", b"0"], "nothing was sent of a wrong list"
    status, body, _ = await letters.post(
        "/api/v1/dead/drop", json={"ids": [1, 2, 99], "note": "old"}
    )
    assert (status, body) == (200, {"dropped": 1})


async def test_dropped_with_a_note_and_a_name(letters: TheDesk):
    headers = {"Authorization": f"Basic {base64.b64encode('王:any'.encode()).decode()}"}
    _, body, _ = await letters.post(
        "/api/v1/dead/drop", json={"kind": "line", "note": "painted"}, headers=headers
    )
    await letters.post("/api/v1/dead/2/drop", headers={"Authorization": "Basic %%%"})
    assert body == {"dropped": 2}
    await letters.post("/api/v1/dead/1/drop")
    _, body, _ = await letters.get("/api/v1/dead/deeds")
    assert [(one["letter"], one["who"], one["note"]) for one in body["deeds"]] == [
        (1, "the desk", "dropped by the desk"),
        (2, "the desk", "dropped by the desk"),
        (8, "王", "painted"),
        (4, "王", "painted"),
    ]
    _, body, _ = await letters.get("/api/v1/dead/1")
    assert [one["deed"] for one in body["deeds"]] == ["dropped"]


@pytest.mark.parametrize(
    ("path", "body", "status", "detail"),
    [
        ("drop", {"note": "x"}, 422, "choose letters: by ids, kind, reason, origin"),
        ("drop", {"all": True}, 422, "note: say why; it is kept with your name"),
        ("drop", {"notes": "x"}, 422, "notes: "),
        ("replay", {}, 422, "choose letters: by ids, kind, reason, origin"),
        ("replay", {"ids": [99]}, 404, "there is no dead letter 99"),
        ("replay", {"kind": "letter"}, 422, "kind: "),
    ],
)
async def test_what_is_asked_wrongly(letters: TheDesk, path, body, status, detail):
    answered, problem, _ = await letters.post(f"/api/v1/dead/{path}", json=body)
    assert answered == status
    assert problem["detail"].startswith(detail)
    assert letters.dead.counts() == {"message": 6, "line": 2}


async def test_all_of_them(letters: TheDesk):
    _, body, _ = await letters.post("/api/v1/dead/drop", json={"all": True, "note": "a drill"})
    assert body == {"dropped": 8}


async def test_two_hundred_at_a_time_in_their_order(desk: TheDesk):
    sent: list[bytes] = []

    async def replay(letter: DeadLetter) -> None:
        sent.append(letter.payload)
        if letter.id == 7:
            message = "not now"
            raise Retry(message)
        if letter.id == 8:
            message = "never"
            raise Reject(message)

    desk.dead.put_many(DeadLetter("message", "t", "r", b"%d" % n, NOW) for n in range(420))
    care = DeadDesk(desk.dead)
    found = await Resender(care, replay, desk.clock)(
        care.oldest(Which(), after=0, limit=500), who="li"
    )
    assert sent == [b"%d" % n for n in range(420)]
    assert found[6:8] == [Sent(7, "stays", "not now"), Sent(8, "refused", "never")]
    assert [letter.id for letter in care.newest(Which())] == [8, 7]


async def test_somebody_else_was_quicker(desk: TheDesk):
    letter = DeadLetter("message", "t", "r", b"x", NOW)
    desk.dead.put_many([letter])
    [stored] = desk.dead.list()

    async def replay(one: DeadLetter) -> None:
        desk.dead.drop(one.id, note="by somebody else")

    found = await Resender(DeadDesk(desk.dead), replay, desk.clock)([stored], who="li")
    assert [one.result for one in found] == ["settled"]
