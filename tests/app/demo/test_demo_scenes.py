"""The demo's scenes: whatever the seed, an honest model is right about them."""

import itertools
from collections.abc import Sequence
from importlib.resources import files

import numpy as np
import pytest

from app.demo import plans
from app.demo.paint import Pixels
from app.demo.plans import HEIGHT, WIDTH, junction_plan, lamp_at, pavement_plan
from app.demo.scenes import Junction, Pavement, State
from detectors import onnx
from detectors.heads import HeadReader
from detectors.health import fault_of, look
from detectors.types import Box
from detectors.yolo import Yolo

SEEDS = range(300)
PICTURES = files("app.demo").joinpath("pictures")


def test_a_signal_turns_green_yellow_red() -> None:
    shown = [lamp_at(t_s, offset_s=0) for t_s in range(34)]
    assert shown == ["green"] * 13 + ["yellow"] * 3 + ["red"] * 16 + ["green"] * 2


@pytest.mark.parametrize("place", ["road", "corner"])
def test_the_two_signals_of_a_junction_never_both_let_go(place: plans.Place) -> None:
    for seed in SEEDS[:20]:
        one, other = junction_plan(place, seed=seed).signals
        for tenth in range(0, 640):
            lamps = {lamp_at(tenth / 10, offset_s=signal.offset_s) for signal in (one, other)}
            assert "red" in lamps


@pytest.mark.parametrize("place", ["road", "corner"])
def test_every_seed_has_its_heads_in_the_picture(place: plans.Place) -> None:
    found = [junction_plan(place, seed=seed) for seed in SEEDS]
    for plan in found:
        for (x1, y1, x2, y2), signal in zip(plan.heads.values(), plan.signals, strict=True):
            assert 0 < x1 < x2 < 1
            assert 0 < y1 < y2 < 1
            assert (y2 - y1) * HEIGHT > 80, "high enough to be read"
            assert signal.foot > signal.top + signal.height
        first, second = sorted(plan.heads.values())
        assert first[2] < second[0], "apart from each other"
    assert len({plan.view.left for plan in found}) > 50
    assert found[7] == junction_plan(place, seed=7)


def test_every_seed_strews_its_things_on_the_ground() -> None:
    found = [pavement_plan(seed=seed) for seed in SEEDS]
    for plan in found:
        assert plans.FEWEST_THINGS <= len(plan.things) <= len(plans.THINGS)
        assert sorted(thing.column for thing in plan.things) == list(range(len(plan.things)))
    assert {plan.number for plan in found} == {1, 2, 3}
    assert found[7] == pavement_plan(seed=7)


def test_no_two_pictures_are_the_same_and_one_time_is() -> None:
    scene = Pavement(pavement_plan(seed=1))
    pictures = [scene.render(State(), t_s=t_s) for t_s in (0.0, 0.5, 1.0, 60.0)]
    for one, other in itertools.pairwise(pictures):
        assert (one != other).mean() > 0.5
        assert np.abs(one.astype(int) - other).mean() < 8, "noise, and nothing else"
    np.testing.assert_array_equal(pictures[1], scene.render(State(), t_s=0.5))


def test_a_dark_head_changes_its_own_place_only() -> None:
    plan = junction_plan("corner", seed=2)
    scene = Junction(plan)
    lit, dark = (
        scene.render(State(dark=frozenset(out)), t_s=3).astype(int) for out in ([], ["north"])
    )
    changed = np.abs(lit - dark).max(axis=2) > 40
    rows, columns = np.nonzero(changed)
    x1, y1, x2, y2 = plan.heads["north"]
    wide, high = 0.02, 0.05  # the lamp's glow
    assert changed.sum() > 200
    assert (columns.min() / WIDTH, columns.max() / WIDTH) > (x1 - wide, x1)
    assert columns.max() / WIDTH < x2 + wide
    assert y1 - high < rows.min() / HEIGHT < rows.max() / HEIGHT < y2 + high


def pixels_of(heads: Sequence[Box]) -> list[Box]:
    return [(x1 * WIDTH, y1 * HEIGHT, x2 * WIDTH, y2 * HEIGHT) for x1, y1, x2, y2 in heads]


@pytest.mark.parametrize(("place", "seed"), [("road", 11), ("corner", 12)])
def test_the_model_reads_every_head_with_margin(place: plans.Place, seed: int) -> None:
    plan = junction_plan(place, seed=seed)
    scene, reader = Junction(plan), HeadReader()
    names, boxes = list(plan.heads), pixels_of(list(plan.heads.values()))
    for out in ([], [names[0]], [names[1]]):
        for t_s in np.arange(0.5, plans.CYCLE_S, 4):
            picture = scene.render(State(dark=frozenset(out)), t_s=float(t_s))
            assert fault_of(look(picture)) is None
            for name, reading in zip(names, reader(picture, boxes), strict=True):
                assert reading.readable
                assert reading.lit < 0.3 if name in out else reading.lit > 0.8


def litter(picture: Pixels, model: Yolo) -> list[float]:
    found = [f for f in model(picture) if f.box[3] / HEIGHT > plans.GROUND_TOP]
    return [finding.score for finding in found if finding.label == "litter"]


@pytest.mark.parametrize("seed", [21, 22, 23, 27, 57, 112006])
def test_the_model_finds_the_litter_and_none_where_there_is_none(seed: int) -> None:
    scene = Pavement(pavement_plan(seed=seed))
    model = Yolo(onnx.MODELS / "street.onnx", min_score=0.05)
    for t_s in (0.0, 0.5):
        assert max(litter(scene.render(State(), t_s=t_s), model), default=0) < 0.2
        scores = litter(scene.render(State(littered=True), t_s=t_s), model)
        assert max(scores) > 0.5
        assert sum(score > 0.35 for score in scores) >= 2


@pytest.mark.parametrize("seed", [30039, 30058, 30069, 30079])
def test_where_all_of_it_looks_like_bags_these_are_found(seed: int) -> None:
    scene = Pavement(pavement_plan(seed=seed))
    model = Yolo(onnx.MODELS / "street.onnx", min_score=0.45)
    clean, littered = (model(scene.render(State(littered=on), t_s=0.0)) for on in (False, True))
    assert [found.label for found in clean if found.label != "traffic_light"] == []
    assert "garbage_bag" in {found.label for found in littered}


@pytest.mark.parametrize("t_s", [0.0, 7.0, 100.0])
def test_a_covered_camera_sees_cloth(t_s: float) -> None:
    scene = Pavement(pavement_plan(seed=1))
    for littered in (False, True):
        picture = scene.render(State(littered=littered, covered=True), t_s=t_s)
        assert fault_of(look(picture)) == "covered"
        assert picture.std() > 2, "a sensor in the dark still has noise"


def test_every_picture_has_its_source_named_and_all_are_small() -> None:
    named = files("app.demo").joinpath("SOURCES.md").read_text(encoding="utf-8")
    sizes = {}
    for picture in PICTURES.iterdir():
        sizes[picture.name] = len(picture.read_bytes())
        family = "litter_*.png" if picture.name.startswith("litter_") else picture.name
        assert f"`{family}`" in named
    assert len(sizes) == 16
    assert sum(sizes.values()) < 8_000_000
