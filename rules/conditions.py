"""What a joined rule asks at an instant: ``when``, ``clear``, ``unless`` and ``during``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from citypatrol.clock import Ts
from citypatrol.columns import Ints
from rules.block import NEVER
from rules.hours import Hours
from rules.leaf import Leaf, Newest, Series
from rules.openings import Openings
from rules.ruleset import EVERY_METRIC, Rule
from rules.series import Table
from rules.sources import Sources
from rules.strand import Strand
from rules.tree import Node, Part, Truth


@dataclass(frozen=True, slots=True, eq=False)
class Footing:
    """What one alarm stands on: the series of each part, and the hours of its place."""

    parts: Mapping[Part, Sequence[Series]]
    hours: Hours | None

    def changes(self, leaves: Mapping[Part, Leaf], newest: Newest, *, after: Ts) -> Ts:
        """The next instant in which time alone may change something."""
        first = NEVER if self.hours is None else self.hours.next(after)
        for part, series in self.parts.items():
            for end in leaves[part].ends(series, newest):
                if after < end < first:
                    first = end
        return first


class Conditions:
    """``own``: the samples of ``select``; ``value``: what an incident tells. ``strands`` has these
    and all others, each metric and window once."""

    def __init__(
        self,
        rule: Rule,
        *,
        tables: Mapping[str, Table],
        sources: Sources,
        wait: Callable[[Ints], Ints],
    ) -> None:
        self._rule = rule
        self._when = tree_of(rule)
        self._clear = clear_of(rule)
        self._unless = unless_of(rule)
        self.openings = Openings(rule.during, sources=sources)
        self.strands: list[Strand] = []
        own = Part(metric=None)
        plain = self._when if isinstance(self._when, Part) else own

        def strand(part: Part) -> Strand:
            metric = part.metric or rule.metric
            table = None if metric == EVERY_METRIC else tables[metric]
            for known in self.strands:
                if known.table is table and known.reading == part.window:
                    return known
            least = rule.when.at_least if part is plain and part.window is not None else 1
            made = Strand(table, reading=part.window, least=least, wait=wait)
            self.strands.append(made)
            return made

        self.own = strand(own)
        self.value = strand(plain)
        trees = [tree for tree in (self._when, self._clear, self._unless) if tree is not None]
        self.leaves = {
            part: Leaf(part, strand(part), sources=sources, stale=rule.stale)
            for tree in trees
            for part in tree.every
        }

    def footing(self, source: int) -> Footing:
        return Footing(
            {part: leaf.series(source) for part, leaf in self.leaves.items()},
            self.openings.of(source),
        )

    def is_blind(self, footing: Footing, newest: Newest, *, at: Ts) -> bool:
        """``unless`` holds."""
        return self._unless is not None and self._truth(self._unless, footing, newest, at) is True

    def judge(
        self, footing: Footing, newest: Newest, *, at: Ts, blind: bool
    ) -> tuple[Truth, Truth]:
        """What ``when`` and ``clear`` come to. ``blind``: nothing is known of the samples."""
        hours = footing.hours
        if hours is not None and hours.is_known and not hours.holds(at):
            return False, True  # known, whatever the samples say
        if blind:
            return None, None
        holds = self._truth(self._when, footing, newest, at)
        if hours is not None and not hours.is_known and holds is not False:
            return None, None
        if self._clear is not None:
            return holds, self._truth(self._clear, footing, newest, at)
        return holds, None if holds is None else not holds

    def _truth(self, tree: Node | Part, footing: Footing, newest: Newest, at: Ts) -> Truth:
        return tree.truth(lambda part: self.leaves[part].truth(footing.parts[part], newest, at=at))


def tree_of(rule: Rule) -> Node | Part:
    """``when`` as one tree, whatever it says."""
    when = rule.when
    if when.tree is not None:
        return when.tree
    return Part(comparison=when.comparison, missing=when.missing, window=when.window)


def clear_of(rule: Rule) -> Node | Part | None:
    """None: when ``when`` is known to be false."""
    clear = rule.clear
    if clear.tree is not None:
        return clear.tree
    if clear.comparison is None:
        return None
    return Part(comparison=clear.comparison, window=clear.window)


def unless_of(rule: Rule) -> Part | None:
    if rule.unless is None:
        return None
    return Part(comparison=rule.unless.comparison, metric=rule.unless.metric)
