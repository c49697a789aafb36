"""``Learner`` with a reader and a finder of its own; no model."""

from collections.abc import Sequence

import numpy as np

from detectors.heads import Reading
from detectors.learn import Learner
from detectors.types import Box, Finding, Frame, Pixels

RED = Reading("red", 0.9, 0.97, readable=True)
GREEN = Reading("green", 0.9, 0.97, readable=True)
SIDE = 200, 400
LEFT: Box = (100, 50, 120, 100)
RIGHT: Box = (300, 50, 320, 100)


class Lamps:
    """Every head is red, then green, a minute each."""

    def __init__(self) -> None:
        self.at = 0

    def __call__(self, pixels: Pixels, boxes: Sequence[Box]) -> list[Reading]:
        return [RED if self.at % 120_000 < 60_000 else GREEN] * len(boxes)


def street(seed: int) -> Pixels:
    coarse = np.random.default_rng(seed).integers(20, 230, (20, 40, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 10, axis=0), 10, axis=1)


def learner(known: dict[str, Box] | None = None, *, turned_from_s: int = 10**6) -> Learner:
    """Watched for 5 minutes, a look in 2 s, a search in 20 s."""
    lamps = Lamps()
    made = Learner(search_every=20_000, reader=lamps, known=known)  # type: ignore[arg-type]
    for second in range(0, 300, 2):
        lamps.at = 1000 * second
        pixels = street(1 if second < turned_from_s else 2)
        pixels[second % 7, second % 11] = second % 250
        made.look(Frame("dock", 1000 * second, pixels))
        if made.wants_search(at=1000 * second):
            made.begins_search(at=1000 * second)
            heads = [Finding("traffic_light", 0.6, LEFT), Finding("traffic_light", 0.5, RIGHT)]
            made.found(heads, at=1000 * second)
    return made


def test_heads_have_names_fractions_and_habits() -> None:
    learned = learner().learned()
    assert [head.name for head in learned.heads] == ["left", "right"]
    assert learned.heads[0].box == (0.25, 0.25, 0.3, 0.5)
    assert learned.heads[0].habits.shares.keys() == {"red", "green"}
    assert learned.heads[0].habits.doubts() == []
    assert learned.heads[0].found == 1.0
    assert (learned.looks, learned.searches, learned.watched) == (150, 15, 298_000)
    assert [(one.label, tuple(map(round, one.box))) for one in learned.findings()] == [
        ("left", LEFT),
        ("right", RIGHT),
    ]


def test_regions_of_the_file_keep_their_names_and_are_missed() -> None:
    known = {"north": (0.25, 0.3, 0.3, 0.55), "west": (0.0, 0.8, 0.02, 0.9)}
    learned = learner(known).learned()
    assert [head.name for head in learned.heads] == ["north", "head"]
    assert learned.heads[0].was == known["north"]
    assert learned.lost == ("west",)


def test_a_camera_that_is_turned_meanwhile_is_told_and_not_looked_at() -> None:
    made = learner(turned_from_s=150)
    learned = made.learned()
    assert set(learned.faults) == {"wrong_scene"}
    assert learned.looks == 75
    assert learned.picture is not None
    assert np.array_equal(learned.picture[20:], street(1)[20:])
    assert "not well" in made.so_far()


def test_nothing_was_seen() -> None:
    nothing = Learner(search_every=1, reader=Lamps()).learned()  # type: ignore[arg-type]
    assert (nothing.heads, nothing.findings()) == ((), [])
