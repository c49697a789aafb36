"""Plays the city's devices over MQTT, QoS 1, following the script."""

import asyncio
import heapq
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from app.demo.devices import EVERY_S, MOVING_CM, MOVING_S, Device, nonsense, payload, water_level
from app.demo.script import Script
from citypatrol.clock import Clock, Ts

STEP_S = 0.05
NONSENSE_EVERY_S = 2.5
STILL_MOVING_S = 12.0
"""How long after the last movement a device goes on reporting every second."""


@dataclass(slots=True)
class Said:
    """What the devices have said so far; for the display and the account."""

    readings: int = 0
    acknowledged: int = 0
    nonsense: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """One message that a device sends, and when it will speak again."""

    topic: str
    payload: bytes
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Play:
    """A script, and the city's second at which its second 0 is."""

    script: Script
    began_s: float


class City:
    """The devices as a heap of who speaks next; pure but for its own random numbers.

    ``at_s`` is the city's own second, which goes on from play to play.
    """

    def __init__(self, devices: Sequence[Device], *, seed: int) -> None:
        self._rng = random.Random(seed ^ 0xC17)  # noqa: S311 - a play, not a secret
        self._devices = {device.id: device for device in devices}
        self._next = [(device.phase_s, device.id) for device in devices]
        self._awake: set[str] = set()
        self._next_nonsense_s = 0.0
        heapq.heapify(self._next)

    def reports(self, play: Play | None, *, at_s: float, now: Ts) -> Iterator[Report]:
        """Everything that is due until ``at_s``. Without a play it is a quiet day."""
        if play is not None:
            yield from self._odd(play.script, at_s - play.began_s, at_s)
        while self._next and self._next[0][0] <= at_s:
            due_s, name = heapq.heappop(self._next)
            device = self._devices[name]
            script, script_s = (play.script, at_s - play.began_s) if play else (None, 0.0)
            water = self._water(device, script, script_s)
            moving = water > MOVING_CM or name in self._awake
            heapq.heappush(self._next, (due_s + (MOVING_S if moving else EVERY_S), name))
            silent = script.active("gateway", script_s) if script else None
            if silent is None or silent.subject != device.gateway:
                yield Report(*payload(device, self._rng, ts=now, water=water))

    def _water(self, device: Device, script: Script | None, at_s: float) -> float:
        flooded_for_s, spiking = None, False
        if script is not None and device.kind == "underpass":
            flood = script.active("flood", at_s)
            if flood is not None and flood.subject == device.id:
                flooded_for_s = at_s - flood.start_s
            spike = script.decoy("spike", at_s)
            spiking = spike is not None and spike.subject == device.id
        return water_level(self._rng, flooded_for_s=flooded_for_s, spiking=spiking)

    def _odd(self, script: Script, script_s: float, at_s: float) -> Iterator[Report]:
        """A device whose water begins to move reports at once; the broken one mutters."""
        for happening in (*script.incidents, *script.decoys):
            if happening.kind in ("flood", "spike"):
                wet = happening.start_s <= script_s < happening.end_s + STILL_MOVING_S
                self._wake(happening.subject, wet=wet, at_s=at_s)
        mutters = script.decoy("nonsense", script_s)
        if mutters is not None and at_s >= self._next_nonsense_s:
            self._next_nonsense_s = at_s + NONSENSE_EVERY_S
            yield Report(*nonsense(self._devices[mutters.subject], self._rng), readable=False)

    def _wake(self, source: str, *, wet: bool, at_s: float) -> None:
        if wet and source not in self._awake:
            self._awake.add(source)
            self._next = [(due, name) for due, name in self._next if name != source]
            self._next.append((at_s, source))
            heapq.heapify(self._next)
        elif not wet:
            self._awake.discard(source)


class Publisher:
    """The shell: one MQTT client for all devices, as a gateway's would be.

    ``play`` is what the devices follow at this moment; None is a quiet day.
    """

    def __init__(self, city: City, *, port: int, clock: Clock) -> None:
        self.said = Said()
        self.play: Play | None = None
        self._city = city
        self._port = port
        self._clock = clock
        self._began = 0.0

    def now_s(self) -> float:
        """The city's second."""
        return asyncio.get_running_loop().time() - self._began

    @asynccontextmanager
    async def speaking(self) -> AsyncIterator[None]:
        """The devices report while the block runs."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="demo-devices")
        client.max_inflight_messages_set(500)
        client.on_publish = self._on_publish
        client.connect_async("127.0.0.1", self._port)
        client.loop_start()
        self._began = asyncio.get_running_loop().time()
        task = asyncio.create_task(self._speak(client), name="devices")
        try:
            yield
        finally:
            task.cancel()
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)

    async def _speak(self, client: mqtt.Client) -> None:
        while True:
            for report in self._city.reports(self.play, at_s=self.now_s(), now=self._clock.now()):
                client.publish(report.topic, report.payload, qos=1)
                self.said.readings += report.readable
                self.said.nonsense += not report.readable
            await asyncio.sleep(STEP_S)

    def _on_publish(self, *_: object) -> None:
        self.said.acknowledged += 1
