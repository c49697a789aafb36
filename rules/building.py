"""From the words of a rule to the rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rules.city_facts import CityFacts
from rules.comparison import Comparison, Limit, Word
from rules.during import During
from rules.during_words import DuringWords
from rules.grades import least
from rules.incidents import Merge, Severity, TicketSpec
from rules.join_words import JoinedClear, JoinedWhen, PartWords
from rules.ruleset import Clear, Rule, Step, Unless, When
from rules.severity_words import StepWords
from rules.ticket_words import TicketWords
from rules.tree import Node, Part
from rules.unit_words import converted
from rules.when_words import LimitWords, UnlessWords, WindowWords
from rules.words import RuleWords


def build(words: RuleWords, city: CityFacts) -> Rule:
    """The rule, with what it is in each mode that it names."""
    modes = sorted(words.mode.items())
    return _rule(
        words,
        city,
        modes=tuple(
            (mode, None if isinstance(over, str) else _rule(words.overlaid(over), city))
            for mode, over in modes
        ),
    )


def _rule(
    words: RuleWords, city: CityFacts, *, modes: tuple[tuple[str, Rule | None], ...] = ()
) -> Rule:
    severity, steps = _severity(words.severity, _Scale.of(words.select.metric, words.when, city))
    return Rule(
        name=words.name,
        metric=words.select.metric,
        when=_when(words.when, words.select.metric, city),
        where=_where(words.select.where),
        clear=_clear(words.clear, words.select.metric, city),
        unless=None if words.unless is None else _unless(words.unless, city),
        group=words.group,
        severity=severity,
        stale=words.stale,
        ticket=None if words.ticket is None else _ticket(words, words.ticket),
        during=None if words.during is None else _during(words.during, city),
        steps=steps,
        modes=modes,
    )


def _where(words: Mapping[str, Sequence[str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(sorted((label, tuple(sorted(set(cells)))) for label, cells in words.items()))


def _severity(
    words: Severity | Sequence[StepWords], scale: "_Scale"
) -> tuple[Severity, tuple[Step, ...]]:
    if isinstance(words, str):
        return words, ()
    steps = []
    for one in words:
        comparison = _comparison(one, scale)
        assert comparison is not None  # noqa: S101 - the model has seen to it
        steps.append(Step(one.grade, comparison))
    return least(steps), tuple(steps)


def _during(words: DuringWords, city: CityFacts) -> During:
    worked = words.days in ("workdays", "holidays")
    during = During(
        spans=words.time,
        days=words.days,
        calendar=(words.calendar or city.calendar) if worked else None,
        timezone=city.timezone,
    )
    return replace(during, place=city.place) if during.by_the_sun else during


def _when(words: JoinedWhen, metric: str, city: CityFacts) -> When:
    return When(
        comparison=_comparison(words, _Scale.of(metric, words, city)),
        missing=words.missing,
        hold_for=words.hold_for or 0,
        at_least=words.at_least or 1,
        window=words.window,
        tree=_tree(words, metric, city),
    )


def _clear(words: JoinedClear | None, metric: str, city: CityFacts) -> Clear:
    if words is None:
        return Clear()
    comparison = _comparison(words, _Scale.of(metric, words, city))
    return Clear(comparison, words.hold_for or 0, words.window, _tree(words, metric, city))


def _tree(words: JoinedWhen | JoinedClear | PartWords, metric: str, city: CityFacts) -> Node | None:
    for word, parts in words.joins:
        return Node(word, tuple(_part(part, metric, city) for part in parts))
    return None


def _part(words: PartWords, metric: str, city: CityFacts) -> Node | Part:
    return _tree(words, metric, city) or Part(
        comparison=_comparison(words, _Scale.of(words.metric or metric, words, city)),
        missing=words.missing,
        window=words.window,
        metric=words.metric,
        site=words.site,
        where=_where(words.where),
    )


def _unless(words: UnlessWords, city: CityFacts) -> Unless:
    comparison = _comparison(words, _Scale(city.units.get(words.metric)))
    assert comparison is not None  # noqa: S101 - the model has seen to it
    return Unless(words.metric, comparison)


def _ticket(rule: RuleWords, words: TicketWords) -> TicketSpec:
    merge = rule.merge or words.merge
    return TicketSpec(
        category=words.category,
        title=words.title,
        ack=words.ack,
        resolve=words.resolve,
        cooldown=words.cooldown,
        joins=words.joins,
        shadow=rule.shadow,
        confirm=(rule.confirm or words.confirm) is not None,
        merge=None if merge is None else Merge(merge.radius_m, merge.within),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """In which unit a metric is sent, None where nobody says; whether differences of it are
    compared."""

    unit: str | None
    is_difference: bool = False

    @classmethod
    def of(cls, metric: str, words: WindowWords, city: CityFacts) -> "_Scale":
        is_difference = words.window is not None and words.window.word == "change"
        return cls(city.units.get(metric), is_difference)

    def __call__(self, amount: float) -> float:
        if self.unit is None:
            return float(amount)
        return converted(amount, self.unit, is_difference=self.is_difference)


def _comparison(words: WindowWords | UnlessWords | StepWords, scale: _Scale) -> Comparison | None:
    ranges: tuple[Word, ...] = ("between", "outside")
    for word in ranges:
        pair = getattr(words, word)
        if pair is not None:
            return Comparison(word, low=Limit(scale(pair[0])), high=Limit(scale(pair[1])))
    if words.equals is not None:
        exact = Limit(scale(words.equals))
        return Comparison("equals", low=exact, high=exact)
    if words.above is not None:
        return Comparison("above", low=_limit(words.above, scale))
    if words.below is not None:
        return Comparison("below", high=_limit(words.below, scale))
    return None


def _limit(value: float | LimitWords, scale: _Scale) -> Limit:
    if isinstance(value, LimitWords):
        return Limit(None if value.default is None else scale(value.default), value.label)
    return Limit(scale(value))
