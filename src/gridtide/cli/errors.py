"""
One place that turns errors into an exit code, words for people and an object for programs.

::

    2    the command line is wrong            Usage
    65   the data or the deadline are wrong   InvalidInput, UnmappedRegion, HorizonTooShort
    69   no provider could answer             GridError
    75   not now                              BudgetExhausted, and an answer of `check`
    77   a credential is missing or refused   MissingCredential, Unauthorized
    78   the setup is wrong                   ConfigurationError, JournalUnavailable
    124  gave up waiting                      (an answer of `wait`)
    126  the command cannot be run            Refused
    127  the command is not there             NotFound
    1    a fault of ours                      anything else, with an id instead of a traceback
"""

from __future__ import annotations

import hashlib
import os
import traceback
from typing import ClassVar, Final

from gridtide.domain import errors

__all__ = ["DEBUG_VARIABLE", "GAVE_UP", "NOT_NOW", "Usage", "code_of", "describe", "exit_code", "fault_id"]

NOT_NOW: Final = 75
GAVE_UP: Final = 124
DEBUG_VARIABLE: Final = "GRIDTIDE_DEBUG"

_EXIT_CODES: Final[tuple[tuple[type[BaseException], int], ...]] = (
    (errors.MissingCredential, 77),
    (errors.Unauthorized, 77),
    (errors.UnmappedRegion, 65),
    (errors.HorizonTooShort, 65),
    (errors.ConfigurationError, 78),
    (errors.GridError, 69),
    (errors.NotFound, 127),
    (errors.Refused, 126),
    (errors.ExecutorError, 69),
    (errors.InvalidInput, 65),
    (errors.JournalUnavailable, 78),
    (errors.BudgetExhausted, 75),
)
_SHOWN_FACTS: Final = ("field", "provider", "zone", "value", "line", "column", "step", "asked", "known", "unit", "kind")


class Usage(errors.InvalidInput):
    """The command line itself is wrong: a flag that does not exist, contradicts another or cannot be read."""

    code: ClassVar[str] = "usage"


def exit_code(error: BaseException) -> int:
    """Exit code of an error, as in the table above."""
    if isinstance(error, Usage):
        return 2
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), 1)


def code_of(error: BaseException) -> str:
    """Stable name of an error for programs."""
    return error.code if isinstance(error, errors.CarbonError) else "internal"


def fault_id(error: BaseException) -> str:
    """Short id of an unexpected error: the same place in the code gives the same id, and it holds no values."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = [f"{os.path.basename(f.filename)}:{f.name}:{f.lineno}" for f in frames]  # noqa: PTH119 - a name, no file
    text = "|".join([type(error).__name__, *places])
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def describe(error: BaseException) -> dict[str, object]:
    """
    Say what went wrong as the ``error`` object of the JSON output.

    The text of an unexpected exception is left out: it may hold a value that must not be shown.
    """
    if isinstance(error, errors.CarbonError):
        facts = {name: str(error.facts[name]) for name in _SHOWN_FACTS if error.facts.get(name) is not None}
        return {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "field": facts.pop("field", None),
            "retryable": error.retryable,
            "retry_after_s": error.retry_after.total_seconds() if error.retry_after is not None else None,
            "exit_code": exit_code(error),
            "facts": facts,
        }
    identifier = fault_id(error)
    return {
        "code": "internal",
        "message": f"unexpected {type(error).__name__}, fault {identifier}",
        "hint": f"run `gridtide doctor` and report it with this id; {DEBUG_VARIABLE}=1 shows where it happened",
        "field": None,
        "retryable": False,
        "retry_after_s": None,
        "exit_code": 1,
        "facts": {"id": identifier},
    }
