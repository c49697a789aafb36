"""``citypatrol tickets`` and ``dead``: through a running city, and on the files of one at rest."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from citypatrol.dead import DeadLetter, DeadStore
from tests.app.a_desk import NOW, incident, make_desk
from tests.app.a_terminal import City, Terminal, at_port

TICKET = "ZZ-260513-0001"


@pytest.fixture(params=["running", "at rest"])
def filed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A city with one ticket; the same words must do the same, whether it runs or not."""
    data = tmp_path / "data"
    data.mkdir()
    if request.param == "running":
        with City(data) as desk:
            desk.file(incident())
            at_port(tmp_path, int(desk.base.rpartition(":")[2]))
            yield request.param
        return
    desk = make_desk(data)
    desk.file(incident())
    desk.store.close()
    desk.dead.close()
    at_port(tmp_path, 9)  # nobody listens there
    yield request.param


def test_list_and_show(terminal: Terminal, filed):
    assert terminal("tickets", "list") == 0
    headings, row = terminal.out.splitlines()
    assert headings.split() == ["ticket", "state", "severity", "opened", "unit", "title"]
    assert row.startswith(f"{TICKET}  dispatched  critical  2026-05-13T00:02:11.480Z")
    assert row.endswith("Underpass 京广路隧道 under water: 31 cm")
    assert terminal("tickets", "show", TICKET) == 0
    assert "  state:          dispatched, revision 1" in terminal.out
    assert "  witness:        pump-1 since 2026-05-13T00:00:11.480Z, value 31" in terminal.out
    assert "opened by rules" in terminal.out


def test_all_sources_of_a_dead_gateway_are_listed(terminal: Terminal, tmp_path):
    (tmp_path / "data").mkdir()
    with City(tmp_path / "data") as desk:
        gone = [incident("silent", f"s-{number}", group="gw-7") for number in range(30)]
        desk.file(*gone)
        desk.file(replace(gone[3], cleared_at=NOW))
        at_port(tmp_path, int(desk.base.rpartition(":")[2]))
        assert terminal("tickets", "show", TICKET) == 0
        assert "  sources:        30, 29 alarms still on; all of them: --sources" in terminal.out
        assert terminal("tickets", "show", TICKET, "--sources") == 0
        lines = terminal.out.splitlines()
        assert len(lines) == 30
        assert "s-3  since 2026-05-13T00:01:11.480Z, over 2026-05-13T00:02:11.480Z" in lines
        assert "s-9  since 2026-05-13T00:01:11.480Z, still so" in lines
        assert terminal("tickets", "show", TICKET, "--sources", "--json") == 0
        assert json.loads(terminal.out.splitlines()[0])["source"] == "s-0"


def test_the_whole_life_of_a_ticket(terminal: Terminal, filed):
    for step, state in (
        ("acknowledge", "acknowledged"),
        ("resolve", "resolved"),
        ("close", "closed"),
    ):
        assert terminal("tickets", step, TICKET, "--note", "好的") == 0, terminal.err
        assert f"  state:          {state}, revision" in terminal.out
        assert f"{state} by desk: 好的" in terminal.out
    assert terminal("tickets", "list") == 0
    assert terminal.out == "no open ticket\n"
    assert terminal("tickets", "list", "--all") == 0
    assert "closed" in terminal.out
    assert terminal("tickets", "verdict", TICKET, "false", "--note", "a splash") == 0


def test_programs_read_one_object_a_line(terminal: Terminal, filed):
    assert terminal("tickets", "list", "--json") == 0
    [ticket] = [json.loads(line) for line in terminal.out.splitlines()]
    assert (ticket["id"], ticket["state"]) == (TICKET, "dispatched")
    assert terminal("tickets", "show", TICKET, "--json") == 0
    assert json.loads(terminal.out)["history"][0]["type"] == "ticket.opened"


def test_what_cannot_be_is_said_with_status_1(terminal: Terminal, filed):
    assert terminal("tickets", "show", "ZZ-1") == 1
    assert terminal.err == "citypatrol tickets: there is no ticket ZZ-1\n"
    assert terminal("tickets", "close", TICKET) == 0
    assert terminal("tickets", "acknowledge", TICKET) == 1
    assert terminal.err.startswith(
        "citypatrol tickets: a ticket that is closed cannot be acknowledged"
    )


def test_a_city_that_never_ran_has_no_tickets(terminal: Terminal, tmp_path):
    at_port(tmp_path, 9)
    assert terminal("tickets", "list") == 3
    assert "no such file; `citypatrol run` makes it" in terminal.err
    assert terminal("dead", "list") == 3
    assert "nothing was ever set aside" in terminal.err


def test_something_else_at_the_port_is_named(terminal: Terminal, tmp_path):
    import http.server

    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        at_port(tmp_path, server.server_port)
        assert terminal("tickets", "list") == 3
        assert "answers, but is no citypatrol; see http.listen" in terminal.err
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestDead:
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[DeadStore]:
        (tmp_path / "data").mkdir()
        store = DeadStore(tmp_path / "data" / "dead.db")
        store.put(
            kind="message", origin="city/a/\x1b[31mb", reason="no number", payload=b"w\xff", at=NOW
        )
        at_port(tmp_path, 9)
        yield store
        store.close()

    def test_list_show_and_drop(self, terminal: Terminal, store: DeadStore):
        assert terminal("dead", "list") == 0
        assert "no number" in terminal.out
        assert "\x1b" not in terminal.out, "text from outside must not drive the terminal"
        assert terminal("dead", "show", "1") == 0
        assert "payload: 2 bytes: w\\xff" in terminal.out
        assert terminal("dead", "drop", "1", "--note", "old") == 0
        assert terminal.out == "dropped 1\n"
        assert terminal("dead", "list") == 0
        assert terminal.out == "nothing is set aside\n"
        assert terminal("dead", "show", "1") == 0
        assert "note:    old" in terminal.out

    def test_json_has_the_whole_payload(self, terminal: Terminal, store: DeadStore):
        assert terminal("dead", "show", "1", "--json") == 0
        assert json.loads(terminal.out)["payload_base64"] == "d/8="

    def test_no_such_letter(self, terminal: Terminal, store: DeadStore):
        for verb in ("show", "drop"):
            assert terminal("dead", verb, "7") == 1
            assert "there is no dead letter 7" in terminal.err

    def test_replay_needs_a_running_city(self, terminal: Terminal, store: DeadStore):
        assert terminal("dead", "replay", "1") == 3
        assert "a letter goes on its way in a running city only" in terminal.err

    def test_replay_through_a_running_city(self, terminal: Terminal, tmp_path):
        (tmp_path / "data").mkdir()
        with City(tmp_path / "data") as desk:
            desk.dead.put_many(
                [
                    DeadLetter("message", "t", "r", b"x", NOW),
                    DeadLetter("line", "t", "r", b"x", NOW),
                ]
            )
            at_port(tmp_path, int(desk.base.rpartition(":")[2]))
            assert terminal("dead", "replay", "1") == 0
            assert terminal.out == "replayed 1\n"
            assert [letter.payload for letter in desk.replayed] == [b"x"]
            assert terminal("dead", "replay", "2") == 1
            assert "dead letter 2 is refused again: 400 still no line" in terminal.err
