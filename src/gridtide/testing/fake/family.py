"""The port of a fake provider: from a call and what is known to an answer."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.testing.answer import Answer, Call
    from gridtide.testing.feed import Publication, View

__all__ = ["Desk", "Family", "rounded"]


class Desk(Protocol):
    """What the server knows while one call is answered."""

    @property
    def now(self) -> datetime:
        """True now on the server's clock, for tokens and limits."""
        ...

    def view(self, zone: str) -> View | None:
        """The provider's knowledge of *zone*, or None where it does not cover it."""
        ...


class Family(ABC):
    """
    Base of the fake providers; subclasses keep what state the real one keeps (tokens, rolling limits).

    Attributes:
        name: Provider id, and first path segment on the server.
        aliases: Other first path segments.
        publication: The provider's own clock.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    publication: Publication

    @abstractmethod
    def zone_of(self, call: Call) -> str:
        """The provider's key of the zone that is asked for; empty where the call names none."""

    @abstractmethod
    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer one call."""

    def is_login(self, call: Call) -> bool:  # noqa: ARG002 - a default for subclasses
        """Whether the call asks for a token."""
        return False


def rounded(value: Any, digits: int = 0) -> Any:
    """Round a real number; leave what a fault put there as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return value
    return round(value, digits) if digits else round(value)
