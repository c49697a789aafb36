"""What is wrong between the files of a city, though each of them is fine."""

import difflib
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from app.city import City
from app.guard import is_loopback
from citypatrol.errors import Problem
from citypatrol.workdays import CALENDARS
from citypatrol.yamlfile import Document
from ingest.topics import Pattern
from rules.registry_check import check_registry
from rules.ruleset import Rule
from sinks.allow import Allowed
from tickets.errors import StoreError
from tickets.store import Store

MOST_TAG_VALUES: Final = 300_000
MOST_NAMED: Final = 5
_MOST_NEAR: Final = 1_000
_NEARLY: Final = 0.75
_INFLUX_TAGS: Final = ("id", "kind", "district")


def problems(city: City, document: Document) -> Iterator[Problem]:
    """What nothing may run with."""
    yield from _http(city, document)
    yield from _tickets(city, document)
    yield from _influx_tags(city, document)
    yield from _webhook_addresses(city, document)
    yield from _thresholds(city)


def notes(city: City, document: Document) -> Iterator[Problem]:
    """What is allowed, and may not be meant."""
    yield from _categories(city, document)
    yield from _labels(city, document)
    yield from _values(city, document)
    yield from _without_threshold(city, document)
    yield from _cameras(city)
    yield from _times(city, document)
    yield from _certificates(city, document)
    if not city.rules.rules:
        yield document.problem("no rules: samples are kept, and nothing is judged", "rules")


def _http(city: City, document: Document) -> Iterator[Problem]:
    http = city.file.http
    if http.token is not None:
        return
    way_out = 'set http.token: "${CITYPATROL_TOKEN}"'
    if not http.is_loopback:
        message = f"listen: {http.listen} is open to the network and there is no token; {way_out}"
        yield document.problem(message, "http", "listen")
    elif http.public_url is not None and not is_loopback(urlsplit(http.public_url).hostname or ""):
        message = f"public_url: {http.public_url} is open to the network, no token; {way_out}"
        yield document.problem(message, "http", "public_url")


def _tickets(city: City, document: Document) -> Iterator[Problem]:
    try:
        Store(city.places.tickets_url)  # connects to nothing
    except StoreError as error:
        yield document.problem(str(error), "tickets", "url")


def _influx_tags(city: City, document: Document) -> Iterator[Problem]:
    """DOORS: a tag with so many values kills walls (influxdb #7151)."""
    for index, _ in enumerate(city.file.sinks):
        for column in _INFLUX_TAGS:
            count = city.registry.distinct(column)
            if count > MOST_TAG_VALUES:
                tag = "source" if column == "id" else column
                message = (
                    f"type 'influx': tag '{tag}' would have {count} values, "
                    f"{MOST_TAG_VALUES} are the most; give each district its own registry and city"
                )
                yield document.problem(message, "sinks", index)


def _webhook_addresses(city: City, document: Document) -> Iterator[Problem]:
    """Names are looked up when something is sent; an address in the file can be judged now."""
    allowed = Allowed(city.file.webhooks.allow)
    for unit in city.units:
        if unit.webhook is None:
            continue
        host = urlsplit(unit.webhook.url).hostname or ""
        try:
            address = ip_address("127.0.0.1" if host == "localhost" else host)
        except ValueError:
            continue
        if address not in allowed:
            message = (
                f"allow: the webhook of unit '{unit.id}' goes to {host}, which is no public "
                "address; if that is right, add its network here"
            )
            yield document.problem(message, "webhooks", "allow")


def _thresholds(city: City) -> Iterator[Problem]:
    path = str(city.places.of(city.file.registry or ""))
    yield from check_registry(city.rules, city.registry, path=path)


def _categories(city: City, document: Document) -> Iterator[Problem]:
    specs = [rule.ticket for rule in city.rules.rules]
    categories = {spec.category for spec in specs if spec is not None}
    for category in city.units.unhandled(categories):
        message = f"no unit handles '{category}': its tickets stay open and nobody is told"
        yield document.problem(message, "units")


def _labels(city: City, document: Document) -> Iterator[Problem]:
    """A label that neither the registry nor any topic has is a slip of the pen."""
    if city.file.registry is None:
        return
    known = {"kind", "name", "site", "lat", "lon", *city.registry.columns}
    for topic in (topic for one in city.file.inputs for topic in one.topics):
        known.update(name for _, name in Pattern.parse(topic.match).names)
    for rule in city.rules.rules:
        wanted = set(rule.labels) | ({rule.group} if rule.group is not None else set())
        for label in sorted(wanted - known):
            message = f"rule '{rule.name}': no registry column or topic has the label '{label}'"
            yield document.problem(message, "rules")


