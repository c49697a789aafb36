"""What incidents do to tickets, as DOORS says it."""

from dataclasses import replace

import pytest

from rules.incidents import Incident
from tickets.units import Unit, Units

NOW = 1_778_630_531_480
FIRED = NOW - 10_000


def cleared(incident: Incident, *, at: int = NOW) -> Incident:
    return replace(incident, cleared_at=at)


def test_opened_is_the_payload_of_doors(city, fire):
    sha = "9f" * 32
    city.apply(fire(evidence=sha))
    (event,) = city.sent("housing")
    assert event == {
        "type": "ticket.opened",
        "timestamp": "2026-05-13T00:02:11.480Z",
        "data": {
            "ticket": {
                "id": "ZZ-260513-0001",
                "revision": 1,
                "state": "dispatched",
                "category": "road.traffic_light",
                "severity": "major",
                "title": "Traffic light dark at 航海东路/紫辰路",
                "opened_at": "2026-05-13T00:02:11.480Z",
                "acknowledge_by": "2026-05-13T00:07:11.480Z",
                "resolve_by": "2026-05-13T04:02:11.480Z",
                "cleared_at": None,
                "place": {
                    "lat": 34.7155,
                    "lon": 113.7411,
                    "site": "hanghai-zichen",
                    "grid": "410104-03-017",
                },
                "unit": {"id": "housing", "name": "Housing"},
                "witness_count": 1,
                "witnesses": [
                    {
                        "incident": fire().id,
                        "rule": "traffic-light-dark",
                        "source": "cam-1/north",
                        "since": "2026-05-13T00:01:01.480Z",
                        "value": 0.02,
                    }
                ],
                "evidence": [
                    {
                        "url": f"https://city.example/evidence/{sha}.jpg?at={NOW}",
                        "at": "2026-05-13T00:02:01.480Z",
                        "sha256": sha,
                    }
                ],
            },
            "callback": {"url": "https://city.example/api/v1/callbacks/housing"},
        },
    }


def test_refresh_by_the_same_incident_changes_nothing(city, fire):
    city.apply(fire())
    before = city.one()
    city.apply(fire(), now=NOW + 5000)
    city.apply(replace(fire(), severity="minor", value=0.9), now=NOW + 9000)
    assert city.one() == before
    assert city.types(before.id) == ["opened"]
    assert len(city.sent()) == 1


def test_an_incident_that_grows_graver_raises_its_ticket_once(city, fire):
    graver = replace(fire(), severity="critical")
    city.apply(fire())
    city.apply(graver, now=NOW + 5000)
    city.apply(graver, fire(), now=NOW + 9000)
    ticket = city.one()
    assert (ticket.severity, ticket.witnesses) == ("critical", 1)
    assert city.types(ticket.id) == ["opened", "updated"]


def test_further_witness_is_updated_and_raises_severity(city, fire):
    city.apply(fire())
    city.apply(fire(since=FIRED, severity="critical"), fire(since=FIRED + 1, severity="info"))
    ticket = city.one()
    assert (ticket.witnesses, ticket.sources, ticket.severity) == (3, 1, "critical")
    assert city.types(ticket.id) == ["opened", "updated"]
    assert city.sent()[-1]["data"]["ticket"]["revision"] == 2
    assert [w["since"] for w in city.sent()[-1]["data"]["ticket"]["witnesses"]] == [
        "2026-05-13T00:01:01.480Z",
        "2026-05-13T00:02:01.480Z",
        "2026-05-13T00:02:01.481Z",
    ]


def test_last_clear_is_one_updated_and_no_other(city, fire):
    first, second = fire(), fire(since=FIRED)
    city.apply(first, second)
    city.apply(cleared(first))
    assert city.types(city.one().id) == ["opened"]
    city.apply(cleared(second, at=NOW + 1))
    ticket = city.one()
    assert (ticket.state, ticket.cleared_at, ticket.firing) == ("dispatched", NOW + 1, 0)
    assert city.types(ticket.id) == ["opened", "updated"]
    assert city.sent()[-1]["data"]["ticket"]["cleared_at"] == "2026-05-13T00:02:11.481Z"
    city.apply(cleared(second, at=NOW + 1))
    assert city.types(ticket.id) == ["opened", "updated"]


