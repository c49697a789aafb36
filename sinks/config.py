"""The sinks' part of city.yaml (DOORS: city.yaml)."""

from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator

from citypatrol.secret import Secret
from citypatrol.units import DurationMs
from citypatrol.yamlfile import Model, wrong


def _http_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:
        fine = False
    if not fine:
        message = f"{text!r} is no http:// or https:// address without credentials"
        raise ValueError(message)
    return text.rstrip("/")


HttpUrlText = Annotated[str, AfterValidator(_http_url)]


class InfluxConfig(Model):
    """One `type: influx` of `sinks:`. 2.x wants org, bucket and token; 1.x wants db."""

    noun: ClassVar[str] = "sink"

    type: Literal["influx"]
    version: Literal[1, 2] = 2
    url: HttpUrlText
    org: str | None = None
    bucket: str | None = None
    token: Secret | None = None
    db: str | None = None
    username: str | None = None
    password: Secret | None = None
    timeout: DurationMs = 10_000

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wanted = ("org", "bucket", "token") if self.version == 2 else ("db",)
        missing = [name for name in wanted if getattr(self, name) is None]
        if missing:
            message = f"version {self.version} needs {', '.join(missing)}"
            raise wrong(message)
        return self
