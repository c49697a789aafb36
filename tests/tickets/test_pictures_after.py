"""The pair of pictures: what a camera saw, and the same view once that had cleared."""

from dataclasses import replace

BEFORE, AFTER = "9f" * 32, "a7" * 32
NOW = 1_778_630_531_480


def shown(event):
    return [(one["sha256"], one.get("shows")) for one in event["data"]["ticket"]["evidence"]]


def test_the_clearing_brings_the_picture_after(city, fire):
    incident = fire(evidence=BEFORE)
    city.apply(incident)
    city.apply(replace(incident, cleared_at=NOW, after=AFTER))
    opened, updated = city.sent("housing")
    assert (opened["type"], shown(opened)) == ("ticket.opened", [(BEFORE, None)])
    assert (updated["type"], shown(updated)) == (
        "ticket.updated",
        [(BEFORE, None), (AFTER, "after")],
    )
    pair = updated["data"]["ticket"]["evidence"]
    assert pair[1]["at"] == "2026-05-13T00:02:11.480Z"


def test_an_incident_of_which_only_the_end_was_seen_shows_that(city, fire):
    incident = fire()
    city.apply(incident, replace(incident, cleared_at=NOW, after=AFTER))
    assert shown(city.sent("housing")[-1]) == [(AFTER, "after")]


def test_the_clearing_said_twice_is_one_pair(city, fire):
    incident = fire(evidence=BEFORE)
    cleared = replace(incident, cleared_at=NOW, after=AFTER)
    city.apply(incident)
    city.apply(cleared)
    city.apply(cleared)
    assert shown(city.sent("housing")[-1]) == [(BEFORE, None), (AFTER, "after")]
    assert len(city.sent("housing")) == 2
