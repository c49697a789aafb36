"""Text that must be in no log, page, error or metric."""

import hmac
from typing import Any
from urllib.parse import urlsplit

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

MASK = "***"


class Secret:
    """Text that prints as ``***`` wherever it is not asked for by ``reveal()``.

    ``origin`` says where it was read, such as ``${OMS_SECRET}``; '' where it stood in the file
    itself. Equality takes the same time for every text of one length.
    """

    __slots__ = ("_text", "origin")

    def __init__(self, text: str, *, origin: str = "") -> None:
        self._text = text
        self.origin = origin

    def reveal(self) -> str:
        return self._text

    @property
    def endpoint(self) -> str:
        """A URL without what may be secret: ``rtsp://***@10.0.0.7``; ``***`` where it is no URL."""
        try:
            url = urlsplit(self._text)
            host, port = url.hostname, url.port
        except ValueError:
            return MASK
        if not url.scheme or not host:
            return MASK
        user = f"{MASK}@" if "@" in url.netloc else ""
        host = f"[{host}]" if ":" in host else host
        return f"{url.scheme}://{user}{host}" + (f":{port}" if port else "")

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._text, self.origin)  # camera processes are given their URL

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            _validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda _: MASK, when_used="json"
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string"}


def _rebuild(text: str, origin: str) -> Secret:
    return Secret(text, origin=origin)


def _validate(value: object, info: core_schema.ValidationInfo) -> Secret:
    if isinstance(value, str):
        value = Secret(value)
    if not isinstance(value, Secret):
        kind = "secret_type"
        raise PydanticCustomError(kind, "expected text; put it in quotes")
    remember = getattr(info.context, "remember_secret", None)
    if remember is not None:
        remember(value)
    return value
