"""The payload profiles under coverage-guided fuzzing, where atheris is installed beside us.

`python -m bench.fuzz_atheris CORPUS -max_total_time=3600`; what follows is libFuzzer's. The first
byte of an input picks the profile, the rest is the payload. No dependency of the project: atheris
brings a compiler's runtime, and the run is one of an hour now and then. `bench.fuzz` is the bar.
"""

import itertools
import json
import sys
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["ingest.parse", "ingest.profiles", "ingest.parts"]):
    from bench.fuzz_cases import CASES, NOW, account
    from ingest.message import Message

_TOPICS: Final = (
    "city/gc/water/ws-1/level",
    "city/gc/water/ws-1",
    "gw/g-1/v1/gateway/telemetry",
    "tb/ws-1/v1/devices/me/telemetry",
    "senml/g-1",
    "city/gc/ws-1/senml",
    "zigbee2mqtt/ws-1",
)
_SEEDS: Final = (
    "15.2",
    {"ts": NOW, "water_level": 15.2, "value": True},
    {"Device A": [{"ts": NOW, "values": {"temperature": 42}}, {"humidity": "80"}]},
    [{"ts": NOW, "values": {"temperature": 22.5}}, {"humidity": 61}],
    [{"bn": "urn:dev:ow:10e2073a01080063:", "bt": -5, "n": "voltage", "u": "V", "v": 120.1}],
    [{"n": "current", "u": "A", "bv": 1, "v": 1.2, "t": -3, "s": 4}, {"n": "open", "vb": False}],
    {"last_seen": "2019-03-01T16:32:45.941+01:00", "state": "ON", "color": {"x": 0.1}},
)

_parsers = [case.parser() for case in CASES]
_number = itertools.count()


def one_input(data: bytes) -> None:
    which = data[0] % len(_TOPICS) if data else 0
    message = Message(_TOPICS[which], data[1:], NOW + next(_number))
    account(message, _parsers[which])


def main() -> None:
    corpus = next((Path(one) for one in sys.argv[1:] if not one.startswith("-")), None)
    if corpus is not None:
        corpus.mkdir(parents=True, exist_ok=True)
        for which, seed in enumerate(_SEEDS):
            text = seed if isinstance(seed, str) else json.dumps(seed)
            (corpus / f"seed-{which}").write_bytes(bytes([which]) + text.encode())
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
