"""``citypatrol dead`` beside a running city: by reason, kind, origin and id."""

import json

import pytest

from citypatrol.dead import DeadLetter
from tests.app.a_desk import NOW, TheDesk
from tests.app.a_terminal import Terminal


class TestDead:
    @pytest.fixture
    def letters(self, heard_city: TheDesk) -> TheDesk:
        heard_city.dead.put_many(
            DeadLetter("line" if n == 2 else "message", f"city/{n}", f"bad `{n}`", b"x", NOW)
            for n in range(5)
        )
        return heard_city

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
