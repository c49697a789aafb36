"""Which samples get a picture, and how often."""

import pytest

from citypatrol.samples import Sample
from edge.keepsake import Keepsakes, shows_something


@pytest.mark.parametrize(
    ("metric", "value", "expected"),
    [
        ("traffic_light.lit", 0.02, True),
        ("traffic_light.lit", 0.5, False),
        ("litter.count", 1.0, True),
        ("litter.count", 0.0, False),
        ("litter.area", 0.01, True),
        ("car.dwell", 30.0, True),
        ("camera.fault", 1.0, True),
        ("camera.fault", 0.0, False),
        ("traffic_light.lamp_out", 1.0, True),
        ("traffic_light.suspect", 0.98, False),
        ("camera.brightness", 3.0, False),
    ],
)
def test_what_shows_something(metric: str, value: float, expected: bool) -> None:
    assert shows_something(Sample("dock", metric, 0, value)) is expected


def kept(values: list[tuple[int, dict[str, float]]]) -> list[int]:
    """The seconds at which a picture was kept."""
    keepsakes = Keepsakes()
    return [
        at
        for at, samples in values
        if keepsakes.wanted(
            [Sample("dock", metric, at * 1000, value) for metric, value in samples.items()],
            at=at * 1000,
        )
    ]


def test_dull_frames_are_not_kept() -> None:
    assert kept([(at, {"litter.count": 0, "camera.fault": 0}) for at in range(300)]) == []


def test_a_thing_that_stays_is_kept_at_once_and_then_once_a_minute() -> None:
    assert kept([(at, {"litter.count": at > 5}) for at in range(0, 200, 3)]) == [6, 66, 126, 186]


def test_something_new_and_something_gone_are_kept_at_once() -> None:
    frames = [
        (0, {"litter.count": 1.0, "camera.fault": 0.0}),
        (1, {"litter.count": 3.0, "camera.fault": 0.0}),
        (2, {"litter.count": 3.0, "camera.fault": 1.0}),
        (3, {"litter.count": 3.0, "camera.fault": 0.0}),
        (4, {"litter.count": 0.0, "camera.fault": 0.0}),
        (5, {"litter.count": 2.0, "camera.fault": 0.0}),
    ]
    assert kept(frames) == [0, 2, 3, 4, 5]


def test_the_picture_goes_with_what_it_shows_and_with_what_is_gone() -> None:
    keepsakes = Keepsakes()

    def wanted(at: int, **values: float) -> set[str]:
        samples = [Sample("dock", f"{name}.count", at, value) for name, value in values.items()]
        return {metric.partition(".")[0] for _, metric in keepsakes.wanted(samples, at=at)}

    assert wanted(0, litter=1, garbage_bag=0) == {"litter"}
    assert wanted(1, litter=0, garbage_bag=2) == {"litter", "garbage_bag"}
    assert wanted(2, litter=0, garbage_bag=2) == set()


def test_what_comes_and_goes_all_day_has_one_picture_a_minute_and_borrows_it() -> None:
    keepsakes = Keepsakes()
    looks = []
    for second in range(0, 200, 10):
        there = second % 20 == 0
        samples = [Sample("dock", "walker.count", second * 1000, float(there))]
        kept = bool(keepsakes.wanted(samples, at=second * 1000))
        looks.append((kept, bool(keepsakes.lent(samples, at=second * 1000))))
    assert [second * 10 for second, (kept, _) in enumerate(looks) if kept] == [0, 60, 120, 180]
    assert [lent for _, lent in looks] == [True, False] * 10


def test_what_stood_there_for_long_has_a_picture_after() -> None:
    dwell = [(second, {"car.dwell": float(second)}) for second in range(1, 100, 10)]
    assert kept([*dwell, (101, {"car.dwell": 0.0})]) == [1, 61, 101]
    assert kept([*dwell[:4], (41, {"car.dwell": 0.0})]) == [1]


def test_a_series_of_which_nothing_is_said_is_neither_new_nor_gone() -> None:
    blind = {"camera.fault": 1.0}
    frames = [
        (0, {"litter.count": 1.0}),
        *((second, blind) for second in range(1, 50)),
        (50, {"litter.count": 1.0, "camera.fault": 0.0}),
        (51, {"litter.count": 0.0, "camera.fault": 0.0}),
    ]
    assert kept(frames) == [0, 1, 50, 51], "the fault comes, the fault goes, the litter goes"


def test_a_clock_that_was_set_back_stops_nothing() -> None:
    assert kept([(1000, {"litter.count": 1}), (5, {"litter.count": 1})]) == [1000, 5]
