"""What is drawn by hand, and what counts as covered."""

import numpy as np
import pytest

from bench.vision_masks import Drawn, _share, _wanted, drawn


def test_every_drawn_thing_is_a_box_in_its_picture() -> None:
    pictures = dict(drawn())
    assert len(pictures) == 30
    things = [one for found in pictures.values() for one in found]
    assert {one.kind for one in things} == {"person", "vehicle"}
    for one in things:
        x1, y1, x2, y2 = one.box
        assert 0 <= x1 < x2 <= 1
        assert 0 <= y1 < y2 <= 1
    assert sum(one.cut for one in things) == 23


@pytest.mark.parametrize(
    ("kind", "share"),
    [pytest.param("person", 0.5, id="head to foot"), pytest.param("vehicle", 0.75, id="below")],
)
def test_of_a_vehicle_the_lower_part_counts(kind: str, share: float) -> None:
    covered = np.zeros((100, 100), np.bool_)
    covered[50:] = True
    wanted = _wanted(Drawn(kind, (0.2, 0.0, 0.4, 1.0)))
    assert _share(covered, wanted) == pytest.approx(share, abs=0.03)
