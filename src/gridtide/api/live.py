"""
The live chain: providers from settings, one fetch loop, cache and rules, as one `GridClient`.

A source that was named is asked alone, with the fallbacks that were named beside it. With ``auto`` every source that
needs no key takes part, and every one whose key is set.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from gridtide.api.measured import MeasuredForecast
from gridtide.api.wiring import credentials
from gridtide.config.checks import canonical_provider
from gridtide.config.places import cache_dir
from gridtide.domain.errors import ConfigurationError, MissingCredential
from gridtide.domain.ports import Waiter
from gridtide.grid.cache import Cache, MemoryStore
from gridtide.grid.chain import KEYLESS_ORDER
from gridtide.grid.client import GridClient, Rules
from gridtide.grid.fetch import Fetcher
from gridtide.grid.file_store import FileStore
from gridtide.grid.limits import Limits
from gridtide.grid.providers.registry import ProviderSpec, all_providers
from gridtide.grid.refresh import refreshing
from gridtide.grid.wire import Timing

if TYPE_CHECKING:
    from gridtide.config.settings import Settings
    from gridtide.domain.ports import Clock
    from gridtide.grid.provider import Provider
    from gridtide.grid.redis_store import RedisStore

__all__ = [
    "OWN_SHARE",
    "build_providers",
    "build_witnesses",
    "keyed_providers",
    "named_providers",
    "open_fetcher",
    "open_live",
    "shared_store",
]

_LOG: Final = logging.getLogger("gridtide.api.live")
_REDIS_URL: Final = "redis://localhost:6379/0"
OWN_SHARE: Final = 1 / 8
"""Fraction of each budget that a process keeps to while Redis does not answer."""


@asynccontextmanager
async def open_live(settings: Settings, clock: Clock, *, keep: bool = False) -> AsyncIterator[GridClient]:
    """
    Client for the sources that *settings* name or allow; closed at the end of the block.

    Args:
        settings: Sources, cache and limits.
        clock: Time.
        keep: Whether this process ends soon, so that answers are kept in files where the cache driver is ``auto``.

    Raises:
        MissingCredential: The source that was named needs a key, and no fallback is named.
        ConfigurationError: An address cannot be used.
    """
    shared = shared_store(settings, clock)
    fetcher = open_fetcher(settings, clock, limits=Limits(clock, shared=shared, share=OWN_SHARE) if shared else None)
    rules = Rules(
        prefer=named_providers(settings),
        allow_signal_mix=settings.policies.allow_signal_mix,
        ttl=settings.cache.ttl,
        tolerance=settings.crosscheck.tolerance,
    )
    remote = shared or _file_store(settings, clock, keep=keep)
    client = GridClient(
        build_providers(settings),
        fetcher=fetcher,
        clock=clock,
        cache=Cache(MemoryStore(clock), clock=clock, remote=remote),
        rules=rules,
        forecaster=MeasuredForecast(),
        witnesses=build_witnesses(settings),
    )
    async with AsyncExitStack() as stack:
        if shared is not None:
            stack.push_async_callback(shared.aclose)
        await stack.enter_async_context(client)
        if settings.cache.refresh and not keep and isinstance(clock, Waiter):
            await stack.enter_async_context(refreshing(client, clock))
        yield client


def open_fetcher(settings: Settings, clock: Clock, *, limits: Limits | None = None) -> Fetcher:
    """
    Fetch loop with the addresses and time limits of *settings*; close it after use.

    Args:
        settings: Of the installation.
        clock: Wall and monotonic time.
        limits: Budgets and pauses; of this process alone when left out.

    Raises:
        ConfigurationError: An address cannot be used.
    """
    return Fetcher(
        clock,
        limits=limits,
        base_urls={
            name: all_providers()[name].split_url(own.base_url)[0]
            for name, own in settings.providers.items()
            if own.base_url
        },
        insecure=frozenset(canonical_provider(name) for name in settings.fetch.allow_http),
        most_retries=settings.fetch.retries,
        timing=Timing(
            connect=settings.fetch.connect_timeout.total_seconds(),
            read=settings.fetch.read_timeout.total_seconds(),
            total=settings.fetch.total_timeout.total_seconds(),
        ),
    )


def named_providers(settings: Settings) -> tuple[str, ...]:
    """Sources that the settings name, first choice first; empty for ``auto`` alone."""
    names = (settings.provider, *settings.fallback_providers)
    return tuple(name for name in map(canonical_provider, names) if name in all_providers())


def build_providers(settings: Settings) -> list[Provider]:
    """
    Make the sources that take part.

    Raises:
        MissingCredential: The one that was named needs a key, and there is no fallback.
    """
    specs = all_providers()
    first = canonical_provider(settings.provider)
    named = named_providers(settings)
    made: list[Provider] = []
    for name in named:
        try:
            made.append(_make(specs[name], settings))
        except MissingCredential as error:
            if name == first and len(named) == 1:
                raise MissingCredential(
                    f"provider {error.message}",
                    hint=f"{error.hint}, or take --provider auto for a source without a key",
                    **error.facts,  # type: ignore[arg-type]  # the facts of the same error
                ) from None
            _LOG.warning("%s; the next source takes its place", error.message)
    _require_same_kind(made, settings)
    if first != "auto":
        return made
    taken = set(named)
    for name, spec in specs.items():
        if name not in taken and _joins(spec, settings):
            made.append(_make(spec, settings))
    return made


def build_witnesses(settings: Settings) -> tuple[Provider, ...]:
    """
    Make the second source that values are held against, where one is named.

    Raises:
        MissingCredential: It needs a key that is not set.
        ConfigurationError: It is no source that is asked over the network.
    """
    if not settings.crosscheck.provider:
        return ()
    name = canonical_provider(settings.crosscheck.provider)
    spec = all_providers().get(name)
    if spec is None:
        raise ConfigurationError(
            f"crosscheck.provider is {name}, which cannot be asked about the same hours",
            hint="name one source, for example electricitymaps",
            field="crosscheck.provider",
        )
    return (_make(spec, settings),)


def keyed_providers(settings: Settings) -> list[Provider]:
    """Every source that needs a key and has it, whichever source the settings name."""
    specs = all_providers().values()
    return [
        _make(spec, settings)
        for spec in specs
        if not spec.keyless and not spec.missing(credentials(settings, spec.name))
    ]


def _require_same_kind(named: list[Provider], settings: Settings) -> None:
    """
    Refuse a fallback that could never stand in, because it gives another kind of signal.

    Raises:
        ConfigurationError: The message names both sources and both kinds.
    """
    if len(named) < 2 or settings.policies.allow_signal_mix:
        return
    first = named[0].info
    wanted = {str(kind) for kind in first.kinds} if settings.signal == "auto" else {settings.signal}
    for provider in named[1:]:
        offered = {str(kind) for kind in provider.info.kinds}
        if not wanted & offered:
            raise ConfigurationError(
                f"fallback_providers holds {provider.info.name}, which gives {' and '.join(sorted(offered))} signals; "
                f"{first.name} gives {' and '.join(sorted(wanted))}",
                hint="take it out, or set policies.allow_signal_mix: values are then labelled where the kind changes",
                field="fallback_providers",
            )


def _joins(spec: ProviderSpec, settings: Settings) -> bool:
    """Whether a source takes part without being named: it needs nothing, or has everything it needs."""
    if spec.name in KEYLESS_ORDER:
        return True
    if spec.keyless:
        return bool(settings.for_provider(spec.name).base_url)
    return not spec.missing(credentials(settings, spec.name))


def _make(spec: ProviderSpec, settings: Settings) -> Provider:
    own = settings.for_provider(spec.name)
    implied = spec.split_url(own.base_url)[1] if own.base_url else {}
    return spec.create(credentials(settings, spec.name), {**implied, **own.options})


def _file_store(settings: Settings, clock: Clock, *, keep: bool) -> FileStore | None:
    """Cache of one user on one machine, for commands that end and are called again."""
    if settings.cache.driver == "file" or (settings.cache.driver == "auto" and keep):
        return FileStore(settings.paths.cache or cache_dir(os.environ), clock)
    return None


def shared_store(settings: Settings, clock: Clock) -> RedisStore | None:
    """Cache and budgets shared between processes, where the settings ask for it."""
    if settings.cache.driver != "redis":
        return None
    try:
        from gridtide.grid.redis_store import RedisStore  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "cache.driver is redis, and its client is not installed",
            hint="install gridtide[redis]",
            field="cache.driver",
        ) from error
    return RedisStore(settings.cache.redis_url.reveal() or _REDIS_URL, clock=clock)
