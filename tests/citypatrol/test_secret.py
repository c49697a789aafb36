"""A canary: a secret is in nothing that is printed, logged, dumped or raised."""

import copy
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import orjson
import pytest
import structlog
from pydantic import AfterValidator, BaseModel, TypeAdapter, ValidationError

from citypatrol import logs
from citypatrol.errors import ConfigError
from citypatrol.secret import Secret
from citypatrol.signing import SignatureError, parse_secret, sign, verify
from citypatrol.yamlfile import Model, load_model

CANARY = "canary-7f3a9c"


def refuse(secret: Secret) -> Secret:
    message = f"'{secret.reveal()}' will not do"
    raise ValueError(message)


class Door(Model):
    token: Secret
    name: str = "x"


class Strict(Model):
    token: Annotated[Secret, AfterValidator(refuse)]


@dataclass(frozen=True)
class Held:
    secret: Secret


def say(log: Callable[..., None], **values: object) -> None:
    try:
        local = Held(Secret(CANARY))
        revealed = local.secret.reveal()  # a traceback that shows local variables would show it
        message = f"cannot reach {local.secret}, {len(revealed)} characters"
        raise OSError(message)
    except OSError:
        log("it failed", exc_info=True, **values)


@pytest.mark.parametrize(
    "shown",
    [
        repr, str, "{}".format, "{!r:>9}".format, "%s".__mod__,
        lambda s: f"{s}", lambda s: f"{s:>12}", lambda s: str([s]), lambda s: str({"a": s}),
        lambda s: repr(Held(s)), lambda s: repr(Door(token=s)),
        lambda s: Door(token=s).model_dump_json(), lambda s: str(Door(token=s).model_dump()),
        lambda s: str(Door(token=s).model_dump(mode="json")),
        lambda s: orjson.dumps({"a": s}, default=repr).decode(),
        lambda s: json.dumps({"a": s}, default=str), lambda s: s.endpoint,
        lambda s: json.dumps(Door.model_json_schema()), lambda s: str(hash(s)),
        lambda s: str(getattr(s, "__dict__", "")), lambda s: s.origin,
    ],
)  # fmt: skip
def test_it_prints_as_a_mask(shown: Callable[[Secret], str]) -> None:
    assert CANARY not in shown(Secret(CANARY, origin="${TOKEN}"))


def test_json_without_a_default_refuses_it() -> None:
    with pytest.raises(TypeError):
        orjson.dumps({"a": Secret(CANARY)})
    with pytest.raises(TypeError):
        json.dumps({"a": Secret(CANARY)})


@pytest.mark.usefixtures("logging_undone")
@pytest.mark.parametrize("as_json", [True, False], ids=["json", "people"])
def test_no_log_line_holds_it(as_json: bool) -> None:
    out = io.StringIO()
    logs.configure("debug", json=as_json, stream=out)
    secret = Secret(CANARY)
    log = structlog.get_logger("ingest.mqtt")
    log.info("connected", token=secret, door=Door(token=secret), held=Held(secret), s=[secret])
    say(log.error, token=secret, many={"a": secret})
    say(logging.getLogger("paho").error)
    logging.getLogger("paho").warning("token %s", secret)
    assert out.getvalue().count("***") >= 6
    assert CANARY not in out.getvalue()


@pytest.mark.parametrize("text", ["token: ${TOKEN}\n", f"token: {CANARY}\n"], ids=["env", "plain"])
@pytest.mark.parametrize("model", [Strict, Door], ids=["validator", "unknown key"])
def test_no_config_error_or_its_traceback_holds_it(
    tmp_path: Path, text: str, model: type[Model]
) -> None:
    path = tmp_path / "city.yaml"
    path.write_text(f'{text}nmae: "${{TOKEN}}"\n', encoding="utf-8")
    try:
        _, problems, _ = load_model(path, model, env={"TOKEN": CANARY})
        raise ConfigError(problems)
    except ConfigError as error:
        told = "".join(traceback.format_exception(error))
    assert "city.yaml:2:1: unknown key 'nmae'" in told
    assert CANARY not in told


def test_no_pydantic_error_holds_it() -> None:
    with pytest.raises(ValidationError) as caught:
        Door.model_validate({"token": Secret(CANARY), "name": {"x": CANARY}, "extra": CANARY})
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_no_signature_error_holds_it() -> None:
    with pytest.raises(ValueError, match="no webhook secret") as caught:
        parse_secret(Secret(f"whsec_{CANARY}"))
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    signed = sign(b"k" * 24, id="1", timestamp_s=9, body=b"x")
    headers = {"webhook-id": "1", "webhook-timestamp": "9", "webhook-signature": signed}
    with pytest.raises(SignatureError) as refused:
        verify(CANARY.encode(), headers=headers, body=b"x", now_s=9)
    assert CANARY not in "".join(traceback.format_exception(refused.value))


def test_it_is_given_to_a_child_process_whole() -> None:
    secret = Secret(CANARY, origin="${TOKEN}")
    for copied in (pickle.loads(pickle.dumps(secret)), copy.deepcopy(secret)):
        assert copied == secret
        assert copied.reveal() == CANARY
        assert copied.origin == "${TOKEN}"


def test_equality_is_of_the_text() -> None:
    assert Secret("a") == Secret("a", origin="${A}")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a")
    assert not Secret("")


def test_models_take_text_and_secrets_only() -> None:
    assert Door.model_validate({"token": "a"}).token == Secret("a")
    with pytest.raises(ValidationError, match="expected text; put it in quotes"):
        Door.model_validate({"token": 5})
    assert TypeAdapter(Secret).json_schema() == {"type": "string"}

    class Plain(BaseModel):
        secrets: list[Secret]

    assert Plain(secrets=[Secret("a")]).model_dump() == {"secrets": [Secret("a")]}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://viewer:pw@10.0.0.7/stream1?k=1", "rtsp://***@10.0.0.7"),
        ("rtsp://10.0.0.7:554/x", "rtsp://10.0.0.7:554"),
        ("mqtts://u@[::1]:8883", "mqtts://***@[::1]:8883"),
        ("https://HOST.example/a", "https://host.example"),
        ("sqlite:///data/tickets.db", "***"),
        ("no url", "***"),
        ("http://h:port/", "***"),
        ("http://[::1", "***"),
        ("", "***"),
    ],
)
def test_endpoint(url: str, shown: str) -> None:
    assert Secret(url).endpoint == shown
