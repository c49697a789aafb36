"""``citypatrol tickets``: the desk from a terminal, through the running city or on its database."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from app.commands.at_city import add_city_option, read_city_file
from app.commands.options import global_options, rows
from app.outcome import FINE
from app.terminal import printable, say, say_json, table

if TYPE_CHECKING:
    from app.desk_client import DeskClient

STEPS: Final = {
    "confirm": "somebody has looked and it is so: the unit is sent",
    "acknowledge": "somebody has seen it",
    "reject": "the wrong unit: back to dispatch; where it waits for a look, a false alarm",
    "resolve": "the cause is mended",
    "close": "checked and done",
}


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    shared = [global_options()]
    listing = verbs.add_parser("list", help="open tickets, newest first", parents=shared)
    add_city_option(listing)
    listing.add_argument("--all", action="store_true", help="closed and cancelled ones too")
    listing.add_argument("--shadow", action="store_true", help="those of rules on trial instead")
    listing.add_argument("--limit", type=rows, default=50, metavar="N")
    showing = verbs.add_parser("show", help="one ticket with its history", parents=shared)
    _ticket(showing)
    showing.add_argument("--sources", action="store_true", help="every source that it is about")
    for step, meaning in STEPS.items():
        acting = verbs.add_parser(step, help=meaning, parents=shared)
        _ticket(acting)
        acting.add_argument("--note", help="why, in a sentence")
    judging = verbs.add_parser("verdict", help="was it a real incident?", parents=shared)
    _ticket(judging)
    judging.add_argument("verdict", choices=("true", "false"))
    judging.add_argument("--note", help="why, in a sentence")


def _ticket(parser: argparse.ArgumentParser) -> None:
    add_city_option(parser)
    parser.add_argument("ticket", metavar="ID", help="like ZZ-260513-0042")


def execute(args: argparse.Namespace) -> int:
    work = _WORK.get(args.verb, _act)
    _with_desk(args, lambda desk: work(desk, args))
    return FINE


def _with_desk(args: argparse.Namespace, work: "Callable[[DeskClient], None]") -> None:
    from app.desk_client import HttpDesk, StoreDesk
    from app.places import Places
    from citypatrol.clock import SystemClock
    from tickets.units import Units, load_units

    file = read_city_file(args.city)
    running = HttpDesk.of(file.http)
    if running.answers():
        work(running)
        return
    places = Places(file, args.city.parent)
    units = load_units(places.of(file.units))[0] if file.units else None
    desk = StoreDesk(file, places, units or Units(), clock=SystemClock())
    try:
        desk.open_to_read() if args.verb in ("list", "show") else desk.open()
        work(desk)
    finally:
        desk.close()


def _list(desk: "DeskClient", args: argparse.Namespace) -> None:
    from tickets.states import OPEN_STATES, STATES

    states: Sequence[str] = STATES if args.all else OPEN_STATES
    tickets = desk.list(states=states, shadow=args.shadow, limit=args.limit)
    if args.json:
        for ticket in tickets:
            say_json(ticket)
        return
    headings = ("ticket", "state", "severity", "opened", "unit", "title")
    rows = [
        (
            ticket["id"],
            _state(ticket),
            ticket["severity"],
            ticket["opened_at"],
            _unit(ticket),
            ticket["title"],
        )
        for ticket in tickets
    ]
    say(table(headings, rows) or ("no open shadow" if args.shadow else "no open ticket"))


def _show(desk: "DeskClient", args: argparse.Namespace) -> None:
    if args.sources:
        _sources(desk, args)
        return
    _print(desk.show(args.ticket), args)


def _sources(desk: "DeskClient", args: argparse.Namespace) -> None:
    """A line a source, however many there are."""
    cursor: str | None = None
    while True:
        page = desk.sources(args.ticket, cursor=cursor)
        for one in page["sources"]:
            if args.json:
                say_json(one)
            else:
                over = "still so" if one["firing"] else f"over {one['cleared_at']}"
                times = f", {one['incidents']} times" if one["incidents"] > 1 else ""
                say(printable(f"{one['source']}  since {one['first_at']}, {over}{times}"))
        cursor = page["cursor"]
        if cursor is None:
            return


def _act(desk: "DeskClient", args: argparse.Namespace) -> None:
    _print(desk.act(args.ticket, args.verb, note=args.note), args)


def _verdict(desk: "DeskClient", args: argparse.Namespace) -> None:
    real = args.verdict == "true"
    _print(desk.verdict(args.ticket, real=real, note=args.note), args)


def _confirm(desk: "DeskClient", args: argparse.Namespace) -> None:
    _print(desk.confirm(args.ticket, note=args.note), args)


_WORK: Final = {"list": _list, "show": _show, "confirm": _confirm, "verdict": _verdict}


def _print(ticket: Mapping[str, Any], args: argparse.Namespace) -> None:
    if args.json:
        say_json(ticket)
        return
    place = ticket["place"]
    known = [place["site"], place["grid"]]
    if place["lat"] is not None:
        known.append(f"{place['lat']:.4f}, {place['lon']:.4f}")
    facts = {
        "title": ticket["title"],
        "state": f"{_state(ticket)}, revision {ticket['revision']}",
        "rule": ticket["rule"],
        "severity": ticket["severity"],
        "category": ticket["category"],
        "unit": _unit(ticket),
        "place": " · ".join(filter(None, known)) or "not known",
        "opened": ticket["opened_at"],
        "acknowledge by": ticket["acknowledge_by"] or "-",
        "resolve by": ticket["resolve_by"] or "-",
    }
    if ticket["verdict"] is not None:
        note = f": {ticket['verdict_note']}" if ticket["verdict_note"] else ""
        by = f"{_said(ticket['verdict'])} by {ticket['verdict_by']} at {ticket['verdict_at']}"
        facts["verdict"] = by + note
    say(ticket["id"])
    for name, value in facts.items():
        say(f"  {name + ':':<16}{printable(value)}")
    if ticket["source_count"] > 1:
        count, firing = ticket["source_count"], ticket["firing_count"]
        say(f"  {'sources:':<16}{count}, {firing} alarms still on; all of them: --sources")
    for witness in ticket["witnesses"]:
        text = f"{witness['source']} since {witness['since']}, value {witness['value']:g}"
        say(f"  {'witness:':<16}{printable(text)}")
    for picture in ticket["evidence"]:
        say(f"  {'picture:':<16}{picture['url']}")
    for change in ticket["history"]:
        note = f": {change['note']}" if change["note"] else ""
        kind = change["type"].removeprefix("ticket.")
        say(f"  {change['at']}  {kind} by {change['by']}{printable(note)}")


def _state(ticket: Mapping[str, Any]) -> str:
    if ticket["shadow"]:
        return f"{ticket['state']}, a shadow"
    return f"{ticket['state']}, to be looked at" if _waits(ticket) else str(ticket["state"])


def _waits(ticket: Mapping[str, Any]) -> bool:
    return bool(ticket["unconfirmed"]) and ticket["state"] == "open"


def _said(verdict: bool | None) -> str:
    return "-" if verdict is None else "true" if verdict else "false"


def _unit(ticket: Mapping[str, Any]) -> str:
    return ticket["unit"]["name"] if ticket["unit"] else "-"
