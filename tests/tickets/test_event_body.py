"""The payload stays under 20 kB, whatever stands in it."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from rules.incidents import Incident
from tickets.body import LARGEST, LONGEST_NOTE, Event, Picture, event_body
from tickets.ticket import Ticket, higher, ticket_key
from tickets.titles import LONGEST

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=3000)
NOW = 1_778_630_531_480


def incident(source: str, rule: str = "r") -> Incident:
    return Incident(f"inc_{'0' * 20}", rule, source, "m", NOW, NOW, 1.5)


def ticket(**more: object) -> Ticket:
    plain = dict.fromkeys(Ticket.__dataclass_fields__)
    values = {
        "id": "ZZ-260513-0001",
        "category": "road",
        "severity": "major",
        "state": "dispatched",
        "revision": 1,
        "title": "t",
        "opened_at": NOW,
        "unit": "housing",
        "witnesses": 1,
    }
    return Ticket(**(plain | values | more))


def body_of(event: Event) -> bytes:
    return event_body(
        event,
        evidence_url=lambda sha, at: f"https://city.example/{sha}?{'s' * 200}",
        callback_url=lambda unit: f"https://city.example/{unit}",
    )


@given(
    sources=st.lists(TEXT, max_size=40), rule=TEXT, category=TEXT, site=st.none() | TEXT, note=TEXT
)
def test_under_20_kb(sources, rule, category, site, note):
    event = Event(
        type="ticket.updated",
        at=NOW,
        ticket=ticket(category=category, site=site, title="水" * LONGEST, witnesses=len(sources)),
        unit_name="市" * 200,
        witnesses=[incident(source, rule) for source in sources],
        pictures=[Picture("ab" * 32, NOW)] * 9,
        note=note[:LONGEST_NOTE],
    )
    body = body_of(event)
    assert len(body) < LARGEST
    said = orjson.loads(body)["data"]["ticket"]
    assert said["witness_count"] == len(sources)
    assert len(said["witnesses"]) <= 20
    assert len(said["evidence"]) == 5
    if sources:
        assert said["witnesses"][-1]["source"][:200] == sources[-1][:200]


def test_a_ticket_of_no_unit_has_no_callback():
    event = Event("ticket.opened", NOW, ticket(unit=None), "", [], [])
    data = orjson.loads(body_of(event))["data"]
    assert set(data) == {"ticket"}
    assert data["ticket"]["unit"] is None


def test_keys():
    plain = incident("s\0")
    assert ticket_key(plain) == '["r","source","s\\u0000"]'
    long = {ticket_key(incident("x" * 9000 + end)) for end in "ab"}
    assert len(long) == 2
    assert {key[:7] for key in long} == {"sha256:"}


def test_higher():
    assert higher("info", "minor") == "minor"
    assert higher("critical", "major") == "critical"
