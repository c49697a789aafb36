"""The demo on many seeds: `python -m bench.demo_seeds --first 1000 --seeds 20`.

Each is a whole `citypatrol demo --once --json` in a process of its own. Every seed is reported, the
ones that failed too.
"""

import json
import statistics
import subprocess
import sys
import time

from bench.report import arguments, report
from bench.servers.free_port import free_port

LONGEST_S = 200


def play(seed: int) -> dict[str, float | None]:
    """One seed: its scoreboard, `exit_status` and `wall_s`."""
    command = [sys.executable, "-m", "app.cli", "demo", "--once", "--json"]
    command += ["--seed", str(seed), "--port", str(free_port())]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)
    wall_s = round(time.monotonic() - began, 1)
    lines = done.stdout.splitlines()
    board = json.loads(lines[-1]) if lines else {}
    if done.returncode:
        print(done.stderr[-4000:], file=sys.stderr)
    return {**board, "exit_status": done.returncode, "wall_s": wall_s}


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
    for name in ("missed", "false", "doubled"):
        figures[name] = sum(int(board.get(name) or 0) for board in boards)
    for name in ("p50_s", "p99_s", "wall_s"):
        known = [value for board in boards if (value := board.get(name)) is not None]
        figures[f"{name}_median"] = statistics.median(known) if known else None
        figures[f"{name}_worst"] = max(known, default=None)
    report("demo_seeds", figures, conditions={"first": args.first}, as_json=args.json)
    return 0 if passed == len(boards) else 1


if __name__ == "__main__":
    sys.exit(main())
