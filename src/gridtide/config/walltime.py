"""
Times as people say them: ``07:00``, ``2026-01-01T07:00``, with or without an offset.

A time without an offset is a wall time in a named time zone. Twice a year that is not enough: an hour that the clocks
jump over does not exist, an hour they repeat exists twice. Both are refused with the time to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from gridtide.config.values import require_timezone
from gridtide.domain.durations import format_duration
from gridtide.domain.errors import ConfigurationError, InvalidInput
from gridtide.domain.instants import parse_instant

if TYPE_CHECKING:
    from whenever import PlainDateTime, ZonedDateTime

__all__ = ["ImpossibleTime", "UnreadableTime", "local_timezone", "read_time", "require_ahead", "shown_local"]

_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_DATED: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)")
_LOCALTIME: Final = Path("/etc/localtime")
_HOUR: Final = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*([aApP][mM])?")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_EPOCH: Final = re.compile(r"\d{9,10}")
_UTC_NAMES: Final = frozenset({"Etc/UTC", "UTC", "Etc/UCT", "UCT", "Universal", "Zulu"})
_ALLOWED: Final = "07:00, 2026-01-01T07:00 or 2026-01-01T07:00+01:00"


class UnreadableTime(InvalidInput):
    """The text is not a time."""

    code: ClassVar[str] = "unreadable_time"


class ImpossibleTime(InvalidInput):
    """The time does not exist, exists twice, or is too early for what has to end by it."""

    code: ClassVar[str] = "impossible_time"


def read_time(text: str, *, now: datetime, timezone: str, field: str = "time") -> datetime:
    """
    Read a time of day (its next occurrence after *now*), a wall time or an instant.

    Args:
        text: What the user wrote.
        now: For the next occurrence.
        timezone: IANA name that wall times are in.
        field: Name of the flag or setting, for messages.

    Returns:
        The instant, in UTC.

    Raises:
        UnreadableTime: Neither form fits.
        ImpossibleTime: The clocks jump over it or repeat it; the message has the time to write instead.
    """
    cleaned = text.strip()
    if match := _CLOCK.fullmatch(cleaned):
        return _next_occurrence(match, now=now, timezone=timezone, field=field)
    if match := _DATED.fullmatch(cleaned):
        return _resolved(f"{match[1]}T{match[2]}", timezone, field)
    try:
        return parse_instant(cleaned)
    except InvalidInput:
        raise _unreadable(text, field) from None


def require_ahead(deadline: datetime, *, now: datetime, duration: timedelta, timezone: str, field: str) -> None:
    """
    Refuse a deadline that is past, or too close for the work to end by it.

    Raises:
        ImpossibleTime: The message says by how much.
    """
    shown = shown_local(deadline, timezone)
    if deadline <= now:
        raise ImpossibleTime(
            f"{field} {shown} is not after now ({shown_local(now, timezone)})",
            hint="name a later time, or add --best-effort to run at once",
            field=field,
        )
    missing = now + duration - deadline
    if missing > timedelta(0):
        raise ImpossibleTime(
            f"{field} {shown} is {format_duration(missing)} too early for a job of {format_duration(duration)}",
            hint="name a later time, or add --best-effort to run at once",
            field=field,
        )


def local_timezone(env: Mapping[str, str], *, localtime: Path = _LOCALTIME) -> str:
    """
    IANA name of the machine's time zone: ``TZ``, else the link at ``/etc/localtime``, else UTC.

    A ``TZ`` that is a path (``:/etc/localtime``) is followed to the zone that it stands for.

    Raises:
        ConfigurationError: ``TZ`` names no known place, so a wall time could mean anything.
    """
    named = env.get("TZ", "").lstrip(":")
    try:
        if named.startswith("/"):
            return require_timezone(_zone_behind(Path(named)) or named, field="TZ", origin="environment TZ")
        if named:
            return require_timezone(named, field="TZ", origin="environment TZ")
    except ConfigurationError as error:
        raise ConfigurationError(
            error.message, hint="give --tz, set timezone, or write times with an offset", field="TZ"
        ) from None
    try:
        return require_timezone(_zone_behind(localtime) or "UTC")
    except ConfigurationError:
        return "UTC"


def _zone_behind(link: Path) -> str:
    """Zone whose file *link* leads to, by its place in the database; empty where it leads to none."""
    try:
        target = str(link.resolve(strict=True))
    except OSError:
        return ""
    name = target.partition("zoneinfo/")[2].removeprefix("posix/").removeprefix("right/")
    return "UTC" if name in _UTC_NAMES else name


def shown_local(instant: datetime, timezone: str) -> str:
    """
    Write an instant the way it stands on the wall, with its zone.

    Example:
        >>> shown_local(datetime(2026, 1, 1, 6, tzinfo=UTC), "Europe/Berlin")
        'Thu 2026-01-01 07:00 Europe/Berlin'
    """
    if timezone == "UTC":
        local = instant.astimezone(UTC)
    else:
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - only where local times are shown

        local = instant.astimezone(ZoneInfo(timezone))
    pattern = "%a %Y-%m-%d %H:%M" if not local.second else "%a %Y-%m-%d %H:%M:%S"
    return f"{local.strftime(pattern)} {timezone}"


def _next_occurrence(match: re.Match[str], *, now: datetime, timezone: str, field: str) -> datetime:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only where a wall time is read

    hour, minute, second = (int(part or 0) for part in match.groups())
    whole_day = (hour, minute, second) == (24, 0, 0)
    if not (whole_day or (hour < 24 and minute < 60 and second < 60)):
        raise _unreadable(match[0], field)
    today = now.astimezone(ZoneInfo(timezone)).date()
    for day in (today, today + timedelta(days=1)):
        text = f"{_after(day, whole_day=whole_day)}T{hour % 24:02}:{minute:02}:{second:02}"
        # an hour that clocks jump over today does not stop tomorrow's from being meant, when today's is past anyway
        instant = _resolved(text, timezone, field, passed_before=now)
        if instant > now:
            return instant
    raise _unreadable(match[0], field)


def _after(day: date, *, whole_day: bool) -> str:
    return (day + timedelta(days=1) if whole_day else day).isoformat()


def _resolved(text: str, timezone: str, field: str, *, passed_before: datetime | None = None) -> datetime:
    from whenever import PlainDateTime, RepeatedTime, SkippedTime  # noqa: PLC0415 - only where a wall time is read

    try:
        plain = PlainDateTime.parse_iso(text)
    except ValueError:
        raise _unreadable(text, field) from None
    try:
        return _utc(plain.assume_tz(timezone, disambiguation="raise"))
    except SkippedTime:
        later = plain.assume_tz(timezone, disambiguation="compatible")
        if passed_before is not None and _utc(later) <= passed_before:
            return _utc(later)
        raise _skipped(plain, later, timezone, field) from None
    except RepeatedTime:
        first = plain.assume_tz(timezone, disambiguation="earlier")
        second = plain.assume_tz(timezone, disambiguation="later")
        if passed_before is not None and _utc(second) <= passed_before:
            return _utc(second)
        raise ImpossibleTime(
            f"{field} {_minute(plain)} happens twice in {timezone}: clocks go back that day",
            hint=f"write {_with_offset(first)} or {_with_offset(second)}",
            field=field,
        ) from None


def _skipped(plain: PlainDateTime, later: ZonedDateTime, timezone: str, field: str) -> ImpossibleTime:
    edge = later.prev_transition()
    valid = _with_offset(edge if edge is not None else later)
    return ImpossibleTime(
        f"{field} {_minute(plain)} does not exist in {timezone}: clocks go forward that day; "
        f"the next valid time is {valid}",
        hint=f"write {valid}",
        field=field,
    )


def _utc(zoned: ZonedDateTime) -> datetime:
    return zoned.to_instant().to_stdlib().astimezone(UTC)


def _minute(plain: PlainDateTime) -> str:
    return plain.format_iso()[:16]


def _with_offset(zoned: ZonedDateTime) -> str:
    return zoned.to_stdlib().isoformat(timespec="minutes")


def _unreadable(text: str, field: str) -> UnreadableTime:
    shown = text if len(text) <= 40 else text[:40] + "..."
    return UnreadableTime(
        f"{field} {shown!r} is not a time; allowed: {_ALLOWED}", hint=_meant(text.strip()), field=field, value=shown
    )


def _meant(text: str) -> str | None:
    """What was probably meant: an hour, a day, or seconds since 1970."""
    clock = _HOUR.fullmatch(text)
    if clock is not None:
        return _on_24_hours(int(clock[1]), clock[2] or "00", (clock[3] or "").lower())
    if _DAY.fullmatch(text):
        return f"add the time of day: {text}T07:00"
    if _EPOCH.fullmatch(text):
        return f"write {datetime.fromtimestamp(int(text), UTC):%Y-%m-%dT%H:%M:%SZ}"
    return None


def _on_24_hours(hour: int, minute: str, half: str) -> str | None:
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
    elif half or hour > 23:
        return None
    return f"write {hour:02}:{minute}"
