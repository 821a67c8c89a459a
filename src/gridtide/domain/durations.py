"""
Durations as people write them: ``90m``, ``2h30m``, ``1d``, ``PT90M``.

A number without a unit is refused everywhere: 90 seconds and 90 minutes are different jobs.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from gridtide.domain.errors import InvalidInput

__all__ = ["LONGEST", "format_duration", "parse_duration"]

LONGEST: Final = timedelta(days=400)
"""Longest duration that is believed; anything above is a typing error."""

_NUMBER: Final = r"([0-9]{1,18}(?:\.[0-9]{1,6})?)"
_SHORT: Final = re.compile(
    rf"(?:{_NUMBER}\s*w)?\s*(?:{_NUMBER}\s*d)?\s*(?:{_NUMBER}\s*h)?\s*(?:{_NUMBER}\s*m(?:in)?)?\s*(?:{_NUMBER}\s*s)?"
)
_ISO: Final = re.compile(rf"p(?:{_NUMBER}w)?(?:{_NUMBER}d)?(?:t(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?)?")
_SECONDS: Final = (604_800.0, 86_400.0, 3_600.0, 60.0, 1.0)
_BARE: Final = re.compile(r"\+?[0-9]+(\.[0-9]+)?")
_UNIT_MISSING_AT_END: Final = re.compile(r".*[a-z]\s*[0-9]+(\.[0-9]+)?")
_ALLOWED: Final = "a number with a unit, like 90m, 2h30m, 1d or PT90M"


def parse_duration(text: str, *, field: str = "duration", allow_zero: bool = False) -> timedelta:
    """
    Read a duration such as ``90m``, ``2h30m``, ``1.5h``, ``1d`` or ISO 8601 ``PT90M``.

    Args:
        text: What the user wrote; upper or lower case.
        field: Name of the setting or flag, for the message.
        allow_zero: Whether ``0s`` is a possible value.

    Raises:
        InvalidInput: No unit, zero, negative, longer than `LONGEST`, or not a duration; the message says which.

    Example:
        >>> parse_duration("2h30m")
        datetime.timedelta(seconds=9000)
    """
    shown = text if len(text) <= 40 else text[:40] + "..."
    cleaned = text.strip().lower()
    if cleaned.startswith(("-", "\u2212")):
        raise _refusal(field, shown, "it is negative", "write it without the sign")
    if _BARE.fullmatch(cleaned):
        raise _refusal(field, shown, "the unit is missing", f"write {cleaned}m for minutes or {cleaned}h for hours")
    match = (_ISO if cleaned.startswith("p") else _SHORT).fullmatch(cleaned)
    if match is None or not any(match.groups()) or cleaned.endswith("t"):
        raise _refusal(field, shown, "it is not a duration", _fix(cleaned))
    total_s = sum(float(number) * unit_s for number, unit_s in zip(match.groups(), _SECONDS, strict=True) if number)
    if total_s > LONGEST.total_seconds():
        raise _refusal(field, shown, f"it is longer than {LONGEST.days} days", "check the unit")
    duration = timedelta(seconds=total_s)
    if duration == timedelta(0) and not allow_zero:
        raise _refusal(field, shown, "it is zero", "write a duration longer than zero")
    return duration


def format_duration(duration: timedelta) -> str:
    """
    Write a duration the short way; `parse_duration` reads it back.

    Example:
        >>> format_duration(timedelta(minutes=150))
        '2h30m'
    """
    sign = "-" if duration < timedelta(0) else ""
    seconds = abs(duration).total_seconds()
    whole = int(seconds)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{count}{unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")) if count]
    if seconds != whole and whole < 1:
        parts = [f"{seconds:.6f}".rstrip("0") + "s"]
    return sign + ("".join(parts) or "0s")


def _fix(cleaned: str) -> str:
    if "," in cleaned:
        return f"write {cleaned.replace(',', '.')}"[:60]
    if re.match(r"[0-9.]+e[+-]?[0-9]", cleaned):
        return "write the number without an exponent"
    if _UNIT_MISSING_AT_END.fullmatch(cleaned):
        return f"the last unit is missing: write {cleaned}m"[:60]
    return "write the largest unit first, like 1d2h30m"


def _refusal(field: str, shown: str, why: str, hint: str) -> InvalidInput:
    return InvalidInput(
        f"{field} {shown!r} cannot be used: {why}; allowed: {_ALLOWED}", hint=hint, field=field, value=shown
    )
