"""
What ``gridtide doctor`` finds out over the network: each source of the place, what sources say of each other, Redis.

Every source is asked once for its current value, each with its own time limit, inside the budget that all processes
share. Sources that give the same kind of signal are then held against each other over the hours that both know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from gridtide.api import live, wiring
from gridtide.api.clocks import SystemClock
from gridtide.cli.checkup import FAIL, OK, WARN, Finding
from gridtide.config.checks import BUILT_IN, canonical_provider
from gridtide.domain.durations import format_duration
from gridtide.domain.errors import CarbonError, UnmappedRegion
from gridtide.domain.instants import isoformat
from gridtide.domain.interval import Interval
from gridtide.domain.signal import SignalKind
from gridtide.grid import crosscheck
from gridtide.grid.limits import Limits
from gridtide.grid.provider import Ask, Product

if TYPE_CHECKING:
    from gridtide.config.settings import Settings
    from gridtide.domain.ports import Clock
    from gridtide.domain.series import Series
    from gridtide.domain.zone import Zone
    from gridtide.grid.fetch import Fetcher
    from gridtide.grid.provider import Provider, ProviderInfo

__all__ = ["cache_findings", "source_findings"]

_SKEW: Final = timedelta(minutes=1)
_BACK: Final = timedelta(hours=6)
_HOUR: Final = timedelta(hours=1)


class _Heard(NamedTuple):
    """What one source said."""

    finding: Finding
    info: ProviderInfo
    series: Series | None
    plan: Finding | None = None


def cache_findings(settings: Settings) -> Iterator[Finding]:
    """Whether the Redis server of the settings answers, and what follows from it."""
    took = asyncio.run(_ping(settings))
    if took is None:
        yield Finding(
            "cache",
            WARN,
            "redis does not answer; each process keeps answers to itself and to an eighth of every budget",
            "start the server, or check cache.redis_url",
        )
    else:
        yield Finding("cache", OK, f"redis answers in {1e3 * took:.1f} ms; answers, budgets and pauses are shared")


async def _ping(settings: Settings) -> float | None:
    store = live.shared_store(settings, SystemClock())
    if store is None:
        return None
    try:
        return await store.ping()
    finally:
        await store.aclose()


def source_findings(settings: Settings, zone: str | None) -> Iterator[Finding]:
    """Ask every source that covers the place for its current value, and hold them against each other."""
    chosen = canonical_provider(settings.provider)
    if chosen in BUILT_IN and chosen != "auto":
        yield Finding("sources", OK, f"provider {chosen} needs no network")
        return
    try:
        mapping = wiring.locate(settings, wiring.build_catalogue(settings), zone)
    except UnmappedRegion:
        yield Finding("sources", WARN, "not asked, because no place is set", "give --zone")
        return
    heard = asyncio.run(_ask_all(settings, mapping.zone))
    yield from (finding for one in heard for finding in (one.finding, one.plan) if finding is not None)
    if not any(one.finding.status == OK for one in heard):
        yield Finding("sources", FAIL, f"none answers for {mapping.zone.key}", "yearly figures are used until then")
    yield from _compared(heard, settings)


async def _ask_all(settings: Settings, zone: Zone) -> list[_Heard]:
    clock = SystemClock()
    made = {p.info.name: p for p in (*live.build_providers(settings), *live.build_witnesses(settings))}
    providers = [provider for provider in made.values() if provider.key_for(zone) is not None]
    shared = live.shared_store(settings, clock)
    limits = Limits(clock, shared=shared, share=live.OWN_SHARE) if shared else None
    try:
        async with live.open_fetcher(settings, clock, limits=limits) as fetcher:
            return list(await asyncio.gather(*(_hear(fetcher, clock, provider, zone) for provider in providers)))
    finally:
        if shared is not None:
            await shared.aclose()


async def _hear(fetcher: Fetcher, clock: Clock, provider: Provider, zone: Zone) -> _Heard:
    """What one source has now, and what its plan covers where it can say."""
    plan = await _plan(fetcher, provider, zone)
    return (await _ask(fetcher, clock, provider, zone))._replace(plan=plan)


async def _plan(fetcher: Fetcher, provider: Provider, zone: Zone) -> Finding | None:
    """What the credential may ask about the place; None for sources that cannot say."""
    name, key = provider.info.name, provider.key_for(zone) or ""
    try:
        access = await fetcher.access(provider)
    except CarbonError as error:
        return Finding("plan", WARN, f"{name}: {error.message}", error.hint)
    if access is None:
        return None
    allowed = [f"{kind} {product}" for product in Product for kind in SignalKind if access.allows(key, product, kind)]
    if not allowed:
        return Finding("plan", WARN, f"{name}: the plan covers nothing for {key}", "other places may be covered")
    return Finding("plan", OK, f"{name}: the plan covers {', '.join(allowed)} for {key}")


async def _ask(fetcher: Fetcher, clock: Clock, provider: Provider, zone: Zone) -> _Heard:
    """Ask one source for what it has now."""
    info, now = provider.info, clock.now()
    product = Product.CURRENT if Product.CURRENT in info.products else Product.FORECAST
    window = Interval(now - _BACK, now + _HOUR)
    ask = Ask(zone=provider.key_for(zone) or "", product=product, window=window, kind=info.kinds[0], now=now)
    try:
        series = await fetcher.fetch(provider, ask, retries=0)
    except CarbonError as error:
        return _Heard(Finding("sources", WARN, f"{info.name}: {error.message}", error.hint), info, None)
    skew = fetcher.skew(provider)
    if skew is not None and abs(skew) > _SKEW:
        ahead = f"{abs(skew).total_seconds():.0f} s {'ahead of' if skew > timedelta(0) else 'behind'} {info.name}"
        hint = "set the clock of the machine"
        return _Heard(Finding("sources", WARN, f"this machine's clock is {ahead}", hint), info, series)
    newest = isoformat(series.end) if series else "nothing"
    used, per = fetcher.tally[info.name, "calls"], format_duration(info.budget_window)
    budget = f"{used} of {info.calls_per_window} calls in {per} used"
    said = f"{info.name} answers for {zone.key}; known until {newest}; {budget}"
    return _Heard(Finding("sources", OK, said), info, series)


def _compared(heard: Sequence[_Heard], settings: Settings) -> Iterator[Finding]:
    """Sources of one kind and scope beside the first of them, over the hours that both know."""
    known = [one for one in heard if one.series]
    for _, same in groupby(sorted(known, key=_what), key=_what):
        first, *others = same
        for other in others:
            assert first.series is not None  # noqa: S101 - only those with values are compared
            assert other.series is not None  # noqa: S101
            ratio = crosscheck.disagreement(first.series, other.series, at_least=1)
            if ratio is not None:
                yield _apart(first, other, ratio, settings.crosscheck.tolerance)
    second = settings.crosscheck.provider
    if second and canonical_provider(second) not in {one.info.name for one in heard}:
        yield Finding(
            "crosscheck", WARN, f"{second} does not cover this place; values are not checked", "name another source"
        )


def _what(one: _Heard) -> tuple[str, str, str]:
    assert one.series is not None  # noqa: S101 - only those with values are compared
    signal = one.series.signal
    return str(signal.kind), str(signal.scope), signal.unit


def _apart(first: _Heard, other: _Heard, ratio: float, tolerance: float) -> Finding:
    kind, scope, _ = _what(first)
    said = f"{first.info.name} and {other.info.name} are {ratio:.3g} times apart ({kind}, {scope})"
    if ratio <= tolerance:
        return Finding("crosscheck", OK, said)
    hint = f"more than {tolerance:g} times is unusual: look at both, and prefer the one that is right with provider"
    return Finding("crosscheck", WARN, said, hint)
