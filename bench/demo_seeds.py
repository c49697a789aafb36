"""The demo on many seeds: `python -m bench.demo_seeds --first 1000 --seeds 20`.

Each is a whole `citypatrol demo --once --json` in a process of its own. Every seed is reported, the
ones that failed too. Then `citypatrol backtest` judges what the city kept, control records
included: `differ` counts tickets that are not the live ones, by their witnesses, place, unit,
category and the times of their incidents (DESIGN 4). What clears in the last two seconds counts as
open on both sides: the live city was stopped in them.
"""

import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from bench.report import arguments, report
from bench.servers.free_port import free_port

LONGEST_S = 200
STOPPING_MS = 2_000


Tickets = Mapping[str, tuple[Any, ...]]
"""By the lowest id of an incident: incidents with their times, category, unit and place."""


def play(seed: int) -> dict[str, float | None]:
    """One seed: its scoreboard, `exit_status`, `wall_s` and `differ`."""
    with tempfile.TemporaryDirectory(prefix="demo-seed-") as folder:
        city = Path(folder) / "city"
        began = time.monotonic()
        done = _citypatrol(
            "demo", "--once", "--json", "--seed", str(seed),
            "--port", str(free_port()), "--keep", str(city),
        )  # fmt: skip
        wall_s = round(time.monotonic() - began, 1)
        lines = done.stdout.splitlines()
        board = json.loads(lines[-1]) if lines else {}
        if done.returncode:
            print(done.stderr[-4000:], file=sys.stderr)
        return {
            **board,
            "exit_status": done.returncode,
            "wall_s": wall_s,
            "differ": _differ(city) if lines else None,
        }


def _citypatrol(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)


def _live(city: Path, *, until: int) -> Tickets:
    found: dict[str, list[Any]] = {}
    with closing(sqlite3.connect(city / "data" / "tickets.db")) as connection:
        connection.row_factory = sqlite3.Row
        incidents = connection.execute(
            "SELECT * FROM incidents WHERE ticket IS NOT NULL"
        ).fetchall()
        tickets = {row["id"]: row for row in connection.execute("SELECT * FROM tickets")}
    for row in incidents:
        since = orjson.loads(row["body"])["since"]
        found.setdefault(row["ticket"], []).append(
            (row["id"], since, row["fired_at"], _before(row["cleared_at"], until))
        )
    return _keyed(
        (found[id], row["category"], row["unit"], row["lat"], row["lon"], row["site"], row["grid"])
        for id, row in tickets.items()
    )


def _past(said: Mapping[str, Any], *, until: int) -> Tickets:
    times = {
        one["id"]: (_ms(one["since"]), _ms(one["fired_at"]), _before(_ms(one["cleared_at"]), until))
        for one in said["incidents"]
    }
    return _keyed(
        (
            [(one["incident"], *times[one["incident"]]) for one in ticket["witnesses"]],
            ticket["category"],
            ticket["unit"] and ticket["unit"]["id"],
            *(ticket["place"][name] for name in ("lat", "lon", "site", "grid")),
        )
        for ticket in said["tickets"]
    )


def _keyed(tickets: Iterable[tuple[Any, ...]]) -> Tickets:
    return {min(one[0])[0]: (tuple(sorted(one[0])), *one[1:]) for one in tickets}


def _ms(time: str | None) -> int | None:
    return None if time is None else round(datetime.fromisoformat(time).timestamp() * 1000)


def _before(at: int | None, until: int) -> int | None:
    return at if at is not None and at < until else None


def _differ(city: Path) -> int:
    done = _citypatrol(
        "backtest", str(city / "rules.yaml"), "--history", str(city / "data" / "history"),
        "--city", str(city / "city.yaml"), "--json",
    )  # fmt: skip
    said = json.loads(done.stdout)
    until = (_ms(said["until"]) or 0) - STOPPING_MS
    live, past = _live(city, until=until), _past(said, until=until)
    differing = [key for key in {*live, *past} if live.get(key) != past.get(key)]
    for key in differing:
        for name, one, other in (("live", live, past), ("past", past, live)):
            known = other.get(key, ((),))
            ours = one.get(key, ((),))
            only = [*(set(ours[0]) - set(known[0])), *(x for x in ours[1:] if x not in known[1:])]
            print(f"{key}: only {name} has {only}", file=sys.stderr)
    return len(differing)


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=20)
    args = parser.parse_args()
    boards = []
    for seed in range(args.first, args.first + (2 if args.quick else args.seeds)):
        boards.append(play(seed))
        if not args.json:
            print(json.dumps(boards[-1]), flush=True)
    passed = sum(board["exit_status"] == 0 for board in boards)
    figures: dict[str, float | int | None] = {"seeds": len(boards), "passed": passed}
    for name in ("missed", "false", "doubled", "differ"):
        figures[name] = sum(int(board.get(name) or 0) for board in boards)
    for name in ("p50_s", "p99_s", "wall_s"):
        known = [value for board in boards if (value := board.get(name)) is not None]
        figures[f"{name}_median"] = statistics.median(known) if known else None
        figures[f"{name}_worst"] = max(known, default=None)
    report("demo_seeds", figures, conditions={"first": args.first}, as_json=args.json)
    return 0 if passed == len(boards) and not figures["differ"] else 1


if __name__ == "__main__":
    sys.exit(main())
