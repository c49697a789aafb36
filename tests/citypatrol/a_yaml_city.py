"""A model with every kind of field, and a file of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from citypatrol.secret import Secret
from citypatrol.units import DurationMs, SizeBytes
from citypatrol.yamlfile import Document, Model, load_model, wrong

ENV = {"TOKEN": "canary-9b1f", "EMPTY": ""}


def whsec(secret: Secret) -> Secret:
    if not secret.reveal().startswith("whsec_"):
        message = f"'{secret.reveal()}' does not begin with whsec_"
        raise ValueError(message)
    return secret


class Town(Model):
    name: Annotated[str, Field(min_length=1, max_length=9)]
    timezone: str
    code: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$", min_length=2)] = "ZZ"


class Kind(Model):
    lateness: DurationMs = 0
    stale: DurationMs = 7_200_000


class Mqtt(Model):
    type: Literal["mqtt"]
    url: Secret
    qos: Literal[0, 1] = 1
    topics: Annotated[tuple[str, ...], Field(min_length=1, max_length=2)] = ("x",)
    unbuilt: ClassVar[Mapping[str, str]] = {"cert": "comes with TLS", "ca": ""}


class File(Model):
    type: Literal["file"]
    path: Path


class Http(Model):
    listen: str = "127.0.0.1:8080"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    token: Secret | None = None
    debug: bool = False


class Limit(Model):
    label: str
    default: float | None = None


class Rule(Model):
    noun: ClassVar[str] = "rule"
    unbuilt: ClassVar[Mapping[str, str]] = {"payload: senml": "comes with Formats"}
    name: str
    above: float | Limit | None = None
    every: DurationMs | Literal["off"] | None = None
    payload: Literal["plain", "json"] = "plain"
    box: tuple[float, float, float, float] | None = None
    not_: Limit | None = Field(default=None, alias="not")
    low: float = 0
    high: float = 1

    @model_validator(mode="after")
    def ordered(self) -> Self:
        if self.low >= self.high:
            message = f"must be above low ({self.low:g}), found {self.high:g}"
            raise wrong(message, "high")
        if self.low < 0:
            message = "nothing is below 0"
            raise ValueError(message)
        return self


class City(Model):
    unbuilt: ClassVar[Mapping[str, str]] = {"history": "", "type: kafka": "comes with Streams"}
    city: Town
    kinds: dict[Annotated[str, StringConstraints(max_length=8)], Kind] = Field(default={})
    inputs: list[Annotated[Mqtt | File, Field(discriminator="type")]] = Field(default=[])
    http: Http = Http()
    rules: tuple[Rule, ...] = ()
    hook: Annotated[Secret, AfterValidator(whsec)] | None = None
    size: SizeBytes = 0
    ratio: Annotated[float, Field(gt=0, lt=1)] = 0.5
    hours: Annotated[list[int], Field(min_length=2)] = Field(default=[8, 18])


GOOD = "city: {name: Z, timezone: UTC}\n"


def load(tmp_path: Path, text: str | bytes) -> tuple[City | None, list[str], Document]:
    path = tmp_path / "city.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    city, problems, document = load_model(path, City, env=ENV)
    assert all(problem.path == str(path) for problem in problems)
    return city, [str(problem).replace(f"{tmp_path}/", "") for problem in problems], document
