"""
A credential that does not show itself (invariant I11).

A `Secret` prints as ``***`` wherever it lands: repr, f-string, log, traceback. Copies from web pages and shell files
often carry quotes, a line break or a ``Bearer`` prefix; `Secret.cleaned` takes these off, and `Secret.trimmed` says so.
"""

from __future__ import annotations

from typing import Final

__all__ = ["MASK", "Secret"]

MASK: Final = "***"
"""What stands for a credential wherever something is printed."""


class Secret:
    """
    Text that shows itself only to `reveal`.

    Args:
        text: As it was found.
        name: Setting it came from, for messages.

    Attributes:
        name: Setting it came from.
        trimmed: Whether something around it was taken off.

    Example:
        >>> str(Secret("abc123", name="EIA_API_KEY"))
        '***'
    """

    __slots__ = ("_text", "name", "trimmed")

    def __init__(self, text: str = "", *, name: str = "credential") -> None:
        self.name = name
        self.trimmed = False
        self._text = text

    def reveal(self) -> str:
        """Return the text itself; only for building a request."""
        return self._text

    def cleaned(self, *, literal: bool = False) -> Secret:
        """
        Without what a copy adds.

        Args:
            literal: Whether quotes and blanks belong to it, as they may to a password; only a line break at the end
                is taken off then.
        """
        text = self._text.rstrip("\r\n") if literal else _unwrapped(self._text)
        found = Secret(text, name=self.name)
        found.trimmed = self.trimmed or text != self._text
        return found

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return f"Secret({self.name}={self})"

    def __str__(self) -> str:
        return MASK if self._text else ""

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret is not written to disk")


def _unwrapped(text: str) -> str:
    """Without blanks, a pair of quotes and a scheme around it."""
    cleaned = text.strip()
    if len(cleaned) > 1 and cleaned[0] == cleaned[-1] and cleaned[0] in "\"'":
        cleaned = cleaned[1:-1].strip()
    if cleaned[:7].lower() == "bearer " or cleaned.lower() == "bearer":
        cleaned = cleaned[7:].strip()
    return cleaned
