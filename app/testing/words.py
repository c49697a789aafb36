"""A file of rule tests, as models of its YAML."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from app.config import Code, PlaceSection, TimezoneName
from citypatrol.kinds import Kinds
from citypatrol.yamlfile import Model
from rules.incidents import Severity
from rules.mode_words import ModeName
from rules.testing.moments import MomentField, TimeField
from rules.testing.words import (
    EVERY_MS,
    AlarmWords,
    IncidentWords,
    Labels,
    Name,
    SeriesWords,
    Step,
)
from rules.unit_words import UnitName
from tickets.states import State
from tickets.units import Unit

START: Final = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""


class CityWords(Model):
    """A tiny city; without ``units`` nobody is responsible and tickets stay open."""

    code: Code = "ZZ"
    timezone: TimezoneName = "UTC"
    kinds: Kinds = Field(default_factory=Kinds)
    units: list[Unit] = Field(default_factory=list)
    grid: Name | None = None
    registry: Name | None = None
    place: PlaceSection | None = None
    calendar: Literal["china"] | None = None
    metrics: Mapping[Name, UnitName] = Field(default_factory=dict)


class TicketWords(Model):
    """One ticket; what is left out may be anything. ``witnesses``: how many incidents."""

    rule: Name
    source: Name | None = None
    group: Name | None = None
    title: str | None = None
    severity: Severity | None = None
    category: str | None = None
    unit: str | None = None
    state: State | None = None
    grid: str | None = None
    opened_at: MomentField | None = None
    acknowledge_by: MomentField | None = None
    resolve_by: MomentField | None = None
    cleared_at: MomentField | None = None
    witnesses: Annotated[int, Field(ge=1)] | None = None


class ExpectWords(Model):
    """``incidents`` and ``tickets`` are all that there are, where they are written at all."""

    alarms: list[AlarmWords] = Field(default_factory=list)
    incidents: list[IncidentWords] | None = None
    tickets: list[TicketWords] | None = None


class CaseWords(Model):
    """One test. ``only``: the rules that judge; default: all of the file's. ``mode``: the city's,
    or each from its time on; default: as the city has it."""

    noun: ClassVar[str] = "test"
    name: Name
    only: list[Name] | None = None
    start: TimeField | None = None
    every: Step | None = None
    mode: ModeName | Annotated[Mapping[MomentField, ModeName], Field(min_length=1)] | None = None
    sources: Mapping[Name, Labels] = Field(default_factory=dict)
    series: Annotated[list[SeriesWords], Field(min_length=1)]
    expect: ExpectWords


class SuiteFile(Model):
    """``city``: a city.yaml by name, or a tiny one in place; ``sources``: of all tests."""

    rules: Annotated[list[Name], Field(min_length=1)]
    city: Name | CityWords | None = None
    start: TimeField = START
    every: Step = EVERY_MS
    sources: Mapping[Name, Labels] = Field(default_factory=dict)
    tests: Annotated[list[CaseWords], Field(min_length=1)]
