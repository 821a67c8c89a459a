"""
Signed webhooks, out and in, after the Standard Webhooks specification.

A message is signed with HMAC-SHA256 over ``id.timestamp.body``. While a key is being changed both the old and the new
one sign, and either may verify. A receiver refuses what is older or newer than five minutes, what was changed, and an
id it has seen; ids are remembered after the signature is checked only, so that a stranger cannot fill the memory.

References:
    Standard Webhooks, version 1.0.0: headers ``webhook-id``, ``webhook-timestamp``, ``webhook-signature``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import ConfigurationError, RateLimited, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gridtide.domain.ports import Clock

__all__ = ["TOLERANCE", "WebhookKey", "WebhookVerifier", "sign"]

TOLERANCE: Final = timedelta(seconds=300)
_PREFIX: Final = "whsec_"
_SHORTEST: Final = 24
_LONGEST: Final = 64
_ACTIVE_KEYS: Final = 2
_MOST_SIGNATURES: Final = 8
_MOST_IDS: Final = 100_000
_LONGEST_ID: Final = 256


@dataclass(frozen=True, slots=True)
class WebhookKey:
    """A signing key; its bytes appear in no text."""

    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> WebhookKey:
        """
        Read ``whsec_`` followed by base64 of 24 to 64 bytes.

        Raises:
            ConfigurationError: Another shape; the message never repeats the key.
        """
        try:
            secret = base64.b64decode(text.strip().removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if not _SHORTEST <= len(secret) <= _LONGEST:
            raise ConfigurationError(
                f"webhook key is not {_PREFIX} followed by base64 of {_SHORTEST} to {_LONGEST} bytes",
                hint='make one with: python -c "import secrets,base64; '
                "print('whsec_'+base64.b64encode(secrets.token_bytes(32)).decode())\"",
                field="key",
            )
        return cls(secret)

    @property
    def text(self) -> str:
        """The key as it is written in settings; handle like a password."""
        return _PREFIX + base64.b64encode(self.secret).decode()


def sign(keys: Sequence[WebhookKey], message_id: str, timestamp_s: int, body: bytes) -> str:
    """
    Value of the ``webhook-signature`` header: one ``v1`` signature for each key.

    Args:
        keys: One active key, or two while one replaces the other.
        message_id: Without a full stop, which separates the parts.
        timestamp_s: Time of this attempt. [s since 1970 UTC]
        body: Exactly the bytes that are sent.
    """
    check_keys(keys)
    return " ".join(f"v1,{_digest(key, message_id, timestamp_s, body)}" for key in keys)


def check_keys(keys: Sequence[WebhookKey]) -> None:
    """Refuse no key and more than two; raises `ConfigurationError`."""
    if not 1 <= len(keys) <= _ACTIVE_KEYS:
        raise ConfigurationError(
            f"there are {len(keys)} webhook keys; allowed: one, or two while changing", field="keys"
        )


class WebhookVerifier:
    """
    Checks incoming messages.

    Args:
        keys: One active key, or two while changing.
        clock: For the age of a message.
        tolerance: How far a timestamp may be from now, either way.
    """

    def __init__(self, keys: Sequence[WebhookKey], clock: Clock, *, tolerance: timedelta = TOLERANCE) -> None:
        check_keys(keys)
        self._keys = tuple(keys)
        self._clock = clock
        self._tolerance_s = tolerance.total_seconds()
        self._seen: OrderedDict[str, float] = OrderedDict()

    def verify(self, headers: Mapping[str, str], body: bytes) -> str:
        """
        Id of the message, if it is genuine, fresh and new.

        Raises:
            Unauthorized: It is not; the fact ``cause`` is ``headers``, ``timestamp``, ``signature`` or ``replay``.
            RateLimited: More genuine messages within the tolerance than can be remembered.
        """
        lower = {name.lower(): value for name, value in headers.items()}
        message_id = lower.get("webhook-id", "")
        stamp = lower.get("webhook-timestamp", "")
        signatures = lower.get("webhook-signature", "").split()
        if not message_id or len(message_id) > _LONGEST_ID or not stamp.isascii() or not stamp.isdigit():
            raise _refused("headers", "webhook-id or webhook-timestamp is missing or malformed")
        if len(stamp) > 12 or abs(self._clock.now().timestamp() - int(stamp)) > self._tolerance_s:
            raise _refused("timestamp", f"its time is more than {self._tolerance_s:g} s from now")
        if not self._is_signed(signatures[:_MOST_SIGNATURES], message_id, int(stamp), body):
            raise _refused("signature", "no signature fits an active key")
        self._remember(message_id)
        return message_id

    def _is_signed(self, signatures: list[str], message_id: str, timestamp_s: int, body: bytes) -> bool:
        """Whether any signature fits any key; every pair is compared, in constant time each."""
        good = False
        for key in self._keys:
            expected = _digest(key, message_id, timestamp_s, body).encode()
            for signature in signatures:
                version, _, given = signature.partition(",")
                good |= version == "v1" and hmac.compare_digest(expected, given.encode("utf-8", "replace"))
        return good

    def _remember(self, message_id: str) -> None:
        """Keep the id for twice the tolerance, which is longer than its timestamp can be fresh."""
        now_s = self._clock.monotonic()
        while self._seen and next(iter(self._seen.values())) <= now_s:
            self._seen.popitem(last=False)
        if message_id in self._seen:
            raise _refused("replay", "its id was seen before")
        if len(self._seen) >= _MOST_IDS:
            raise RateLimited(
                f"more than {_MOST_IDS} webhooks in {2 * self._tolerance_s:g} s",
                retry_after=timedelta(seconds=self._tolerance_s),
            )
        self._seen[message_id] = now_s + 2 * self._tolerance_s


def _digest(key: WebhookKey, message_id: str, timestamp_s: int, body: bytes) -> str:
    content = b".".join((message_id.encode(), str(timestamp_s).encode(), body))
    return base64.b64encode(hmac.new(key.secret, content, hashlib.sha256).digest()).decode()


def _refused(cause: str, why: str) -> Unauthorized:
    return Unauthorized(f"webhook refused: {why}", cause=cause)
