import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.incidents import Incident
from tickets.titles import LONGEST, title_of

LIGHT = Incident(
    id="inc_1",
    rule="dark",
    source="cam-1/north",
    metric="lit",
    since=0,
    fired_at=0,
    value=17.26,
    group="gw-1",
    labels={"name": "航海东路/紫辰路", "district": "管城区", "class": "<b>"},
)
ALONE = Incident(
    id="inc_2", rule="dark", source="s-9", metric="lit", since=0, fired_at=0, value=3.0
)


@pytest.mark.parametrize(
    ("template", "title"),
    [
        pytest.param(
            "Underpass {source.name}: {value:.0f} cm",
            "Underpass 航海东路/紫辰路: 17 cm",
            id="doors",
        ),
        pytest.param("{group} silent: {count} sources", "gw-1 silent: 200 sources", id="group"),
        pytest.param("{rule} {metric} {source}", "dark lit cam-1/north", id="names"),
        pytest.param("{source.district}", "管城区", id="any label"),
        pytest.param("{source.ward}", "cam-1/north", id="label that is not there"),
        pytest.param("{value}", "17.26", id="plain value"),
        pytest.param("{value:+08.2f}", "+0017.26", id="padded"),
        pytest.param("{value:d}", "17.26", id="format for another type"),
        pytest.param("{count:d}|{count:.1f}|{count:>5}", "200|200.0| 200", id="formats of count"),
        pytest.param("{source.name:>12}|", "航海东路/紫辰路|", id="padded text"),
        pytest.param("{source.name:.2f}", "航海东路/紫辰路", id="number's format on text"),
        pytest.param("{value:.999999f}", "17.26", id="format that would fill memory"),
        pytest.param("{value:{count}}", "{value:{count}}", id="format in a format"),
        pytest.param("{value!r}", "{value!r}", id="conversion"),
        pytest.param("{value", "{value", id="broken"),
        pytest.param("{}", "{}", id="no name"),
        pytest.param(
            "{__class__} {source.__class__}", "{__class__} cam-1/north", id="no attributes"
        ),
        pytest.param("{source.class}", "<b>", id="a label is text"),
        pytest.param("{{literal}}", "{literal}", id="braces"),
        pytest.param("two\nlines\t", "two lines", id="one line"),
        pytest.param("  ", "dark", id="nothing is the rule"),
    ],
)
def test_title(template, title):
    assert title_of(template, LIGHT, count=200) == title


def test_group_of_a_source_without_one_is_the_source():
    assert title_of("{group}: {value}", ALONE, count=1) == "s-9: 3"


def test_title_is_short():
    title = title_of("x" * 500, LIGHT, count=1)
    assert len(title) == LONGEST
    assert title.endswith("x…")


@given(template=st.text(alphabet="{}:.!0123dfs,+ valuecontsrgp", max_size=40))
def test_no_template_crashes(template):
    assert len(title_of(template, LIGHT, count=1)) <= LONGEST
