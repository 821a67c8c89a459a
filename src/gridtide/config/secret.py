"""
A credential from a file or the environment, masked wherever it is printed (invariant I11).

Copies from web pages and shell files often carry a line break, quotes or a ``Bearer`` prefix; these are taken off.
"""

from __future__ import annotations

from typing import Final

__all__ = ["MASK", "SecretText"]

MASK: Final = "********"


class SecretText:
    """
    Text that shows itself only to `get_secret_value`.

    Args:
        text: As it was found.

    Attributes:
        trimmed: Whether something around the key was taken off.

    Example:
        >>> str(SecretText("Bearer abc"))
        '********'
    """

    __slots__ = ("_text", "trimmed")

    def __init__(self, text: str) -> None:
        cleaned = text.strip().strip("\"'").strip()
        if cleaned[:7].lower() == "bearer ":
            cleaned = cleaned[7:].strip()
        self._text = cleaned
        self.trimmed = cleaned != text

    def get_secret_value(self) -> str:
        """Return the text itself; only for building a request."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretText) and other._text == self._text

    def __hash__(self) -> int:
        return hash((SecretText, self._text))

    def __repr__(self) -> str:
        return f"SecretText({self})"

    def __str__(self) -> str:
        return MASK if self._text else ""

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not written to disk")