def _values(city: City, document: Document) -> Iterator[Problem]:
    """A value that no source has may be meant for sources to come; one that is nearly another's is
    a slip of the pen, and a rule that never judges anything."""
    wanted = [(rule.name, *pair) for rule in city.rules.rules for pair in rule.where]
    labels = {label for _, label, _ in wanted if city.registry.distinct(label) <= _MOST_NEAR}
    cells = {label: {cell for _, cell in city.registry.values(label)} for label in labels}
    for name, label, values in wanted:
        for value in sorted(set(values) - cells[label]) if label in labels else ():
            near = difflib.get_close_matches(value, cells[label], n=1, cutoff=_NEARLY)
            if near:
                message = (
                    f"rule '{name}': no source of the registry has {label} '{value}'; "
                    f"did you mean '{near[0]}'?"
                )
                yield document.problem(message, "rules")


def _without_threshold(city: City, document: Document) -> Iterator[Problem]:
    """RULES 11: without a cell and without a default there is nothing to compare with."""
    said: set[tuple[str, str]] = set()
    for rule in city.rules.in_every_mode:
        for label in sorted(_needed(rule)):
            if (rule.name, label) in said or label not in city.registry.columns:
                continue
            said.add((rule.name, label))
            empty = _selected(city, rule) & ~city.registry.filled(label)
            if count := int(np.count_nonzero(empty)):
                named = ", ".join(city.registry.first_ids(empty, most=MOST_NAMED))
                named += ", ..." if count > MOST_NAMED else ""
                have = "source has" if count == 1 else "sources have"
                message = (
                    f"rule '{rule.name}': {count} {have} no {label} "
                    f"and there is no default, so it judges nothing there: {named}"
                )
                yield document.problem(message, "rules")


def _needed(rule: Rule) -> set[str]:
    """The labels without which it has no threshold; those of a site's other sources aside."""
    own = (part.comparison for part in rule.parts if part.site is None)
    every = (rule.when.comparison, rule.clear.comparison, *own)
    limits = (limit for one in every if one is not None for limit in one.limits)
    return {one.label for one in limits if one.label is not None and one.default is None}


def _times(city: City, document: Document) -> Iterator[Problem]:
    """What ``during`` and ``mode`` ask of the city."""
    rules = city.rules.in_every_mode
    if city.file.mode not in city.rules.modes:
        message = f"mode: no rule names '{city.file.mode}': they judge as they are written"
        yield document.problem(message, "mode")
    for rule in rules:
        during = rule.during
        if during is None:
            continue
        if during.by_the_sun and during.place is None and "lat" not in city.registry.columns:
            message = (
                f"rule '{rule.name}': a source without lat and lon has no sunset here; "
                "write city: {place: {lat: ..., lon: ...}}"
            )
            yield document.problem(message, "city")
        if during.days in ("workdays", "holidays") and during.calendar is None:
            message = (
                f"rule '{rule.name}': without a calendar workdays are Monday to Friday; "
                f"write city: {{calendar: {CALENDARS[0]}}}"
            )
            yield document.problem(message, "city")


def _certificates(city: City, document: Document) -> Iterator[Problem]:
    """A note: who checks a city's files need not have its keys."""
    for index, one in enumerate(city.file.inputs):
        broker = one.broker(city.path.parent)
        for name, path in (("ca", broker.ca), ("cert", broker.cert), ("key", broker.key)):
            if path is not None and not path.is_file():
                message = f"{name}: there is no file '{path}' here, and no way to {broker.url} then"
                yield document.problem(message, "inputs", index, name)


def _selected(city: City, rule: Rule) -> NDArray[np.bool_]:
    """The rows of the registry that its ``where`` lets through; all without one, since the registry
    does not say who sends which metric."""
    found = np.ones(len(city.registry), np.bool_)
    for label, values in rule.where:
        masks = [city.registry.having(label, value) for value in values]
        found &= np.logical_or.reduce(masks)
    return found


def _cameras(city: City) -> Iterator[Problem]:
    if city.file.registry is None or city.file.cameras is None:
        return
    name = str(city.places.of(city.file.cameras))
    for camera in city.cameras:
        if camera.id not in city.registry:
            message = (
                f"camera '{camera.id}' is not in the registry: its tickets have no district, and "
                "registering it later begins a second InfluxDB series"
            )
            yield Problem(name, 0, 0, message)
