"""``citypatrol sources``: who is heard, since when not, what it said, which rules watch it."""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from app.commands.at_city import add_city_option, running_city
from app.commands.options import duration, global_options, rows
from app.outcome import FINE
from app.terminal import printable, say, say_json, table

_MOST: Final = 1_000
_LABELS: Final = ("name", "kind", "district", "site", "gateway")
_WHAT: Final = "what was heard is known to the running city only"


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    shared = [global_options()]
    listing = verbs.add_parser("list", help="as they were first heard, with counts", parents=shared)
    add_city_option(listing)
    listing.add_argument("--kind", help="only sources with this label `kind`")
    listing.add_argument("--district", help="only sources with this label `district`")
    listing.add_argument(
        "--silent-for",
        type=duration,
        metavar="DURATION",
        help="only those not heard for so long, like 10m",
    )
    listing.add_argument(
        "--unregistered", action="store_true", help="only those that the registry has not"
    )
    listing.add_argument(
        "--never", action="store_true", help="those of the registry that were never heard"
    )
    listing.add_argument("--limit", type=rows, default=50, metavar="N")
    listing.add_argument("--all", action="store_true", help="as many as there are")
    showing = verbs.add_parser("show", help="one with everything known of it", parents=shared)
    add_city_option(showing)
    showing.add_argument("source", metavar="ID")


def execute(args: argparse.Namespace) -> int:
    {"list": _list, "show": _show}[args.verb](args)
    return FINE


def _list(args: argparse.Namespace) -> None:
    desk = running_city(args.city, what=_WHAT)
    pages = _pages(desk, args)
    counts: Mapping[str, int] = {}
    found: list[Mapping[str, Any]] = []
    more = False
    for page in pages:
        counts, more = page["counts"], page["cursor"] is not None
        found += page["sources"]
        if args.json:
            for source in page["sources"]:
                say_json(source)
    if args.json:
        return
    from app.spoken import ago

    headings = ("source", "last heard", "a minute", "late", "kind", "district", "registered")
    shown = [
        (
            one["id"],
            "never" if one["silent_s"] is None else ago(1000 * one["silent_s"]),
            f"{one['per_minute']:.1f}",
            str(one["late"] or "-"),
            one["labels"].get("kind", "-"),
            one["labels"].get("district", "-"),
            "yes" if one["registered"] else "NO",
        )
        for one in found
    ]
    nothing = "no source is like that" if _asked(args) else "nothing was heard yet"
    say(table(headings, shown) or nothing)
    if more:
        say("... and more: --all shows them, --limit N as many as you like")
    say(
        f"{counts['heard']:,} heard, of these {counts['silent']:,} silent for 10 min and"
        f" {counts['unregistered']:,} not registered; {counts['never']:,} registered, never heard"
    )


def _pages(desk: Any, args: argparse.Namespace) -> Iterator[Mapping[str, Any]]:
    query = _asked(args)
    left = None if args.all else args.limit
    cursor = None
    while True:
        query["limit"] = str(min(left or _MOST, _MOST))
        if cursor is not None:
            query["cursor"] = str(cursor)
        page = desk.ask(f"/api/v1/sources?{urlencode(query)}")
        yield page
        cursor = page["cursor"]
        left = None if left is None else left - len(page["sources"])
        if cursor is None or left == 0:
            return


def _asked(args: argparse.Namespace) -> dict[str, str]:
    asked = {
        "kind": args.kind,
        "district": args.district,
        "silent_for": args.silent_for,
        "unregistered": "true" if args.unregistered else None,
        "never": "true" if args.never else None,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _show(args: argparse.Namespace) -> None:
    desk = running_city(args.city, what=_WHAT)
    source = desk.ask(f"/api/v1/sources/{quote(args.source, safe='/')}")
    if args.json:
        say_json(source)
        return
    for line in _lines(source):
        say(line)


def _lines(source: Mapping[str, Any]) -> Iterator[str]:
    from app.spoken import ago

    yield printable(source["id"])
    silent = source["silent_s"]
    never = "never"
    if source["dead"]["count"]:
        never = "never: whatever it sent could not be read, see below"
    facts = {
        "registered": "yes" if source["registered"] else "NO: add it to the registry",
        "labels": ", ".join(
            f"{name} {source['labels'][name]}" for name in _LABELS if source["labels"].get(name)
        ),
        "last heard": never if silent is None else f"{ago(1000 * silent)}, {source['last_heard']}",
        "last will": {True: "online", False: "OFFLINE", None: ""}[source["online"]],
        "clock": source["clock"]["says"] if source["clock"] else "",
        "readings": f"{source['readings']:,}, {source['late']:,} of them too late to be judged"
        if source["readings"]
        else "",
    }
    for name, value in facts.items():
        if value:
            yield f"  {name + ':':<12}{printable(value)}"
    for name, part in (
        ("series", _series),
        ("rules that watch it", _rules),
        ("alarms that fire", _incidents),
        ("set aside", _dead),
    ):
        text = part(source)
        if text:
            yield f"\n{name}:\n{text}"
    if not source["rules"]:
        yield "\nno rule watches it"


def _series(source: Mapping[str, Any]) -> str:
    from app.spoken import pace

    rows = [
        (
            one["metric"],
            f"{one['value']:g}",
            one["ts"],
            pace(_ms(one["interval_s"])) or "-",
            "-" if one["jitter_s"] is None else f"±{one['jitter_s']:.1f} s",
            f"{one['readings']:,}",
            str(one["late"] or "-"),
        )
        for one in source["series"]
    ]
    return table(("metric", "last value", "at", "comes", "jitter", "readings", "late"), rows)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def _rules(source: Mapping[str, Any]) -> str:
    rows = [
        (
            one["rule"],
            one["metric"],
            one["condition"],
            one["ticket"] or "no ticket",
            _if_heard(one),
        )
        for one in source["rules"]
    ]
    return table(("rule", "metric", "when", "ticket", ""), rows)


def _if_heard(rule: Mapping[str, Any]) -> str:
    if rule["heard"]:
        return ""
    return (
        "from its first reading on" if rule["metric"] == "*" else f"it never sent {rule['metric']}"
    )


def _incidents(source: Mapping[str, Any]) -> str:
    rows = [
        (one["rule"], one["metric"], one["since"], f"{one['value']:g}", one["ticket"] or "-")
        for one in source["incidents"]
    ]
    return table(("rule", "metric", "since", "value", "ticket"), rows)


def _dead(source: Mapping[str, Any]) -> str:
    rows = [
        (str(one["count"]), one["kind"], one["cause"], f"citypatrol dead show {one['newest_id']}")
        for one in source["dead"]["causes"]
    ]
    return table(("count", "kind", "why", "look at one"), rows)
