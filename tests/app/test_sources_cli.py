"""``citypatrol sources`` and ``tail``: as somebody types them at three in the morning."""

import json
import threading
import time
from pathlib import Path

import pytest

from app.rollcall import RollCall
from citypatrol.clock import ManualClock
from citypatrol.dead import DeadLetter
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.registry import Registry
from ingest.heard_stage import HeardStage
from ingest.message import Message
from tests.app.a_desk import NOW, TheDesk, incident
from tests.app.a_roll import NAME, roll_of
from tests.app.a_terminal import City, Terminal, at_port


def test_list(terminal: Terminal, heard_city: TheDesk):
    assert terminal("sources", "list") == 0
    lines = terminal.out.splitlines()
    assert lines[0].split() == [
        "source",
        "last",
        "heard",
        "a",
        "minute",
        "late",
        "kind",
        "district",
        "registered",
    ]
    assert lines[1].split() == ["pump-1", "0", "s", "ago", "6.0", "-", "underpass", "erqi", "yes"]
    assert lines[3].split() == ["new-1", "5", "s", "ago", "0.0", "2", "underpass", "erqi", "NO"]
    assert lines[-1] == (
        "4 heard, of these 1 silent for 10 min and 1 not registered; 1 registered, never heard"
    )


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--silent-for", "2m"], ["pump-2"]),
        (["--never"], ["air-1"]),
        (["--unregistered", "--district", "erqi"], ["new-1"]),
        (["--kind", "camera"], ["cam-1/north"]),
        (["--limit", "2"], ["pump-1", "pump-2"]),
        (["--all", "--limit", "1"], ["pump-1", "pump-2", "new-1", "cam-1/north"]),
    ],
    ids=" ".join,
)
def test_list_some(terminal: Terminal, heard_city: TheDesk, words: list[str], found: list[str]):
    assert terminal("sources", "list", "--json", *words) == 0
    assert [json.loads(line)["id"] for line in terminal.out.splitlines()] == found


def test_list_says_that_there_is_more_or_nothing(terminal: Terminal, heard_city: TheDesk):
    assert terminal("sources", "list", "--limit", "3") == 0
    assert terminal.out.splitlines()[-2].startswith("... and more: --all shows them")
    assert terminal("sources", "list", "--kind", "unheard of") == 0
    assert terminal.out.startswith("no source is like that\n4 heard, ")
    assert terminal("sources", "list", "--silent-for", "soon") == 2
    assert "--silent-for: 'soon' is no duration; write one like 90s" in terminal.err


def test_show(terminal: Terminal, heard_city: TheDesk):
    heard_city.file(incident())
    heard_city.dead.put_many(
        [DeadLetter("message", "city/w/pump-1/x", "no number: `w\x1b`", b"w", NOW)]
    )
    assert terminal("sources", "show", "pump-1") == 0
    for line in (
        "  registered: yes",
        "  labels:     name 京广路隧道, kind underpass, district erqi",
        "  last heard: 0 s ago, 2026-05-13T00:02:11.480Z",
        "  clock:      its clock is 4 min fast",
        "  readings:   30, 0 of them too late to be judged",
        "flooded  water_level  above 15  no ticket",
        "underpass-flooded  water_level  2026-05-13T00:00:11.480Z  31     ZZ-260513-0001",
        "1      message  no number: …  citypatrol dead show 1",
    ):
        assert line in terminal.out.splitlines(), terminal.out
    assert "every 10 s  ±0.0 s  30" in terminal.out
    assert "\x1b" not in terminal.out


def test_show_who_was_never_heard_and_whom_no_rule_watches(terminal: Terminal, heard_city: TheDesk):
    assert terminal("sources", "show", "air-1") == 0
    assert "  last heard: never" in terminal.out
    assert "it never sent water_level" in terminal.out
    assert terminal("sources", "show", "cam-1/north") == 0
    assert terminal.out.endswith("no rule watches it\n")
    assert terminal("sources", "show", "pump-2") == 0
    assert "  last will:  OFFLINE" in terminal.out
    assert terminal("sources", "show", "pump-2", "--json") == 0
    assert json.loads(terminal.out)["online"] is False


def test_show_a_device_of_which_nothing_can_be_read(terminal: Terminal, heard_city: TheDesk):
    heard_city.dead.put_many([DeadLetter("message", "city/w/odd-1/x", "no number: `w`", b"w", NOW)])
    assert terminal("sources", "show", "odd-1") == 0
    assert "  last heard: never: whatever it sent could not be read, see below" in terminal.out
    assert "1      message  no number: …  citypatrol dead show 1" in terminal.out


