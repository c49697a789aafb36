"""Metrics of the inputs beyond those that every stage has."""

from typing import Final

from prometheus_client import Counter, Gauge

from citypatrol.metrics import REGISTRY

CONNECTED: Final = Gauge(
    "citypatrol_input_connected",
    "1 while the input is connected and subscribed.",
    ["input"],
    registry=REGISTRY,
)
DISCONNECTS: Final = Counter(
    "citypatrol_input_disconnects_total",
    "Connections to the input's broker that were lost or refused.",
    ["input"],
    registry=REGISTRY,
)
IN_HAND: Final = Gauge(
    "citypatrol_input_in_hand",
    "The most messages that were received and not yet acknowledged, since the last connect: the"
    " broker's in-flight window where it is the bound.",
    ["input"],
    registry=REGISTRY,
)
REDELIVERED: Final = Counter(
    "citypatrol_input_redelivered_unstamped_total",
    "Messages without a time that the broker sent again: their reading may be in twice.",
    ["input"],
    registry=REGISTRY,
)
SURPLUS: Final = Counter(
    "citypatrol_input_surplus_total",
    "Messages of sources that flooded, acknowledged and not read.",
    ["input", "source"],
    registry=REGISTRY,
)
WINDOW_FULL: Final = Counter(
    "citypatrol_input_window_full_total",
    "Commits asked for because a small in-flight window of the broker was full: where this grows by"
    " hundreds a second, raise the broker's max_inflight_messages.",
    ["input"],
    registry=REGISTRY,
)
