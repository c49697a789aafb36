"""``/evidence/{sha}.jpg``: for whoever may see the desk, or holds a signed address."""

import re
from typing import Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from app.door import Door
from app.problems import Problem
from citypatrol.signing import SignatureError, verify_evidence

_SHA: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


def evidence(door: Door) -> APIRouter:
    router = APIRouter(tags=["evidence"])

    @router.get("/evidence/{sha}.jpg", summary="One picture, by its SHA-256")
    async def picture(request: Request, sha: str) -> Response:
        if not _SHA.fullmatch(sha):
            raise Problem(404, "a picture's name is 64 hex digits of SHA-256")
        if not door.guard.knows(request.headers):
            _check_signature(door, request, sha)
        path = await run_in_threadpool(door.evidence.path, sha)
        if path is None:
            raise Problem(404, f"there is no picture {sha}, or it is older than evidence.keep")
        # The name is the content's hash: it never changes.
        headers = {
            "Cache-Control": "private, max-age=31536000, immutable",
            "Cross-Origin-Resource-Policy": "cross-origin",  # a unit's own pages show it
        }
        return FileResponse(path, media_type="image/jpeg", headers=headers)

    return router


def _check_signature(door: Door, request: Request, sha: str) -> None:
    query = request.query_params
    expires = query.get("expires", "")
    try:
        verify_evidence(
            door.evidence_key,
            sha,
            expires=int(expires) if _SECONDS.fullmatch(expires) else 0,
            signature=query.get("signature", ""),
            now_s=door.clock.now() // 1000,
        )
    except SignatureError as error:
        raise Problem(401, f"this address is not signed, or no longer: {error}") from None
