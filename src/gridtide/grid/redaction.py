"""
The one place that keeps credentials out of what people and machines read (invariant I11).

Two ways, both always on: values that are known to be secret are cut out wherever they occur, in plain, percent-encoded
or base64 form; and values that stand beside a telling name (``api_key=``, ``Authorization:``) are cut out although
nobody told us about them. The HTTP library logs full addresses with their query, so its loggers get the same filter.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import logging
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote, quote_plus

from gridtide.domain.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridtide.domain.errors import CarbonError
    from gridtide.grid.provider import Request

_ErrorT = TypeVar("_ErrorT", bound="CarbonError")

__all__ = ["MASK", "LogFilter", "Redactor", "describe", "secrets_of"]

_SECRETS_MAX: Final = 256
_SECRET_MIN_LENGTH: Final = 4
_HTTP_LOGGERS: Final = (
    "httpx2",
    "httpcore2.connection",
    "httpcore2.http11",
    "httpcore2.http2",
    "httpcore2.proxy",
    "httpcore2.socks",
)
_SECRET_HEADERS: Final = frozenset(
    {
        "authorization",
        "auth-token",
        "cookie",
        "ocp-apim-subscription-key",
        "proxy-authorization",
        "set-cookie",
        "x-api-key",
        "x-blobr-key",
    }
)
_TELLING_NAMES: Final = (
    r"api[_-]?key|apikey|access[_-]?key|x-api-key|auth[_-]?token|security[_-]?token|access[_-]?token|refresh[_-]?token"
    r"|token|passw(?:or)?d|pwd|secret|client[_-]?secret|subscription[_-]?key|signature"
)
_BESIDE_A_NAME: Final = re.compile(rf"(?i)(\b(?:{_TELLING_NAMES})[\"']?\s*[=:]\s*[\"']?)(?!\*\*\*)[^\s\"'&,;<>)}}\]]+")
_SCHEME: Final = re.compile(r"(?i)\b(bearer|basic)(\s+)(?!\*\*\*)[A-Za-z0-9._~+/=-]{8,}")
_USERINFO: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,15}://)[^/\s@\"']+@")
_ESCAPE: Final = re.compile(r"%[0-9A-F]{2}")
_JWT: Final = re.compile(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?")


class Redactor:
    """
    Takes credentials out of text.

    It remembers a bounded number of secret values, newest first, since bearer tokens are replaced every half hour.

    Example:
        >>> redactor = Redactor()
        >>> redactor.learn("s3cret-value")
        >>> redactor.text("sent s3cret-value to https://u:p@host/?api_key=abc")
        'sent *** to https://***@host/?api_key=***'
    """

    __slots__ = ("_known", "_pattern")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()
        self._pattern: re.Pattern[str] | None = None
        self.learn(*secrets)

    def learn(self, *secrets: str) -> None:
        """Remember values to cut out; very short ones are left to the rules about names."""
        fresh = [s for s in secrets if len(s) >= _SECRET_MIN_LENGTH and s not in self._known]
        for secret in fresh:
            self._known[secret] = None
        while len(self._known) > _SECRETS_MAX:
            self._known.popitem(last=False)
        if fresh:
            forms = {form for secret in self._known for form in _forms(secret)}
            self._pattern = re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)))

    def text(self, text: str) -> str:
        """Return *text* without credentials."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        text = _BESIDE_A_NAME.sub(rf"\g<1>{MASK}", text)
        text = _SCHEME.sub(rf"\g<1>\g<2>{MASK}", text)
        text = _USERINFO.sub(rf"\g<1>{MASK}@", text)
        return _JWT.sub(MASK, text)

    def sample(self, body: bytes, *, limit: int = 1024) -> str:
        """Begin of a body for diagnosis: printable, at most *limit* characters, without credentials."""
        head = body[: 2 * limit].decode("utf-8", "replace")
        return self.text("".join(c if c.isprintable() else " " for c in head))[:limit]

    def error(self, error: _ErrorT) -> _ErrorT:
        """Clean an error's message, hint and facts in place; returns the same error."""
        error.message = self.text(error.message)
        error.args = (error.message,)
        error.hint = None if error.hint is None else self.text(error.hint)
        error.facts = {name: self.text(fact) if isinstance(fact, str) else fact for name, fact in error.facts.items()}
        return error

    def __repr__(self) -> str:
        return f"<Redactor {len(self._known)} values>"


class LogFilter(logging.Filter):
    """
    Cleans every record of the loggers it is put on; never drops one.

    Use `install` on the HTTP library's loggers for as long as a client is open.
    """

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Put the cleaned message in place of the raw one."""
        record.msg, record.args = self._redactor.text(record.getMessage()), None
        return True

    def install(self) -> None:
        """Start cleaning what the HTTP library logs."""
        for name in _HTTP_LOGGERS:
            logging.getLogger(name).addFilter(self)

    def remove(self) -> None:
        """Stop, when the client is closed."""
        for name in _HTTP_LOGGERS:
            logging.getLogger(name).removeFilter(self)


def secrets_of(request: Request) -> tuple[str, ...]:
    """Secret values that a request carries, in headers (also the password of a basic one) and in parameters."""
    found = [value for name, value in request.params if name in request.secret_params]
    for name, value in request.headers:
        if name.lower() in _SECRET_HEADERS or name.lower() in request.secret_headers:
            scheme, _, credential = value.rpartition(" ")
            found.append(credential)
            if scheme.lower() == "basic":
                found.extend(_password_in(credential))
    return tuple(found)


def describe(request: Request) -> str:
    """One line about a request that is safe anywhere: method, path, parameters with the secret ones masked."""
    query = "&".join(
        f"{name}={MASK if name in request.secret_params else quote(value, safe=':,+')}"
        for name, value in request.params
    )
    return Redactor().text(f"{request.method} {request.path}{'?' if query else ''}{query}")


def _password_in(credential: str) -> list[str]:
    try:
        return [base64.b64decode(credential, validate=True).decode().partition(":")[2]]
    except (binascii.Error, UnicodeDecodeError):
        return []


def _forms(secret: str) -> set[str]:
    """How a value may be written: as it is, in an address, in a form, in JSON, in HTML, in base64."""
    escaped = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    lower = {_ESCAPE.sub(lambda match: match[0].lower(), form) for form in escaped}
    plain = {secret, json.dumps(secret)[1:-1], html.escape(secret)}
    coded = {code(secret.encode()).decode() for code in (base64.b64encode, base64.urlsafe_b64encode)}
    return plain | escaped | lower | coded | {form.rstrip("=") for form in coded}
