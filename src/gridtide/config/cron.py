"""When a cron line fires next: the five fields everybody knows, nothing that means other things in other places."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from gridtide.domain.errors import InvalidInput

__all__ = ["next_firing"]

_FIELDS: Final = 5
_FIELD: Final = re.compile(r"[0-9A-Za-z*,/-]+")
_BOUNDS: Final = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31",
    "month": "1 to 12",
    "day-of-week": "0 to 7",
}
_FIX: Final = "write minute, hour, day, month and weekday, like 0 2 * * 1-5"


def next_firing(expression: str, *, after: datetime, timezone: str, field: str = "cron") -> datetime:
    """
    First instant at or after *after* at which *expression* fires.

    Args:
        expression: Five fields: minute, hour, day of month, month, day of week.
        after: Where to start looking.
        timezone: IANA name the fields are in. An hour that clocks jump over fires right after it.
        field: Name of the flag or setting, for messages.

    Raises:
        InvalidInput: Another number of fields, ``@reboot`` and the like, ``L`` or ``#``, a value out of bounds, or a
            date that never comes.
    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only for cron lines

    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - only for cron lines

    shown = expression if len(expression) <= 40 else expression[:40] + "..."
    parts = expression.split()
    if len(parts) != _FIELDS:
        raise InvalidInput(
            f"{field} {shown!r} has {len(parts)} fields; allowed: {_FIELDS}", hint=_FIX, field=field, value=shown
        )
    odd = next((part for part in parts if not _FIELD.fullmatch(part) or re.search(r"(^|\d)L$", part)), None)
    if odd is not None:
        raise InvalidInput(
            f"{field} {shown!r} holds {odd[:20]!r}; allowed: numbers, names, * , - and /", hint=_FIX, field=field
        )
    local = (after - timedelta(microseconds=1)).astimezone(ZoneInfo(timezone))
    try:
        return next(CronSim(expression, local)).astimezone(UTC)
    except (CronSimError, StopIteration) as error:
        why = "never fires: there is no such date" if _every_month(parts, local) else _out_of_bounds(str(error))
        raise InvalidInput(f"{field} {shown!r} {why}", hint=_FIX, field=field) from None


def _out_of_bounds(said: str) -> str:
    """Field that cannot be used, with what it may hold."""
    name = said.removeprefix("Bad ").strip()
    bounds = _BOUNDS.get(name)
    return (
        f"cannot be used: {said}"
        if bounds is None
        else f"cannot be used: its {name} is out of bounds; allowed: {bounds}"
    )


def _every_month(parts: list[str], local: datetime) -> bool:
    """Whether the line would fire if its month were left open; then it is the date that does not exist."""
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - only for cron lines

    try:
        next(CronSim(" ".join([*parts[:3], "*", parts[4]]), local))
    except (CronSimError, StopIteration):
        return False
    return parts[3] != "*"
