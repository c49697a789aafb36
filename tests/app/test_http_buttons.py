"""The forms of a ticket's page, without a browser: a browser cannot send what these send."""

import pytest

from tests.app.a_desk import TheDesk, incident

TICKET = "ZZ-260513-0001"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_button_leads_back_to_the_page(desk: TheDesk):
    desk.file(incident())
    path = f"/tickets/{TICKET}/start"
    status, _, headers = await desk.post(path, data="note=%E8%80%81+%26+new", headers=FORM)
    assert (status, headers["Location"]) == (303, f"/tickets/{TICKET}")
    _, ticket, _ = await desk.get(f"/api/v1/tickets/{TICKET}")
    assert ticket["state"] == "in_progress"
    assert ticket["history"][-1]["note"] == "老 & new"


async def test_a_step_that_the_state_forbids_is_said_on_the_page(desk: TheDesk):
    desk.file(incident())
    await desk.post(f"/tickets/{TICKET}/close")
    status, body, _ = await desk.post(
        f"/tickets/{TICKET}/close", data="note=done+%3C", headers=FORM
    )
    assert status == 409
    assert b"Not done: a ticket that is closed cannot be closed" in body
    assert b">done &lt;</textarea>" in body


@pytest.mark.parametrize(
    ("path", "data", "headers", "status", "detail"),
    [
        pytest.param("ZZ-1/close", b"", {}, 404, "there is no ticket ZZ-1", id="no such ticket"),
        pytest.param(
            f"{TICKET}/burn", b"", {}, 404, "this page has no button 'burn'", id="no such button"
        ),
        pytest.param(
            f"{TICKET}/close", b"n" * 70_000, {}, 413, "at most 64000 bytes are read", id="too long"
        ),
        pytest.param(
            f"{TICKET}/close",
            b"",
            {"Origin": "https://evil.example"},
            403,
            "a page of another site may not change anything here",
            id="from another site",
        ),
    ],
)
async def test_what_is_refused(desk: TheDesk, path, data, headers, status, detail):
    desk.file(incident())
    said, body, _ = await desk.post(f"/tickets/{path}", data=data, headers=FORM | headers)
    assert (said, body["detail"]) == (status, detail)
    _, ticket, _ = await desk.get(f"/api/v1/tickets/{TICKET}")
    assert ticket["revision"] == 1