def test_replayed_firing_never_reopens_a_cleared_incident(city, fire):
    city.apply(fire())
    city.apply(cleared(fire()))
    before = city.one()
    city.apply(fire(), now=NOW + 99)
    assert city.one() == before


def test_new_incident_after_all_cleared_is_a_witness_of_the_open_ticket(city, fire):
    city.apply(fire())
    city.apply(cleared(fire()))
    city.apply(fire(since=NOW + 1))
    ticket = city.one()
    assert (ticket.witnesses, ticket.cleared_at, ticket.firing) == (2, None, 1)
    assert city.types(ticket.id) == ["opened", "updated", "updated"]


def test_witness_and_last_clear_in_one_call_are_one_event(city, fire):
    city.apply(fire())
    other = fire(since=FIRED)
    city.apply(other, cleared(fire()), cleared(other))
    assert city.types(city.one().id) == ["opened", "updated"]
    assert city.one().revision == 2


def test_whole_incident_in_one_call_opens_and_has_cleared(city, fire):
    city.apply(fire(), cleared(fire()))
    ticket = city.one()
    assert (ticket.state, ticket.cleared_at) == ("dispatched", NOW)
    assert city.types(ticket.id) == ["opened"]


def test_cleared_event_alone_is_judged_as_if_live(city, fire):
    city.apply(cleared(fire()))
    assert (city.one().state, city.one().cleared_at) == ("dispatched", NOW)


def test_never_dispatched_is_cancelled_when_it_clears(city, fire):
    stray = fire(category="nobody.cares")
    city.apply(stray)
    assert (city.one().state, city.one().unit) == ("open", None)
    city.apply(cleared(stray))
    ticket = city.one()
    assert (ticket.state, ticket.closed_at) == ("cancelled", NOW)
    assert city.types(ticket.id) == ["opened", "cancelled"]
    assert city.sent() == []


def test_cancelled_and_opened_again_in_one_call(city, fire):
    stray = fire(category="nobody.cares", cooldown=1000)
    again = fire(category="nobody.cares", cooldown=1000, since=NOW)
    city.apply(stray)
    city.apply(cleared(stray), again)
    assert [ticket.state for ticket in city.every()] == ["cancelled", "open"]


def test_picture_that_arrives_later_is_an_updated(city, fire):
    city.apply(fire())
    city.apply(fire(evidence="ab" * 32))
    city.apply(fire(evidence="cd" * 32))
    ticket = city.one()
    assert city.types(ticket.id) == ["opened", "updated"]
    assert [p.sha256 for p in city.tickets.get(ticket.id).pictures] == ["ab" * 32]
    assert [e["sha256"] for e in city.sent()[-1]["data"]["ticket"]["evidence"]] == ["ab" * 32]


def test_incident_without_ticket_block_is_known_and_files_nothing(city, fire):
    silent = fire(category=None)
    city.apply(silent, cleared(silent))
    assert city.every() == []
    ((known, ticket),) = city.tickets.incidents().incidents
    assert (known.cleared_at, ticket) == (NOW, None)


def test_group_is_one_ticket_whose_title_follows_the_count(city, fire):
    def silent(n: int, **more: object) -> Incident:
        return fire(
            f"sensor-{n}",
            rule="sensor-silent",
            category="device.silent",
            group="gw-1",
            title="Gateway {group} silent: {count} sources",
            **more,
        )

    city.apply(*(silent(n) for n in range(200)))
    ticket = city.one()
    assert ticket.title == "Gateway gw-1 silent: 200 sources"
    assert (ticket.lat, ticket.site, ticket.sources) == (34.8, "hub", 200)
    assert city.types(ticket.id) == ["opened"]
    city.apply(silent(200), silent(7, since=FIRED))
    assert city.one().title == "Gateway gw-1 silent: 201 sources"
    assert city.one().witnesses == 202
    (_, second) = city.sent("devices")
    assert second["data"]["ticket"]["witness_count"] == 202
    assert len(second["data"]["ticket"]["witnesses"]) == 20
    assert second["data"]["ticket"]["witnesses"][-1]["source"] == "sensor-7"


