"""
The credential that a provider cannot do without: cleaned, checked and masked before anything is built with it.

What a copy added is taken off with a warning that names the setting, never the value; what no HTTP header could carry
is refused here rather than on the way.
"""

from __future__ import annotations

import logging
from typing import Final, Protocol, runtime_checkable

from gridtide.domain.errors import MissingCredential
from gridtide.domain.secret import Secret

__all__ = ["credential"]

_LOG: Final = logging.getLogger("gridtide.grid.credential")


@runtime_checkable
class _Wrapped(Protocol):
    """Another library's wrapper around a secret, for example pydantic's."""

    def get_secret_value(self) -> str: ...


def credential(value: object, *, name: str, literal: bool = False) -> Secret:
    """
    Make a usable credential of what a user gave.

    Args:
        value: A text, a `Secret`, or anything with ``get_secret_value()``.
        name: Setting it came from, for messages.
        literal: Whether quotes, blanks and letters outside ASCII belong to it, as they may to a password.

    Raises:
        MissingCredential: Nothing is left after cleaning, or it cannot be an HTTP header value.
    """
    given = Secret(_text_of(value), name=name)
    found = given.cleaned(literal=literal)
    text = found.reveal()
    if not found:
        raise MissingCredential(f"{name} is empty", hint=f"set {name}", field=name)
    if not text.isprintable() or not (literal or text.isascii()):
        raise MissingCredential(
            f"{name} holds a line break or another character that no key has", hint=f"copy {name} again", field=name
        )
    if found.trimmed:
        _LOG.warning("%s had quotes, blanks or a 'Bearer' prefix around it; they were taken off", name)
    return found


def _text_of(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, _Wrapped):
        return str(value.get_secret_value())
    return value if isinstance(value, str) else ""
