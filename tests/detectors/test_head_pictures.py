"""What the head classifier is trained on: drawn heads, views of them, what a person looked at."""

from pathlib import Path

import numpy as np
import pytest

from detectors.heads import HEIGHT, OFF, STATES, WIDTH
from detectors.train import head_data, sources
from detectors.train.dark_heads import glow
from detectors.train.drawn_heads import draw, draw_back, drawn
from detectors.train.head_data import BACK, Head
from detectors.train.head_views import at_height, view

GREY = [np.full((90, 120, 3), 128, np.uint8)]


def shine(head: Head) -> float:
    """How much brighter and more coloured the brightest lens is than the next."""
    x1, y1, x2, y2 = (round(edge) for edge in head.box)
    third, second, first = np.sort(glow(head.pixels[y1:y2, x1:x2]))
    return float(first - (second + third) / 2)


def test_a_drawn_lamp_shines_and_a_drawn_dark_head_does_not() -> None:
    rng = np.random.default_rng(3)
    lit = [shine(draw(rng, GREY, lamp=lamp)) for lamp in (0, 1, 2) for _ in range(12)]
    dark = [shine(draw(rng, GREY, lamp=None)) for _ in range(36)]
    assert np.median(lit) > 3 * np.median(dark)


def test_drawn_heads_are_of_every_kind_and_for_training_only() -> None:
    heads = drawn(GREY, each=2, seed=1)
    kinds = [head.kind for head in heads]
    assert [kinds.count(kind) for kind in range(len(STATES))] == [2, 2, 2, 6, 2, 0]
    assert not any(head.validation for head in heads)
    assert {head.source for head in heads} == {"drawn"}
    again = drawn(GREY, each=2, seed=1)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(heads, again, strict=True))


def test_a_head_from_behind_has_no_lens_in_its_box() -> None:
    rng = np.random.default_rng(5)
    for _ in range(8):
        head = draw_back(rng, GREY)
        assert head.kind == BACK
        x1, y1, x2, y2 = (round(edge) for edge in head.box)
        assert 0 <= x1 < x2 <= head.pixels.shape[1]
        assert 0 <= y1 < y2 <= head.pixels.shape[0]
        assert shine(head) < 0.25


def test_a_view_is_what_the_network_takes_and_differs_each_time() -> None:
    rng = np.random.default_rng(9)
    head = draw(rng, GREY, lamp=0)
    seen = [view(head, rng) for _ in range(30)]
    assert {(one.shape, one.dtype.name) for one in seen} == {((HEIGHT, WIDTH, 3), "uint8")}
    assert len({one.tobytes() for one in seen}) == len(seen)


@pytest.mark.parametrize(
    ("height", "expected"),
    [pytest.param(33.0, 33.0, id="shrunk"), pytest.param(999.0, None, id="never enlarged")],
)
def test_a_head_at_a_height(height: float, expected: float | None) -> None:
    head = draw(np.random.default_rng(1), GREY, lamp=None)
    tall = head.box[3] - head.box[1]
    small = at_height(head, height)
    assert small.box[3] - small.box[1] == pytest.approx(expected or tall)
    assert small.kind == OFF


def test_heads_that_nobody_can_read_are_marked_and_stay_labelled(pictures: Path) -> None:
    lights = [one for one in sources.traffic_lights(pictures) if one.path.stem.endswith("0159")]
    heads = list(head_data.labelled(lights, seed=1))
    assert [head.clear for head in heads if head.source == "cinta"] == [False]
    assert [STATES[head.kind] for head in heads if head.source == "cinta"] == ["green"]


def test_the_states_of_another_country_fit_its_boxes(pictures: Path) -> None:
    heads = list(head_data.camvid(sources.backgrounds(pictures)))
    aside = [head for head in heads if head.validation]
    assert len(heads) == 90
    assert {STATES[head.kind] for head in aside} == {"red", "green", "back_or_side"}
    assert [sum(head.kind == kind for head in aside) for kind in (0, 2, BACK)] == [18, 6, 16]
