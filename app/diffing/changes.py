"""Which rules a change touches, and which trials tell what each of its parts does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from app.diffing.parts import Kind, Part, parts_of, swapped
from app.diffing.wording import Worded, Words, meant_by
from rules.city_facts import CityFacts
from rules.ruleset import Rule, RuleSet

MOST_PARTS: Final = 6
"""A rule with more changed parts is not tried part by part."""


@dataclass(frozen=True, slots=True)
class Change:
    """``name`` is the rule's in the new set (the old one's where it was removed); ``before`` the
    name that it had, where it was renamed."""

    name: str
    kind: Kind
    parts: tuple[Part, ...] = ()
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule set between the two: ``alone``, the old one with one part of ``rule`` as it is new;
    else the new one with that part as it was."""

    rule: str
    part: Part
    alone: bool
    rules: RuleSet


@dataclass(frozen=True, slots=True)
class Changes:
    """``old`` and ``new``: the rules to judge, which are those that changed and those whose tickets
    may change with theirs; ``same``: how many rules are as they were."""

    changes: tuple[Change, ...]
    old: RuleSet
    new: RuleSet
    same: int
    trials: tuple[Trial, ...] = field(default=())


def compare(old: Mapping[str, Worded], new: Mapping[str, Worded], *, city: CityFacts) -> Changes:
    """By name; a rule that is another's likeness but for its name was renamed."""
    removed, added = old.keys() - new.keys(), new.keys() - old.keys()
    changes = [
        Change(name, "changed", _meant(old[name], new[name], city))
        for name in sorted(old.keys() & new.keys())
        if old[name].rule != new[name].rule
    ]
    for name in sorted(added):
        likeness = (one for one in sorted(removed) if _alike(old[one].rule, new[name].rule))
        before = next(likeness, None)
        if before is None:
            changes.append(Change(name, "added"))
        else:
            removed = removed - {before}
            changes.append(Change(name, "renamed", before=before))
    changes += [Change(name, "removed") for name in sorted(removed)]
    changes.sort(key=lambda one: one.name)
    touched = {one.name for one in changes} | {one.before for one in changes if one.before}
    judged = _with_kin(touched, [*old.values(), *new.values()])
    names = {one.before: one.name for one in changes if one.before is not None}
    return Changes(
        tuple(changes),
        _rules(old, judged, names=names),
        _rules(new, judged, names={}),
        same=sum(1 for name in new if name in old and old[name].rule == new[name].rule),
        trials=tuple(_trials(changes, old, new, city)),
    )


def _meant(old: Worded, new: Worded, city: CityFacts) -> tuple[Part, ...]:
    """The parts that mean otherwise: ``2m`` and ``120s`` do not."""
    before = meant_by([_alone(old.words)], city=city)
    every = parts_of(old.words, new.words)
    found = []
    for part in every:
        rules = meant_by([_alone(swapped(old.words, new.words, [part]))], city=city)
        if rules is None or rules != before or part.name == "joins":
            found.append(part)
    return tuple(found or every)


def _trials(
    changes: Iterable[Change],
    old: Mapping[str, Worded],
    new: Mapping[str, Worded],
    city: CityFacts,
) -> Iterable[Trial]:
    """Of rules with several changed parts; what no rule file may say is not tried."""
    for change in changes:
        if not 1 < len(change.parts) <= MOST_PARTS:
            continue
        for part in change.parts:
            for alone, mine, other in ((True, old, new), (False, new, old)):
                kin = _with_kin({change.name}, mine.values())
                words = [mine[name].words for name in sorted(kin) if name != change.name]
                tried = swapped(mine[change.name].words, other[change.name].words, [part])
                rules = meant_by([*words, tried], city=city)
                if rules is not None:
                    yield Trial(change.name, part, alone, RuleSet(tuple(rules)))


def _alike(one: Rule, other: Rule) -> bool:
    return replace(one, name=other.name) == other


def _rules(
    worded: Mapping[str, Worded], wanted: Iterable[str], *, names: Mapping[str, str]
) -> RuleSet:
    """``names``: those that a rule has now, so that its tickets are found again."""
    found = []
    for name in wanted:
        if name not in worded:
            continue
        rule = worded[name].rule
        spec = rule.ticket
        if spec is not None and spec.joins is not None:
            joins = names.get(spec.joins, spec.joins)
            rule = replace(rule, ticket=replace(spec, joins=joins))
        found.append(replace(rule, name=names.get(name, name)))
    return RuleSet(tuple(found))


def _with_kin(names: Iterable[str], worded: Iterable[Worded]) -> set[str]:
    """These rules, and those whose incidents go to the same tickets: one joins the other, or both
    file what is merged by place under one category."""
    found = set(names)
    every = list(worded)
    while True:
        joined = {
            target for one in every if (target := _joins(one.words)) and one.rule.name in found
        }
        joiners = {one.rule.name for one in every if _joins(one.words) in found}
        merged = {_category(one) for one in every if one.rule.name in found and _merges(one, every)}
        near = {one.rule.name for one in every if _category(one) in merged and one.rule.ticket}
        more = (joined | joiners | near) - found
        if not more:
            return found
        found |= more


def _joins(words: Words) -> str | None:
    ticket = words.get("ticket")
    joins = ticket.get("joins") if isinstance(ticket, Mapping) else None
    return str(joins) if joins is not None else None


def _category(one: Worded) -> str | None:
    return None if one.rule.ticket is None else one.rule.ticket.category


def _merges(one: Worded, every: Sequence[Worded]) -> bool:
    category = _category(one)
    return category is not None and any(
        _category(other) == category and _says_merge(other.words) for other in every
    )


def _says_merge(words: Words) -> bool:
    ticket = words.get("ticket")
    return "merge" in words or (isinstance(ticket, Mapping) and "merge" in ticket)


def _alone(words: Words) -> Words:
    """Without ``joins``, so that it can be read alone."""
    ticket = words.get("ticket")
    if not isinstance(ticket, Mapping) or "joins" not in ticket:
        return words
    return {**words, "ticket": {key: one for key, one in ticket.items() if key != "joins"}}
