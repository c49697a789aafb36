"""The state machine, written out once more as what may happen."""

import pytest

from tickets.errors import StepForbidden
from tickets.states import CALLBACKS, DESK, ENDED, FROM, STATES, STEPS, TO, step

TABLE = {
    "open": {
        "dispatch": "dispatched",
        "acknowledge": "acknowledged",
        "start": "in_progress",
        "resolve": "resolved",
        "close": "closed",
        "cancel": "cancelled",
    },
    "dispatched": {
        "acknowledge": "acknowledged",
        "start": "in_progress",
        "resolve": "resolved",
        "reject": "rejected",
        "close": "closed",
        "cancel": "cancelled",
    },
    "acknowledged": {
        "start": "in_progress",
        "resolve": "resolved",
        "reject": "rejected",
        "close": "closed",
        "cancel": "cancelled",
    },
    "in_progress": {
        "resolve": "resolved",
        "reject": "rejected",
        "close": "closed",
        "cancel": "cancelled",
    },
    "resolved": {"close": "closed", "reopen": "reopened", "cancel": "cancelled"},
    "rejected": {
        "dispatch": "dispatched",
        "acknowledge": "acknowledged",
        "start": "in_progress",
        "resolve": "resolved",
        "close": "closed",
        "cancel": "cancelled",
    },
    "reopened": {
        "acknowledge": "acknowledged",
        "start": "in_progress",
        "resolve": "resolved",
        "reject": "rejected",
        "close": "closed",
        "cancel": "cancelled",
    },
    "closed": {"reopen": "reopened"},
    "cancelled": {},
}
PAIRS = [(state, taken) for state in STATES for taken in STEPS]


@pytest.mark.parametrize(("state", "taken"), PAIRS, ids=[f"{s}-{t}" for s, t in PAIRS])
def test_step(state, taken):
    expected = TABLE[state].get(taken)
    if expected is not None:
        assert step(state, taken) == expected
        return
    with pytest.raises(StepForbidden, match=f"that is {state} cannot be {TO[taken]}; possible"):
        step(state, taken)


def test_the_tables_know_the_same_words():
    assert set(TABLE) == set(STATES)
    assert set(FROM) == set(TO) == set(STEPS)
    assert set(CALLBACKS.values()) < set(DESK) < set(STEPS)
    assert {f"ticket.{TO[taken]}" for taken in CALLBACKS.values()} == set(CALLBACKS)


def test_every_state_that_is_open_can_be_ended():
    for state in STATES:
        assert ("close" in TABLE[state]) is (state not in ENDED)
