"""One test as it is played: rules, sources, slots, and what comes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.testing.words import CaseWords, SuiteFile
from citypatrol.clock import Ts
from citypatrol.kinds import Kinds
from citypatrol.records import SourceSeen
from rules.incidents import Incident
from rules.ruleset import EVERY_METRIC, NORMAL, ONLINE, Rule, RuleSet
from rules.testing.play import Asked, Played, Slot, play
from tickets.casebook import Casebook
from tickets.folding import Seen
from tickets.opening import Opener
from tickets.ticket import Ticket

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class TinyCity:
    """What a test needs of a city."""

    opener: Opener
    kinds: Kinds
    mode: str = NORMAL


@dataclass(frozen=True, slots=True)
class Scene:
    """``rules`` are those that judge, ``every`` all of the file by name; ``keys``: where the test
    stands in its file; ``modes``: the city's, each from its instant on."""

    words: CaseWords
    keys: Keys
    start: Ts
    rules: RuleSet
    every: Mapping[str, Rule]
    sources: Mapping[str, SourceSeen]
    slots: Sequence[Slot]
    opener: Opener
    modes: Mapping[Ts, str]

    @property
    def end(self) -> Ts:
        """Where the data ends, gaps included."""
        return max((slot.arrival for slot in self.slots), default=self.start)

    @property
    def named(self) -> set[str]:
        """The rules that its expectations name."""
        expect = self.words.expect
        lists = (expect.alarms, expect.incidents or (), expect.tickets or ())
        return {one.rule for some in lists for one in some}

    def slots_of(self, rule: Rule, source: str) -> list[Slot]:
        """What the rule's own series of this source may bring."""
        return [
            slot
            for slot in self.slots
            if slot.source == source
            and (
                slot.metric == rule.metric or (rule.metric == EVERY_METRIC != slot.metric != ONLINE)
            )
        ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """``incidents``: each as it was at the end, in order of firing."""

    played: Played
    incidents: Sequence[Incident]
    tickets: Sequence[Ticket]
    witnesses: Sequence[Seen]


def scene_of(
    words: CaseWords, *, file: SuiteFile, rules: RuleSet, city: TinyCity, keys: Keys
) -> Scene:
    start = file.start if words.start is None else words.start
    every = file.every if words.every is None else words.every
    slots = [
        Slot(one.source, one.metric, ts, value, ts + one.delay)
        for one in words.series
        for ts, value in one.slots(start=start, every=every)
    ]
    names = dict.fromkeys([*(slot.source for slot in slots), *words.sources])
    sources = {}
    for name in names:
        own = {**file.sources.get(name, {}), **words.sources.get(name, {})}
        labels = {**(city.opener.registry.labels(name) or {}), **own}
        life = city.kinds.of(labels)
        sources[name] = SourceSeen(start, name, labels, life.lateness, life.stale)
    judging = rules.rules
    if words.only is not None:
        judging = tuple(rule for rule in judging if rule.name in words.only)
    by_name = {rule.name: rule for rule in rules.rules}
    ruleset, modes = RuleSet(judging), _modes(words, start=start, first=city.mode)
    return Scene(words, keys, start, ruleset, by_name, sources, slots, city.opener, modes)


def _modes(words: CaseWords, *, start: Ts, first: str) -> Mapping[Ts, str]:
    """``first``: the city's own."""
    if isinstance(words.mode, str):
        return {start: words.mode}
    return {start: first} | {at.at(start): mode for at, mode in (words.mode or {}).items()}


def play_scene(scene: Scene) -> Outcome:
    alarms = scene.words.expect.alarms
    played = play(
        scene.rules,
        sources=list(scene.sources.values()),
        slots=scene.slots,
        asked={Asked(one.rule, one.source) for one in alarms},
        stops={moment.at(scene.start) for one in alarms for moment in one.at},
        modes=scene.modes,
    )
    book = Casebook(scene.opener)
    newest: dict[str, Incident] = {}
    for incident in played.incidents:
        book.file(incident)
        newest[incident.id] = incident
    book.advance(played.end)
    seen, ended = book.take()
    tickets = sorted([*ended, *book.open()], key=lambda one: one.id)
    return Outcome(played, list(newest.values()), tickets, seen)
