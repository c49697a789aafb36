"""Units beside thresholds: what each is in the others that measure the same."""

import pytest

from rules.unit_words import Amount, converted

SAME = {
    "length": {"mm": 1_500_000, "cm": 150_000, "m": 1500, "km": 1.5},
    "warm": {"degC": 36.6, "°C": 36.6, "K": 309.75, "degF": 97.88, "°F": 97.88},
    "freezing": {"degC": 0, "K": 273.15, "degF": 32},
    "speed": {"m/s": 10, "km/h": 36},
    "pressure": {"Pa": 101_325, "hPa": 1013.25, "kPa": 101.325, "bar": 1.01325},
    "concentration": {"ug/m3": 75, "µg/m³": 75, "mg/m3": 0.075, "mg/m³": 0.075},
    "share": {"%": 0.04, "ppm": 400},
    "voltage": {"mV": 3300, "V": 3.3},
    "current": {"mA": 20, "A": 0.02},
    "power": {"W": 2500, "kW": 2.5},
    "time": {"ms": 5_400_000, "s": 5400, "min": 90, "h": 1.5},
    "flow": {"l/s": 250, "m3/s": 0.25, "m3/h": 900},
}
PAIRS = [(name, one, other) for name, same in SAME.items() for one in same for other in same]


@pytest.mark.parametrize(("name", "one", "other"), PAIRS)
def test_one_in_the_other(name: str, one: str, other: str) -> None:
    amount, expected = Amount(SAME[name][one], one), SAME[name][other]
    assert converted(amount, other, is_difference=False) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("unit", ["lx", "dB"])
def test_what_has_one_unit_only(unit: str) -> None:
    assert converted(Amount(55.5, unit), unit, is_difference=False) == 55.5


@pytest.mark.parametrize(
    ("amount", "unit", "expected"),
    [
        pytest.param(Amount(9, "degF"), "K", 5.0, id="degF in K"),
        pytest.param(Amount(5, "K"), "degC", 5.0, id="K in degC"),
        pytest.param(Amount(3, "degC"), "degF", 5.4, id="degC in degF"),
        pytest.param(Amount(2, "cm"), "mm", 20.0, id="what has no zero of its own"),
    ],
)
def test_of_two_values_the_difference(amount: Amount, unit: str, expected: float) -> None:
    assert converted(amount, unit, is_difference=True) == pytest.approx(expected)


def test_a_plain_number_is_in_the_metrics_own() -> None:
    assert converted(86.0, "degF", is_difference=False) == 86.0


def test_round_numbers_stay_round() -> None:
    """30 cm are 0.3 m, not 0.30000000000000004, which would be another threshold."""
    assert converted(Amount(30, "cm"), "m", is_difference=False) == 0.3
    assert converted(Amount(86, "degF"), "degC", is_difference=False) == 30.0
    assert converted(Amount(0.3, "m"), "mm", is_difference=False) == 300.0


@pytest.mark.parametrize(
    ("unit", "other", "what"),
    [("cm", "degC", "length"), ("lx", "dB", "light"), ("dB", "lx", "loudness")],
)
def test_what_measures_something_else(unit: str, other: str, what: str) -> None:
    with pytest.raises(ValueError, match=f"^7 {unit} is a {what}, and the metric is sent in"):
        converted(Amount(7, unit), other, is_difference=False)
