from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.train import dataset, degrade, paste, places, sources
from detectors.train.paste import Cutout
from detectors.train.sources import LIGHT, Label, Picture


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
    label = paste.put(ground, thing, np.random.default_rng(2), low=40, high=41)
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


def test_far_things_are_smaller_than_near_ones() -> None:
    thing = Cutout(np.full((40, 40, 3), 250, np.uint8), np.ones((40, 40), np.float32), 0)
    rng = np.random.default_rng(3)
    black = np.zeros((600, 800, 3), np.uint8)
    put = [paste.put(black, thing, rng, low=80, high=81) for _ in range(60)]
    feet = sorted((label.y + label.height / 2, label.height) for label in put if label)
    assert len(feet) > 50
    assert feet[0][0] < 0.6 < feet[-1][0]
    assert np.diff([height for _, height in feet]).min() > -0.01


def test_a_scene_has_labels_only_for_things_not_for_controls() -> None:
    rng = np.random.default_rng(4)
    clean = [rng.integers(80, 120, (300, 400, 3), dtype=np.uint8)]
    thing = Cutout(np.full((40, 40, 3), 250, np.uint8), np.ones((40, 40), np.float32), 1)
    head = Cutout(np.full((60, 20, 3), 20, np.uint8), np.ones((60, 20), np.float32), LIGHT)
    labels = [
        label for _ in range(8) for label in paste.scene(clean[0], [thing], [head], clean, rng)[1]
    ]
    assert {label.kind for label in labels} == {1, LIGHT}
    assert all(label.y < 0.8 for label in labels if label.kind == LIGHT)
    _, nothing = paste.scene(clean[0], [], [], clean, rng)
    assert nothing == ()


@pytest.mark.parametrize(
    ("box", "cut"),
    [
        pytest.param(Label(LIGHT, 0.5, 0.5, 0.1, 0.3), (60, 20), id="an upright head"),
        pytest.param(Label(LIGHT, 0.5, 0.5, 0.05, 0.1), None, id="too small"),
        pytest.param(Label(LIGHT, 0.5, 0.5, 0.4, 0.4), None, id="lies or stands askew"),
    ],
)
def test_a_head_is_cut_as_its_box(box: Label, cut: tuple[int, int] | None) -> None:
    made = paste.head(np.zeros((200, 200, 3), np.uint8), box)
    assert (None if made is None else made.pixels.shape[:2]) == cut


OWN = "# a note\nams_001\nams_002 litter 0 100 500 300 garbage_bag 1 2 3 4\n"


def test_own_labels_are_read_as_boxes() -> None:
    read = sources.read_own_labels(OWN)
    assert read["ams_001"] == ()
    assert read["ams_002"][0] == Label(0, 0.25, pytest.approx(0.2), 0.5, pytest.approx(0.2))
    assert read["ams_002"][1].kind == 1


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("ams_003 litter 1 2 3", id="an edge is missing"),
        pytest.param("ams_003 leaf 1 2 3 4", id="another class"),
        pytest.param("ams_003 litter 1 2 1 4", id="no width"),
        pytest.param("ams_003 litter 1 two 3 4", id="no number"),
    ],
)
def test_a_wrong_own_label_is_named(line: str) -> None:
    with pytest.raises(ValueError, match=r"^line 4: '(litter|leaf)"):
        sources.read_own_labels(OWN + line)


def test_the_committed_own_labels_are_whole() -> None:
    read = sources.read_own_labels(sources.OWN_LABELS.read_text())
    assert len(read) == 98
    labels = [label for boxes in read.values() for label in boxes]
    assert all(0 <= label.x - label.width / 2 < label.x + label.width / 2 <= 1 for label in labels)
    assert all(
        0 <= label.y - label.height / 2 < label.y + label.height / 2 <= 1 for label in labels
    )
    assert {label.kind for label in labels} == {0, 1, 2}


def test_labelled_heads_of_clean_roads_have_a_source_of_their_own(pictures: Path) -> None:
    roads = list(sources.backgrounds(pictures))
    heads = [road for road in roads if road.source == "camvid_heads"]
    assert {label.kind for road in heads for label in road.labels} == {LIGHT}
    assert {road.validation for road in heads} == {True, False}
    assert not any(road.labels for road in roads if road.source != "camvid_heads")


@pytest.mark.parametrize(
    ("source", "validation", "times"),
    [
        pytest.param("ams_own", False, {3}, id="streets like a camera's, three times"),
        pytest.param("malta", False, {0, 1}, id="near doubles, every second one"),
        pytest.param("taco", False, {1}, id="the others once"),
        pytest.param("cinta", True, {1}, id="set aside, always there"),
    ],
)
def test_how_often_training_sees_a_picture(source: str, validation: bool, times: set[int]) -> None:
    pictures = [Picture(Path(f"{source}_{n}.jpg"), source, validation, ()) for n in range(40)]
    assert {dataset.copies(picture) for picture in pictures} == times


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
