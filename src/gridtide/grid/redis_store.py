"""
Cache entries, budgets and pauses in Redis, shared by replicas; the only module that imports ``redis``.

Redis is an accelerator, never needed for correctness: nothing here raises for a server that is down, slow, full,
read-only, flushed or restarted. Every command has a tenth of a second; after one that fails the server is left alone
for a while and the process goes on with what it has itself. Keys carry a namespace and a format version.

::

    <namespace>:1:entry:<provider>:<zone>:<product>:<kind>:<scope>     fetch time, then the entry
    <namespace>:1:claim:...                                            who fetches it now; only saves work
    <namespace>:1:broken:...                                           what was found broken, while it is left alone
    <namespace>:1:{<host>}:budget, :pause                              arrival time of the next call; pause asked for
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from gridtide.domain.errors import ConfigurationError
from gridtide.domain.instants import to_ns
from gridtide.grid import codec
from gridtide.grid.cache import Mark

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.commands.core import AsyncScript

    from gridtide.domain.ports import Clock
    from gridtide.grid.cache import CacheKey, Entry
    from gridtide.grid.limits import Budget

__all__ = ["RedisStore"]

_LOG: Final = logging.getLogger("gridtide.grid.redis_store")

BUDGET_S: Final = 0.1
_AT_ONCE: Final = 8
_OWN_LAG_S: Final = 0.03
_REST_FIRST_S: Final = 1.0
_REST_MOST_S: Final = 30.0
_ENTRY_MOST: Final = 4 * 1024 * 1024
_STAMP_DIGITS: Final = 20
_US: Final = 1_000_000

_PUT: Final = """
local held = redis.call('GETRANGE', KEYS[1], 0, 19)
local time = redis.call('TIME')
local now = string.format('%020.0f', time[1] * 1000000 + time[2])
if held > ARGV[1] and held <= now then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
return 1
"""
_RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_MARKED: Final = """
local problem = redis.call('GET', KEYS[1])
if not problem then return nil end
return {redis.call('PTTL', KEYS[1]), problem}
"""
_RESERVE: Final = """
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local cold, patience = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local pause = redis.call('PTTL', KEYS[2]) * 1000
local arrival = tonumber(redis.call('GET', KEYS[1])) or now + cold
if arrival > now + tolerance + interval + 60000000 then arrival = now + tolerance end
if arrival < now then arrival = now end
local wait = math.max(arrival - tolerance - now, pause, 0)
if wait <= patience then
  redis.call('SET', KEYS[1], string.format('%.0f', arrival + interval), 'PX', 3600000)
end
return string.format('%.0f', wait)
"""
_PAUSE: Final = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
return 1
"""


