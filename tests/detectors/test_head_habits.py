from collections.abc import Mapping, Sequence

import pytest

from detectors.head_habits import habits_of
from detectors.head_places import Seen
from detectors.heads import Reading

RED = Reading("red", 0.9, 0.97, readable=True)
GREEN = Reading("green", 0.9, 0.97, readable=True)
AMBER = Reading("yellow", 0.9, 0.97, readable=True)
FAINT = Reading("yellow", 0.4, 0.6, readable=True)
OFF = Reading("off", 0.95, 0.02, readable=True)
AWAY = Reading("back_or_side", 0.9, 0.85, readable=False)
HIDDEN = Reading("unreadable", 0.9, 0.9, readable=False)


def looks(*parts: tuple[float, Reading], every_ms: int = 400) -> list[Seen]:
    """Readings one after the other, each for so many seconds."""
    found: list[Seen] = []
    for seconds, reading in parts:
        for _ in range(round(1000 * seconds / every_ms)):
            found.append(Seen(every_ms * len(found), reading))
    return found


def test_shares_of_what_it_shows() -> None:
    habits = habits_of(looks((40, RED), (4, AMBER), (36, GREEN), (20, HIDDEN)))
    assert habits.shares == pytest.approx({"red": 0.5, "yellow": 0.05, "green": 0.45})
    assert (habits.readable, habits.turned_away) == (pytest.approx(0.8), 0)
    assert (habits.spells, habits.longest_dark, habits.dark_by_design) == (0, 0, None)
    assert habits.doubts() == []
    assert not habits.known


def test_an_arrow_is_dark_by_design() -> None:
    cycle = ((90.0, OFF), (30.0, GREEN))
    habits = habits_of(looks((10, GREEN), *cycle, *cycle))
    assert habits.known
    assert habits.spells == 2
    assert habits.longest_dark == pytest.approx(90_000, abs=400)
    assert habits.dark_by_design == 270_000
    assert not habits.cut_short
    assert habits.shares["dark"] == pytest.approx(180 / 250, abs=0.01)


BLINKS: Mapping[str, Sequence[tuple[float, Reading]]] = {
    "amber at 1 Hz": ((0.4, OFF), (0.8, AMBER)) * 60,
    "amber at half a Hz": ((1.2, OFF), (0.8, AMBER)) * 60,
    "a misread frame": ((20, GREEN), (0.4, OFF), (20, GREEN)),
}


@pytest.mark.parametrize("parts", BLINKS.values(), ids=BLINKS)
def test_a_blink_is_no_dark_spell(parts: Sequence[tuple[float, Reading]]) -> None:
    habits = habits_of(looks(*parts))
    assert (habits.spells, habits.dark_by_design) == (0, None)


def test_one_look_that_is_not_sure_ends_no_spell() -> None:
    dark = looks((10, GREEN), (20, OFF), (0.4, FAINT), (20, OFF), (10, GREEN))
    assert habits_of(dark).longest_dark == pytest.approx(40_400, abs=400)
    assert habits_of(looks((10, GREEN), (20, OFF), (0.4, GREEN), (20, OFF), (9, RED))).spells == 2


def test_a_spell_that_outlasts_the_watch_was_that_long_at_least() -> None:
    assert habits_of(looks((10, GREEN), (20, OFF))).cut_short
    assert habits_of(looks((20, OFF), (10, GREEN))).cut_short


DOUBTS: Mapping[str, tuple[Sequence[tuple[float, Reading]], str]] = {
    "its back": (((10, RED), (30, AWAY)), "back or side"),
    "hidden": (((10, RED), (10, GREEN), (30, HIDDEN)), "could not be read"),
    "dark all the time": (((30, OFF),), "never lit"),
    "red for ever": (((30, RED),), "red only"),
}


@pytest.mark.parametrize(("parts", "words"), DOUBTS.values(), ids=DOUBTS)
def test_what_a_person_should_look_at_is_said(
    parts: Sequence[tuple[float, Reading]], words: str
) -> None:
    doubts = habits_of(looks(*parts)).doubts()
    assert any(words in doubt for doubt in doubts)


def test_a_head_that_was_never_lit_is_not_called_dark_by_design() -> None:
    assert habits_of(looks((300, OFF))).dark_by_design is None


def test_no_look_at_all() -> None:
    habits = habits_of([])
    assert (habits.looks, habits.readable, habits.shares) == (0, 0.0, {})
