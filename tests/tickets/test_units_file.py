"""``units.yaml``."""

from pathlib import Path

import pytest

from citypatrol.errors import Problem
from tickets.units import Units, load_units

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY="
GOOD = f"""units:
  - id: guancheng-housing
    name: 管城区住建局
    level: district
    parent: zhengzhou
    handles: [road.traffic_light, road.flooding]
    webhook: {{url: "https://oms.example/hooks", secret: "{SECRET}"}}
  - id: zhengzhou
    name: 郑州市
    level: city
    handles: [road.flooding, city.litter]
    webhook: {{url: "http://10.20.0.9:8080/in?x=1", secret: "{SECRET}"}}
"""


def load(folder: Path, text: str) -> tuple[Units | None, list[Problem]]:
    path = folder / "units.yaml"
    path.write_text(text)
    return load_units(path)


def said(folder: Path, text: str) -> list[str]:
    _, problems = load(folder, text)
    assert SECRET not in str(problems)
    return [str(problem).removeprefix(f"{folder}/units.yaml:") for problem in problems]


def test_good(tmp_path):
    units, problems = load(tmp_path, GOOD)
    assert problems == []
    assert [unit.id for unit in units] == ["guancheng-housing", "zhengzhou"]
    assert len(units) == 2
    assert SECRET not in repr(list(units))


@pytest.mark.parametrize(
    ("category", "besides", "unit"),
    [
        ("road.flooding", [], "guancheng-housing"),
        ("road.flooding", ["guancheng-housing"], "zhengzhou"),
        ("road.flooding", ["guancheng-housing", "zhengzhou"], None),
        ("city.litter", [], "zhengzhou"),
        ("road", [], None),
        ("road.flooding.deep", [], None),
    ],
)
def test_the_first_that_handles_it(tmp_path, category, besides, unit):
    units, _ = load(tmp_path, GOOD)
    found = units.handling(category, besides=besides)
    assert (None if found is None else found.id) == unit


def test_categories_that_nobody_handles(tmp_path):
    units, _ = load(tmp_path, GOOD)
    assert units.unhandled(["x.y", "city.litter", "a.b", "x.y"]) == ["a.b", "x.y"]


def test_names(tmp_path):
    units, _ = load(tmp_path, GOOD)
    assert (units.name("zhengzhou"), units.name("gone")) == ("郑州市", "gone")
    assert (units.get("zhengzhou").name, units.get("gone")) == ("郑州市", None)
    assert list(Units()) == []


def changed(before: str, after: str) -> str:
    assert before in GOOD
    return GOOD.replace(before, after, 1)


CITY = "level: city"
CASES = {
    "not a file's form": ("units: 7", ["1:8: units: expected a list, found 7"]),
    "unknown key": (
        changed(CITY, "levle: city"),
        ["10:5: unit '郑州市': unknown key 'levle'; did you mean 'level'?"],
    ),
    "areas come later": (
        changed(CITY, CITY + '\n    areas: ["410104*"]'),
        [
            "11:5: unit '郑州市': 'areas' is documented but not built yet: a unit answers for "
            "its categories in the whole city; leave it out"
        ],
    ),
    "calendars come later": (
        changed(CITY, CITY + "\n    calendar: china-office"),
        [
            "11:5: unit '郑州市': 'calendar' is documented but not built yet: deadlines run "
            "day and night; leave it out"
        ],
    ),
    "level": (
        changed(CITY, "level: country"),
        ["10:12: unit '郑州市': level: 'country' is none of street, district, city"],
    ),
    "twice": (
        changed("id: zhengzhou", "id: guancheng-housing"),
        [
            "5:13: unit '管城区住建局': there is no unit 'zhengzhou' to be its parent",
            "8:9: unit '郑州市': there is another 'guancheng-housing'; give one another id",
        ],
    ),
    "no such parent": (
        changed("parent: zhengzhou", "parent: henan"),
        ["5:13: unit '管城区住建局': there is no unit 'henan' to be its parent"],
    ),
    "its own parent": (
        changed("parent: zhengzhou", "parent: guancheng-housing"),
        [
            "5:13: unit '管城区住建局': is its own parent through guancheng-housing > "
            "guancheng-housing"
        ],
    ),
    "a circle": (
        changed(CITY, CITY + "\n    parent: guancheng-housing"),
        [
            "5:13: unit '管城区住建局': is its own parent through guancheng-housing > "
            "zhengzhou > guancheng-housing",
            "11:13: unit '郑州市': is its own parent through zhengzhou > guancheng-housing > "
            "zhengzhou",
        ],
    ),
    "id for a URL": (
        changed("id: zhengzhou", "id: 郑州/市"),
        [
            "8:9: unit '郑州市': id: '郑州/市' cannot stand in a URL; use up to 64 letters, "
            "digits, '-' and '_'"
        ],
    ),
    "category": (
        changed("city.litter", "city..litter"),
        [
            "11:30: unit '郑州市': handles: 'city..litter' is no category; write a dotted name "
            "like road.traffic_light"
        ],
    ),
    "not our secret": (
        changed(SECRET, "canary-canary"),
        [
            "7:57: unit '管城区住建局': secret: this is no webhook secret; write whsec_ and the "
            "base64 of 24 to 64 random bytes"
        ],
    ),
    "url without a scheme": (
        changed("https://oms.example/hooks", "oms.example/hooks"),
        [
            "7:20: unit '管城区住建局': url: 'oms.example/hooks' is no http:// or https:// URL; "
            "write https://host/path"
        ],
    ),
    "url with a user": (
        changed("https://oms.example", "https://me:canary@oms.example"),
        [
            "7:20: unit '管城区住建局': url: 'https://***@oms.example/hooks' has a user in it; "
            "secrets have keys of their own; write https://host/path"
        ],
    ),
    "url with white space": (
        changed("/hooks", "/ho oks"),
        [
            "7:20: unit '管城区住建局': url: 'https://oms.example/ho oks' has a fragment or white "
            "space in it; write https://host/path"
        ],
    ),
    "url with a broken port": (
        changed("oms.example/", "oms.example:x/"),
        [
            "7:20: unit '管城区住建局': url: 'https://oms.example:x/hooks' is no URL: Port could "
            "not be cast to integer value as 'x'; write https://host/path"
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_files(tmp_path, case):
    text, problems = CASES[case]
    assert said(tmp_path, text) == problems


def test_a_unit_may_have_no_webhook(tmp_path):
    assert said(tmp_path, GOOD[: GOOD.rindex("    webhook")]) == []


def test_no_file(tmp_path):
    units, (problem,) = load_units(tmp_path / "units.yaml")
    assert units is None
    assert "cannot be read" in str(problem)


def test_a_chain_that_runs_into_a_circle_of_others_is_said_once(tmp_path):
    chain = "".join(
        f"  - {{id: {name}, name: x, level: city, parent: {parent}, handles: [],\n"
        f'     webhook: {{url: "https://h", secret: "{SECRET}"}}}}\n'
        for name, parent in [("a", "b"), ("b", "c"), ("c", "b")]
    )
    assert len(said(tmp_path, f"units:\n{chain}")) == 2
