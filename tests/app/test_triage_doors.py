"""Shadows, tickets to be looked at, rules held back: over HTTP, on the page, from a terminal."""

from dataclasses import replace
from typing import Any

from prometheus_client import generate_latest

from app.upkeep import Upkeep
from citypatrol import metrics
from rules.comparison import Comparison, Limit
from rules.incidents import Incident
from rules.ruleset import Rule, RuleSet, When
from tests.app.a_desk import NOW, TheDesk, incident
from tests.app.a_terminal import City, Terminal, at_port

TICKET = "ZZ-260513-0001"
OLD = Rule("old", "x", When(Comparison("above", low=Limit(1))), ticket=incident().ticket)
NEW = replace(OLD, name="underpass-flooded")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def but(source: str = "pump-1", **words: Any) -> Incident:
    one = incident(source=source)
    return replace(one, ticket=replace(one.ticket, **words))


def hold(desk: TheDesk) -> None:
    """The new rule may begin one case."""
    desk.desk.put_in_force(RuleSet((OLD,)), now=NOW)
    desk.desk.put_in_force(RuleSet((OLD, NEW)), now=NOW)
    desk.file(incident(source="a"), incident(source="b"), incident(source="c"))


async def test_a_ticket_is_confirmed_over_http(desk: TheDesk):
    desk.file(but(confirm=True))
    _, body, _ = await desk.get("/api/v1/tickets")
    (listed,) = body["tickets"]
    assert (listed["state"], listed["unconfirmed"], listed["revision"]) == ("open", True, 0)
    status, body, _ = await desk.post(f"/api/v1/tickets/{TICKET}/acknowledge")
    assert (status, body["detail"]) == (
        409, f"ticket {TICKET} waits for a look: confirm it, or reject it",
    )  # fmt: skip
    status, body, _ = await desk.post(f"/api/v1/tickets/{TICKET}/confirm", json={"who": "Li"})
    assert (status, body["state"], body["verdict"], body["verdict_by"]) == (
        200, "dispatched", True, "Li",
    )  # fmt: skip
    assert [change["type"] for change in body["history"]] == ["ticket.opened"]
    status, _, _ = await desk.post(f"/api/v1/tickets/{TICKET}/confirm")
    assert status == 409


async def test_the_page_has_the_buttons(desk: TheDesk):
    desk.file(but(confirm=True))
    _, page, _ = await desk.get(f"/tickets/{TICKET}")
    assert b"to be looked at" in page
    assert [name in page for name in (b"/confirm", b"/false-alarm", b"/close")] == [
        True, True, False,
    ]  # fmt: skip
    await desk.post(f"/tickets/{TICKET}/confirm", data="note=seen", headers=FORM)
    await desk.post(f"/tickets/{TICKET}/close", data="", headers=FORM)
    await desk.post(f"/tickets/{TICKET}/false-alarm", data="note=a+cat", headers=FORM)
    _, page, _ = await desk.get(f"/tickets/{TICKET}")
    assert b"a false alarm: a cat" in page
    await desk.post(f"/tickets/{TICKET}/true-case", data="", headers=FORM)
    _, body, _ = await desk.get(f"/api/v1/tickets/{TICKET}")
    assert (body["state"], body["verdict"], body["verdict_by"]) == ("closed", True, "the desk")


async def test_shadows_are_listed_apart(desk: TheDesk):
    desk.file(but(shadow=True))
    _, body, _ = await desk.get("/api/v1/tickets")
    assert body["tickets"] == []
    _, body, _ = await desk.get("/api/v1/tickets?shadow=true")
    assert [(one["id"], one["shadow"]) for one in body["tickets"]] == [(TICKET, True)]
    _, page, _ = await desk.get("/")
    assert page.index(b"On trial") < page.index(TICKET.encode())
    _, body, _ = await desk.get("/geo/tickets.geojson")
    assert body["features"] == []
    upkeep = Upkeep(
        desk=desk.desk, tickets=desk.door.tickets, evidence=desk.evidence, dead=desk.dead,
        clock=desk.clock, judged=lambda: None, keep=1,
    )  # fmt: skip
    shown = 'citypatrol_shadow_tickets{rule="underpass-flooded"} 1.0'
    await upkeep.count()
    assert shown in generate_latest(metrics.REGISTRY).decode()
    desk.desk.verdict(TICKET, real=False, now=NOW)
    await upkeep.count()
    assert shown not in generate_latest(metrics.REGISTRY).decode()


async def test_a_held_rule_is_shown_and_let_go(desk: TheDesk):
    hold(desk)
    _, body, _ = await desk.get("/api/v1/rules/held")
    (held,) = body["rules"]
    assert (held["rule"], held["waiting"]) == ("underpass-flooded", 2)
    _, page, _ = await desk.get("/")
    assert b"is held back: 2 alarms wait" in page
    status, body, _ = await desk.post("/api/v1/rules/release", json={"rule": "underpass-flooded"})
    assert (status, body) == (200, {"rules": []})
    _, body, _ = await desk.get("/api/v1/tickets")
    assert len(body["tickets"]) == 3
    status, body, _ = await desk.post("/api/v1/rules/release", json={"rule": "old"})
    assert (status, body["detail"]) == (404, "rule 'old' is not held back")


def test_from_a_terminal(terminal: Terminal, tmp_path):
    (tmp_path / "data").mkdir()
    with City(tmp_path / "data") as desk:
        at_port(tmp_path, int(desk.base.rpartition(":")[2]))
        assert terminal("rules", "held") == 0
        assert terminal.out == "no rule is held back\n"
        hold(desk)
        assert terminal("rules", "held") == 0
        assert terminal.out.startswith("underpass-flooded  in force since 2026-05-13T00:02:11.480Z")
        assert terminal.out.endswith(", 2 alarms wait\n")
        assert terminal("rules", "release", "underpass-flooded") == 0
        assert terminal.out.endswith("rule 'underpass-flooded' is let go\n")
        assert terminal("rules", "release", "underpass-flooded", "--json") == 1
        desk.file(but("d", confirm=True), but("e", shadow=True))
        assert terminal("tickets", "list", "--shadow") == 0
        number = terminal.out.splitlines()[1].split()[0]
        assert "open, a shadow" in terminal.out
        assert terminal("tickets", "verdict", number, "true", "--note", "so it was") == 0
        assert ": so it was" in terminal.out
        assert terminal("tickets", "list") == 0
        (line,) = [one for one in terminal.out.splitlines() if "to be looked at" in one]
        assert terminal("tickets", "confirm", line.split()[0]) == 0
        assert "dispatched, revision 1" in terminal.out
