"""What goes on air while one scene cannot be drawn."""

import asyncio
from pathlib import Path

import numpy as np

from app.demo.paint import Pixels
from app.demo.plans import HEIGHT, WIDTH
from app.demo.scenes import State
from app.demo.station import Station
from bench.servers.free_port import free_port
from citypatrol import metrics


class Shade:
    """Grey; ``dark`` heads are what it cannot draw."""

    def __init__(self) -> None:
        self.drawn = 0

    def render(self, state: State, *, t_s: float) -> Pixels:
        if state.dark:
            message = "no such head"
            raise ValueError(message)
        self.drawn += 1
        return np.full((HEIGHT, WIDTH, 3), 90, np.uint8)


async def test_a_scene_that_fails_is_counted_and_the_others_go_on(tmp_path: Path) -> None:
    lost = metrics.DROPPED.labels("station", "error")
    before = lost._value.get()
    scenes = {"bad": Shade(), "good": Shade()}
    station = Station(scenes, folder=tmp_path)
    async with station.on_air(port=free_port()), asyncio.timeout(30):
        station.states["bad"] = State(frozenset({"north"}))
        drawn = scenes["good"].drawn
        while lost._value.get() < before + 2 or scenes["good"].drawn < drawn + 2:
            await asyncio.sleep(0.05)
    assert (tmp_path / "good.mp4").stat().st_size > 0
