from collections.abc import Mapping

import pytest

from detectors.head_names import names_of
from detectors.types import Box

A: Box = (0.1, 0.1, 0.12, 0.2)
B: Box = (0.5, 0.1, 0.52, 0.2)
C: Box = (0.8, 0.1, 0.82, 0.2)
BELOW_A: Box = (0.11, 0.6, 0.13, 0.7)
MORE: tuple[Box, ...] = (A, B, C, BELOW_A)

NAMES: Mapping[str, tuple[tuple[Box, ...], list[str]]] = {
    "none": ((), []),
    "one": ((B,), ["head"]),
    "two": ((C, A), ["right", "left"]),
    "three": ((B, C, A), ["middle", "right", "left"]),
    "one above the other": ((BELOW_A, A), ["lower", "upper"]),
    "many, from left to right": (MORE, ["head-1", "head-3", "head-4", "head-2"]),
}


@pytest.mark.parametrize(("boxes", "names"), NAMES.values(), ids=NAMES)
def test_names_say_where_a_head_is(boxes: tuple[Box, ...], names: list[str]) -> None:
    assert names_of(boxes, known={}) == names


def test_a_head_at_a_known_region_keeps_its_name() -> None:
    near: Box = (0.505, 0.11, 0.525, 0.21)
    known = {"north": B, "gone": (0.3, 0.3, 0.31, 0.31)}
    assert names_of([A, near, C], known=known) == ["left", "north", "right"]


def test_two_heads_at_one_region_are_not_both_that_region() -> None:
    assert names_of([B, (0.5, 0.1, 0.52, 0.19)], known={"north": B}) == ["north", "head"]


def test_a_new_name_is_never_that_of_a_region() -> None:
    known = {"left": (0.9, 0.9, 0.95, 0.95), "head-1": (0.9, 0.1, 0.95, 0.15)}
    assert names_of([A, B], known=known) == ["head-2", "head-3"]
