"""Addresses of web services as people write them in configuration files."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

_USER = re.compile(r"//[^/]*@")


def http_url(text: str) -> str:
    """``text``, an absolute http or https URL without user and fragment.

    Raises ValueError with the value and the form; what may be a password is masked in it.
    """
    problem = None
    try:
        url = urlsplit(text)
        if url.scheme not in ("http", "https") or not url.hostname or url.port == 0:
            problem = "is no http:// or https:// URL"
        elif "@" in url.netloc:
            problem = "has a user in it; secrets have keys of their own"
        elif url.fragment or any(sign.isspace() for sign in text):
            problem = "has a fragment or white space in it"
    except ValueError as error:
        problem = f"is no URL: {error}"
    if problem is not None:
        message = f"'{_USER.sub('//***@', text)}' {problem}; write https://host/path"
        raise ValueError(message)
    return text


def base_url(text: str) -> str:
    """``http_url`` to which paths are added: without a query, and without a slash at its end."""
    if "?" in http_url(text):
        message = f"'{text}' has a query in it; write https://host/path"
        raise ValueError(message)
    return text.rstrip("/")


_SHOWN = {"pattern": r"^[hH][tT][tT][pP][sS]?://[^\s/?#@]+[^\s#]*$"}
HttpUrlText = Annotated[str, AfterValidator(http_url), Field(json_schema_extra=_SHOWN)]
BaseUrlText = Annotated[str, AfterValidator(base_url), Field(json_schema_extra=_SHOWN)]
