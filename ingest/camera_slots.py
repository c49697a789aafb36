"""A slot of one per camera: what is new replaces what nobody has taken."""

import threading
from collections.abc import Collection
from typing import Generic, TypeVar

Item = TypeVar("Item")


class NewestPerCamera(Generic[Item]):
    """Thread-safe. Cameras are served in the order in which their slots were filled, so a fast
    camera cannot starve the others; a replaced item keeps its camera's place. Those asked for
    ``first`` have every second turn, so they starve nobody either."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._filled = threading.Condition()
        self._favoured = False

    def put(self, camera: str, item: Item) -> bool:
        """True where it replaced an item that was never taken."""
        with self._filled:
            replaced = camera in self._items
            self._items[camera] = item
            self._filled.notify()
            return replaced

    def discard(self, camera: str) -> None:
        """Nobody wants this camera's item any more."""
        with self._filled:
            self._items.pop(camera, None)

    def take(
        self,
        *,
        wait_s: float = 0.0,
        first: Collection[str] = (),
        but: Collection[str] = (),
    ) -> Item | None:
        """The item of the camera that has waited longest, of one in ``first`` if it is their turn,
        of none in ``but``; None where none came in time."""
        with self._filled:
            if not self._filled.wait_for(lambda: self._items.keys() - set(but), timeout=wait_s):
                return None
            waiting = [camera for camera in self._items if camera not in but]
            favoured = None
            if not self._favoured:
                favoured = next((camera for camera in waiting if camera in first), None)
            self._favoured = favoured is not None
            return self._items.pop(favoured or waiting[0])
