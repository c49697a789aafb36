"""Rules that are read again: what is refused and where, what is new, what judges meanwhile."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.city import City
from app.city_reading import load_city
from app.modes import Modes
from app.reloading import RulesAgain
from app.run import CityRun
from bench.servers.free_port import free_port
from citypatrol import metrics
from rules.ruleset import RuleSet
from tests.app.a_city import FILES, write_city

WATER = FILES["rules/water.yaml"]
SMELL = (
    'rules: [{name: smell, select: {metric: h2s}, when: {above: "2 mg/m3"}, mode: {event: off}}]'
)
PLAIN = "rules: [{name: smell, select: {metric: h2s}, when: {above: 2}}]"
SAID = {
    "rules read again",
    "the rules stay as they were",
    "cameras read again",
    "the cameras stay as they were",
}


class InForce:
    """What was put in force, in order."""

    def __init__(self) -> None:
        self.sets: list[RuleSet] = []

    async def __call__(self, rules: RuleSet) -> None:
        self.sets.append(rules)


def city_of(folder: Path, **changed: str) -> City:
    city, problems = load_city(write_city(folder, **changed) / "city.yaml", env={})
    assert city is not None
    assert problems == []
    return city


def refused() -> float:
    return metrics.REGISTRY.get_sample_value("citypatrol_rules_refused") or 0.0


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(
            {"rules/water.yaml": WATER.replace("above:", "abvoe:")},
            ["rules/water.yaml:4:12: rule 'flooded': unknown key 'abvoe' in when"],
            id="a wrong word",
        ),
        pytest.param(
            {"rules/water.yaml": "rules: [", "rules/more.yaml": "rules: 5\n"},
            ["rules/more.yaml:1:8: rules:", "rules/water.yaml:2:1: "],
            id="two files",
        ),
        pytest.param(
            {"rules/water.yaml": WATER + WATER.replace("rules:\n", "")},
            ["rules/water.yaml:13:11: rule 'flooded': name: there is one at", "silent"],
            id="a double",
        ),
        pytest.param(
            {"rules/water.yaml": WATER.replace("flood_limit", "gateway")},
            ["'wl-1': gateway 'gw-1' is no number", "'wl-2': gateway 'gw-1' is no number"],
            id="a cell that is no number",
        ),
        pytest.param({}, ["city.yaml:6:9: rules: no file is named like 'rules/*.yaml'"], id="gone"),
    ],
)
async def test_files_with_problems_change_nothing(
    tmp_path: Path, spoil: dict[str, str], says: list[str]
) -> None:
    city, in_force = city_of(tmp_path), InForce()
    again = RulesAgain(city, put_in_force=in_force, env={})
    (tmp_path / "rules/water.yaml").unlink()
    for name, text in spoil.items():
        (tmp_path / name).write_text(text)
    with capture_logs() as logs:
        await again.read_again()
    assert again.rules is city.rules
    assert in_force.sets == []
    assert len(again.refused) == len(says) == refused()
    for problem, part in zip(again.refused, says, strict=True):
        assert part in problem
    assert [one["problem"] for one in logs if one["log_level"] == "error"] == again.refused

    (tmp_path / "rules/water.yaml").write_text(WATER)
    (tmp_path / "rules/more.yaml").unlink(missing_ok=True)
    await again.read_again()
    assert (again.refused, refused()) == ([], 0)
    assert in_force.sets == [city.rules]


async def test_new_files_other_rules_and_modes_are_taken(tmp_path: Path) -> None:
    """With the city's own facts: its units of metrics, as they were read at the start."""
    facts = {"city": FILES["city.yaml"] + "metrics: {h2s: ug/m3}\n"}
    city, in_force = city_of(tmp_path, **facts), InForce()
    modes = Modes(tmp_path / "modes.jsonl", first="normal", known=city.rules.modes)
    again = RulesAgain(city, put_in_force=in_force, modes=modes, env={})
    (tmp_path / "rules/smell.yaml").write_text(SMELL)
    (tmp_path / "rules/water.yaml").write_text(
        WATER.replace("for: 2m", "for: 3m").replace("name: silent", "name: quiet")
    )
    (tmp_path / "city.yaml").write_text(FILES["city.yaml"])
    with capture_logs() as logs:
        await again.read_again()
    assert in_force.sets == [again.rules]
    by_name = {rule.name: rule for rule in again.rules.rules}
    assert sorted(by_name) == ["flooded", "quiet", "smell"]
    smell = by_name["smell"].when.comparison
    assert smell is not None
    assert smell.low is not None
    assert smell.low.default == 2000
    assert modes.known == ["event", "normal"]
    said = logs[-1]
    assert (said["added"], said["changed"], said["removed"]) == (
        ["quiet", "smell"],
        ["flooded"],
        ["silent"],
    )


async def test_a_note_is_said_when_it_is_new(tmp_path: Path) -> None:
    again = RulesAgain(city_of(tmp_path), put_in_force=InForce(), env={})
    (tmp_path / "rules/water.yaml").write_text(WATER.replace("road.flooding", "road.lake"))
    said = []
    for _ in range(2):
        with capture_logs() as logs:
            await again.read_again()
        said.append([one["about"] for one in logs if one["event"] == "note"])
    assert len(said[0]) == 1
    assert "no unit handles 'road.lake'" in said[0][0]
    assert said[1] == []


async def test_of_many_names_some_are_said(tmp_path: Path) -> None:
    again = RulesAgain(city_of(tmp_path), put_in_force=InForce(), env={})
    rules = "".join(
        f"  - {{name: r{n:02}, select: {{metric: x}}, when: {{above: 1}}}}\n" for n in range(23)
    )
    (tmp_path / "rules/many.yaml").write_text(f"rules:\n{rules}")
    with capture_logs() as logs:
        await again.read_again()
    assert logs[-1]["added"] == [*(f"r{n:02}" for n in range(20)), "and 3 more"]


async def test_rules_and_cameras_are_read_each_by_themselves(tmp_path: Path) -> None:
    """What is wrong with the ones keeps the others from nothing."""
    text = FILES["city.yaml"]
    for port in ("1883", "8080", "8086"):
        text = text.replace(port, str(free_port()))  # nobody is there, and nothing waits for them
    run = CityRun(city_of(tmp_path, city=text, cameras="cameras: []\n"))
    said = []
    async with run.running():
        for cameras, rules in (("cameras: 5\n", PLAIN), ("cameras: []\n", "rules: 5\n")):
            (tmp_path / "cameras.yaml").write_text(cameras)
            (tmp_path / "rules/smell.yaml").write_text(rules)
            with capture_logs() as logs:
                await run.reload()
            said.append({one["event"] for one in logs} & SAID)
    assert said == [
        {"the cameras stay as they were", "rules read again"},
        {"cameras read again", "the rules stay as they were"},
    ]
