import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.train.dark_heads import Edit, edit, glow, lenses

COLOURS = ((40, 40, 255), (40, 220, 255), (120, 255, 60))
RED, GREEN = 0, 2


def head(lit: int) -> NDArray[np.uint8]:
    """A drawn head of 30 x 90 with one bright lens."""
    pixels = np.full((90, 30, 3), 25, np.uint8)
    rows, columns = np.mgrid[0:90, 0:30]
    for index, lens in enumerate(lenses(pixels)):
        inside = (rows - lens.y) ** 2 + (columns - lens.x) ** 2 < 11**2
        pixels[inside] = COLOURS[index] if index == lit else (50, 50, 55)
    return pixels


def made(kind: Edit, lit: int) -> NDArray[np.uint8]:
    """The first edit that passes its own check: a cover that leaves a bright ring is refused."""
    edits = (edit(head(lit), lit, kind, np.random.default_rng(seed)) for seed in range(20))
    return next(out for out in edits if out is not None)


@pytest.mark.parametrize("lit", [RED, 1, GREEN])
def test_the_lit_lens_goes_dark(lit: int) -> None:
    before, after = glow(head(lit)), glow(made("switched_off", lit))
    assert before[lit] > 3 * np.delete(before, lit).max()
    assert after[lit] < 1.5 * np.delete(after, lit).max()


@pytest.mark.parametrize("lit", [RED, 1, GREEN])
def test_what_the_lamp_throws_on_its_housing_goes_with_it(lit: int) -> None:
    """A faint ring of the lamp's colour around a lens: the cover is too small for it."""
    pixels = np.full((90, 30, 3), 30, np.uint8)
    rows, columns = np.mgrid[0:90, 0:30]
    for index, lens in enumerate(lenses(pixels)):
        far = (rows - lens.y) ** 2 + (columns - lens.x) ** 2
        if index == lit:
            pixels[far < 15**2] = np.where(np.array(COLOURS[lit]) > 100, 75, 45)
        pixels[far < 9**2] = COLOURS[lit] if index == lit else (150, 150, 155)
    edits = (edit(pixels, lit, "switched_off", np.random.default_rng(n)) for n in range(20))
    off = next(out for out in edits if out is not None).astype(int)
    part = off[30 * lit : 30 * lit + 30]
    assert (pixels.max(axis=2) - pixels.min(axis=2))[30 * lit : 30 * lit + 30].max() > 100
    assert (part.max(axis=2) - part.min(axis=2)).max() < 14


@pytest.mark.parametrize("lit", [RED, 1, GREEN])
def test_the_control_stays_lit(lit: int) -> None:
    after = glow(made("control", lit))
    assert after.argmax() == lit
    assert after[lit] > 2 * np.delete(after, lit).max()


def test_a_wrong_label_is_left_alone() -> None:
    assert edit(head(GREEN), RED, "switched_off", np.random.default_rng(3)) is None


@pytest.mark.parametrize("shape", [(9, 6, 3), (40, 40, 3)], ids=["tiny", "square"])
def test_what_is_no_upright_head_is_left_alone(shape: tuple[int, ...]) -> None:
    assert edit(np.zeros(shape, np.uint8), RED, "control", np.random.default_rng(3)) is None
