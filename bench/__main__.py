"""Every bench, one after the other: `python -m bench` (`make bench`)."""

import subprocess
import sys

BENCHES = (
    "ingest",
    "latency",
    "startup",
    "silence",
    "backlog",
    "history",
    "rules",
    "backtest",
    "heard",
    "influx",
    "camera",
    "inference",
    "vision",
    "drill_kill",
    "drill_outage",
    "drill_camera",
    "bad_camera",
    "health",
    "demo_seeds",
    "fuzz",
)


def main() -> int:
    failed = []
    for name in BENCHES:
        print(f"== bench.{name}", flush=True)
        done = subprocess.run([sys.executable, "-m", f"bench.{name}", *sys.argv[1:]])
        if done.returncode:
            failed.append(name)
    if failed:
        print("failed:", *failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
