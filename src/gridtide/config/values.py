"""
From what stands in a file, the environment or a flag to a value of the right type, inside its bounds.

Nothing is coerced: a number in quotes, a bare number for a duration, ``true`` for a number, NaN and infinity are
refused with the name, the value, what is allowed and where it was found.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from gridtide.config.document import Written
from gridtide.config.table import Kind, Row
from gridtide.domain.durations import parse_duration
from gridtide.domain.errors import ConfigurationError, InvalidInput
from gridtide.domain.secret import MASK, Secret

__all__ = ["convert", "refuse", "require_timezone"]

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_INTEGER: Final = re.compile(r"[+-]?\d+")
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST_TEXT: Final = 4_096
_MOST_DIGITS: Final = 30
"""Digits of a whole number that are still read; more are out of every bound."""


def convert(row: Row, raw: Any, *, origin: str) -> Any:
    """
    Turn *raw* into the type of *row*.

    Args:
        row: The setting.
        raw: A leaf, list or dictionary of a document, or text from the environment or a flag (`Written`).
        origin: Where it was found, for the message.

    Raises:
        ConfigurationError: It is of another type or out of bounds.
    """
    return _CONVERTERS[row.kind](row, raw, origin)


def refuse(row: Row, raw: Any, origin: str, *, why: str = "", hint: str | None = None) -> ConfigurationError:
    """Error that names the setting, the value (masked for secrets), what is allowed and the origin."""
    shown = MASK if row.kind is Kind.SECRET else _shown(raw)
    reason = f": {why}" if why else ""
    return ConfigurationError(
        f"{row.name} is {shown}{reason}; allowed: {row.allowed} ({origin})", hint=hint, field=row.name, value=shown
    )


def require_timezone(name: str, *, field: str = "timezone", origin: str = "") -> str:
    """
    Return *name* when it is a place of the IANA time zone database, or UTC.

    Abbreviations (``CET``) and offsets (``UTC+2``) are refused: they do not say when clocks change.
    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only when a time zone is named

    where = f" ({origin})" if origin else ""
    allowed = "an IANA time zone like Europe/Berlin, or UTC"
    if name != "UTC" and "/" not in name:
        raise ConfigurationError(
            f"{field} is {name[:40]!r}: an abbreviation or offset does not say when clocks change; "
            f"allowed: {allowed}{where}",
            hint="name a city of the zone",
            field=field,
        )
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ConfigurationError(
            f"{field} is {name[:40]!r}, which is no known time zone; allowed: {allowed}{where}",
            hint="look the name up in the IANA time zone database",
            field=field,
        ) from None
    return name


def _shown(raw: Any) -> str:
    try:
        text = repr(str(raw)) if isinstance(raw, str) else repr(raw)
    except ValueError:  # Python writes no number of that many digits
        text = "a number of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "..."


def _text(row: Row, raw: Any, origin: str) -> str:
    if not isinstance(raw, str):
        raise refuse(row, raw, origin, why="it is not text", hint="write it in quotes")
    if len(raw) > _LONGEST_TEXT:
        raise refuse(row, raw, origin, why=f"it is longer than {_LONGEST_TEXT} characters")
    text = str(raw).strip()
    odd = _UNPRINTABLE.search(text)
    if odd is not None:
        raise refuse(row, raw, origin, why=f"it holds the control character {odd[0]!r}")
    return text


def _secret(row: Row, raw: Any, origin: str) -> Secret:
    if isinstance(raw, Secret):
        return raw
    if not isinstance(raw, str):
        raise refuse(row, raw, origin, why="it is not text", hint="write it in quotes")
    return Secret(str(raw), name=row.name).cleaned(literal=row.name.endswith(".password"))


def _number(row: Row, raw: Any, origin: str) -> float:
    if isinstance(raw, Written):
        text = raw.strip()
        if not _NUMBER.fullmatch(text):
            raise refuse(row, raw, origin, why="it is not a number")
        raw = float(text)
    elif isinstance(raw, str):
        raise refuse(row, raw, origin, why="it is text", hint="write it without quotes")
    elif isinstance(raw, bool) or not isinstance(raw, int | float):
        raise refuse(row, raw, origin, why="it is not a number")
    return float(_bounded(row, raw, origin))


def _integer(row: Row, raw: Any, origin: str) -> int:
    if isinstance(raw, Written) and _INTEGER.fullmatch(raw.strip()):
        raw = int(raw) if len(raw) <= _MOST_DIGITS else math.inf
    if raw == math.inf:
        raise refuse(row, raw, origin, why="it is out of bounds")
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise refuse(row, raw, origin, why="it is not a whole number")
    return int(_bounded(row, raw, origin))