class RedisStore:
    """
    A `CacheStore` and `SharedLimits` in one Redis (or Valkey) server.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://`` address; its password is never shown.
        clock: Monotonic time.
        namespace: Start of every key, so that several installations can share a server.
        budget: Most time one command may take. [s]

    Raises:
        ConfigurationError: *url* is no Redis address.
    """

    def __init__(self, url: str, *, clock: Clock, namespace: str = "gridtide", budget: float = BUDGET_S) -> None:
        try:
            self._redis = aioredis.Redis.from_url(
                url,
                socket_timeout=budget,
                socket_connect_timeout=budget,
                retry=Retry(NoBackoff(), 0),
                max_connections=2 * _AT_ONCE,
                client_name="gridtide",
            )
        except ValueError:
            raise ConfigurationError(
                "cache.redis_url is no Redis address",
                hint="write it like redis://localhost:6379/0, rediss://... or unix:///path",
                field="cache.redis_url",
            ) from None
        self._clock = clock
        self._prefix = f"{quote(namespace, safe='')}:{codec.FORMAT}"
        self._budget = budget
        self._token = secrets.token_hex(8)
        self._rest_until = 0.0
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._rest = _REST_FIRST_S
        self._put_script: AsyncScript = self._redis.register_script(_PUT)
        self._release_script: AsyncScript = self._redis.register_script(_RELEASE)
        self._reserve_script: AsyncScript = self._redis.register_script(_RESERVE)
        self._marked_script: AsyncScript = self._redis.register_script(_MARKED)
        self._pause_script: AsyncScript = self._redis.register_script(_PAUSE)

    # -- entries ---------------------------------------------------------------------------------------------------

    async def get(self, key: CacheKey) -> Entry | None:
        """Entry under *key*, of whatever age, or None."""
        name = self._entry(key)
        data = await self._ask(lambda: self._redis.get(name), spoiled=name)
        if not isinstance(data, bytes) or len(data) < _STAMP_DIGITS:
            return None
        return codec.decode(data[_STAMP_DIGITS:], key)

    async def put(self, key: CacheKey, entry: Entry) -> None:
        """Keep *entry*, unless a newer one is there."""
        data = codec.encode(entry)
        if len(data) > _ENTRY_MOST:
            return
        stamp = f"{to_ns(entry.fetched_at) // 1000:0{_STAMP_DIGITS}d}"
        keep_ms = int(key.keep.total_seconds() * 1000)
        name = self._entry(key)
        await self._ask(lambda: self._put_script(keys=[name], args=[stamp, data, keep_ms]), spoiled=name)

    async def claim(self, key: CacheKey, span: float) -> bool:
        """Whether the caller should fetch *key*; also true when nobody can tell."""
        name, milliseconds = self._claim(key), max(1, int(span * 1000))
        taken = await self._ask(lambda: self._redis.set(name, self._token, nx=True, px=milliseconds), unknown=True)
        return bool(taken)

    async def release(self, key: CacheKey) -> None:
        """Give up a claim, unless it has passed to somebody else."""
        name = self._claim(key)
        await self._ask(lambda: self._release_script(keys=[name], args=[self._token]))

    async def mark(self, key: CacheKey, span: float, problem: str) -> None:
        """Tell the others that *key* is broken and not worth asking for *span* seconds."""
        name, milliseconds = self._broken(key), max(1, int(span * 1000))
        await self._ask(lambda: self._redis.set(name, problem.encode(), px=milliseconds))

    async def marked(self, key: CacheKey) -> Mark | None:
        """What somebody found broken about *key*, while that holds; also None when nobody can tell."""
        name = self._broken(key)
        found = await self._ask(lambda: self._marked_script(keys=[name]), spoiled=name)
        if not isinstance(found, list) or len(found) != 2 or not isinstance(found[1], bytes):
            return None
        return Mark(float(found[0]) / 1000, found[1].decode("utf-8", "replace"))

    # -- budgets and pauses ----------------------------------------------------------------------------------------

    async def reserve(self, host: str, budget: Budget, *, patience: float) -> float | None:
        """Wait before the call may start, reserved if at most *patience*; None when the server does not answer. [s]"""
        spans = (budget.interval, budget.tolerance, budget.cold_lead, max(patience, 0.0))
        args = [f"{min(span, 1e9) * _US:.0f}" for span in spans]
        keys = [f"{self._host(host)}:budget", f"{self._host(host)}:pause"]
        wait = await self._ask(lambda: self._reserve_script(keys=keys, args=args))
        return None if wait is None else float(wait) / _US

    async def pause(self, host: str, span: float) -> None:
        """Tell the others to leave *host* alone for *span* seconds."""
        name = f"{self._host(host)}:pause"
        await self._ask(lambda: self._pause_script(keys=[name], args=[max(1, int(span * 1000))]))

    # -- the server ------------------------------------------------------------------------------------------------

    async def ping(self) -> float | None:
        """Time that one answer takes; None when the server does not answer. [s]"""
        began = self._clock.monotonic()
        answered = await self._ask(self._redis.ping)
        return self._clock.monotonic() - began if answered else None

    @property
    def is_resting(self) -> bool:
        """Whether the server is left alone after a failure."""
        return self._clock.monotonic() < self._rest_until

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _ask(self, command: Callable[[], Awaitable[Any]], *, spoiled: str = "", unknown: object = None) -> Any:
        """
        Run one command inside the time budget; *unknown* when the server does not give an answer.

        A key of a wrong type is removed, so that it heals.
        """
        async with self._places:
            if self.is_resting:
                return unknown
            answer, wrong_type = await self._within_budget(command, unknown)
        if wrong_type and spoiled:
            await self._ask(lambda: self._redis.unlink(spoiled))
        return answer

    async def _within_budget(self, command: Callable[[], Awaitable[Any]], unknown: object) -> tuple[Any, bool]:
        """
        Answer of one command, and whether its key holds another type; a failure starts a rest, once for many.

        A command that ends much later than its budget tells that this process was busy, not that the server is down.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._budget):
                answer = await command()
        except ResponseError as error:
            _LOG.debug("redis refused a command: %s", str(error)[:80])
            return unknown, "WRONGTYPE" in str(error)
        except (RedisError, OSError, TimeoutError) as error:
            busy = loop.time() - began > self._budget + _OWN_LAG_S
            if not (busy or self.is_resting):
                self._rest_until = self._clock.monotonic() + self._rest
                _LOG.warning("redis does not answer (%s); left alone for %.0f s", type(error).__name__, self._rest)
                self._rest = min(2 * self._rest, _REST_MOST_S)
            return unknown, False
        self._rest = _REST_FIRST_S
        return answer, False

    def _entry(self, key: CacheKey) -> str:
        return f"{self._prefix}:entry:{key.text}"

    def _claim(self, key: CacheKey) -> str:
        return f"{self._prefix}:claim:{key.text}"

    def _broken(self, key: CacheKey) -> str:
        return f"{self._prefix}:broken:{key.text}"

    def _host(self, host: str) -> str:
        return f"{self._prefix}:{{{quote(host, safe='')}}}"

    def __repr__(self) -> str:
        return f"<RedisStore {self._prefix}{' resting' if self.is_resting else ''}>"
