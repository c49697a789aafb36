"""Plays the city's devices over MQTT, QoS 1, following the script."""

import asyncio
import heapq
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from app.demo.devices import EVERY_S, MOVING_CM, MOVING_S, Device, nonsense, payload, water_level
from app.demo.script import Script
from citypatrol.clock import Clock

STEP_S = 0.05
NONSENSE_EVERY_S = 2.5


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


class City:
    """The devices as a heap of who speaks next; pure but for its own random numbers."""

    def __init__(self, devices: Sequence[Device], *, seed: int) -> None:
        self._rng = random.Random(seed ^ 0xC17)  # noqa: S311 - a play, not a secret
        self._devices = {device.id: device for device in devices}
        self._next = [(device.phase_s, device.id) for device in devices]
        self._jumped: set[str] = set()
        self._next_nonsense_s: float | None = None
        heapq.heapify(self._next)

    def reports(self, script: Script | None, *, at_s: float, now: int) -> Iterator[Report]:
        """Everything that is due until ``at_s``. Without a script it is a quiet day."""
        yield from self._odd(script, at_s)
        while self._next and self._next[0][0] <= at_s:
            due_s, name = heapq.heappop(self._next)
            device = self._devices[name]
            water, moving = self._water(device, script, at_s)
            heapq.heappush(self._next, (due_s + (MOVING_S if moving else EVERY_S), name))
            silent = script.active("gateway", at_s) if script else None
            if silent is None or silent.subject != device.gateway:
                yield Report(*payload(device, self._rng, ts=now, water=water))

    def _water(self, device: Device, script: Script | None, at_s: float) -> tuple[float, bool]:
        if script is None or device.kind != "underpass":
            return water_level(self._rng, flooded_for_s=None, spiking=False), False
        flood = script.active("flood", at_s)
        flooded = at_s - flood.start_s if flood and flood.subject == device.id else None
        spiking = any(
            decoy.kind == "spike"
            and decoy.source == device.id
            and decoy.start_s <= at_s < decoy.start_s + decoy.length_s
            for decoy in script.decoys
        )
        water = water_level(self._rng, flooded_for_s=flooded, spiking=spiking)
        return water, water > MOVING_CM or device.id in self._jumped

    def _odd(self, script: Script | None, at_s: float) -> Iterator[Report]:
        """A device whose water begins to move reports at once; the broken one mutters."""
        if script is None:
            return
        for incident in script.incidents:
            if incident.cause == "flood":
                self._wake(incident.subject, incident.start_s, incident.end_s + 12, at_s)
        for decoy in script.decoys:
            end_s = decoy.start_s + decoy.length_s
            if decoy.kind == "spike":
                self._wake(decoy.source, decoy.start_s, end_s + 12, at_s)
            elif decoy.start_s <= at_s < end_s and at_s >= (self._next_nonsense_s or 0):
                self._next_nonsense_s = at_s + NONSENSE_EVERY_S
                yield Report(*nonsense(self._devices[decoy.source], self._rng), readable=False)

    def _wake(self, source: str, start_s: float, end_s: float, at_s: float) -> None:
        """From the first movement until well after the last the device reports every second."""
        if start_s <= at_s < end_s:
            if source not in self._jumped:
                self._jumped.add(source)
                self._next = [(due, name) for due, name in self._next if name != source]
                self._next.append((at_s, source))
                heapq.heapify(self._next)
        else:
            self._jumped.discard(source)


class Publisher:
    """The shell: one MQTT client for all devices, as a gateway's would be."""

    def __init__(self, city: City, *, port: int, clock: Clock) -> None:
        self.said = Said()
        self._city = city
        self._port = port
        self._clock = clock

    async def run(self, stop: asyncio.Event, *, script: Script | None, began: float) -> None:
        """Publishes until ``stop``. ``began``: the loop time at which the script's second 0 is."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="demo-devices")
        client.max_inflight_messages_set(500)
        client.on_publish = self._on_publish
        client.connect_async("127.0.0.1", self._port)
        client.loop_start()
        loop = asyncio.get_running_loop()
        try:
            while not stop.is_set():
                at_s = loop.time() - began
                now = self._clock.now()
                for report in self._city.reports(script, at_s=at_s, now=now):
                    client.publish(report.topic, report.payload, qos=1)
                    self.said.readings += report.readable
                    self.said.nonsense += not report.readable
                await asyncio.sleep(STEP_S)
        finally:
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)

    def _on_publish(self, *_: object) -> None:
        self.said.acknowledged += 1
