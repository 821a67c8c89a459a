"""
When data are fresh, late or too old: judged by what is in them, never by the status they came with.

A server that answers 200 with yesterday's values is as down as one that does not answer. So health is the age of the
newest information: the end of the newest step for values, the issue time for forecasts. *Late* means more than two
periods behind what the source's own rhythm promises.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from gridtide.grid.provider import Product

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.grid.cache import Entry
    from gridtide.grid.provider import ProviderInfo

__all__ = [
    "DECISION_BOUND",
    "STALE_MOST",
    "fresh_until",
    "healthy_interval",
    "information_age",
    "is_late",
    "late_from",
    "most_jitter",
    "next_publication",
    "stale_bound",
]

DECISION_BOUND: Final = timedelta(minutes=60)
STALE_MOST: Final = timedelta(hours=24)
_LATE_PERIODS: Final = 2
_TRUST_MOST: Final = timedelta(minutes=30)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def next_publication(info: ProviderInfo, after: datetime) -> datetime:
    """
    First instant after *after* at which *info*'s source should have something new.

    Sources publish in step with the clock, *lag* behind it: one with half-hour values and a lag of five minutes
    does so at five and thirty-five past.
    """
    elapsed = after - _EPOCH - info.lag
    return _EPOCH + info.lag + (elapsed // info.period + 1) * info.period


def healthy_interval(info: ProviderInfo, ttl: timedelta) -> timedelta:
    """How often a zone that works is asked: once per publication, at least *ttl* apart, at least half-hourly."""
    return max(ttl, min(info.period, _TRUST_MOST))


def information_age(series: Series, product: Product, now: datetime) -> timedelta | None:
    """
    Age of the newest information in *series*; None when it cannot be told.

    A forecast without an issue time, and a current value that covers *now*, do not tell.
    """
    if not series:
        return None
    if product is Product.FORECAST:
        issued = series.signal.issued_at
        return None if issued is None else max(now - issued, timedelta(0))
    return None if series.end > now else now - series.end


def late_from(info: ProviderInfo, series: Series, product: Product) -> datetime | None:
    """Instant after which *series* is more than two periods behind its source's rhythm; None when it cannot be told."""
    if not series:
        return None
    newest = series.signal.issued_at if product is Product.FORECAST else series.end
    return None if newest is None else newest + info.lag + _LATE_PERIODS * info.period


def is_late(info: ProviderInfo, series: Series, product: Product, now: datetime) -> bool:
    """Whether the newest information is more than two periods behind what the source promises."""
    limit = late_from(info, series, product)
    return limit is not None and now > limit


def fresh_until(
    info: ProviderInfo, entry: Entry, product: Product, ttl: timedelta, jitter: timedelta = timedelta(0)
) -> datetime:
    """
    Instant up to which an entry needs no better one, and at which to fetch the next.

    At least *ttl*; up to the next publication, half an hour at most, when the source was on time; never beyond the
    point where it is late.

    Args:
        info: Rhythm of the source.
        entry: What was fetched.
        product: What it is.
        ttl: Shortest time.
        jitter: Delay after a publication, so that zones and processes do not ask at one instant.
    """
    floor = entry.fetched_at + ttl
    limit = late_from(info, entry.series, product)
    if limit is not None and entry.fetched_at > limit - info.period:
        return floor
    published = min(next_publication(info, entry.fetched_at), entry.fetched_at + _TRUST_MOST)
    return max(floor, published + jitter)


def most_jitter(info: ProviderInfo) -> timedelta:
    """Longest delay after a publication: a minute, or a fifth of a short period."""
    return min(timedelta(minutes=1), info.period / 5)


def stale_bound(purpose: str, max_age: timedelta | None, *, decision_bound: timedelta = DECISION_BOUND) -> timedelta:
    """Oldest information that may still be served: *max_age* if given, else by purpose; never more than a day."""
    if max_age is not None:
        return min(max_age, STALE_MOST)
    return min(decision_bound, STALE_MOST) if purpose == "decision" else STALE_MOST