def test_show_somebody_unknown(terminal: Terminal, heard_city: TheDesk):
    assert terminal("sources", "show", "pmup-1") == 1
    words = "there is no source pmup-1; the nearest are pump-1"
    assert terminal.err == f"citypatrol sources: {words}\n"


@pytest.mark.parametrize(
    "words",
    [("sources", "list"), ("sources", "show", "x"), ("tail",), ("dead", "replay", "1")],
    ids=" ".join,
)
def test_a_city_that_does_not_run(terminal: Terminal, tmp_path: Path, words: tuple[str, ...]):
    at_port(tmp_path, 9)
    assert terminal(*words) == 3
    assert terminal.err.startswith(
        f"citypatrol {words[0]}: no city answers at http://127.0.0.1:9; "
    )
    assert "Is it running (`citypatrol run " in terminal.err


def test_another_token(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from app.guard import Guard
    from citypatrol.secret import Secret

    (tmp_path / "data").mkdir()
    guard = Guard.of(listen_host="0.0.0.0", public_url="https://x.example", token=Secret("t0ken"))
    with City(tmp_path / "data", guard=guard) as desk:
        at_port(tmp_path, int(desk.base.rpartition(":")[2]))
        for words in (("sources", "list"), ("tail",)):
            assert terminal(*words) == 3
            assert "401 the running city has another token; is http.token" in terminal.err
            assert "t0ken" not in terminal.err
        monkeypatch.setenv("CITYPATROL_TOKEN", "t0ken")
        assert terminal("sources", "list") == 3
        assert "the city is starting" in terminal.err


def test_a_city_that_heard_nothing_yet(terminal: Terminal, tmp_path: Path):
    (tmp_path / "data").mkdir()
    journal = SqliteJournal(tmp_path / "data" / "roll.db", clock=ManualClock(NOW))
    roll: RollCall = roll_of(HeardStage(journal), registry=Registry.empty())
    with City(tmp_path / "data", roll=roll) as desk:
        at_port(tmp_path, int(desk.base.rpartition(":")[2]))
        assert terminal("sources", "list") == 0
        assert terminal.out.startswith("nothing was heard yet\n0 heard, of these 0 silent")
        assert terminal("sources", "show", "pump-1") == 1


def test_tail(terminal: Terminal, heard_city: TheDesk):
    tailing = heard_city.door.tailing
    assert tailing is not None
    topic = "city/water/pump-1/water_level"
    messages = [
        Message(topic, b"3.5", NOW),
        Message(topic, b"wet\x1b", NOW),
        Message(topic, b"", NOW),
    ]

    def publish() -> None:
        end = time.monotonic() + 20
        while not tailing.tap.is_open and time.monotonic() < end:
            time.sleep(0.01)
        tailing.tap.show(messages, input=NAME)

    for words, said in (
        (
            ("city/#",),
            [
                f"00:02:11.480Z  {topic}  pump-1  water_level = 3.5  LATE: kept, not judged",
                f"00:02:11.480Z  {topic}  SET ASIDE: `wet\\x1b` is neither a number nor ON, OFF, "
                "true or false",
                f"00:02:11.480Z  {topic}  no sample",
                "              empty: how a retained message is deleted",
            ],
        ),
        (("--json",), None),
    ):
        thread = threading.Thread(target=publish)
        thread.start()
        assert terminal("tail", *words, "--limit", "3") == 0, terminal.err
        thread.join()
        lines = terminal.out.splitlines()
        if said is not None:
            assert lines == said
        else:
            assert [json.loads(line)["topic"] for line in lines] == [topic] * 3
        end = time.monotonic() + 20
        while tailing.tap.is_open and time.monotonic() < end:
            time.sleep(0.01)


def test_tail_of_what_is_no_filter(terminal: Terminal, heard_city: TheDesk):
    assert terminal("tail", "city/x#") == 2
    assert "TOPIC: 'city/x#' is no topic filter" in terminal.err
    assert terminal("tail", "--limit", "0") == 2
    assert "--limit: '0' is no number from 1" in terminal.err


def test_tail_ends_with_the_city(terminal: Terminal, heard_city: TheDesk):
    tailing = heard_city.door.tailing
    assert tailing is not None
    timer = threading.Timer(0.5, tailing.tap.close)
    timer.start()
    assert terminal("tail") == 0
    assert terminal.err == "citypatrol tail: the city has stopped\n"
    timer.join()
