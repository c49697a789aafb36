import pytest

from detectors.rate import Rate


@pytest.mark.parametrize(
    ("times_s", "rate"),
    [
        pytest.param([0], None, id="one frame"),
        pytest.param([0, 10], 0.1, id="two"),
        pytest.param([0, 0.5, 1, 1.5, 2], 2.0, id="two a second"),
        pytest.param([*range(200)], 1.0, id="the last minute of many"),
        pytest.param([*range(100), *(100 + n / 4 for n in range(400))], 4.0, id="it got faster"),
        pytest.param([0, 10, 20, 620], 1 / 600, id="a gap"),
        pytest.param([0, 10, 20, 620, 630, 640, 650, 660, 670, 680], 0.1, id="after a gap"),
        pytest.param([0, 10, 5], None, id="the clock was set back"),
        pytest.param([0, 10, 5, 7], 0.5, id="and goes on"),
        pytest.param([0, 10, 10], None, id="twice the same time"),
    ],
)
def test_frames_a_second(times_s: list[float], rate: float | None) -> None:
    meter = Rate()
    said = [meter.per_second(at=round(1000 * at)) for at in times_s]
    assert said[-1] == (None if rate is None else pytest.approx(rate))
