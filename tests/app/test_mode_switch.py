"""``citypatrol mode``: the file of switches, the stage, the route, the command."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app.mode_stage import ModeStage
from app.modes import Modes, Switch, UnknownMode
from citypatrol.clock import ManualClock
from citypatrol.journal import JournalFull
from citypatrol.records import ModeSwitched, Record, Tick
from citypatrol.samples import Batch, Sample
from rules.engine import Engine
from tests.app.a_desk import NOW, make_desk, serving
from tests.app.a_terminal import City, Terminal, at_port
from tests.rules.story import one_rule

AT = 1_778_630_400_000


class Journal:
    """Keeps what is appended, or is full."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.is_full = False

    async def append(self, records: Sequence[Record]) -> int:
        if self.is_full:
            message = "full"
            raise JournalFull(message)
        self.records += records
        return len(self.records)


def modes(folder: Path, *, first: str = "normal") -> Modes:
    return Modes(folder / "data" / "modes.jsonl", first=first, known={"normal", "flood"})


def test_a_switch_is_kept_with_who_and_why(tmp_path: Path) -> None:
    before = modes(tmp_path)
    assert before.mode == "normal"
    before.switch("flood", by="li", note="台风", now=AT)
    again = modes(tmp_path)
    assert (again.mode, again.switches) == ("flood", [Switch(AT, "flood", "li", "台风")])
    again.switch("normal", by="wang", note=None, now=AT + 1)
    assert [one.mode for one in modes(tmp_path).switches] == ["flood", "normal"]


def test_the_city_begins_in_the_mode_of_its_file(tmp_path: Path) -> None:
    assert modes(tmp_path, first="event").mode == "event"
    assert modes(tmp_path, first="event").known == ["event", "flood", "normal"]


def test_a_mode_that_no_rule_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownMode, match="no rule names the mode 'flod'; there are flood, normal"):
        modes(tmp_path).switch("flod", by="li", note=None, now=AT)
    assert modes(tmp_path).switches == []


def test_a_line_cut_short_costs_that_line_only(tmp_path: Path) -> None:
    modes(tmp_path).switch("flood", by="li", note=None, now=AT)
    file = tmp_path / "data" / "modes.jsonl"
    file.write_bytes(file.read_bytes() + b'{"at": 17786304')
    again = modes(tmp_path)
    assert again.mode == "flood"
    again.switch("normal", by="li", note=None, now=AT + 1)
    assert [one.mode for one in modes(tmp_path).switches] == ["flood", "normal"]


def stage(folder: Path, journal: Any) -> ModeStage:
    return ModeStage(modes(folder), journal, clock=ManualClock(AT))


async def begun(one: ModeStage) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(one.run(stop))
    await asyncio.sleep(0.01)
    stop.set()
    await task


async def test_the_journal_hears_of_it_at_every_start_and_at_each_switch(tmp_path: Path) -> None:
    journal = Journal()
    one = stage(tmp_path, journal)
    await begun(one)
    _, is_told = await one.switch("flood", by="li", note=None)
    assert is_told
    await begun(stage(tmp_path, journal))
    told = [record.mode for record in journal.records if isinstance(record, ModeSwitched)]
    assert told == ["normal", "flood", "flood"]


async def test_a_full_journal_hears_of_it_later(tmp_path: Path) -> None:
    journal = Journal()
    one = stage(tmp_path, journal)
    journal.is_full = True
    _, is_told = await one.switch("flood", by="li", note=None)
    assert (is_told, journal.records) == (False, [])
    await begun(one)
    journal.is_full = False
    await begun(one)
    assert journal.records == [ModeSwitched(AT, "flood")]


async def test_a_city_whose_rules_name_no_mode_writes_nothing(tmp_path: Path) -> None:
    journal = Journal()
    plain = Modes(tmp_path / "modes.jsonl", first="normal", known={"normal"})
    await begun(ModeStage(plain, journal, clock=ManualClock(AT)))  # type: ignore[arg-type]
    assert journal.records == []


def test_a_line_is_json(tmp_path: Path) -> None:
    modes(tmp_path).switch("flood", by="li", note="high tide", now=AT)
    (line,) = (tmp_path / "data" / "modes.jsonl").read_text().splitlines()
    assert json.loads(line) == {"at": AT, "mode": "flood", "by": "li", "note": "high tide"}


async def test_over_the_api(tmp_path: Path) -> None:
    """What was switched, and what the rules make of the journal afterwards."""
    journal = Journal()
    async with serving(make_desk(tmp_path), mode=stage(tmp_path, journal)) as desk:
        status, body, _ = await desk.get("/api/v1/mode")
        assert (status, body) == (
            200,
            {"mode": "normal", "modes": ["flood", "normal"], "switches": []},
        )
        wanted = {"mode": "flood", "note": "台风", "by": "li"}
        status, body, _ = await desk.post("/api/v1/mode", json=wanted)
        assert (status, body["mode"]) == (200, "flood")
        assert body["switches"] == [
            {"at": "2026-05-13T00:00:00.000Z", "mode": "flood", "by": "li", "note": "台风"}
        ]
        status, body, _ = await desk.post("/api/v1/mode", json={"mode": "flod"})
        assert (status, "there are flood, normal" in body["detail"]) == (422, True)
        journal.is_full = True
        status, body, _ = await desk.post("/api/v1/mode", json={"mode": "normal"})
        assert (status, "journal is full" in body["detail"]) == (503, True)
    engine = Engine(one_rule("when: {above: 15}, mode: {flood: {when: {above: 10}}}"))
    sample = Sample("a", "x", NOW, 12.0)
    (fired,) = engine.fold([*journal.records, Batch.of([sample]), Tick(NOW)])
    assert fired.value == 12.0


async def test_a_process_without_modes_says_so(tmp_path: Path) -> None:
    async with serving(make_desk(tmp_path)) as desk:
        status, body, _ = await desk.get("/api/v1/mode")
        assert (status, body["detail"]) == (503, "this process switches no modes")


def test_from_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(tmp_path, capsys)
    data = tmp_path / "data"
    data.mkdir()
    with City(data, mode=stage(data, Journal())) as desk:
        at_port(tmp_path, int(desk.base.rpartition(":")[2]))
        assert terminal("mode", "set", "flood", "--note", "high tide") == 0, terminal.err
        assert "mode: flood (there are flood, normal)" in terminal.out
        assert terminal("mode", "show") == 0
        assert "high tide" in terminal.out
        assert terminal("mode", "show", "--json") == 0
        assert json.loads(terminal.out)["mode"] == "flood"
        assert terminal("mode", "set", "storm") == 1
        assert "no rule names the mode 'storm'" in terminal.err
