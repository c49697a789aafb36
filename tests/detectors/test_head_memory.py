import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from detectors import junction, light_normal
from detectors.head_memory import as_json, of_json
from detectors.heads import Reading
from detectors.junction import Junction
from detectors.types import Box

RED = Reading("red", 0.9, 0.97, readable=True)
GREEN = Reading("green", 0.9, 0.97, readable=True)
OFF = Reading("off", 0.95, 0.02, readable=True)
BOXES: Mapping[str, Box] = {"arrow": (0.1, 0.1, 0.2, 0.3), "main": (0.5, 0.1, 0.6, 0.3)}
DESIGNED: Mapping[str, int | None] = {"arrow": None, "main": None}
S = 1000


def burst(state: Junction, *, at: int, reading: Reading) -> Junction:
    """Three seconds in which the arrow shows this."""
    times = range(at, at + 3 * S + 1, 200)
    return junction.stare(state, times=times, readings={"arrow": [reading] * len(times)})[0]


def watched(*, cycles: int) -> Junction:
    """An arrow that is dark for 90 s of every 120 s, beside a head that changes colour."""
    state = Junction.of(DESIGNED)
    for at in range(0, cycles * 120 * S, 10 * S):
        dark = at % (120 * S) < 90 * S
        readings = {"arrow": OFF if dark else GREEN, "main": RED if dark else GREEN}
        state, _ = junction.glimpse(state, readings=readings, at=at)
        if dark:
            state = burst(state, at=at + S, reading=OFF)
    return state


def over_a_restart(state: Junction, *, boxes: Mapping[str, Box] = BOXES) -> Junction:
    text = json.dumps(as_json(state, boxes=BOXES))
    return of_json(json.loads(text), boxes=boxes, designed=dict.fromkeys(boxes))


def test_habits_come_back_and_a_dark_time_under_way_does_not() -> None:
    before = watched(cycles=4)
    before, _ = junction.glimpse(before, readings={"arrow": OFF, "main": RED}, at=480 * S)
    after = over_a_restart(before)
    assert before.heads["arrow"].dark_since is not None
    assert after.heads["arrow"].dark_since is None
    patience = before.heads["arrow"].normal.patience(480 * S)
    assert patience > 200 * S
    assert after.heads["arrow"].normal.patience(480 * S) == patience
    assert after.heads["main"].normal.known
    assert after.heads["main"].normal.shown == before.heads["main"].normal.shown
    assert after.heads["arrow"].burst_s == before.heads["arrow"].burst_s


def test_after_a_restart_an_arrow_is_given_the_dark_time_that_it_was_known_for() -> None:
    state = over_a_restart(watched(cycles=4))
    began = 500 * S
    told = []
    for at in range(began, began + 90 * S, 10 * S):
        state, _ = junction.glimpse(state, readings={"arrow": OFF, "main": RED}, at=at)
        times = range(at + S, at + 4 * S + 1, 200)
        state, said = junction.stare(state, times=times, readings={"arrow": [OFF] * len(times)})
        told.append(said["arrow"].said.lit)
    assert set(told) == {None}


def test_a_region_drawn_anew_is_begun_anew_and_the_others_are_not() -> None:
    before = watched(cycles=4)
    moved = {**BOXES, "arrow": (0.1, 0.1, 0.2, 0.4)}
    after = over_a_restart(before, boxes=moved)
    assert after.heads["arrow"].normal == light_normal.Normal()
    assert after.heads["main"].normal.watched == before.heads["main"].normal.watched
    assert set(over_a_restart(before, boxes={"new": (0.1, 0.1, 0.2, 0.3)}).heads) == {"new"}


def test_what_a_person_says_of_a_region_stands_over_what_was_learned() -> None:
    known = json.loads(json.dumps(as_json(watched(cycles=4), boxes=BOXES)))
    after = of_json(known, boxes=BOXES, designed={"arrow": 90 * S, "main": None})
    assert after.heads["arrow"].normal.patience(500 * S) == 90 * S


def test_a_night_in_which_nobody_looked_is_no_time_that_a_colour_stayed_away() -> None:
    before = watched(cycles=4)
    normal = over_a_restart(before).heads["main"].normal
    longest = normal.shown["green"].longest_away
    morning = 480 * S + 8 * 3600 * S
    normal = light_normal.looked(normal, at=morning)
    normal = light_normal.lit(normal, state="red", at=morning)
    normal = light_normal.lit(normal, state="green", at=morning + 60 * S)
    assert normal.shown["green"].longest_away == longest
    assert normal.watched == before.heads["main"].normal.watched


def test_a_lamp_that_was_out_before_the_restart_is_out_after_it() -> None:
    state = Junction.of(DESIGNED)
    for at in range(0, 1200 * S, 10 * S):
        late = at >= 480 * S
        red = at % (60 * S) < 30 * S
        arrow = (OFF if late else RED) if red else GREEN
        state, _ = junction.glimpse(
            state, readings={"arrow": arrow, "main": RED if red else GREEN}, at=at
        )
        if arrow is OFF:
            state = burst(state, at=at + S, reading=OFF)
    assert state.lamps["arrow"].out == {"red"}
    after = over_a_restart(state)
    hour = 1200 * S + 3600 * S
    after, told = junction.glimpse(after, readings={"arrow": GREEN, "main": GREEN}, at=hour)
    assert told["arrow"].lamp_out is True
    after, told = junction.glimpse(after, readings={"arrow": RED, "main": RED}, at=hour + 30 * S)
    assert told["arrow"].lamp_out is False


Spoil = Callable[[dict[str, Any]], object]
SPOILT: Mapping[str, Spoil] = {
    "no heads": lambda heads: heads.clear() or heads.update(arrow=3),
    "a head without its box": lambda heads: heads["arrow"].pop("box"),
    "time is text": lambda heads: heads["arrow"].update(watched="long"),
    "time is negative": lambda heads: heads["arrow"].update(watched=-1),
    "time is no number at all": lambda heads: heads["arrow"].update(looked=float("nan")),
    "a count is true": lambda heads: heads["arrow"]["shown"]["green"].update(looks=True),
    "spells are a number": lambda heads: heads["arrow"].update(spells=3),
    "a burst that is a list": lambda heads: heads["arrow"].update(burst_s=[]),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_nonsense_is_named_and_not_believed(spoil: Spoil) -> None:
    known = as_json(watched(cycles=4), boxes=BOXES)
    spoil(known["heads"])
    with pytest.raises(ValueError, match="learned of heads"):
        of_json(known, boxes=BOXES, designed=DESIGNED)