def test_group_without_a_place_of_its_own_stands_at_its_first_witness(city, fire):
    city.apply(fire(group="gw-unknown"))
    assert city.one().lat == 34.7155


def test_source_and_group_of_one_name_are_two_keys(city, fire):
    city.apply(fire("gw-1"), fire("sensor-1", group="gw-1"))
    assert len(city.every()) == 2


def test_key_survives_a_registry_that_changes_the_group(city, fire):
    city.apply(fire(group="gw-1"))
    city.apply(cleared(fire(group="gw-2")))
    assert city.one().cleared_at == NOW


@pytest.mark.parametrize(
    ("labels", "place"),
    [
        pytest.param({"lat": "34.5", "lon": "113.5", "site": "s"}, (34.5, 113.5, "s"), id="labels"),
        pytest.param({"lat": "34.5"}, (None, None, None), id="half a place"),
        pytest.param({"lat": "nan", "lon": "1", "site": "s"}, (None, None, "s"), id="nan"),
        pytest.param({"lat": "91", "lon": "1"}, (None, None, None), id="beyond the pole"),
        pytest.param({"lat": "north", "lon": "1"}, (None, None, None), id="words"),
        pytest.param({}, (None, None, None), id="nothing"),
    ],
)
def test_place_of_a_source_that_is_not_registered(city, fire, labels, place):
    city.apply(fire("unheard-of", labels=labels))
    ticket = city.one()
    assert (ticket.lat, ticket.lon, ticket.site) == place


def test_place_outside_every_cell_has_no_grid(city, fire):
    city.apply(fire("pump-1", labels={"site": "yard"}))
    assert (city.one().grid, city.one().lat, city.one().site) == (None, -34.7, "yard")


def test_numbers_begin_again_with_each_city_day(city, fire):
    before_midnight = 1_778_601_599_999  # 2026-05-12T23:59:59.999+08:00 in Zhengzhou
    city.apply(fire("a"), fire("b"), now=before_midnight)
    city.apply(fire("c"), now=before_midnight + 1)
    city.apply(fire("d"), now=before_midnight)
    assert sorted(ticket.id for ticket in city.every()) == [
        "ZZ-260512-0001",
        "ZZ-260512-0002",
        "ZZ-260512-0003",
        "ZZ-260513-0001",
    ]


def test_a_storm_keeps_one_ticket_a_key(city, fire):
    city.apply(*(fire(f"s-{n}", since=since) for n in range(700) for since in (FIRED, NOW)))
    assert len(city.every()) == 700
    assert {ticket.witnesses for ticket in city.every()} == {2}


def test_nothing_to_file(city):
    city.apply()
    assert city.every() == []


def test_text_that_a_database_cannot_hold(city, fire):
    city.apply(fire("sen\0sor", labels={"name": "a\0b"}), fire("x" * 60_000))
    titles = [ticket.title for ticket in city.every()]
    assert titles[0] == "Traffic light dark at a\ufffdb"
    assert all(len(one.body) < 20_000 for one in city.outbox.list())
    city.apply(cleared(fire("sen\0sor")))
    assert city.every()[0].cleared_at == NOW


def test_a_unit_without_a_webhook_gets_its_ticket_and_no_delivery(city, fire):
    alone = Unit(id="alone", name="Alone", level="city", handles=["road.traffic_light"])
    city.with_units(Units([alone])).apply([fire()], now=NOW)
    assert (city.one().state, city.one().unit) == ("dispatched", "alone")
    assert city.sent() == []
