"""``citypatrol sources``, ``tail`` and ``dead``: as somebody types them at three in the morning."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.rollcall import RollCall
from app.tailing import Tailing
from citypatrol.clock import ManualClock
from citypatrol.dead import DeadLetter
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.registry import Registry
from ingest.heard_stage import HeardStage
from ingest.message import Message
from ingest.tap import Tap
from tests.app.a_desk import NOW, TheDesk, incident
from tests.app.a_roll import heard, roll_of
from tests.app.a_terminal import City, Terminal, at_port
from tests.app.test_sources_api import INPUT, NAME, RULES


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path, capsys)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[TheDesk]:
    data = tmp_path / "data"
    data.mkdir()
    stage = heard(data)
    tailing = Tailing(Tap(), heard=stage, inputs=[INPUT])
    with City(data, roll=roll_of(stage), rules=RULES, tailing=tailing) as desk:
        at_port(tmp_path, int(desk.base.rpartition(":")[2]))
        yield desk
        tailing.tap.close()


def test_list(terminal: Terminal, city: TheDesk):
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
def test_list_some(terminal: Terminal, city: TheDesk, words: list[str], found: list[str]):
    assert terminal("sources", "list", "--json", *words) == 0
    assert [json.loads(line)["id"] for line in terminal.out.splitlines()] == found


def test_list_says_that_there_is_more_or_nothing(terminal: Terminal, city: TheDesk):
    assert terminal("sources", "list", "--limit", "3") == 0
    assert terminal.out.splitlines()[-2].startswith("... and more: --all shows them")
    assert terminal("sources", "list", "--kind", "unheard of") == 0
    assert terminal.out.startswith("no source is like that\n4 heard, ")
    assert terminal("sources", "list", "--silent-for", "soon") == 1
    assert "silent_for: 'soon' is no duration; write one like 90s" in terminal.err


def test_show(terminal: Terminal, city: TheDesk):
    city.file(incident())
    city.dead.put_many([DeadLetter("message", "city/w/pump-1/x", "no number: `w\x1b`", b"w", NOW)])
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


def test_show_who_was_never_heard_and_whom_no_rule_watches(terminal: Terminal, city: TheDesk):
    assert terminal("sources", "show", "air-1") == 0
    assert "  last heard: never" in terminal.out
    assert "it never sent water_level" in terminal.out
    assert terminal("sources", "show", "cam-1/north") == 0
    assert terminal.out.endswith("no rule watches it\n")
    assert terminal("sources", "show", "pump-2") == 0
    assert "  last will:  OFFLINE" in terminal.out
    assert terminal("sources", "show", "pump-2", "--json") == 0
    assert json.loads(terminal.out)["online"] is False


def test_show_a_device_of_which_nothing_can_be_read(terminal: Terminal, city: TheDesk):
    city.dead.put_many([DeadLetter("message", "city/w/odd-1/x", "no number: `w`", b"w", NOW)])
    assert terminal("sources", "show", "odd-1") == 0
    assert "  last heard: never: whatever it sent could not be read, see below" in terminal.out
    assert "1      message  no number: …  citypatrol dead show 1" in terminal.out


def test_show_somebody_unknown(terminal: Terminal, city: TheDesk):
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


def test_tail(terminal: Terminal, city: TheDesk):
    tailing = city.door.tailing
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


def test_tail_of_what_is_no_filter(terminal: Terminal, city: TheDesk):
    assert terminal("tail", "city/x#") == 1
    assert "topic: 'city/x#' is no topic filter" in terminal.err


def test_tail_ends_with_the_city(terminal: Terminal, city: TheDesk):
    tailing = city.door.tailing
    assert tailing is not None
    timer = threading.Timer(0.5, tailing.tap.close)
    timer.start()
    assert terminal("tail") == 0
    assert terminal.err == "citypatrol tail: the city has stopped\n"
    timer.join()


class TestDead:
    @pytest.fixture
    def letters(self, city: TheDesk) -> TheDesk:
        city.dead.put_many(
            DeadLetter("line" if n == 2 else "message", f"city/{n}", f"bad `{n}`", b"x", NOW)
            for n in range(5)
        )
        return city

    def test_list_by_reason(self, terminal: Terminal, letters: TheDesk):
        assert terminal("dead", "list", "--by", "reason") == 0
        assert [line.split() for line in terminal.out.splitlines()] == [
            ["count", "kind", "newest", "one", "is", "reason"],
            ["4", "message", "2026-05-13T00:02:11.480Z", "5", "bad", "…"],
            ["1", "line", "2026-05-13T00:02:11.480Z", "3", "bad", "…"],
        ]
        assert terminal("dead", "list", "--by", "kind", "--limit", "1") == 0
        assert terminal.out.splitlines()[-1] == "... and 1 groups more"
        assert terminal("dead", "list", "--by", "origin", "--kind", "line", "--json") == 0
        assert json.loads(terminal.out)["cause"] == "city/2"

    def test_list_some(self, terminal: Terminal, letters: TheDesk):
        assert terminal("dead", "list", "--limit", "2") == 0
        assert terminal.out.splitlines()[-1].startswith("... 5 in all; `citypatrol dead list --by")
        assert terminal("dead", "list", "--reason", "BAD `3`") == 0
        assert [line.split()[0] for line in terminal.out.splitlines()] == ["id", "4"]
        assert terminal("dead", "list", "--origin", "nowhere/*") == 0
        assert terminal.out == "nothing like that is set aside\n"

    def test_replay_by_reason_tells_of_each_that_fails(self, terminal: Terminal, letters: TheDesk):
        assert terminal("dead", "replay", "--reason", "bad …", "--who", "li") == 1
        assert terminal.out.splitlines() == [
            "3 refused: 400 still no line",
            "replayed 4; refused again 1 (they stay, with their new reasons); not known 0 (they"
            " stay: try again)",
        ]
        assert terminal("dead", "list", "--settled") == 0
        first = terminal.out.splitlines()[1].split()
        assert first[:4] == ["5", "message", "replayed", "li"]
        assert terminal("dead", "show", "3") == 0
        assert "refused by li: 400 still no line; before: bad `2`" in terminal.out
        assert terminal("dead", "replay", "--all", "--json") == 1
        assert json.loads(terminal.out)["result"] == "refused"

    def test_replay_some_ids(self, terminal: Terminal, letters: TheDesk):
        assert terminal("dead", "replay", "1", "2") == 0
        assert terminal.out.startswith("replayed 2; refused again 0")
        assert terminal("dead", "replay", "--kind", "incident") == 0
        assert terminal.out.startswith("replayed 0;")

    def test_drop_by_kind_and_by_ids(self, terminal: Terminal, letters: TheDesk):
        drop = ("dead", "drop", "--kind", "line", "--note", "painted", "--who", "li")
        assert terminal(*drop) == 0
        assert terminal.out == "dropped 1\n"
        assert terminal("dead", "drop", "1", "2", "1", "--who", "li") == 0
        assert terminal.out == "dropped 1\ndropped 2\n"
        assert terminal("dead", "drop", "1", "--json") == 0
        assert terminal.out == '{"dropped": null}\n'
        assert terminal("dead", "list", "--settled", "--json") == 0
        settled = [json.loads(line) for line in terminal.out.splitlines()]
        assert [(one["id"], one["deeds"][0]["who"], one["note"]) for one in settled] == [
            (3, "li", "painted"),
            (2, "li", "dropped from the terminal"),
            (1, "li", "dropped from the terminal"),
        ]
        assert terminal("dead", "drop", "1", "99") == 1
        assert "there is no dead letter 99" in terminal.err

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["drop"], "which ones? `citypatrol dead drop ID...`, --kind, --reason, --origin or"),
            (["replay"], "which ones? `citypatrol dead replay ID...`"),
            (["drop", "1", "--all"], "choose by ids, or by --kind"),
            (["drop", "--all"], "say why with --note '...': it is kept with your name"),
        ],
        ids=str,
    )
    def test_what_was_meant(self, terminal: Terminal, letters: TheDesk, words, says):
        assert terminal("dead", *words) == 2
        assert terminal.err.startswith(f"citypatrol dead: {says}")
        assert letters.dead.counts() == {"message": 4, "line": 1}
