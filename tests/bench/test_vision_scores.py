from pathlib import Path

import numpy as np
import pytest

from bench.intervals import bootstrap, wilson
from bench.vision import flat
from bench.vision_score import Looked, average_precision, disturbed, false_boxes, found
from detectors.train.figures import area
from detectors.train.sources import Label, Picture
from detectors.types import Finding

THERE = Label(0, 0.5, 0.5, 0.2, 0.2)
BAG = Label(1, 0.2, 0.2, 0.2, 0.2)
ON_IT = (40.0, 40.0, 60.0, 60.0)
ON_THE_BAG = (10.0, 10.0, 30.0, 30.0)


def looked(*said: tuple[str, float, tuple[float, ...]], labels: tuple[Label, ...] = ()) -> Looked:
    picture = Picture(Path("a.jpg"), "ams", validation=True, labels=labels)
    return Looked(picture, 100, 100, tuple(Finding(*one) for one in said))


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        pytest.param(0, 10, 0.0, 0.2775, id="none"),
        pytest.param(10, 10, 0.7225, 1.0, id="all"),
        pytest.param(50, 100, 0.4038, 0.5962, id="half"),
    ],
)
def test_wilsons_interval(hits: int, of: int, low: float, high: float) -> None:
    figure = wilson(hits, of=of, what="things")
    assert (figure.low, figure.high) == pytest.approx((low, high), abs=1e-4)
    assert f"of {of} things" in figure.text()


def test_nothing_to_measure_on_is_said() -> None:
    assert wilson(0, of=0, what="heads").text() == "-  (no heads)"
    nothing = bootstrap(lambda _: 1.0, pictures=0, draws=3, of=0, what="heads")
    assert nothing.value is None
    assert flat({"a": nothing}) == {"a": None, "a | low": 0.0, "a | high": 1.0, "a | of": 0}


def test_pictures_that_differ_give_a_wide_interval_and_equal_ones_none() -> None:
    right = np.array([0.0] * 10 + [1.0] * 10)

    def mean(times: np.ndarray) -> float:
        return float((right * times).sum() / times.sum())

    wide = bootstrap(mean, pictures=20, draws=300, of=20, what="pictures")
    assert wide.value == 0.5
    assert 0.2 < wide.low < 0.4 < 0.6 < wide.high < 0.8
    same = bootstrap(lambda _: 0.25, pictures=20, draws=10, of=20, what="pictures")
    assert (same.low, same.high) == (0.25, 0.25)


def test_a_picture_drawn_twice_counts_twice() -> None:
    right = np.array([True, False, True])
    twice = area(np.repeat(right, 2), labels=4)
    assert area(right, labels=4, times=np.array([2, 2, 2])) == pytest.approx(twice)
    assert area(right, labels=1, times=np.array([1, 0, 0])) == 1.0


def test_classes_taken_as_one_forgive_the_name_but_not_the_place() -> None:
    named_wrong = [looked(("garbage_bag", 0.9, ON_IT), labels=(THERE,))]
    one = average_precision(named_wrong, classes=("litter", "garbage_bag"), iou=0.5, draws=5)
    apart = average_precision(named_wrong, classes=("litter",), iou=0.5, draws=5)
    assert (one.value, apart.value) == (1.0, 0.0)
    elsewhere = [looked(("litter", 0.9, ON_THE_BAG), labels=(THERE,))]
    assert average_precision(elsewhere, classes=("litter",), iou=0.3, draws=5).value == 0.0


def test_found_counts_labels_at_the_score_asked_for() -> None:
    both = [looked(("litter", 0.4, ON_IT), ("garbage_bag", 0.2, ON_THE_BAG), labels=(THERE, BAG))]
    classes = ("litter", "garbage_bag")
    for min_score, hits in ((0.1, 1.0), (0.3, 0.5), (0.5, 0.0)):
        figure = found(both, classes=classes, min_score=min_score, iou=0.5)
        assert (figure.value, figure.of) == (hits, 2)


def test_false_boxes_are_counted_a_picture() -> None:
    empty = [looked(("litter", 0.4, ON_IT), ("litter", 0.5, ON_THE_BAG)), looked(), looked()]
    figure = false_boxes(empty, classes=("litter",), min_score=0.35, draws=50)
    assert figure.value == pytest.approx(2 / 3)
    assert disturbed(empty, classes=("litter",), min_score=0.35).value == pytest.approx(1 / 3)
    assert false_boxes(empty, classes=("litter",), min_score=0.6, draws=50).value == 0.0