def _bounded(row: Row, number: float, origin: str) -> float:
    try:
        finite = math.isfinite(number)
    except OverflowError:
        finite = False
    below = row.minimum is not None and number < row.minimum
    if not finite or below or (row.maximum is not None and number > row.maximum):
        raise refuse(row, number, origin, why="it is out of bounds")
    return number


def _flag(row: Row, raw: Any, origin: str) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, Written) and raw.strip().lower() in {"true", "false"}:
        return raw.strip().lower() == "true"
    raise refuse(row, raw, origin, why="it is neither")


def _duration(row: Row, raw: Any, origin: str) -> timedelta:
    if isinstance(raw, timedelta):
        _bounded(row, raw.total_seconds(), origin)
        return raw
    if isinstance(raw, bool) or not isinstance(raw, str):
        other = " or ".join(name for name, _ in row.numbers)
        hint = f"write it with its unit, or use {other} for a plain number" if other else "write it with its unit"
        raise refuse(row, raw, origin, why="the unit is missing", hint=hint)
    try:
        duration = parse_duration(raw, field=row.name, allow_zero=True)
    except InvalidInput as error:
        raise ConfigurationError(f"{error.message} ({origin})", hint=error.hint, field=row.name) from None
    _bounded(row, duration.total_seconds(), origin)
    return duration


def _choice(row: Row, raw: Any, origin: str) -> str:
    word = _text(row, raw, origin).lower()
    if word not in row.choices:
        raise refuse(row, raw, origin)
    return word


def _list(row: Row, raw: Any, origin: str) -> tuple[str, ...]:
    if isinstance(raw, Written):
        raw = [part for part in raw.split(",") if part.strip()]
    if not isinstance(raw, list | tuple):
        raise refuse(row, raw, origin, why="it is not a list")
    items = tuple(_text(row, item, origin) for item in raw)
    double = next((item for i, item in enumerate(items) if item in items[:i]), None)
    if double is not None:
        raise refuse(row, raw, origin, why=f"{double[:40]!r} stands twice")
    return items


def _pairs(row: Row, raw: Any, origin: str) -> Mapping[str, Any]:
    if isinstance(raw, Written):
        parts = [part.partition("=") for part in raw.split(",") if part.strip()]
        if not all(separator for _, separator, _ in parts):
            raise refuse(row, raw, origin, why="write it like name=value,name=value")
        raw = {name.strip(): Written(value.strip()) for name, _, value in parts}
    if not isinstance(raw, Mapping):
        raise refuse(row, raw, origin, why="it is not a table")
    return raw


def _numbers(row: Row, raw: Any, origin: str) -> Mapping[str, float]:
    return MappingProxyType(
        {str(name): _number(row, value, origin) for name, value in _pairs(row, raw, origin).items()}
    )


def _texts(row: Row, raw: Any, origin: str) -> Mapping[str, str]:
    return MappingProxyType({str(name): _text(row, value, origin) for name, value in _pairs(row, raw, origin).items()})


def _options(row: Row, raw: Any, origin: str) -> Mapping[str, Any]:
    return MappingProxyType({str(name): _plain(value) for name, value in _pairs(row, raw, origin).items()})


def _plain(raw: Any) -> Any:
    """Value as it stands; text without quotes is a number or a truth where it reads like one."""
    if isinstance(raw, Mapping):
        return {str(name): _plain(value) for name, value in raw.items()}
    if isinstance(raw, list):
        return [_plain(item) for item in raw]
    if not isinstance(raw, Written):
        return raw
    if _INTEGER.fullmatch(raw):
        return int(raw) if len(raw) <= _MOST_DIGITS else str(raw)
    if _NUMBER.fullmatch(raw):
        return float(raw)
    return {"true": True, "false": False}.get(raw, str(raw))


def _path(row: Row, raw: Any, origin: str) -> Path | None:
    text = _text(row, str(raw) if isinstance(raw, Path) else raw, origin)
    return Path(text).expanduser() if text else None


def _timezone(row: Row, raw: Any, origin: str) -> str:
    text = _text(row, raw, origin)
    return require_timezone(text, field=row.name, origin=origin) if text else ""


_CONVERTERS: Final[Mapping[Kind, Callable[[Row, Any, str], Any]]] = {
    Kind.TEXT: _text,
    Kind.SECRET: _secret,
    Kind.NUMBER: _number,
    Kind.INTEGER: _integer,
    Kind.FLAG: _flag,
    Kind.DURATION: _duration,
    Kind.CHOICE: _choice,
    Kind.LIST: _list,
    Kind.NUMBERS: _numbers,
    Kind.TEXTS: _texts,
    Kind.OPTIONS: _options,
    Kind.PATH: _path,
    Kind.URL: _text,
    Kind.TIMEZONE: _timezone,
}
