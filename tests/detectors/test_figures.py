import json
from pathlib import Path

import numpy as np
import pytest

from detectors.train import card
from detectors.train.figures import average_precision, match, measure
from detectors.train.sources import Label, Picture
from detectors.types import Finding


def finding(score: float, *box: float, label: str = "litter") -> Finding:
    return Finding(label, score, box)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hits", "labels", "area"),
    [
        pytest.param([(0.9, True), (0.8, True)], 2, 1.0, id="all"),
        pytest.param([(0.9, True)], 2, 0.5, id="half"),
        pytest.param([(0.9, False), (0.8, True)], 1, 0.5, id="second"),
        pytest.param([(0.9, True), (0.8, False), (0.7, True)], 2, 0.5 + 0.5 * 2 / 3, id="between"),
        pytest.param([(0.8, True), (0.9, False)], 1, 0.5, id="order is by score"),
        pytest.param([], 3, 0.0, id="nothing found"),
        pytest.param([(0.9, False)], 0, 0.0, id="nothing there"),
    ],
)
def test_average_precision(hits: list[tuple[float, bool]], labels: int, area: float) -> None:
    assert average_precision(hits, labels=labels) == pytest.approx(area)


def test_a_label_is_matched_once_by_the_best() -> None:
    truth = np.array([[0, 0, 10, 10]], np.float32)
    hits = match([finding(0.5, 0, 0, 10, 10), finding(0.9, 0, 0, 10, 9)], truth)
    assert hits == [(0.9, True), (0.5, False)]


def test_half_an_overlap_is_enough_and_less_is_not() -> None:
    truth = np.array([[0, 0, 10, 10]], np.float32)
    assert match([finding(0.9, 0, 0, 10, 5.01)], truth) == [(0.9, True)]
    assert match([finding(0.9, 0, 0, 10, 4.9)], truth) == [(0.9, False)]
    assert match([finding(0.9, 0, 0, 10, 10)], np.empty((0, 4), np.float32)) == [(0.9, False)]


def test_figures_are_counted_by_source_and_class(tmp_path: Path) -> None:
    import cv2

    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((100, 100, 3), np.uint8))
    street = Picture(path, "ams", validation=True, labels=(Label(0, 0.5, 0.5, 0.2, 0.2),))
    clean = Picture(path, "clean", validation=True, labels=())
    said = [finding(0.9, 40, 40, 60, 60), finding(0.5, 0, 0, 9, 9), finding(0.1, 40, 40, 60, 60)]
    figures = measure(lambda _: said, [street, clean], min_score=0.35)
    assert figures == {
        "ams litter": {
            "pictures": 1,
            "labels": 1,
            "found": 1,
            "false": 1,
            "pictures_with_false": 1,
            "precision": 0.5,
            "recall": 1.0,
            "ap50": 1.0,
        },
        "clean litter": {
            "pictures": 1,
            "labels": 0,
            "found": 0,
            "false": 2,
            "pictures_with_false": 1,
        },
    }


@pytest.mark.parametrize("name", sorted(card.TABLES))
def test_the_model_cards_quote_the_figures_beside_the_models(name: str) -> None:
    report = json.loads((card.MODELS / f"{name}.json").read_text())
    text = (card.CARDS / f"{name}.md").read_text(encoding="utf-8")
    assert card.with_figures(text, card.TABLES[name](report)) == text
