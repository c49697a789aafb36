import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citypatrol.secret import Secret
from citypatrol.signing import (
    Key,
    SignatureError,
    parse_secret,
    sign,
    sign_evidence,
    verify,
    verify_evidence,
)

# The example of the Standard Webhooks libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330
BODY = b'{"test": 2432232314}'
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers(**changes: str) -> dict[str, str]:
    given = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNED}
    return given | {name.replace("_", "-"): value for name, value in changes.items()}


@pytest.mark.parametrize(
    "key", [SECRET, Secret(SECRET), parse_secret(SECRET)], ids=["text", "secret", "bytes"]
)
def test_the_published_example(key: Key) -> None:
    assert sign(key, id=ID, timestamp_s=AT, body=BODY) == SIGNED
    verify(key, headers=headers(), body=BODY, now_s=AT)


@pytest.mark.parametrize(
    "given",
    [
        {"Webhook-Id": ID, "WEBHOOK-TIMESTAMP": str(AT), "webhook-Signature": SIGNED},
        headers(webhook_signature=f"v1,AAAA {SIGNED}"),
        headers(webhook_signature=f"{SIGNED} v1,!!! v1a,xyz rubbish"),
        headers(webhook_signature=f"v2,{SIGNED[3:]}  {SIGNED}"),
    ],
    ids=["any case", "second of two", "first of four", "another version before"],
)
def test_verified(given: dict[str, str]) -> None:
    verify(SECRET, headers=given, body=BODY, now_s=AT)


@pytest.mark.parametrize("away", [-300, 300])
def test_the_tolerance_is_inclusive(away: int) -> None:
    verify(SECRET, headers=headers(), body=BODY, now_s=AT + away)


@pytest.mark.parametrize(
    ("given", "now_s", "message"),
    [
        (headers(webhook_id=""), AT, "header webhook-id is missing"),
        ({"webhook-id": ID}, AT, "header webhook-timestamp is missing"),
        (headers(webhook_signature=""), AT, "header webhook-signature is missing"),
        (headers(webhook_timestamp="now"), AT, "webhook-timestamp is no number of seconds: 'now'"),
        (headers(webhook_timestamp="-5"), AT, "webhook-timestamp is no number of seconds: '-5'"),
        (headers(webhook_timestamp="9" * 99), AT, "webhook-timestamp is no number of seconds"),
        (headers(), AT + 301, "webhook-timestamp is 301 s behind now; 300 s are allowed"),
        (headers(), AT - 301, "webhook-timestamp is 301 s ahead of now; 300 s are allowed"),
        (headers(webhook_id="other"), AT, "no signature of webhook-signature is right"),
        (headers(webhook_timestamp=str(AT + 1)), AT, "no signature of webhook-signature is right"),
        (headers(webhook_signature="v1,"), AT, "no signature of webhook-signature is right"),
        (headers(webhook_signature="v1,é"), AT, "no signature of webhook-signature is right"),
        (headers(webhook_signature=SIGNED[3:]), AT, "no signature of webhook-signature is right"),
        (
            headers(webhook_signature="v2" + SIGNED[2:]),
            AT,
            "no signature of webhook-signature is right",
        ),
    ],
)
def test_refused(given: dict[str, str], now_s: int, message: str) -> None:
    with pytest.raises(SignatureError, match=message):
        verify(SECRET, headers=given, body=BODY, now_s=now_s)


def test_another_body_or_secret_is_refused() -> None:
    with pytest.raises(SignatureError):
        verify(SECRET, headers=headers(), body=BODY + b" ", now_s=AT)
    with pytest.raises(SignatureError):
        verify(b"x" * 24, headers=headers(), body=BODY, now_s=AT)


@pytest.mark.parametrize(
    "text",
    [
        "", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_geheim", "whsec_é",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        SECRET + "!",
    ],
)  # fmt: skip
def test_no_webhook_secret(text: str) -> None:
    with pytest.raises(ValueError, match="write whsec_ and the base64 of 24 to 64 random bytes"):
        parse_secret(Secret(text))


@given(
    st.binary(min_size=24, max_size=64), st.binary(), st.text(min_size=1), st.integers(0, 10**12)
)
def test_what_is_signed_is_verified(key: bytes, body: bytes, id: str, at: int) -> None:
    signed = sign(key, id=id, timestamp_s=at, body=body)
    given = {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": signed}
    verify(key, headers=given, body=body, now_s=at)


def test_evidence_links() -> None:
    sha, key = "ab" * 32, b"k" * 32
    signature = sign_evidence(key, sha, 1_000)
    verify_evidence(key, sha, expires=1_000, signature=signature, now_s=999)
    assert sign_evidence(SECRET, sha, 1_000) == sign_evidence(parse_secret(SECRET), sha, 1_000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expires": 1_001}, "the link to evidence abababab is not signed by us"),
        ({"signature": "0" * 64}, "the link to evidence abababab is not signed by us"),
        ({"signature": "é\udc80"}, "the link to evidence abababab is not signed by us"),
        ({"now_s": 1_000}, "the link to evidence abababab ended 0 s ago"),
    ],
    ids=["later", "wrong", "rubbish", "over"],
)
def test_evidence_links_refused(change: dict[str, object], message: str) -> None:
    key, sha = b"k" * 32, "ab" * 32
    link: dict[str, object] = {
        "expires": 1_000, "signature": sign_evidence(key, sha, 1_000), "now_s": 999,
    }  # fmt: skip
    with pytest.raises(SignatureError, match=message):
        verify_evidence(key, sha, **(link | change))  # type: ignore[arg-type]
    with pytest.raises(SignatureError, match="not signed by us"):
        verify_evidence(key, "cd" * 32, **link)  # type: ignore[arg-type]
