"""A slot of one per camera: what is new replaces what nobody has taken."""

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class NewestPerCamera(Generic[Item]):
    """Thread-safe. Cameras are served in the order in which their slots were filled, so a fast
    camera cannot starve the others; a replaced item keeps its camera's place."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._filled = threading.Condition()

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

    def take(self, *, wait_s: float = 0.0) -> Item | None:
        """The item of the camera that has waited longest; None where none came in time."""
        with self._filled:
            if not self._filled.wait_for(lambda: self._items, timeout=wait_s):
                return None
            return self._items.pop(next(iter(self._items)))
