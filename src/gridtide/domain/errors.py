"""
Errors, grouped by who can act on them.

::

    CarbonError                    retryable, retry_after, hint, and the facts as keywords
      InvalidInput (ValueError)    fix the call: NaiveDatetime, EmptyInterval, UnitMismatch, KindMismatch,
                                   MalformedFile
      ConfigurationError           fix the setup: UnknownProvider, UnmappedRegion, MissingCredential
      GridError                    retry later: RateLimited, ProviderUnavailable, StaleSignal
                                   permanent: Unauthorized, ZoneNotCovered, HorizonTooShort, MalformedPayload
      ExecutorError                retry: Conflict, Unreachable;  permanent: Refused, Unsupported, NotFound
      BudgetExhausted              ask again when grams have flowed in
      JournalUnavailable           the local records cannot be read or written; work goes on without them

An expected outcome ("wait", "no data yet") is not an error: it is a `Decision`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = [
    "BudgetExhausted",
    "CarbonError",
    "ConfigurationError",
    "Conflict",
    "EmptyInterval",
    "ExecutorError",
    "GridError",
    "HorizonTooShort",
    "InvalidInput",
    "JournalUnavailable",
    "KindMismatch",
    "MalformedFile",
    "MalformedPayload",
    "MissingCredential",
    "NaiveDatetime",
    "NotFound",
    "ProviderUnavailable",
    "RateLimited",
    "Refused",
    "StaleSignal",
    "Unauthorized",
    "UnitMismatch",
    "UnknownProvider",
    "UnmappedRegion",
    "Unreachable",
    "Unsupported",
    "ZoneNotCovered",
]


class CarbonError(Exception):
    """
    Base of every error Gridtide raises on purpose.

    Args:
        message: One sentence that names the field, the value and what is allowed.
        hint: The next step for the reader, if there is one.
        retry_after: How long to wait before trying again, if known.
        facts: What was seen (zone, provider, bounds, field), kept for JSON output and tests.
    """

    code: ClassVar[str] = "carbon_error"
    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str, *, hint: str | None = None, retry_after: timedelta | None = None, **facts: object
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.retry_after = retry_after
        self.facts = facts


class InvalidInput(CarbonError, ValueError):
    """A value given by the caller cannot be used; fix the call."""

    code = "invalid_input"


class NaiveDatetime(InvalidInput):
    """An instant without a time zone was given; guessing one is refused."""

    code = "naive_datetime"


class EmptyInterval(InvalidInput):
    """An interval ends before or where it starts."""

    code = "empty_interval"


class UnitMismatch(InvalidInput):
    """Two values in different units met in one comparison, or a unit is unknown."""

    code = "unit_mismatch"


class KindMismatch(InvalidInput):
    """Signals of different kind or scope met in one comparison."""

    code = "kind_mismatch"


class MalformedFile(InvalidInput):
    """A data file given by the user cannot be read as declared."""

    code = "malformed_file"


class ConfigurationError(CarbonError):
    """The setup is wrong or incomplete; fix the configuration."""

    code = "configuration_error"


class UnknownProvider(ConfigurationError):
    """A provider name that does not exist."""

    code = "unknown_provider"


class UnmappedRegion(ConfigurationError):
    """A region, place or zone that maps to no known grid zone."""

    code = "unmapped_region"


class MissingCredential(ConfigurationError):
    """A provider needs a key that is not set."""

    code = "missing_credential"


class GridError(CarbonError):
    """A grid data source could not give what was asked."""

    code = "grid_error"


class RateLimited(GridError):
    """The provider asked us to slow down, or our own budget for it is used up."""

    code = "rate_limited"
    retryable = True


class ProviderUnavailable(GridError):
    """The provider did not answer, or answered with a passing fault."""

    code = "provider_unavailable"
    retryable = True


class StaleSignal(GridError):
    """The newest data are older than the bound that was asked for."""

    code = "stale_signal"
    retryable = True


class Unauthorized(GridError):
    """The credential was refused, or the plan does not cover the request."""

    code = "unauthorized"


class ZoneNotCovered(GridError):
    """The provider does not cover this zone or this product of it."""

    code = "zone_not_covered"


class HorizonTooShort(GridError):
    """Something was read outside the known part of a series."""

    code = "horizon_too_short"


class MalformedPayload(GridError):
    """A provider's reply does not have the agreed shape."""

    code = "malformed_payload"


class ExecutorError(CarbonError):
    """The platform that runs the work answered with an error."""

    code = "executor_error"


class Conflict(ExecutorError):
    """Somebody else changed the object meanwhile."""

    code = "conflict"
    retryable = True


class Unreachable(ExecutorError):
    """The platform did not answer."""

    code = "unreachable"
    retryable = True


class Refused(ExecutorError):
    """The platform refused the action."""

    code = "refused"


class Unsupported(ExecutorError):
    """The executor has no such ability."""

    code = "unsupported"


class NotFound(ExecutorError):
    """The object, command or file is not there."""

    code = "not_found"


class BudgetExhausted(CarbonError):
    """A carbon budget turns work down; ask again when grams have flowed in."""

    code = "budget_exhausted"
    retryable = True


class JournalUnavailable(CarbonError):
    """The local records cannot be read or written (disk full, read-only, locked); work goes on without them."""

    code = "journal_unavailable"
    retryable = True
