import hashlib

import pytest

from citypatrol.secret import Secret
from citypatrol.signing import sign_evidence
from tests.app.a_desk import EVIDENCE_KEY, NOW, TheDesk, incident

TICKET = "ZZ-260513-0001"
OTHER = Secret("whsec_" + "AAAAREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=")


class TestCallbacks:
    async def test_the_unit_moves_its_ticket(self, desk: TheDesk):
        desk.file(incident())
        for number, (kind, state) in enumerate(
            [
                ("ticket.acknowledged", "acknowledged"),
                ("ticket.in_progress", "in_progress"),
                ("ticket.resolved", "resolved"),
            ]
        ):
            status, body, _ = await desk.call_back("water", kind, TICKET, id=f"msg_{number}")
            assert status == 200
            assert body == {"ticket": TICKET, "state": state, "revision": number + 2}

    async def test_the_same_id_again_gets_the_same_answer_and_changes_nothing(self, desk: TheDesk):
        desk.file(incident())
        first = await desk.call_back("water", "ticket.acknowledged", TICKET)
        again = await desk.call_back("water", "ticket.acknowledged", TICKET)
        assert first[:2] == again[:2]
        _, ticket, _ = await desk.get(f"/api/v1/tickets/{TICKET}")
        assert ticket["revision"] == 2

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            pytest.param({"secret": OTHER}, 401, id="another secret"),
            pytest.param({"unit": "nobody"}, 401, id="no such unit"),
            pytest.param({"unit": "housing"}, 404, id="another unit's ticket"),
            pytest.param({"at_s": NOW // 1000 - 301}, 401, id="too old"),
            pytest.param({"at_s": NOW // 1000 + 301}, 401, id="from the future"),
            pytest.param({"ticket": "ZZ-1"}, 404, id="no such ticket"),
            pytest.param({"kind": "ticket.paid"}, 400, id="no such step"),
        ],
    )
    async def test_refused(self, desk: TheDesk, changes, status):
        desk.file(incident())
        call = {"unit": "water", "kind": "ticket.acknowledged", "ticket": TICKET, **changes}
        answered, body, headers = await desk.call_back(**call)
        assert (answered, body["status"]) == (status, status)
        assert headers["Content-Type"] == "application/problem+json"
        _, ticket, _ = await desk.get(f"/api/v1/tickets/{TICKET}")
        assert ticket["revision"] == 1

    async def test_a_step_that_the_state_forbids_is_a_conflict(self, desk: TheDesk):
        desk.file(incident())
        await desk.post(f"/api/v1/tickets/{TICKET}/close")
        status, _, _ = await desk.call_back("water", "ticket.resolved", TICKET)
        assert status == 409

    async def test_a_body_without_end_is_cut_off(self, desk: TheDesk):
        async def endless():
            for _ in range(200):
                yield b"x" * 1000

        status, body, _ = await desk.post("/api/v1/callbacks/water", data=endless())
        assert (status, body["title"]) == (413, "Content Too Large")


class TestToken:
    @pytest.mark.parametrize(
        "path", ["/", "/metrics", "/api/v1/tickets", "/docs", "/openapi.json", "/live/desk"]
    )
    async def test_asked_for(self, guarded: TheDesk, path):
        status, body, headers = await guarded.get(path)
        assert (status, body["title"]) == (401, "Unauthorized")
        schemes = headers.getall("WWW-Authenticate")
        assert [scheme.split()[0] for scheme in schemes] == ["Basic", "Bearer"]
        answers = [
            await guarded.get(path, headers={"Authorization": "Bearer t0ken"}),
            await guarded.get(path, headers={"Authorization": "Basic YTp0MGtlbg=="}),
        ]
        assert [answer[0] for answer in answers] == [200, 200]

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/static/desk.css", "/source.zip"])
    async def test_open_to_anybody(self, guarded: TheDesk, path):
        assert (await guarded.get(path))[0] == 200

    async def test_a_unit_needs_its_secret_and_no_token(self, guarded: TheDesk):
        guarded.file(incident())
        assert (await guarded.call_back("water", "ticket.acknowledged", TICKET))[0] == 200

    async def test_a_picture_needs_the_token_or_a_signed_address(self, guarded: TheDesk):
        sha = guarded.evidence.put(b"jpeg bytes", {})
        expires = NOW // 1000 + 60
        signature = sign_evidence(EVIDENCE_KEY, sha, expires)
        signed = f"/evidence/{sha}.jpg?expires={expires}&signature={signature}"
        assert (await guarded.get(signed))[:2] == (200, b"jpeg bytes")
        with_token = {"Authorization": "Bearer t0ken"}
        assert (await guarded.get(f"/evidence/{sha}.jpg", headers=with_token))[0] == 200
        for wrong in (
            f"/evidence/{sha}.jpg",
            signed + "0",
            signed.replace(f"expires={expires}", f"expires={expires + 1}"),
            f"/evidence/{sha}.jpg?expires=tomorrow&signature={signature}",
            f"/evidence/{hashlib.sha256(b'x').hexdigest()}.jpg?expires={expires}&signature={signature}",
        ):
            assert (await guarded.get(wrong))[0] == 401, wrong
        guarded.clock.advance(60_000)
        assert (await guarded.get(signed))[0] == 401
