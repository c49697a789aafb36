"""Messages a second from a real Mosquitto to the committed journal: `python -m bench.ingest`.

Three cities: the shipped broker configuration, a stock one (in-flight window 20, queue 1,000, drops
in silence: what it drops is counted apart), and with ``--full`` twenty rules and a real InfluxDB.
In each the rate climbs until it is no longer carried: every reading published must lie in the
journal a second after the last one. ``--peer`` gives the same load to Telegraf, ``--peer-kills N``
the same kills. Generator, broker and pipeline share the machine's cores.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bench.climb import Step, climb, step
from bench.load import loaded, twenty_rules
from bench.peer import Figures, kills, peer
from bench.report import arguments, report
from bench.servers.mosquitto import STOCK

DEVICES: Final = 20_000
SHIPPED: Final = Path(__file__).parent.parent / "deploy/mosquitto/mosquitto.conf"
AIM: Final = 21_930
_OURS: Final = ("max_", "message_size_limit", "autosave", "persistence true", "persistent_client")
_SYS: Final = "sys_interval 1\n"


def shipped() -> str:
    """What is shipped about queues and persistence; users, TLS and paths are the bench's."""
    lines = SHIPPED.read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith(_OURS)) + "\n"


def bare(folder: Path, *, conf: str, first: float, seconds: float) -> Step:
    """The highest rate that a city with one rule carries from this broker."""
    with loaded(folder, conf=conf + _SYS, devices=DEVICES) as load:
        step(load, rate=2_000, seconds=3, devices=DEVICES)  # every module and topic is met
        return climb(load, first=first, seconds=seconds, devices=DEVICES)


def full(folder: Path, *, seconds: float, long_s: float) -> Step:
    """With rules, history and InfluxDB: what short runs carry, then for ``long_s``."""
    rules = twenty_rules()
    with loaded(
        folder, conf=shipped() + _SYS, devices=DEVICES, rules=rules, with_influx=True
    ) as load:
        step(load, rate=2_000, seconds=3, devices=DEVICES)
        rate = climb(load, first=15_000, seconds=seconds, devices=DEVICES, most=AIM).rate
        for share in (1.0, 0.85, 0.7):
            found = step(load, rate=share * rate, seconds=long_s, devices=DEVICES)
            if found.carried:
                break
        return found


def figures_of(found: Step, *, name: str) -> dict[str, float | int | None]:
    return {
        f"messages_per_second{name}": round(found.sustained) if found.carried else 0,
        f"lost{name}": found.lost,
        f"doubled{name}": found.doubled,
        f"cpu_s_per_million{name}": found.per_million("pipeline"),
        f"broker_cpu_s_per_million{name}": found.per_million("broker"),
        f"generator_cpu_s_per_million{name}": found.per_million("generator"),
    }


def main() -> int:
    args = _arguments()
    seconds = args.seconds or (5.0 if args.quick else 15.0)
    figures: dict[str, float | int | None] = {}
    said: dict[str, object] = {"devices": DEVICES, "seconds": seconds}

    def measure(name: str, work: Callable[[Path], Step]) -> None:
        with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
            found = work(Path(folder))
        figures.update(figures_of(found, name=name))
        said[f"bound_by{name}"] = found.bound_by
        said[f"profile{name}"] = found.profile
        if not args.json:
            _tell(name or "_shipped", found)

    measure("", lambda folder: bare(folder, conf=shipped(), first=12_000, seconds=seconds))
    measure("_stock", lambda folder: bare(folder, conf=STOCK, first=3_000, seconds=seconds))
    if args.full:
        long_s = 20.0 if args.quick else 300.0
        measure("_full", lambda folder: full(folder, seconds=seconds, long_s=long_s))
    if args.peer or args.peer_kills:
        rate = 5_000.0 if args.quick else 10_000.0
        figures |= _peers(rate=rate, seconds=2 * seconds, count=args.peer_kills, seed=args.seed)
    lost = sum(int(value or 0) for name, value in figures.items() if name.startswith("lost"))
    report("ingest", figures, conditions=said, as_json=args.json)
    return 1 if lost else 0


def _peers(*, rate: float, seconds: float, count: int, seed: int) -> Figures:
    conf = shipped()
    found = peer(conf=conf, rate=rate, seconds=seconds)
    if found and count:
        found |= kills(conf=conf, count=count, seed=seed)
    return found


def _tell(name: str, found: Step) -> None:
    rate = f"{found.sustained:,.0f} messages a second"
    print(f"== {name.strip('_')}: {rate}; bound by {found.bound_by}")
    shares: Mapping[str, float] = found.profile
    for stage, cost in sorted(shares.items(), key=lambda pair: -pair[1]):
        print(f"   {cost:6.2f} CPU-s per million in {stage}")


def _arguments() -> argparse.Namespace:
    parser = arguments(__doc__ or "")
    parser.add_argument("--full", action="store_true", help="with 20 rules and InfluxDB, 5 minutes")
    parser.add_argument("--peer", action="store_true", help="the same load to Telegraf")
    parser.add_argument("--peer-kills", type=int, default=0, metavar="N")
    parser.add_argument("--seconds", type=float, help="of each step of the climb")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
