"""
Credentials that do not show themselves (invariant I11).

A `Secret` prints as ``***`` wherever it lands: repr, f-string, log, traceback. Its text is read in one place only,
where a provider builds a request header. Copies from web pages and shell files often carry quotes, a line break or
a ``Bearer`` prefix; these are taken off with a warning that names the setting, never the value.
"""

from __future__ import annotations

import logging
from typing import Final, Protocol, runtime_checkable

from gridtide.domain.errors import MissingCredential

__all__ = ["Secret"]

_LOG = logging.getLogger("gridtide.grid.secret")
_MASK: Final = "***"


@runtime_checkable
class _Wrapped(Protocol):
    """Any other secret wrapper, for example pydantic's."""

    def get_secret_value(self) -> str: ...


class Secret:
    """
    One credential, masked in every representation.

    Args:
        value: The text, a `Secret`, or anything with ``get_secret_value()``.
        name: Setting it came from, for messages.
        literal: Whether quotes, blanks and letters outside ASCII belong to it, as they may to a password; only a line
            break at the end is taken off then.

    Raises:
        MissingCredential: Nothing is left after cleaning, or it cannot be an HTTP header value.

    Example:
        >>> str(Secret("abc123", name="EIA_API_KEY"))
        '***'
    """

    __slots__ = ("_text", "name")

    def __init__(self, value: object, *, name: str = "credential", literal: bool = False) -> None:
        self.name = name
        self._text = _clean(_text_of(value), name, literal=literal)

    def reveal(self) -> str:
        """Return the text itself; only for building a request."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return f"Secret({self.name}={_MASK})"

    def __str__(self) -> str:
        return _MASK

    def __format__(self, spec: str) -> str:
        return _MASK

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret is not written to disk")


def _text_of(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, _Wrapped):
        return str(value.get_secret_value())
    return value if isinstance(value, str) else ""


def _unwrapped(text: str) -> str:
    """Without blanks, a pair of quotes and a scheme around it."""
    cleaned = text.strip()
    if len(cleaned) > 1 and cleaned[0] == cleaned[-1] and cleaned[0] in "\"'":
        cleaned = cleaned[1:-1].strip()
    if cleaned[:7].lower() == "bearer " or cleaned.lower() == "bearer":
        cleaned = cleaned[7:].strip()
    return cleaned


def _clean(text: str, name: str, *, literal: bool) -> str:
    cleaned = text.rstrip("\r\n") if literal else _unwrapped(text)
    if not cleaned:
        raise MissingCredential(f"{name} is empty", hint=f"set {name}", field=name)
    if not cleaned.isprintable() or not (literal or cleaned.isascii()):
        raise MissingCredential(
            f"{name} holds a line break or another character that no key has", hint=f"copy {name} again", field=name
        )
    if cleaned != text:
        _LOG.warning("%s had quotes, blanks or a 'Bearer' prefix around it; they were taken off", name)
    return cleaned
