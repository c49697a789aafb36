"""Which lamp of a head is out, out of what it and its neighbours show."""

import pytest

from detectors.heads import Reading
from detectors.junction import Junction, Told, glimpse, stare

CYCLE = 80
DARK = Reading("off", 0.95, 0.03, readable=True)
AWAY = Reading("back_or_side", 0.9, 0.9, readable=False)


def lit(state: str) -> Reading:
    return Reading(state, 0.95, 0.97, readable=True)


def program(t: float, *, offset: float = 0.0) -> str:
    """Green for 35 s, yellow for 5, red for 40."""
    within = (t + offset) % CYCLE
    return "green" if within < 35 else "yellow" if within < 40 else "red"


def shows(t: float, name: str, *, broken: str | None, since: float) -> Reading:
    state = program(t, offset=0 if name == "north" else 40)
    return DARK if name == "north" and state == broken and t >= since else lit(state)


def run(
    *, broken: str | None, since: float = 240, seconds: int = 600, every: int = 10, names: str = ""
) -> list[tuple[int, dict[str, Told]]]:
    """What is told in so many seconds; every wish is answered at once."""
    heads = names.split() or ["north", "east"]
    junction = Junction.of(dict.fromkeys(heads))
    told = []
    for t in range(0, seconds, every):
        readings = {name: shows(t, name, broken=broken, since=since) for name in heads}
        junction, said = glimpse(junction, readings=readings, at=t * 1000)
        told.append((t, said))
        wanted = [name for name, one in said.items() if one.said.burst_s]
        if wanted:
            times = [t * 1000 + step for step in range(0, 3_000, 100)]
            frames = {
                name: [shows(at / 1000, name, broken=broken, since=since) for at in times]
                for name in wanted
            }
            junction, said = stare(junction, times=times, readings=frames)
            told.append((t, said))
    return told


def out(told: list[tuple[int, dict[str, Told]]], name: str = "north") -> list[int]:
    return [t for t, one in told if name in one and one[name].lamp_out]


@pytest.mark.parametrize("names", ["north east", "north"], ids=["beside another", "alone"])
@pytest.mark.parametrize("broken", ["red", "green"])
def test_a_lamp_that_has_died_is_told(broken: str, names: str) -> None:
    told = run(broken=broken, names=names)
    when = out(told)
    assert when, "told"
    assert 240 + CYCLE // 2 < when[0] <= 240 + 4 * CYCLE, "after its second dark time"
    assert when[-1] == 590
    assert not out(told, "east")


@pytest.mark.parametrize("every", [5, 10, 15])
def test_working_heads_lose_no_lamp(every: int) -> None:
    told = run(broken=None, seconds=3_600, every=every)
    assert out(told) == out(told, "east") == []
    assert any(one["north"].lamp_out is False for _, one in told if "north" in one)


def test_a_lamp_that_is_mended_ends_it() -> None:
    heads = ["north", "east"]
    junction = Junction.of(dict.fromkeys(heads))
    flags = []
    for t in range(0, 1_200, 10):
        broken = "red" if t < 700 else None
        readings = {name: shows(t, name, broken=broken, since=240) for name in heads}
        junction, said = glimpse(junction, readings=readings, at=t * 1000)
        if readings["north"] == DARK:
            times = [t * 1000 + step for step in range(0, 3_000, 100)]
            junction, said = stare(junction, times=times, readings={"north": [DARK] * 30})
        flags.append((t, said["north"].lamp_out))
    assert (690, True) in flags or (680, True) in flags
    assert all(not flag for t, flag in flags if t >= 760)


def test_a_night_program_is_no_lost_lamp() -> None:
    """After ten cycles both heads flash amber: red comes no more, and nothing is dark."""
    junction = Junction.of({"north": None, "east": None})
    for t in range(0, 2_000, 10):
        state = {"north": program(t), "east": program(t, offset=40)}
        readings = {name: lit("yellow" if t > 800 else state[name]) for name in state}
        junction, told = glimpse(junction, readings=readings, at=t * 1000)
        assert not any(one.lamp_out for one in told.values())


def test_a_head_that_cannot_be_read_is_not_told_of() -> None:
    junction, told = glimpse(Junction.of({"north": None}), readings={"north": AWAY}, at=0)
    assert told == {}
    assert junction == Junction.of({"north": None})


def test_a_junction_without_power_is_told_of_every_head_at_once() -> None:
    """The arrow's habits excuse nothing while the other heads are dark too."""
    junction = Junction.of({"north": None, "arrow": 100_000})
    for t in range(0, 300, 10):
        now = {"north": lit(program(t)), "arrow": lit("green") if t % 120 < 30 else DARK}
        junction, _ = glimpse(junction, readings=now, at=t * 1000)
    both = {"north": DARK, "arrow": DARK}
    junction, told = glimpse(junction, readings=both, at=300_000)
    assert all(one.said.lit is None and one.said.burst_s for one in told.values())
    times = list(range(300_000, 303_100, 100))
    junction, told = stare(junction, times=times, readings={n: [DARK] * 31 for n in both})
    assert [one.said.lit for one in told.values()] == [DARK.lit, DARK.lit]


def test_a_head_without_power_that_is_read_with_doubt_has_no_lamp_out() -> None:
    """Every third look at a dead head gives a doubtful "lit" that names no colour."""
    doubt = Reading("green", 0.5, 0.55, readable=True)
    junction = Junction.of({"north": None, "east": None})
    for t in range(0, 1_200, 10):
        live = {"north": lit(program(t)), "east": lit(program(t, offset=40))}
        dead = doubt if t % 30 == 0 else DARK
        now = live if t < 250 else {"north": dead, "east": dead}
        junction, told = glimpse(junction, readings=now, at=t * 1000)
        assert not any(one.lamp_out for one in told.values())
        if t >= 250:
            times = list(range(t * 1000 + 100, t * 1000 + 3_200, 100))
            frames = {name: [dead] * len(times) for name in now}
            junction, told = stare(junction, times=times, readings=frames)
            assert not any(one.lamp_out for one in told.values())
    assert len(junction.lamps["north"].spells) > 2, "dark times with doubts between them"


def test_arrows_that_are_dark_together_are_no_power_cut() -> None:
    junction = Junction.of({"left": 100_000, "right": 100_000})
    times = list(range(0, 3_100, 100))
    _, told = stare(junction, times=times, readings={n: [DARK] * 31 for n in ("left", "right")})
    assert [one.said.lit for one in told.values()] == [None, None]
