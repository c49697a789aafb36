"""Thresholds with a unit against the unit in which the city says that a metric is sent."""

from collections.abc import Iterator
from typing import Any

from rules.city_facts import CityFacts
from rules.comparison import WindowWord
from rules.join_words import JoinedClear, JoinedWhen, PartWords
from rules.severity_words import StepWords
from rules.unit_words import Amount, converted
from rules.when_words import COMPARING, LimitWords, UnlessWords, written
from rules.words import RuleWords

Keys = tuple[str | int, ...]
_ITS_OWN: tuple[WindowWord, ...] = ("count", "rate")


def unit_problems(words: RuleWords, city: CityFacts) -> Iterator[tuple[str, Keys]]:
    """Each with the keys under which it stands."""
    yield from _of_rule(words, city, ())
    for mode, overlay in words.mode.items():
        if not isinstance(overlay, str):
            for message, keys in _of_rule(words.overlaid(overlay), city, ("mode", mode)):
                if keys[2] in overlay.model_fields_set:
                    yield message, keys


def _of_rule(words: RuleWords, city: CityFacts, at: Keys) -> Iterator[tuple[str, Keys]]:
    metric = words.select.metric
    yield from _joined(words.when, metric, city, (*at, "when"))
    if words.clear is not None:
        yield from _joined(words.clear, metric, city, (*at, "clear"))
    if words.unless is not None:
        yield from _one(words.unless, words.unless.metric, None, city, (*at, "unless"))
    window = None if words.when.window is None else words.when.window.word
    for index, step in enumerate(words.severity if isinstance(words.severity, list) else ()):
        yield from _one(step, metric, window, city, (*at, "severity", index))


def _joined(
    words: JoinedWhen | JoinedClear | PartWords, metric: str, city: CityFacts, at: Keys
) -> Iterator[tuple[str, Keys]]:
    window = None if words.window is None else words.window.word
    yield from _one(words, metric, window, city, at)
    for word, parts in words.joins:
        for index, part in enumerate(parts):
            below: Keys = (*at, word) if word == "not" else (*at, word, index)
            yield from _joined(part, part.metric or metric, city, below)


def _one(
    words: JoinedWhen | JoinedClear | PartWords | UnlessWords | StepWords,
    metric: str,
    window: WindowWord | None,
    city: CityFacts,
    at: Keys,
) -> Iterator[tuple[str, Keys]]:
    for word in written(words, COMPARING):
        for amount in _amounts(getattr(words, word)):
            why = _wrong(amount, metric, window, city)
            if why is not None:
                yield f"{word}: {why}", (*at, word)


def _amounts(value: Any) -> Iterator[Amount]:
    if isinstance(value, LimitWords):
        value = value.default
    for one in value if isinstance(value, tuple) else [value]:
        if isinstance(one, Amount):
            yield one


def _wrong(amount: Amount, metric: str, window: WindowWord | None, city: CityFacts) -> str | None:
    if window in _ITS_OWN:
        return f"{amount:g} {amount.unit}: a {window} has not the unit of its metric; leave it out"
    unit = city.units.get(metric)
    if unit is None:
        if not city.is_known:
            return None
        return (
            f"{amount:g} {amount.unit}: nobody says in which unit {metric} is sent; "
            f"write it into city.yaml, like metrics: {{{metric}: {amount.unit}}}"
        )
    try:
        converted(amount, unit, is_difference=window == "change")
    except ValueError as error:
        return str(error)
    return None
