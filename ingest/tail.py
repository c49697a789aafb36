"""What the city made of messages that somebody looks at: read once more, for showing. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from citypatrol.clock import Ts
from ingest.parse import Parser
from ingest.tap import Came

Newest = Callable[[str, str], tuple[Ts | None, int]]
"""Of a series: the newest time before the first message shown, and its source's lateness."""

NO_SAMPLE: Final[Mapping[str, str]] = {
    "empty": "empty: how a retained message is deleted",
    "no_pattern": "no pattern of this input matches the topic",
    "retained": "retained and without a time: an old value must not look fresh",
    "ignored_key": "keys that hold no number are passed over",
    "redelivered_unstamped": "sent again without a time: its reading may be in twice",
    "bridge": "of the bridge itself, no device",
    "command": "a command to a device, no reading",
}

_SURPLUS: Final = "not read: its source sends far more than it may, see `limit` of the input"


class SeenSample(NamedTuple):
    source: str
    metric: str
    value: float
    ts: Ts
    late: bool


class Seen(NamedTuple):
    """``dead``: why it went to the dead-letter store; ``notes``: what else there is to say."""

    arrived: Ts
    topic: str
    samples: list[SeenSample]
    dead: str | None
    notes: list[str]


class Tail:
    """``parsers``: by input, nobody else's. Late is worked out from the messages shown: between
    those that were not shown one may be missed."""

    def __init__(self, parsers: Mapping[str, Parser], *, newest: Newest) -> None:
        self._parsers = parsers
        self._before = newest
        self._newest: dict[tuple[str, str], tuple[Ts, int]] = {}

    def __call__(self, came: Iterable[Came]) -> list[Seen]:
        return [self._seen(one) for one in came if one.input in self._parsers]

    def _seen(self, one: Came) -> Seen:
        message = one.message
        if one.surplus:
            return Seen(message.arrived, message.topic, [], None, [_SURPLUS])
        parsed = self._parsers[one.input]([message])
        samples = [
            SeenSample(
                row.source,
                row.metric,
                row.value,
                row.ts,
                self._late(row.source, row.metric, row.ts),
            )
            for row in parsed.batch.samples()
        ]
        dead = "; ".join(letter.reason for letter in parsed.letters) or None
        notes = [NO_SAMPLE[cause] for cause in parsed.counts if cause in NO_SAMPLE]
        return Seen(message.arrived, message.topic, samples, dead, notes)

    def _late(self, source: str, metric: str, ts: Ts) -> bool:
        known = self._newest.get((source, metric))
        if known is None:
            before, lateness = self._before(source, metric)
            known = (ts if before is None else before), lateness
        newest, lateness = known
        self._newest[source, metric] = max(newest, ts), lateness
        return ts < newest - lateness
