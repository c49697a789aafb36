"""A new ticket for its first incident: title, place, unit and deadlines (pure)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import isfinite
from typing import Final
from zoneinfo import ZoneInfo

from citypatrol.clock import Ts
from citypatrol.geo import Grid
from citypatrol.registry import Registry
from rules.incidents import Incident
from tickets.ticket import Ticket, storm_key, ticket_key
from tickets.titles import title_of
from tickets.units import Units

_STORM: Final = "Storm: rule {rule}, {count} places"
_STORM_OF_ONE: Final = "Storm: rule {rule}, {count} place"


@dataclass(frozen=True, slots=True)
class Spot:
    lat: float | None
    lon: float | None
    site: str | None


@dataclass(frozen=True, slots=True)
class Opener:
    """What a city knows that an incident does not. ``code`` begins the ticket numbers; ``brake``:
    how many tickets of one rule one unit gets in an hour, None without bound."""

    code: str
    timezone: ZoneInfo
    units: Units
    registry: Registry
    grid: Grid
    brake: int | None = None

    def day(self, at: Ts) -> str:
        """The city's day, ``260513``: numbers start again with each."""
        return datetime.fromtimestamp(at / 1000, self.timezone).strftime("%y%m%d")

    def number(self, day: str, count: int) -> str:
        return f"{self.code}-{day}-{count:04d}"

    def ticket(self, incident: Incident, *, number: str, now: Ts, at: Ts) -> Ticket:
        """Revision 0, no witnesses yet; ``at`` is the event time. ValueError where the rule has no
        ``ticket:``."""
        spec = incident.ticket
        if spec is None:
            message = f"incident {incident.id}: rule '{incident.rule}' makes no tickets"
            raise ValueError(message)
        spot = self.spot(incident)
        cell = None
        if spot.lat is not None and spot.lon is not None:
            cell = self.grid.cell(spot.lat, spot.lon)
        unit = self.unit(spec.category)
        return Ticket(
            id=number,
            key=ticket_key(incident),
            rule=incident.rule,
            category=spec.category,
            severity=incident.severity,
            state="open" if unit is None or spec.shadow or spec.confirm else "dispatched",
            revision=0,
            title=title_of(spec.title, incident, count=1),
            template=spec.title,
            source=incident.source,
            group=incident.group,
            unit=unit,
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
            first_at=at,
            last_at=at,
            shadow=spec.shadow,
            unconfirmed=spec.confirm and not spec.shadow,
        )

    def storm(self, incident: Incident, *, number: str, now: Ts, at: Ts) -> Ticket:
        """The ticket of all the places that are too many for tickets of their own, of which the
        incident's is the first."""
        one = self.ticket(incident, number=number, now=now, at=at)
        return replace(
            one,
            key=storm_key(one.rule, one.unit, shadow=one.shadow),
            title=title_of(_STORM_OF_ONE, incident, count=1),
            template=_STORM,
            group=None,
            lat=None,
            lon=None,
            site=None,
            grid=None,
            district=None,
            storm=True,
        )

    def unit(self, category: str) -> str | None:
        """The id of who is sent first."""
        unit = self.units.handling(category)
        return None if unit is None else unit.id

    def confirmed(self, ticket: Ticket, *, now: Ts) -> Ticket:
        """Somebody has looked: it goes to its unit, whose clocks begin now."""
        waited, ack, resolve = now - ticket.opened_at, ticket.acknowledge_by, ticket.resolve_by
        unit = self.unit(ticket.category)
        return replace(
            ticket,
            unconfirmed=False,
            unit=unit,
            state="open" if unit is None else "dispatched",
            acknowledge_by=None if ack is None else ack + waited,
            resolve_by=None if resolve is None else resolve + waited,
        )

    def spot(self, incident: Incident) -> Spot:
        """The group's own row in the registry (a gateway), else the source's, else what the source
        said of itself when it was last seen."""
        for source in (incident.group, incident.source):
            place = None if source is None else self.registry.place(source)
            if place is not None:
                return Spot(place.lat, place.lon, place.site or incident.labels.get("site"))
        lat = _degrees(incident.labels, "lat", limit=90)
        lon = _degrees(incident.labels, "lon", limit=180)
        site = incident.labels.get("site")
        return (
            Spot(lat, lon, site) if lat is not None and lon is not None else Spot(None, None, site)
        )


def retitled(ticket: Ticket, *, first: Callable[[str], Incident]) -> Ticket:
    """A group's ticket says how many sources it is about, a storm's how many places. ``first``: the
    incident of this id."""
    if ticket.sources < 2 or (ticket.group is None and not ticket.storm):
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
