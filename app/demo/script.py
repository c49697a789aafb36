"""What happens in the demo city, and when: all of it drawn from one seed. Pure.

After the real 13 May in Zhengzhou: a signal at 航海东路/紫辰路 goes dark, an underpass floods,
litter lies on a pavement, a gateway falls silent, a camera is covered. Beside these five, two
things that must *not* file: a spike of five seconds, and a sensor that mixes nonsense in.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.demo.devices import Device

Cause = Literal["light", "flood", "litter", "gateway", "cover"]

CATEGORIES: dict[Cause, str] = {
    "light": "road.traffic_light",
    "flood": "road.flooding",
    "litter": "city.litter",
    "gateway": "device.silent",
    "cover": "device.camera",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """Something in the city. ``subject``: a source, or the gateway's name.

    Times are seconds from the beginning of the script.
    """

    kind: Cause | Literal["spike", "nonsense"]
    subject: str
    start_s: float
    length_s: float

    @property
    def end_s(self) -> float:
        return self.start_s + self.length_s


@dataclass(frozen=True, slots=True)
class Scripted(Happening):
    """An incident: it must become exactly one ticket."""

    kind: Cause

    @property
    def category(self) -> str:
        return CATEGORIES[self.kind]


@dataclass(frozen=True, slots=True)
class Decoy(Happening):
    """Something that must not file: a short spike of one source, or its nonsense."""

    kind: Literal["spike", "nonsense"]


@dataclass(frozen=True, slots=True)
class Script:
    """One play. ``length_s``: when everything is over and has had time to clear."""

    seed: int
    incidents: tuple[Scripted, ...]
    decoys: tuple[Decoy, ...]
    length_s: float

    def active(self, cause: Cause, at_s: float) -> Scripted | None:
        """The incident of this cause that is going on at this second."""
        for incident in self.incidents:
            if incident.kind == cause and incident.start_s <= at_s < incident.end_s:
                return incident
        return None

    def decoy(self, kind: Literal["spike", "nonsense"], at_s: float) -> Decoy | None:
        """The decoy of this kind that is going on at this second."""
        for decoy in self.decoys:
            if decoy.kind == kind and decoy.start_s <= at_s < decoy.end_s:
                return decoy
        return None


@dataclass(frozen=True, slots=True)
class Places:
    """Where things can happen. ``heads``: signal heads, as `CAMERA/REGION`, of every junction
    camera; ``pavements``: cameras that look at one."""

    heads: Sequence[str]
    pavements: Sequence[str]
    devices: Sequence[Device]


SETTLE_S = 8.0
"""After the last end: clear timers of the rules, then the `updated` deliveries."""


def write_script(seed: int, places: Places) -> Script:
    """The play of this seed. Starts are spread, and so are lengths; the covered camera is never the
    one whose light goes dark, nor the one that sees the litter."""
    rng = random.Random(seed)  # noqa: S311 - a play, not a secret
    underpasses = [device.id for device in places.devices if device.kind == "underpass"]
    others = [device for device in places.devices if device.kind != "underpass"]
    gateway = rng.choice(sorted({device.gateway for device in others}))
    dry = [id_ for id_ in underpasses if _gateway(places.devices, id_) != gateway]
    flooded, spiking = rng.sample(dry, 2)
    head = rng.choice(list(places.heads))
    litter = rng.choice(list(places.pavements))
    watched = {head.partition("/")[0], litter}
    cameras = sorted({name.partition("/")[0] for name in places.heads} - watched)
    covered = rng.choice(cameras)
    speaking = [device.id for device in others if device.gateway != gateway]
    incidents = [
        Scripted("light", head, rng.uniform(4, 14), rng.uniform(30, 38)),
        Scripted("flood", flooded, rng.uniform(4, 14), rng.uniform(28, 36)),
        Scripted("litter", litter, rng.uniform(4, 14), rng.uniform(30, 38)),
        Scripted("gateway", gateway, rng.uniform(4, 9), rng.uniform(40, 44)),
        Scripted("cover", covered, rng.uniform(4, 14), rng.uniform(28, 36)),
    ]
    decoys = (
        Decoy("spike", spiking, rng.uniform(10, 30), 5.0),
        Decoy("nonsense", rng.choice(speaking), rng.uniform(3, 6), rng.uniform(30, 40)),
    )
    incidents.sort(key=lambda incident: incident.start_s)
    length_s = max(incident.end_s for incident in incidents) + SETTLE_S
    return Script(seed, tuple(incidents), decoys, length_s)


def _gateway(devices: Sequence[Device], source: str) -> str:
    return next(device.gateway for device in devices if device.id == source)
