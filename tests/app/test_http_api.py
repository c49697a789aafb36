from dataclasses import replace

import pytest

from app.inbox import Received
from citypatrol.dead import DeadLetter
from tests.app.a_desk import NOW, TheDesk, incident

TICKET = "ZZ-260513-0001"


async def test_health_is_there_at_once_and_readiness_names_what_is_missing(desk: TheDesk):
    assert (await desk.get("/healthz"))[:2] == (200, {"status": "alive", "restarts": {"mqtt": 0}})
    assert (await desk.get("/readyz"))[:2] == (200, {"status": "ready"})
    desk.missing.extend(["mqtt: no SUBACK yet", "rules: the snapshot"])
    status, body, headers = await desk.get("/readyz")
    assert status == 503
    assert headers["Content-Type"] == "application/problem+json"
    assert body["detail"] == "mqtt: no SUBACK yet; rules: the snapshot"


async def test_metrics_are_those_of_the_process(desk: TheDesk):
    status, body, headers = await desk.get("/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    assert b"# TYPE citypatrol_samples_total counter" in body


async def test_a_ticket_says_what_its_webhook_says(desk: TheDesk):
    sha = desk.evidence.put(b"jpeg", {})
    desk.file(incident(evidence=sha))
    status, body, _ = await desk.get("/api/v1/tickets")
    assert status == 200
    assert body["cursor"] is None
    [ticket] = body["tickets"]
    assert ticket["id"] == TICKET
    assert ticket["state"] == "dispatched"
    assert ticket["title"] == "Underpass 京广路隧道 under water: 31 cm"
    assert ticket["unit"] == {"id": "water", "name": "Water <Works> & Co"}
    assert ticket["acknowledge_by"] == "2026-05-13T00:07:11.480Z"
    assert ticket["evidence"][0]["sha256"] == sha
    status, detail, _ = await desk.get(f"/api/v1/tickets/{TICKET}")
    assert status == 200
    assert detail["witnesses"][0]["source"] == "pump-1"
    assert [change["type"] for change in detail["history"]] == ["ticket.opened"]
    assert [sent["state"] for sent in detail["deliveries"]] == ["pending"]
    assert detail["verdict"] is None


async def test_a_dead_gateway_names_all_its_sources(desk: TheDesk):
    title = "Gateway {group} silent: {count} sources"
    gone = [
        incident("silent", f"s-{number:03d}", group="gw/7 ü", title=title) for number in range(60)
    ]
    desk.file(*gone)
    desk.file(
        replace(gone[7], cleared_at=NOW), incident("silent", "s-008", group="gw/7 ü", since=1)
    )
    [ticket] = (await desk.get("/api/v1/tickets"))[1]["tickets"]
    assert ticket["title"] == "Gateway gw/7 ü silent: 60 sources"
    found, path = [], f"/api/v1/tickets/{TICKET}/sources?limit=25"
    while path:
        _, body, _ = await desk.get(path)
        found += body["sources"]
        cursor = body["cursor"]
        path = f"/api/v1/tickets/{TICKET}/sources?limit=25&cursor={cursor}" if cursor else None
    assert [one["source"] for one in found] == [f"s-{number:03d}" for number in range(60)]
    assert [one["source"] for one in found if not one["firing"]] == ["s-007"]
    assert found[7]["cleared_at"] == "2026-05-13T00:02:11.480Z"
    assert [one["incidents"] for one in found[7:10]] == [1, 2, 1]
    _, detail, _ = await desk.get(f"/api/v1/tickets/{TICKET}")
    assert (detail["source_count"], detail["firing_count"]) == (60, 60)
    _, page, _ = await desk.get(f"/tickets/{TICKET}")
    assert b"60 sources, 60 alarms still on" in page
    assert (await desk.get("/api/v1/tickets/none/sources"))[0] == 404


async def test_pages_follow_by_their_cursor(desk: TheDesk):
    desk.file(*[incident(source=f"pump-{number}") for number in range(5)])
    seen, path = [], "/api/v1/tickets?limit=2"
    while path:
        _, body, _ = await desk.get(path)
        seen += [ticket["id"] for ticket in body["tickets"]]
        path = f"/api/v1/tickets?limit=2&cursor={body['cursor']}" if body["cursor"] else None
    assert sorted(seen) == [f"ZZ-260513-000{number}" for number in range(1, 6)]
    assert len(set(seen)) == 5


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=dispatched", 2),
        ("state=closed", 0),
        ("state=closed&state=dispatched", 2),
        ("category=road.flooding", 1),
        ("unit=housing", 1),
        ("unit=nobody", 0),
    ],
)
async def test_lists_can_be_narrowed(desk: TheDesk, query, found):
    desk.file(incident(), incident("dark", "cam-1", category="road.traffic_light"))
    status, body, _ = await desk.get(f"/api/v1/tickets?{query}")
    assert (status, len(body["tickets"])) == (200, found)


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/api/v1/tickets/ZZ-1", 404, "there is no ticket ZZ-1"),
        ("GET", "/tickets/ZZ-1", 404, "there is no ticket ZZ-1"),
        ("POST", "/api/v1/tickets/ZZ-1/close", 404, "there is no ticket ZZ-1"),
        ("POST", f"/api/v1/tickets/{TICKET}/paint", 404, "the desk has no step 'paint'; there are"),
        ("GET", "/api/v1/tickets?limit=0", 422, "limit: Input should be greater than or equal to"),
        ("GET", "/api/v1/tickets?state=lost", 422, "state.0: Input should be 'open'"),
        ("GET", "/api/v1/tickets?cursor=x", 400, "'x' is no cursor of ours"),
        ("GET", "/api/v1/nothing", 404, "there is nothing at /api/v1/nothing; /docs says"),
        ("DELETE", "/api/v1/tickets", 405, "Method Not Allowed"),
        ("GET", "/api/v1/deliveries/99", 404, "there is no delivery 99"),
        ("POST", "/api/v1/deliveries/99/redeliver", 404, "there is no delivery 99"),
        ("GET", "/api/v1/dead/99", 404, "there is no dead letter 99"),
        ("POST", "/api/v1/dead/99/drop", 404, "there is no dead letter 99"),
        ("GET", "/evidence/abc.jpg", 404, "a picture's name is 64 hex digits"),
        ("GET", f"/evidence/{'0' * 64}.jpg", 404, "there is no picture 000"),
        ("GET", "/static/../desk.py", 404, "there is nothing at "),
        ("GET", "/static/%2e%2e/desk.py", 404, "there is nothing at "),
    ],
)
async def test_errors_are_problem_documents(desk: TheDesk, method, path, status, detail):
    desk.file(incident())
    answered, body, headers = await desk.ask(method, path)
    assert answered == status
    assert headers["Content-Type"] == "application/problem+json"
    assert body["status"] == status
    assert body["title"]
    assert body["type"] == "about:blank"
    assert body["detail"].startswith(detail)


