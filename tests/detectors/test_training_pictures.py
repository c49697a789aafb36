from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.train import degrade, paste, places, sources
from detectors.train.paste import Cutout
from detectors.train.sources import Label


def test_degrading_keeps_shape_and_is_seeded(scene: NDArray[np.uint8]) -> None:
    made = [
        degrade.street_camera(scene, np.random.default_rng(5), night=1.0, worn=1.0)
        for _ in range(2)
    ]
    assert made[0].shape == scene.shape
    assert made[0].dtype == np.uint8
    assert (made[0] == made[1]).all()
    assert (made[0] != scene).any()


def test_night_is_darker(scene: NDArray[np.uint8]) -> None:
    assert degrade.darken(scene, np.random.default_rng(1)).mean() < 0.6 * scene.mean()


def test_a_pasted_thing_lies_in_its_box() -> None:
    ground = np.full((200, 300, 3), 100, np.uint8)
    thing = Cutout(np.full((40, 40, 3), 250, np.uint8), np.ones((40, 40), np.float32), 0)
    label = paste.put(ground, thing, np.random.default_rng(2), low=20, high=21)
    assert label is not None
    rows, columns = np.nonzero(ground[..., 0] != 100)
    assert (columns.min() / 300, rows.min() / 200) == pytest.approx(
        (label.x - label.width / 2, label.y - label.height / 2)
    )
    assert np.ptp(columns) + 1 == pytest.approx(label.width * 300)


def test_things_are_not_pasted_on_each_other() -> None:
    ground = np.full((200, 300, 3), 100, np.uint8)
    thing = Cutout(np.full((40, 40, 3), 250, np.uint8), np.ones((40, 40), np.float32), 0)
    everywhere = (Label(0, 0.5, 0.5, 1.0, 1.0),)
    rng = np.random.default_rng(2)
    assert paste.put(ground, thing, rng, low=20, high=21, taken=everywhere) is None
    assert (ground == 100).all()


def test_a_scene_has_labels_only_for_things_not_for_controls() -> None:
    rng = np.random.default_rng(4)
    clean = [rng.integers(80, 120, (300, 400, 3), dtype=np.uint8)]
    thing = Cutout(np.full((40, 40, 3), 250, np.uint8), np.ones((40, 40), np.float32), 1)
    _, labels = paste.scene(clean[0], [thing], clean, rng)
    assert labels
    assert {label.kind for label in labels} == {1}


def test_pictures_of_one_place_stay_together() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(20, 32))
    table = np.repeat(centres, 5, axis=0) + rng.normal(scale=0.05, size=(100, 32))
    names = places.cluster(table.astype(np.float32), alike=0.9)
    assert len(np.unique(names)) == 20
    aside = places.validation_rows(names, share=0.2)
    assert aside.sum() == 20
    for name in np.unique(names):
        assert len(set(aside[names == name])) == 1


def test_a_place_that_is_too_large_stays_in_training() -> None:
    names = np.array([0] * 80 + list(range(1, 21)))
    aside = places.validation_rows(names, share=0.1)
    assert aside.sum() == 10
    assert not aside[:80].any()


def test_no_photographer_is_on_both_sides(pictures: Path) -> None:
    sides: dict[str, set[bool]] = {}
    for picture in sources.litter(pictures):
        name = picture.path.stem
        group = {"taco": name[:8], "korea": name[:9], "malta": name[:9]}.get(picture.source)
        if group is not None:
            sides.setdefault(group, set()).add(picture.validation)
    assert all(len(side) == 1 for side in sides.values()), sides
    assert {True} in sides.values()


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert sources.read_labels(gone) == ()
