"""A time line of one alarm: its samples, and its state after each."""

from collections.abc import Mapping
from typing import Final

from app.terminal import table
from app.testing.scene import Scene
from citypatrol.clock import Ts
from rules.testing.moments import told
from rules.testing.play import Asked
from rules.testing.words import State

_BEFORE: Final = 8
_AFTER: Final = 2


def time_line(scene: Scene, asked: Asked, states: Mapping[Ts, State], *, around: Ts) -> str:
    """As ``docs/rules.md`` draws them, some instants before and after ``around``."""
    slots = scene.slots_of(scene.every[asked.rule], asked.source)
    of_source = {slot.arrival for slot in slots} | {around}
    alarm = next(
        one
        for one in scene.words.expect.alarms
        if (one.rule, one.source) == (asked.rule, asked.source)
    )
    of_source |= {moment.at(scene.start) for moment in alarm.at}
    times = sorted(ts for ts in of_source if ts in states)
    place = times.index(around)
    begin = max(0, place - _BEFORE)
    shown = times[begin : place + _AFTER + 1]
    rows = [["alarm", *(states[ts] for ts in shown)]]
    for metric in sorted({slot.metric for slot in slots}, reverse=True):
        value = {s.arrival: s.value for s in slots if s.metric == metric and s.value is not None}
        rows.insert(0, [metric, *(f"{value[ts]:g}" if ts in value else "-" for ts in shown)])
    head = ["time" if begin == 0 else "time ...", *(told(ts - scene.start) for ts in shown)]
    return table(head, rows)
