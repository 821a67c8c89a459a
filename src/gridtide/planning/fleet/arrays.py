"""Figures of a joint plan as arrays of the right sort, or a refusal that names the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["flags", "numbers", "refuse", "whole_numbers"]

_SHOWN: Final = 60


def numbers(field: str, given: object, *, ndim: int) -> NDArray[np.float64]:
    """Turn lists or arrays into floats."""
    try:
        found = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"{field} is {_short(given)}; allowed: numbers", field=field) from None
    if found.ndim != ndim:
        raise InvalidInput(f"{field} has {found.ndim} dimensions; allowed: {ndim}", field=field)
    return found


def whole_numbers(field: str, given: object, *, ndim: int) -> NDArray[np.int64]:
    """Turn lists or arrays into integers; floats count when they are whole."""
    if isinstance(given, np.ndarray) and given.dtype == np.int64 and given.ndim == ndim:
        return given
    found = numbers(field, given, ndim=ndim)
    with np.errstate(invalid="ignore"):
        whole = found.astype(np.int64)
    if not (whole == found).all():
        raise InvalidInput(f"{field} is {_short(given)}; allowed: whole numbers", field=field)
    return whole


def flags(field: str, given: object, *, ndim: int) -> NDArray[np.bool_]:
    """Turn lists or arrays of True and False, or 1 and 0, into booleans."""
    found = numbers(field, given, ndim=ndim)
    if not np.isin(found, (0.0, 1.0)).all():
        raise InvalidInput(f"{field} is {_short(given)}; allowed: true or false", field=field)
    return found.astype(np.bool_)


def refuse(field: str, bad: NDArray[np.bool_] | np.bool_, allowed: str) -> None:
    """
    Refuse the first job that is marked.

    Raises:
        InvalidInput: Some job is.
    """
    if bad.any():
        raise InvalidInput(f"{field} of job {int(np.argmax(bad))} is out of bounds; allowed: {allowed}", field=field)


def _short(given: object) -> str:
    text = " ".join(repr(given).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
