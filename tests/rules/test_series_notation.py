"""Series and times of rule tests, as promtool writes them."""

import re

import pytest

from rules.testing.moments import Moment, parse_moment, parse_time, told
from rules.testing.notation import MOST, expand


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("3", [3]),
        ("5x3", [5, 5, 5, 5]),
        ("5x0", [5]),
        ("0+1x3", [0, 1, 2, 3]),
        ("-2+4x3", [-2, 2, 6, 10]),
        ("1-2x4", [1, -1, -3, -5, -7]),
        ("20-.5x2", [20, 19.5, 19]),
        ("1e3+1e-1x1", [1000, 1000.1]),
        ("1 _x3 4", [1, None, None, None, 4]),
        ("_ _x0 7", [None, 7]),
        ([1, 2.5, "_", None, "0+1x1"], [1, 2.5, None, None, 0, 1]),
        (["3 _x2", "4"], [3, None, None, 4]),
        (4, [4]),
    ],
    ids=str,
)
def test_words_become_values(words, values):
    assert expand(words) == values


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("stale", "'stale' is no value; write 3, 5x3, 0+1x10, 20-2x5, or _ for no sample"),
        ("3 5y2", "'5y2' is no value"),
        ("5x", "'5x' is no value"),
        ("1+2", "'1+2' is no value"),
        ("1++2x3", "'1++2x3' is no value"),
        ("5x-1", "'5x-1' is no value"),
        ("5x２", "'5x２' is no value"),
        ([True], "'True' is no value"),
        ([[1]], "'[1]' is no value"),
        ("", "no values; write some"),
        ([], "no values; write some"),
        ("_x0", "no values; write some"),
        (f"1x{MOST + 1}", "'1x1000001': more than 1,000,000 values in one series"),
        ("1x600000 1x600000", "'1x600000': more than 1,000,000 values in one series"),
        ("1e308+1e308x2", "'inf' is no finite number"),
        ([float("nan")], "'nan' is no finite number"),
    ],
    ids=str,
)
def test_a_word_that_cannot_be_read_is_named(words, says):
    with pytest.raises(ValueError, match="^" + re.escape(says)):
        expand(words)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0s", Moment(0)),
        ("90s", Moment(90_000)),
        ("1h30m", Moment(5_400_000)),
        ("1d2h3m4s5ms", Moment(93_784_005)),
        ("2026-05-13T08:00:00+08:00", Moment(1_778_630_400_000, fixed=True)),
        ("2026-05-13T00:00:00.250Z", Moment(1_778_630_400_250, fixed=True)),
    ],
    ids=str,
)
def test_times(text, moment):
    assert parse_moment(text) == moment
    assert parse_moment(moment) == moment


@pytest.mark.parametrize("text", ["", "5", "-5s", "1h 30m", "soon", "90", 90, "1hx", "08:00"])
def test_what_is_no_time(text):
    with pytest.raises(ValueError, match=f"^'{text}' is no time; write one like 90s or 1h30m"):
        parse_moment(text)


@pytest.mark.parametrize("text", ["2026-05-13T08:00:00", "2026-05-13", "yesterday", 5])
def test_what_is_no_time_with_its_zone(text):
    with pytest.raises(ValueError, match=f"^'{text}' is no time with its zone"):
        parse_time(text)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (90_000, "1m30s"),
        (86_400_000, "1d"),
        (93_784_005, "1d2h3m4s5ms"),
        (-5000, "-5s"),
    ],
)
def test_how_offsets_are_said(ms, text):
    assert told(ms) == text


def test_fixed_times_do_not_move_with_the_start():
    assert Moment(5, fixed=True).at(100) == 5
    assert Moment(5).at(100) == 105
