"""The demo city's sensors: who they are and what they would say. Pure.

A device reports every ten seconds, and every second while something moves (water above 8 cm), as
field devices do.
"""

import random
from dataclasses import dataclass
from typing import Literal

import orjson

from citypatrol.clock import Ts

Kind = Literal["underpass", "air", "noise", "manhole", "lamp"]

DISTRICTS = {
    "zhongyuan": "中原区",
    "erqi": "二七区",
    "guancheng": "管城区",
    "huiji": "惠济区",
    "jinshui": "金水区",
    "zhengdong": "郑东新区",
}
"""Two rows of three, from the south-west: a city drawn with a ruler."""
SOUTH, WEST, HEIGHT, WIDTH = 34.6466, 113.5304, 0.2, 0.27
"""Degrees; a district is half as high and a third as wide."""
STREETS = (
    "航海东路", "陇海路", "中原路", "嵩山路", "花园路", "文化路", "农业路", "金水路",
    "京广路", "未来路", "紫荆山路", "商都路", "中州大道", "经三路", "长江路", "桐柏路",
)  # fmt: skip
KIND_NAMES: dict[Kind, str] = {
    "underpass": "下穿隧道水位",
    "air": "空气站",
    "noise": "噪声点",
    "manhole": "井盖",
    "lamp": "路灯箱",
}
SHARES: dict[Kind, int] = {"underpass": 1, "air": 4, "noise": 4, "manhole": 6, "lamp": 5}
EVERY_S = 10.0
MOVING_S = 1.0
MOVING_CM = 8.0
FLOOD_CM, SPIKE_CM = 46.0, 38.0
PER_GATEWAY = 200


@dataclass(frozen=True, slots=True)
class Device:
    """One sensor of the registry. ``phase_s``: when in its ten seconds it reports."""

    id: str
    name: str
    kind: Kind
    district: str
    gateway: str
    lat: float
    lon: float
    phase_s: float

    @property
    def site(self) -> str:
        return f"site-{self.id}"


def make_devices(count: int) -> list[Device]:
    """The city's devices, always the same: 200 to a gateway, one gateway to a neighbourhood."""
    rng = random.Random(13_05)  # noqa: S311 - where things stand, not a secret
    kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
    devices = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        gateway = number // PER_GATEWAY
        row, column = divmod(gateway % len(DISTRICTS), 3)
        district = list(DISTRICTS)[gateway % len(DISTRICTS)]
        street = rng.choice(STREETS)
        devices.append(
            Device(
                id=f"{kind}-{number:05d}",
                name=f"{DISTRICTS[district]}{street}{KIND_NAMES[kind]}{number}",
                kind=kind,
                district=district,
                gateway=f"gw-{gateway:03d}",
                lat=round(SOUTH + HEIGHT / 2 * (row + rng.uniform(0.06, 0.94)), 5),
                lon=round(WEST + WIDTH / 3 * (column + rng.uniform(0.06, 0.94)), 5),
                phase_s=rng.uniform(0.0, EVERY_S),
            )
        )
    return devices


def water_level(rng: random.Random, *, flooded_for_s: float | None, spiking: bool) -> float:
    """Centimetres: a wet road, a flood that rises within three seconds, or a splash."""
    if spiking:
        return SPIKE_CM + rng.uniform(-2, 2)
    if flooded_for_s is not None:
        return min(FLOOD_CM, 16.0 + 10.0 * flooded_for_s) + rng.uniform(-0.8, 0.8)
    return rng.uniform(0.0, 3.5)


def payload(device: Device, rng: random.Random, *, ts: Ts, water: float) -> tuple[str, bytes]:
    """(topic, payload) of one report: some speak in plain numbers, some in JSON with their time."""
    base = f"city/{device.district}/{device.kind}/{device.id}"
    match device.kind:
        case "underpass":
            return f"{base}/water_level", f"{water:.1f}".encode()
        case "air":
            readings = {"ts": ts, "pm25": rng.randint(18, 95), "pm10": rng.randint(30, 140)}
            return base, orjson.dumps(readings)
        case "noise":
            level = round(rng.uniform(42, 71), 1)
            return base, orjson.dumps({"ts": ts / 1000, "noise_db": level, "battery": 3.6})
        case "manhole":
            return f"{base}/tilt", f"{rng.uniform(0, 4):.2f}".encode()
        case "lamp":
            return f"{base}/power", rng.choice((b"ON", b"OFF"))


NONSENSE = (b"", b"NaN", b"ERR 17", b'{"ts": 12', b"\xff\xfe\x00", b"1e999", b"--", b"null")


def nonsense(device: Device, rng: random.Random) -> tuple[str, bytes]:
    """A topic of this device with something in it that is no reading."""
    base = f"city/{device.district}/{device.kind}/{device.id}"
    topic = base if device.kind in ("air", "noise") else f"{base}/{rng.choice(('tilt', 'power'))}"
    return topic, rng.choice(NONSENSE)
