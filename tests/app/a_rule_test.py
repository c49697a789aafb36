"""Rules of a pond, and files of tests for them."""
# ruff: noqa: E501 - a test's words stand in one line

from collections.abc import Callable
from typing import NamedTuple

RULES = """\
rules:
  - name: flooded
    select: {metric: level, where: {kind: pond}}
    when: {above: 15, for: 2m}
    clear: {below: 10, for: 2m}
    severity: critical
    ticket: {category: road.flooding, title: "{source.name}: {value:.0f} cm", ack: 5m, resolve: 4h}
  - name: high
    select: {metric: level}
    when: {above: 90}
  - name: silent
    select: {metric: "*"}
    when: {missing: 3m}
    group: gateway
    ticket: {category: device.silent, title: "{group}: {count}", ack: 1h}
  - name: dark
    select: {metric: lit}
    when: {below: 0.5, for: 1m}
    unless: {metric: fault, above: 0}
"""
HEAD = """\
rules: [rules.yaml]
city: {timezone: Asia/Shanghai, units: [{id: roads, name: Roads, level: city, handles: [road.flooding]}]}
start: 2026-05-13T08:00:00+08:00
tests:
"""


class Done(NamedTuple):
    status: int
    out: list[str]
    err: list[str]


Try = Callable[..., Done]


def one(series: str, expect: str, **more: str) -> str:
    """A test ``t`` of one series at ``a``, a pond."""
    extra = "".join(f"    {key}: {value}\n" for key, value in more.items())
    return (
        f"  - name: t\n    sources: {{a: {{kind: pond, name: A}}}}\n{extra}"
        f"    series: [{{source: a, metric: level, {series}}}]\n    expect: {expect}\n"
    )


FLOOD = 'values: "3 20x3 5x4"'
