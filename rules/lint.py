"""What a rule may be without, and had better not: no error, and mostly an oversight."""

from collections.abc import Iterator

from rules.words import RuleWords


def lint(words: RuleWords) -> Iterator[tuple[str, str]]:
    """Each with the key at which it is said. Rules that file no tickets are left alone, and so are
    silences, whose own duration is their patience."""
    if words.ticket is None or words.when.missing is not None:
        return
    when = words.when
    if when.hold_for is None and when.at_least is None and when.window is None:
        yield (
            "when",
            "no for: a single sample opens a ticket; write for: 1m, or for: 0s if that is meant",
        )
    if words.clear is None:
        yield (
            "when",
            "no clear: the first sample that does not fit ends it, and the next one begins it "
            "again; write clear: {for: 5m}, or clear: {for: 0s} if that is meant",
        )
