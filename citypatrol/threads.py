"""Which thread uses the processor: by name, for `/metrics`."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

_NAME: Final = "citypatrol_thread_cpu_seconds"
_HELP: Final = "Processor time of the process's threads that live, by their names."


class ThreadSeconds(Collector):
    """Linux only: elsewhere there are no samples. Threads of one pool count together."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        used: dict[str, float] = {}
        for thread in threading.enumerate():
            name, seconds = thread.name.rstrip("0123456789").rstrip("_"), _seconds(thread)
            if seconds is not None:
                used[name] = used.get(name, 0.0) + seconds
        family = CounterMetricFamily(_NAME, _HELP, labels=["thread"])
        for name, seconds in sorted(used.items()):
            family.add_metric([name], seconds)
        yield family


def _seconds(thread: threading.Thread) -> float | None:
    """None where the thread has just ended, or the kernel does not say."""
    try:
        text = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text()
    except OSError:
        return None
    return int(text.split()[0]) / 1e9
