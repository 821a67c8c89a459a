"""
What is done to the world: an effect, the key that lets it happen at most once, and what was seen afterwards (I3).

A key names the piece of work, which run of it, the epoch and the verb. The journal holds each key once; an executor
that can carry a key (a dispatch token, a comment, an environment variable) passes `EffectKey.token` on, so that after a
crash the platform itself can be asked what became of it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gridtide.domain.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["LONGEST_NAME", "EffectKey", "EffectState", "Receipt", "Sighting", "Verb", "check_name"]

LONGEST_NAME = 253
"""Longest workload or occurrence name; what the strictest platform still carries."""


class Verb(StrEnum):
    """What is done to a piece of work."""

    START = "start"
    PAUSE = "pause"
    CONTINUE = "continue"


class EffectState(StrEnum):
    """Where an effect stands: meant, done, over, known not to have happened, or given up with its fate unknown."""

    INTENT = "intent"
    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"
    LOST = "lost"


class Sighting(StrEnum):
    """What a platform says about a piece of work when asked."""

    ABSENT = "absent"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class EffectKey:
    """
    Unique name of one effect.

    Args:
        workload: Whose work.
        occurrence: Which run of it.
        epoch: Counts known failed attempts for a start, and pieces for pauses; never reused.
        verb: What is done.
    """

    workload: str
    occurrence: str
    epoch: int = 0
    verb: Verb = Verb.START

    def __str__(self) -> str:
        return f"{self.verb} {self.workload}/{self.occurrence}#{self.epoch}"

    @property
    def token(self) -> str:
        """The same 32 characters for the same key, safe on every platform."""
        parts = "\x1f".join((self.workload, self.occurrence, str(self.epoch), self.verb))
        return hashlib.sha256(parts.encode("utf-8", "surrogateescape")).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an executor did: the platform's own name for it (a process id, an allocation), and when."""

    ref: str
    at: datetime


def check_name(name: str, *, field: str) -> str:
    """
    Refuse names that some platform or terminal cannot carry; spaces, quotes and leading dashes are fine.

    Raises:
        InvalidInput: Empty, longer than `LONGEST_NAME`, or with control characters.
    """
    if not name or len(name) > LONGEST_NAME:
        raise InvalidInput(
            f"{field} has {len(name)} characters; allowed: 1 to {LONGEST_NAME}", hint=f"shorten {field}", field=field
        )
    bad = next((c for c in name if not c.isprintable()), None)
    if bad is not None:
        raise InvalidInput(
            f"{field} {name[:60]!r} holds the control character {bad!r}; allowed: printable characters",
            hint=f"leave line breaks and tabs out of {field}",
            field=field,
        )
    return name