async def test_the_desk_takes_steps_with_a_note(desk: TheDesk):
    desk.file(incident())
    status, body, _ = await desk.post(
        f"/api/v1/tickets/{TICKET}/acknowledge", json={"note": "看到了"}
    )
    assert (status, body["state"], body["revision"]) == (200, "acknowledged", 2)
    assert body["history"][-1]["note"] == "看到了"
    assert body["history"][-1]["by"] == "desk"
    status, body, _ = await desk.post(f"/api/v1/tickets/{TICKET}/acknowledge")
    assert status == 409
    assert body["detail"].startswith("a ticket that is acknowledged cannot be acknowledged")
    status, body, _ = await desk.post(f"/api/v1/tickets/{TICKET}/close")
    assert (status, body["state"]) == (200, "closed")


async def test_a_verdict_is_kept(desk: TheDesk):
    desk.file(incident())
    status, body, _ = await desk.post(
        f"/api/v1/tickets/{TICKET}/verdict", json={"real": False, "note": "a splash"}
    )
    assert (status, body["verdict"], body["verdict_note"]) == (200, False, "a splash")
    assert body["state"] == "cancelled"
    status, body, _ = await desk.post(f"/api/v1/tickets/{TICKET}/verdict", json={})
    assert status == 422


async def test_a_step_takes_no_unknown_words(desk: TheDesk):
    desk.file(incident())
    status, _, _ = await desk.post(f"/api/v1/tickets/{TICKET}/close", json={"notes": "typo"})
    assert status == 422
    _, ticket, _ = await desk.get(f"/api/v1/tickets/{TICKET}")
    assert ticket["state"] == "dispatched"


