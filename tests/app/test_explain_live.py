"""``/api/v1/explain``, and ``citypatrol explain`` beside a running city."""

from dataclasses import replace
from pathlib import Path

from citypatrol.records import Tick
from citypatrol.samples import Batch, Sample
from rules.engine import Engine
from rules.explain_alarm import Explanation
from tests.app.a_desk import NOW, TheDesk, incident, make_desk, serving
from tests.app.a_terminal import City, Terminal, at_port
from tests.rules.story import ruleset

RULES = ruleset(
    "rules: [{name: underpass-flooded, select: {metric: water_level},"
    " when: {above: 15, for: 60s}, ticket: {category: road.flooding, title: t}}]"
)


class Live:
    """An engine whose sensor has stood at 20 cm since two minutes ago."""

    def __init__(self) -> None:
        self._engine = Engine(RULES)
        sample = Sample("pump-1", "water_level", NOW - 120_000, 20.0)
        self._engine.fold([Batch.of([sample]), Tick(NOW)])

    async def __call__(self, rule: str, *, source: str) -> Explanation:
        return self._engine.explain(rule, source=source)


async def test_over_the_api(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    async with serving(desk, rules=lambda: RULES, explain=Live()) as running:
        query = "/api/v1/explain?rule=underpass-flooded&source=pump-1"
        status, body, _ = await running.get(query)
        assert (status, body["state"], body["at"]) == (200, "firing", "2026-05-13T00:02:11.480Z")
        assert body["filed"] == {
            "makes_tickets": True, "ticket": None, "held_until": None, "quiet_until": None,
        }  # fmt: skip
        running.file(incident())
        _, body, _ = await running.get(query + "&metric=water_level")
        assert body["filed"]["ticket"] == "ZZ-260513-0001"
        for wrong, says in (
            ("rule=x&source=pump-1", "there is no rule 'x'"),
            ("rule=underpass-flooded&source=pump-2", "the nearest: pump-1"),
            ("rule=underpass-flooded&source=pump-1&metric=y", "reads water_level and not y"),
        ):
            status, body, _ = await running.get(f"/api/v1/explain?{wrong}")
            assert (status, says in body["detail"]) == (404, True), body


async def test_where_workers_judge(desk: TheDesk) -> None:
    status, body, _ = await desk.get("/api/v1/explain?rule=r&source=s")
    assert status == 503
    assert "--history" in body["detail"]


async def test_the_end_of_a_cooldown(tmp_path: Path) -> None:
    """The incident before was closed at the desk a minute ago."""
    async with serving(make_desk(tmp_path), rules=lambda: RULES, explain=Live()) as running:
        earlier = incident(since=NOW - 900_000)
        running.file(earlier)
        running.file(replace(earlier, cleared_at=NOW - 600_000))
        for action in ("acknowledge", "resolve", "close"):
            await running.post(f"/api/v1/tickets/ZZ-260513-0001/{action}")
        running.file(incident())
        _, body, _ = await running.get("/api/v1/explain?rule=underpass-flooded&source=pump-1")
        filed = body["filed"]
        assert filed["ticket"] is None
        assert filed["held_until"] == filed["quiet_until"] != None  # noqa: E711 - both, and there


def test_from_a_terminal(tmp_path: Path, terminal: Terminal) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with City(data, rules=lambda: RULES, explain=Live()) as desk:
        at_port(tmp_path, int(desk.base.rpartition(":")[2]))
        assert terminal("explain", "underpass-flooded", "pump-1") == 0
        assert "firing since 2026-05-13T00:00:11.480Z" in terminal.out
        assert terminal("explain", "underpass-flooded", "pump-9") == 1
        assert "nothing is known of a source pump-9" in terminal.err
