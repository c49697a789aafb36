"""What a command can end with (DOORS: exit status), and the errors that say so."""

FINE, FOUND_WRONG, WRONG_USAGE, OUTSIDE_FAILED = 0, 1, 2, 3


class UsageError(Exception):
    """The words typed make no sense: exit status 2."""


class OutsideError(Exception):
    """A server, a broker, a port or a disk said no: exit status 3."""


class WrongError(Exception):
    """What was asked for cannot be, and the answer says why: exit status 1."""