async def test_another_name_is_not_answered(desk: TheDesk):
    status, body, _ = await desk.get("/", headers={"Host": "rebound.example"})
    assert (status, body["title"]) == (421, "Misdirected Request")


async def test_a_page_of_another_site_changes_nothing(desk: TheDesk):
    desk.file(incident())
    path = f"/api/v1/tickets/{TICKET}/close"
    status, _, _ = await desk.post(path, headers={"Origin": "http://evil.example"})
    assert status == 403
    _, ticket, _ = await desk.get(f"/api/v1/tickets/{TICKET}")
    assert ticket["state"] == "dispatched"


async def test_deliveries_are_listed_and_sent_again(desk: TheDesk):
    desk.file(incident())
    _, body, _ = await desk.get("/api/v1/deliveries")
    [delivery] = body["deliveries"]
    assert delivery["endpoint"] == "water"
    assert delivery["state"] == "pending"
    status, again, _ = await desk.post(f"/api/v1/deliveries/{delivery['id']}/redeliver")
    assert (status, again["webhook_id"]) == (200, delivery["webhook_id"])
    _, one, _ = await desk.get(f"/api/v1/deliveries/{delivery['id']}")
    assert one["attempts"] == []


async def test_dead_letters_are_shown_replayed_and_dropped(desk: TheDesk):
    first, second = desk.dead.put_many(
        [
            DeadLetter("message", "city/a/b", "no number: 'wet'", b"wet\xff", NOW),
            DeadLetter("line", "influx", "400 bad", b"x y=1", NOW),
        ]
    )
    _, body, _ = await desk.get("/api/v1/dead?limit=1")
    assert [letter["id"] for letter in body["dead"]] == [second]
    _, body, _ = await desk.get(f"/api/v1/dead?limit=1&cursor={body['cursor']}")
    assert body["dead"][0]["reason"] == "no number: 'wet'"
    _, one, _ = await desk.get(f"/api/v1/dead/{first}")
    assert (one["payload"], one["payload_base64"]) == ("wet\\xff", "d2V0/w==")
    assert (await desk.post(f"/api/v1/dead/{first}/replay"))[0] == 200
    assert [letter.payload for letter in desk.replayed] == [b"wet\xff"]
    _, one, _ = await desk.get(f"/api/v1/dead/{first}")
    assert one["note"] == "replayed"
    status, body, _ = await desk.post(f"/api/v1/dead/{first}/replay")
    assert (status, body["detail"]) == (409, f"dead letter {first} is dealt with already: replayed")
    status, body, _ = await desk.post(f"/api/v1/dead/{second}/replay")
    assert (status, body["detail"]) == (
        409,
        f"dead letter {second} is refused again: 400 still no line",
    )
    assert (await desk.post(f"/api/v1/dead/{second}/drop", json={"note": "old"}))[0] == 200
    _, body, _ = await desk.get("/api/v1/dead")
    assert body["dead"] == []


async def test_openapi_names_every_door(desk: TheDesk):
    _, body, _ = await desk.get("/openapi.json")
    assert body["openapi"].startswith("3.1")
    assert {
        "/api/v1/tickets",
        "/api/v1/tickets/{ticket_id}",
        "/api/v1/tickets/{ticket_id}/{action}",
        "/api/v1/callbacks/{unit}",
        "/api/v1/dead",
        "/api/v1/deliveries",
        "/evidence/{sha}.jpg",
        "/healthz",
        "/metrics",
        "/readyz",
    } <= set(body["paths"])


async def test_received_deliveries_are_on_the_page_only_where_a_receiver_tells(desk: TheDesk):
    desk.inbox.append(Received(NOW, "water", "ticket.opened", TICKET, "evt_1", True, "seen"))
    _, page, _ = await desk.get("/")
    assert "What the responsible unit received" in page.decode()
    assert "verified" in page.decode()
