"""Incidents on the wire."""

import pytest

from rules.incidents import (
    Incident,
    Merge,
    TicketSpec,
    decode_incident,
    encode_incident,
    incident_id,
)


@pytest.mark.parametrize(
    "ticket",
    [
        None,
        TicketSpec("road.flooding", "t", ack=1),
        TicketSpec("a.b", "t", shadow=True, confirm=True, merge=Merge(50.0, 1_800_000)),
    ],
)
@pytest.mark.parametrize("cleared_at", [None, 9])
def test_round_trip(ticket: TicketSpec | None, cleared_at: int | None) -> None:
    one = Incident(
        "inc_1", "r", "积水-1", "x", 1, 2, 3.5, cleared_at, labels={"k": "v"}, ticket=ticket
    )
    assert decode_incident(encode_incident(one)) == one


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"ticket": null}', b'{"ticket": {"a": 1}}'])
def test_bytes_that_are_no_incident(data: bytes) -> None:
    with pytest.raises(ValueError, match="not an incident: "):
        decode_incident(data)


def test_the_id_is_the_one_of_the_reference() -> None:
    """DOORS: SHA-256 over rule, source, metric and since in decimal, NUL between; worked out with
    ``printf 'r\\0a\\0x\\0001778630400000' | sha256sum``."""
    assert incident_id("r", "a", "x", 1_778_630_400_000) == "inc_eec16d8b6a989b37a8f6"
