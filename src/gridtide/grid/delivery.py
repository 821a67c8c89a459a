"""
Sends events to one webhook address: signed, to public machines only, a bounded number of times.

A failed delivery is tried again after growing, jittered pauses, or when the receiver says so. A receiver that is gone
(410) or says that the message is wrong (other 4xx) is not asked again. Nothing of the answer's body is read.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import httpx2

from gridtide.domain.errors import ConfigurationError
from gridtide.grid.redaction import Redactor
from gridtide.grid.transport import CheckedTransport, check_url
from gridtide.grid.webhook import WebhookKey, check_keys, sign

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from gridtide.domain.ports import Clock
    from gridtide.grid.events import Event, EventBus, EventType

__all__ = ["Delivery", "WebhookSender"]

PAUSES_S: Final = (5.0, 30.0, 120.0, 600.0, 1800.0)
_LONGEST_PAUSE_S: Final = 3600.0
_TOTAL_S: Final = 10.0
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_GONE: Final = 410
_LOGGER: Final = logging.getLogger("gridtide.grid.delivery")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """
    What became of one message.

    Args:
        id: Of the message; the same in every attempt.
        delivered: Whether the receiver took it.
        attempts: How often it was sent.
        outcome: ``delivered``, ``gone``, ``refused``, ``given-up``, or ``blocked`` by our own rules.
        status: Last status, None when there was no answer.
    """

    id: str
    delivered: bool
    attempts: int
    outcome: str
    status: int | None = None


class WebhookSender:
    """
    One receiver of events.

    Args:
        url: Public https address.
        keys: One active key, or two while changing.
        clock: For the timestamp of each attempt.
        transport: Stands in for `CheckedTransport` in tests.
        sleep: Waits between attempts.
        rng: Jitter of the pauses.
        redactor: Takes out anything secret that got into an event's texts.
        allow_loopback: Let tests deliver to this machine.

    Attributes:
        tally: Counts by outcome, and ``lost`` for events that came faster than they could be sent.

    Raises:
        ConfigurationError: The address or the number of keys is not allowed.
    """

    def __init__(
        self,
        url: str,
        keys: Sequence[WebhookKey],
        clock: Clock,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
        redactor: Redactor | None = None,
        allow_loopback: bool = False,
    ) -> None:
        check_keys(keys)
        self._url = check_url(url, allow_loopback=allow_loopback)
        self._keys = tuple(keys)
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter, nothing secret
        self._redactor = redactor or Redactor()
        self._redactor.learn(*(key.text for key in keys))
        self._client = httpx2.AsyncClient(
            transport=transport or CheckedTransport(allow_loopback=allow_loopback),
            timeout=httpx2.Timeout(5.0, connect=3.0),
            trust_env=False,
        )
        self.tally: Counter[str] = Counter()

    async def run(self, bus: EventBus, *, types: Sequence[EventType] = (), zones: Sequence[str] = ()) -> None:
        """Deliver what the bus tells, in order, until the receiver is gone or the task is cancelled."""
        while True:
            subscription = bus.subscribe(types=types, zones=zones)
            try:
                async for event in subscription:
                    delivery = await self.send(event)
                    if delivery.outcome == "gone":
                        return
            finally:
                subscription.close()
            self.tally["lost"] += 1
            _LOGGER.warning("webhook receiver %s is too slow; events were lost", self._url.host)

    async def send(self, event: Event) -> Delivery:
        """Sign and send one event, again after passing faults; never raises for what the receiver does."""
        body = self._redactor.text(event.body().decode()).encode()
        attempts, status, asked_s = 0, None, None
        for pause_s in (*PAUSES_S, None):
            attempts += 1
            try:
                status, asked_s = await self._attempt(event.id, body)
            except ConfigurationError as error:
                _LOGGER.warning("webhook not sent: %s", self._redactor.text(error.message))
                return self._done(event.id, "blocked", attempts, None)
            except (httpx2.RequestError, TimeoutError):
                status, asked_s = None, None
            if status is not None and 200 <= status < 300:
                return self._done(event.id, "delivered", attempts, status)
            if status is not None and status not in _PASSING:
                return self._done(event.id, "gone" if status == _GONE else "refused", attempts, status)
            if pause_s is not None:
                await self._sleep(max(asked_s or 0.0, pause_s * self._rng.uniform(0.8, 1.2)))
        return self._done(event.id, "given-up", attempts, status)

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def _attempt(self, message_id: str, body: bytes) -> tuple[int, float | None]:
        """Status, and the pause the receiver asked for. [s]"""
        now = self._clock.now()
        stamp_s = int(now.timestamp())
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(stamp_s),
            "webhook-signature": sign(self._keys, message_id, stamp_s, body),
        }
        async with (
            asyncio.timeout(_TOTAL_S),
            self._client.stream("POST", self._url, content=body, headers=headers) as response,
        ):
            return response.status_code, _retry_after_s(response.headers.get("retry-after", ""), now)

    def _done(self, message_id: str, outcome: str, attempts: int, status: int | None) -> Delivery:
        self.tally[outcome] += 1
        return Delivery(
            id=message_id, delivered=outcome == "delivered", attempts=attempts, outcome=outcome, status=status
        )


def _retry_after_s(text: str, now: datetime) -> float | None:
    """Pause that a ``Retry-After`` header asks for, at most an hour. [s]"""
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_PAUSE_S)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    pause = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return min(max(pause, timedelta(0)).total_seconds(), _LONGEST_PAUSE_S)
