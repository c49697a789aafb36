"""What a ticket store says no with. The HTTP layer gives each its status."""


class TicketError(Exception):
    """One of those below: the caller asked for something that cannot be."""


class UnknownTicket(TicketError):
    """No ticket of this id, or none that this unit may see (404)."""


class UnknownRule(TicketError):
    """No rule of this name is held back (404)."""


class UnknownDelivery(TicketError):
    """No delivery of this number (404)."""


class BadCursor(TicketError):
    """A list's cursor that was not made here (400)."""


class StepForbidden(TicketError):
    """The state of the ticket does not allow this step (409)."""


class CallbackInvalid(TicketError):
    """The body of a callback cannot be read (400)."""


class StoreError(Exception):
    """The database is not usable: wrong URL, unreachable, or from a newer release."""


class SecondWriter(StoreError):
    """Another process holds the writer's lock of this database."""
