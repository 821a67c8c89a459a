"""
What an HTTP status means: which are worth another try, and which error each becomes.

::

    200, 201, 203      usable               204, 206     an outage in disguise
    3xx                redirects are off    400, 4xx     GridError, permanent
    401, 403           Unauthorized         404          ZoneNotCovered
    408, 425, 5xx      ProviderUnavailable  429          RateLimited, with the wait that was asked for

A provider's own `explain` is asked first; this table answers where it has nothing to say.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from gridtide.domain.errors import GridError, ProviderUnavailable, RateLimited, Unauthorized, ZoneNotCovered

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.grid.provider import Reply

__all__ = ["RETRY_AFTER_CAP", "error_for", "http_date", "is_usable", "is_worth_retrying", "retry_after"]

RETRY_AFTER_CAP: Final = timedelta(minutes=15)
_USABLE: Final = frozenset({200, 201, 203})
_RETRIED_4XX: Final = frozenset({408, 425, 429})
_NOT_RETRIED_5XX: Final = frozenset({501, 505, 511})
_DIGITS_MAX: Final = 9


def is_usable(status: int) -> bool:
    """Whether the body is what was asked for."""
    return status in _USABLE


def is_worth_retrying(status: int) -> bool:
    """Whether the same request may succeed a moment later."""
    return status in _RETRIED_4XX or (500 <= status < 600 and status not in _NOT_RETRIED_5XX)


def retry_after(reply: Reply) -> timedelta | None:
    """
    Wait that the server asked for, at most `RETRY_AFTER_CAP`; None when it asked for none that makes sense.

    Seconds or an HTTP date, counted from the server's own ``Date`` where it sends one, so that a clock that is off
    does not stretch it.
    """
    text = reply.header("retry-after").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=int(text)) if len(text) <= _DIGITS_MAX else RETRY_AFTER_CAP
    else:
        until = http_date(text)
        if until is None:
            return None
        wait = until - (http_date(reply.header("date")) or reply.fetched_at)
    return min(wait, RETRY_AFTER_CAP) if wait > timedelta(0) else None


def http_date(text: str) -> datetime | None:
    """Read an HTTP date; None when it is not one."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def error_for(provider: str, zone: str, reply: Reply) -> GridError:
    """Error for a reply that is not usable and that its provider does not explain."""
    status = reply.status
    facts: dict[str, Any] = {"provider": provider, "zone": zone, "status": status}
    if status == 429:
        wait = retry_after(reply)
        asked = f"; it asks to wait {wait.total_seconds():.0f} s" if wait else ""
        return RateLimited(
            f"{provider} limits our requests{asked}",
            hint="cached values are used meanwhile",
            retry_after=wait,
            **facts,
        )
    if is_worth_retrying(status) or status in _NOT_RETRIED_5XX or status in {204, 206}:
        return ProviderUnavailable(
            f"{provider} answered with status {status}",
            hint="the cache or another source is used meanwhile",
            retry_after=retry_after(reply),
            **facts,
        )
    if status in {401, 403}:
        return Unauthorized(
            f"{provider} refused the credential or the request (status {status})",
            hint="check the key and what its plan covers; `gridtide doctor` tests both",
            **facts,
        )
    if status == 404:
        return ZoneNotCovered(
            f"{provider} has nothing for zone {zone[:40]!r} (status 404)",
            hint="`gridtide zones` lists what each provider covers",
            **facts,
        )
    if 300 <= status < 400:
        return ProviderUnavailable(
            f"{provider} redirects elsewhere (status {status}), which is not followed",
            hint="set the provider's base_url if its address has changed",
            **facts,
        )
    if status == 410:
        return GridError(
            f"{provider} no longer offers this address (status 410)", hint="update Gridtide: its API has moved", **facts
        )
    return GridError(f"{provider} did not accept the request (status {status})", **facts)
