"""No unmasked pixel leaves: pictures that differ only where somebody is become the same bytes."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import masking
from detectors.evidence import proof
from detectors.masking import FILL, Masked, filled, masked, regions
from detectors.types import Box, Finding, Hidden, Pixels, UnmaskedError

HEIGHT, WIDTH = 96, 160
BOTH: tuple[Hidden, ...] = ("person", "plate")
INSIDE: Box = (50, 20, 90, 80)
CUP = Finding("litter", 0.7, (20.0, 40.0, 28.0, 50.0))


class Knows:
    """Finds the same in every picture; counts how often it was asked."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings
        self.pictures = 0

    def batch(self, pictures: Sequence[Pixels]) -> list[list[Finding]]:
        self.pictures += len(pictures)
        return [list(self.findings) for _ in pictures]


def noise(seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


edges = st.floats(-40, 200, allow_nan=False)
boxes = st.tuples(edges, edges, st.floats(0.1, 90), st.floats(0.1, 90)).map(
    lambda at: (at[0], at[1], at[0] + at[2], at[1] + at[3])
)
people = st.builds(Finding, st.sampled_from(masking.PEOPLE), st.just(0.3), boxes)
vehicles = st.builds(Finding, st.sampled_from(masking.VEHICLES), st.just(0.3), boxes)


def hidden(findings: Sequence[Finding]) -> np.ndarray:
    """Which pixels must not get out, said without the code under test."""
    where = np.zeros((HEIGHT, WIDTH), bool)
    for one in findings:
        x1, y1, x2, y2 = one.box
        if one.label not in masking.PEOPLE:
            y1 += 0.4 * (y2 - y1)
        left, top = max(0, math.floor(x1)), max(0, math.floor(y1))
        where[top : max(0, math.ceil(y2)), left : max(0, math.ceil(x2))] = True
    return where


@settings(max_examples=60, deadline=None)
@given(st.lists(people | vehicles, max_size=5), st.integers(0, 1 << 30))
def test_what_is_kept_does_not_depend_on_what_is_covered(
    findings: list[Finding], seed: int
) -> None:
    one, other = noise(seed), noise(seed)
    inside = hidden(findings)
    other[inside] = noise(seed + 1)[inside]
    paint = Masked(proof, kinds=BOTH, finder=Knows(*findings))
    kept = [paint(pixels, [CUP], camera="dock", at=0) for pixels in (one, other)]
    assert kept[0] == kept[1]


@settings(max_examples=60, deadline=None)
@given(st.lists(people | vehicles, min_size=1, max_size=5))
def test_every_pixel_of_them_has_one_colour_and_nothing_else_is_touched(
    findings: list[Finding],
) -> None:
    pixels = noise(3)
    where = regions(findings, kinds=BOTH, width=WIDTH, height=HEIGHT)
    made = filled(pixels, where)
    assert (made[hidden(findings)] == FILL).all()
    covered = np.zeros((HEIGHT, WIDTH), bool)
    for x1, y1, x2, y2 in where:
        covered[y1:y2, x1:x2] = True
    assert (made[~covered] == pixels[~covered]).all()
    assert (pixels == noise(3)).all(), "the picture that was given stays as it is"


@pytest.mark.parametrize(
    ("label", "kinds", "covers"),
    [
        pytest.param("person", BOTH, "all", id="a person, wholly"),
        pytest.param("bicycle", BOTH, "all", id="who rides"),
        pytest.param("motorcycle", ("plate",), "below", id="a motorcycle's plate"),
        pytest.param("car", BOTH, "below", id="a car where its plate is"),
        pytest.param("truck", ("plate",), "below", id="a lorry"),
        pytest.param("car", ("person",), "nothing", id="plates not asked for"),
        pytest.param("person", ("plate",), "nothing", id="people not asked for"),
        pytest.param("litter", BOTH, "nothing", id="what is looked for"),
    ],
)
def test_what_is_covered_of_what(label: str, kinds: tuple[Hidden, ...], covers: str) -> None:
    found = regions([Finding(label, 0.4, (50, 20, 90, 80))], kinds=kinds, width=160, height=96)
    if covers == "nothing":
        assert found == []
        return
    ((x1, y1, x2, y2),) = found
    assert (x1, x2) == (45, 95)
    assert y2 == 88 if covers == "all" else 85
    assert y1 < 20 if covers == "all" else 30 < y1 < 41


@pytest.mark.parametrize(
    ("label", "score", "box", "covered"),
    [
        pytest.param("person", 0.07, INSIDE, True, id="a faint person"),
        pytest.param("person", 0.06, INSIDE, False, id="anything"),
        pytest.param("person", 0.04, (50, 1, 60, 40), True, id="legs at the upper edge"),
        pytest.param("person", 0.04, (150, 20, 159, 40), True, id="who comes in"),
        pytest.param("car", 0.29, INSIDE, False, id="what may be a heap of waste"),
        pytest.param("car", 0.3, INSIDE, True, id="a car near enough to be read"),
        pytest.param("car", 0.1, (-1, 20, 20, 80), True, id="half a car"),
        pytest.param("car", 0.1, (50, 20, 90, 95), True, id="half a car below"),
        pytest.param("car", 0.09, (0, 20, 20, 80), False, id="hardly half a car"),
    ],
)
def test_how_sure_it_must_be(label: str, score: float, box: Box, covered: bool) -> None:
    found = regions([Finding(label, score, box)], kinds=BOTH, width=160, height=96)
    assert bool(found) is covered


def test_a_margin_is_never_less_than_a_few_pixels() -> None:
    found = regions([Finding("person", 0.2, (50, 20, 52, 25))], kinds=BOTH, width=160, height=96)
    assert found == [(47, 17, 55, 28)]


@pytest.mark.parametrize("box", [(170, 10, 190, 40), (10, -50, 30, -20)], ids=["right", "above"])
def test_who_is_outside_needs_no_cover(box: Box) -> None:
    assert regions([Finding("person", 0.2, box)], kinds=BOTH, width=160, height=96) == []


def test_small_people_far_away_are_looked_for_in_tiles() -> None:
    knows = Knows(Finding("person", 0.4, (600.0, 300.0, 640.0, 400.0)))
    everybody = masking.found(np.zeros((1080, 1920, 3), np.uint8), knows)
    assert knows.pictures > 6
    assert (600.0, 300.0, 640.0, 400.0) in {one.box for one in everybody}, "cut by a tile or not"
    assert max(one.box[2] for one in everybody) == 1920


def test_a_picture_in_which_nobody_could_be_looked_for_is_not_painted() -> None:
    class Fails:
        def batch(self, pictures: Sequence[Pixels]) -> list[list[Finding]]:
            message = "no such file: people.onnx"
            raise RuntimeError(message)

    painted: list[Pixels] = []

    def paint(pixels: Pixels, findings: Sequence[Finding], *, camera: str, at: int) -> bytes:
        painted.append(pixels)
        return b""

    with pytest.raises(UnmaskedError, match=r"people\.onnx"):
        Masked(paint, kinds=BOTH, finder=Fails())(noise(1), [], camera="dock", at=0)
    assert painted == []


def test_a_box_that_is_no_box_keeps_the_picture_back() -> None:
    knows = Knows(Finding("person", 0.4, (math.nan, 0.0, 5.0, 5.0)))
    with pytest.raises(ValueError, match="NaN"):
        Masked(proof, kinds=BOTH, finder=knows)(noise(1), [], camera="dock", at=0)


def test_nothing_is_covered_where_nothing_is_asked_for() -> None:
    assert masked(proof, kinds=()) is proof


def test_the_shipped_network_covers_a_person_in_a_given_picture(pictures: object) -> None:
    from pathlib import Path

    from detectors.pictures import read_clip

    clip = Path(str(pictures)) / "clips" / "shop_pavement_cctv.mp4"
    _, frame = next(read_clip(clip))
    seen: list[Pixels] = []

    def paint(pixels: Pixels, findings: Sequence[Finding], *, camera: str, at: int) -> bytes:
        seen.append(pixels)
        return b""

    masked(paint, kinds=BOTH)(frame, [], camera="dock", at=0)
    share = (seen[0] == FILL).all(axis=2).mean()
    assert 0.005 < share < 0.2


def test_nothing_of_the_source_is_beside_the_picture() -> None:
    data = Masked(proof, kinds=BOTH, finder=Knows())(noise(1), [CUP], camera="dock", at=0)
    markers, place = [], 2
    while data[place + 1] != 0xDA:  # the segments before the picture itself
        markers.append(data[place + 1])
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    assert data[:2] == b"\xff\xd8"
    assert not {0xE1, 0xE2, 0xED, 0xFE} & set(markers), "no EXIF, profile, IPTC or comment"
