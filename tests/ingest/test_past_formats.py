"""CSV and line protocol as samples: good lines, and the exact reason of each bad one."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

import pytest

from ingest.past.csv_past import Mapped, read_csv
from ingest.past.line_past import read_lines
from ingest.past.points import Tags
from ingest.past.reading import Part, instant

T = 1_778_655_600_000
Z = "2026-05-13T07:00:00Z"


def samples(parts: Iterable[Part]) -> list[tuple[str, str, int, float]]:
    return [
        row
        for part in parts
        for row in zip(part.source, part.metric, part.ts, part.value, strict=True)
    ]


def refused(parts: Iterable[Part]) -> list[str]:
    return [f"{one.line}: {one.reason}" for part in parts for one in part.refused]


@pytest.mark.parametrize(
    ("text", "mapped", "expected"),
    [
        (f"source,metric,ts,value\na,x,{T},1.5\n", Mapped({}), [("a", "x", T, 1.5)]),
        (f"\ufeffvalue;ts;metric;device\n2;{Z};x;a\n", Mapped({}), [("a", "x", T, 2.0)]),
        (f"ts\tdev\tv\n{T}\ta\ton\n", Mapped({"source": "dev", "value": "v"}, metric="door"),
         [("a", "door", T, 1.0)]),
        (f"time,pm25,noise\n{Z},7,\n{Z},,60\n", Mapped({}, source="s"),
         [("s", "pm25", T, 7.0), ("s", "noise", T, 60.0)]),
        (f'source,metric,ts,value\n"a, b",x,{T // 1000},"3"\n\n', Mapped({}),
         [("a, b", "x", T, 3.0)]),
        ("source,metric,ts,value\na,x,2026-05-13 15:00:00,1\n",
         Mapped({}, zone=ZoneInfo("Asia/Shanghai")), [("a", "x", T, 1.0)]),
    ],
    ids=["long", "bom and semicolons", "mapped", "wide", "quoted", "local time"],
)  # fmt: skip
def test_csv(text: str, mapped: Mapped, expected: list[object]) -> None:
    parts = list(read_csv(text.splitlines(keepends=True), mapped))
    assert samples(parts) == expected
    assert refused(parts) == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (f"a,x,{T}", "3 cells, and the first line names 4"),
        (f"a,x,{T},many", "'many' is no number"),
        (f"a,x,{T},nan", "'nan' is no number"),
        (f",x,{T},1", "'' is no name of a source"),
        ("a,x,yesterday,1",
         "'yesterday' is no time; write 2026-05-13T07:00:00Z, or a count of s or ms"),
        ("a,x,12,1", "the time 12000 ms is not between 2000 and 2100; is its unit right?"),
        ("a,x,inf,1", "'inf' is no time"),
    ],
)  # fmt: skip
def test_csv_lines_that_are_refused(line: str, why: str) -> None:
    text = f"source,metric,ts,value\na,x,{T},1\n{line}\nb,x,{T},2\n"
    parts = list(read_csv(text.splitlines(keepends=True), Mapped({})))
    assert refused(parts) == [f"3: {why}"]
    assert len(samples(parts)) == 2


@pytest.mark.parametrize(
    ("head", "mapped", "why"),
    [
        ("a,b", Mapped({}), "a time: the first line names a, b; write --columns ts=NAME"),
        ("", Mapped({}), "a time: the first line names nothing; write --columns ts=NAME"),
        ("ts,x", Mapped({}), "no column tells a source"),
        ("ts,source,value", Mapped({}), "no column tells a metric"),
        ("ts,source", Mapped({}), "there is no column of values"),
        ("ts,source,x", Mapped({"ts": "when"}), "there is no column 'when' for ts"),
    ],
)  # fmt: skip
def test_a_csv_that_does_not_say_what_is_needed(head: str, mapped: Mapped, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        list(read_csv([head], mapped))


@pytest.mark.parametrize(
    ("line", "named", "expected"),
    [
        (f"sensor,metric=pm25,source=a,kind=air value=12.5 {T}000000", Tags(),
         [("a", "pm25", 12.5)]),
        (f"cpu,host=h idle=1i,busy=2u,up=t,note=\"x y, z=1\" {T}000000", Tags(),
         [("h", "cpu.idle", 1.0), ("h", "cpu.busy", 2.0), ("h", "cpu.up", 1.0)]),
        (f"level,pump=p\\ 1 value=-3e2 {T}000000", Tags(source="pump"), [("p 1", "level", -300.0)]),
        (f"m\\,x,device=d,what=q v=1 {T}000000 ", Tags(metric="what"), [("d", "q.v", 1.0)]),
    ],
)  # fmt: skip
def test_line_protocol(line: str, named: Tags, expected: list[object]) -> None:
    parts = list(read_lines(["# a comment\n", "\n", line], precision="ns", named=named))
    assert [(source, metric, value) for source, metric, _, value in samples(parts)] == expected
    assert {ts for _, _, ts, _ in samples(parts)} == {T}
    assert refused(parts) == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nonsense", "it does not begin with a measurement, tags and a space"),
        ("m,source=a value=1", "it ends without a time"),
        ("m,source=a value=1 soon", "' soon' is no time"),
        ("m,source=a value= 1", "'value= 1' is no field"),
        ("m,source=a value=ten 1", "'ten' is no number"),
        (f'm,source=a note="x" {T}', "note: a text; only numbers and booleans are samples"),
        (f"m,x=a value=1 {T}", "no tag names the source: there are x; write --source-tag NAME"),
    ],
)
def test_lines_that_are_refused(line: str, why: str) -> None:
    parts = list(read_lines([line], precision="ms", named=Tags()))
    assert (refused(parts), samples(parts)) == ([f"1: {why}"], [])


@pytest.mark.parametrize(
    "text",
    [
        str(T),
        f"{T}000",
        f"{T}000000",
        str(T // 1000),
        f"{T / 1000:.1f}",
        Z,
        f"{Z[:11]}15:00:00+08:00",
    ],
)
def test_one_instant_in_every_unit(text: str) -> None:
    assert instant(text) == T
