"""A new ticket for its first incident: title, place, unit and deadlines (pure)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import isfinite
from zoneinfo import ZoneInfo

from citypatrol.clock import Ts
from citypatrol.geo import Grid
from citypatrol.registry import Registry
from rules.incidents import Incident
from tickets.ticket import Ticket, ticket_key
from tickets.titles import title_of
from tickets.units import Units


@dataclass(frozen=True, slots=True)
class _Spot:
    lat: float | None
    lon: float | None
    site: str | None


@dataclass(frozen=True, slots=True)
class Opener:
    """What a city knows that an incident does not. ``code`` begins the ticket numbers."""

    code: str
    timezone: ZoneInfo
    units: Units
    registry: Registry
    grid: Grid

    def day(self, at: Ts) -> str:
        """The city's day, ``260513``: numbers start again with each."""
        return datetime.fromtimestamp(at / 1000, self.timezone).strftime("%y%m%d")

    def number(self, day: str, count: int) -> str:
        return f"{self.code}-{day}-{count:04d}"

    def ticket(self, incident: Incident, *, number: str, now: Ts) -> Ticket:
        """Revision 0, no witnesses yet. ValueError where the rule has no ``ticket:``."""
        spec = incident.ticket
        if spec is None:
            message = f"incident {incident.id}: rule '{incident.rule}' makes no tickets"
            raise ValueError(message)
        spot = self._spot(incident)
        cell = None
        if spot.lat is not None and spot.lon is not None:
            cell = self.grid.cell(spot.lat, spot.lon)
        unit = self.units.handling(spec.category)
        return Ticket(
            id=number,
            key=ticket_key(incident),
            rule=incident.rule,
            category=spec.category,
            severity=incident.severity,
            state="open" if unit is None else "dispatched",
            revision=0,
            title=title_of(spec.title, incident, count=1),
            template=spec.title,
            source=incident.source,
            group=incident.group,
            unit=None if unit is None else unit.id,
            lat=spot.lat,
            lon=spot.lon,
            site=spot.site,
            grid=None if cell is None else cell.code,
            district=incident.labels.get("district"),
            first_incident=incident.id,
            witnesses=0,
            sources=0,
            firing=0,
            opened_at=now,
            updated_at=now,
            acknowledge_by=None if spec.ack is None else now + spec.ack,
            resolve_by=None if spec.resolve is None else now + spec.resolve,
            cooldown=spec.cooldown,
        )

    def _spot(self, incident: Incident) -> _Spot:
        """The group's own row in the registry (a gateway), else the source's, else what the source
        said of itself when it was last seen."""
        for source in (incident.group, incident.source):
            place = None if source is None else self.registry.place(source)
            if place is not None:
                return _Spot(place.lat, place.lon, place.site or incident.labels.get("site"))
        lat = _degrees(incident.labels, "lat", limit=90)
        lon = _degrees(incident.labels, "lon", limit=180)
        site = incident.labels.get("site")
        return (
            _Spot(lat, lon, site)
            if lat is not None and lon is not None
            else _Spot(None, None, site)
        )


def retitled(ticket: Ticket, *, first: Callable[[str], Incident]) -> Ticket:
    """A group's ticket says how many sources it is about. ``first``: the incident of this id."""
    if ticket.group is None or ticket.sources < 2:
        return ticket
    return replace(
        ticket, title=title_of(ticket.template, first(ticket.first_incident), count=ticket.sources)
    )


def _degrees(labels: Mapping[str, str], name: str, *, limit: float) -> float | None:
    try:
        value = float(labels.get(name, ""))
    except ValueError:
        return None
    return value if isfinite(value) and abs(value) <= limit else None
