"""
The recorded series that come with the package: real grid data to try, test and show everything without a network.

They are credited in ``series_data/SOURCES.md`` and in the labels of every value read from them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.instants import parse_instant, to_ns
from gridtide.domain.series import Series
from gridtide.domain.signal import Perimeter, Quality, Scope, Signal, SignalKind
from gridtide.domain.units import NS_PER_HOUR, NS_PER_SECOND

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Recording", "first_of", "recorded_zones", "recording"]

_FOLDER: Final = Path(__file__).with_name("series_data")
_US_AREAS: Final = (
    "US-CAL-CISO",
    "US-MIDA-PJM",
    "US-MIDW-MISO",
    "US-NW-BPAT",
    "US-NY-NYIS",
    "US-SE-SOCO",
    "US-SW-AZPS",
    "US-TEX-ERCO",
)
_NESO: Final = "Data: NESO Carbon Intensity API, CC BY 4.0"


@dataclass(frozen=True, slots=True)
class _Sample:
    file: str
    scope: Scope
    perimeter: Perimeter
    credit: str


_SAMPLES: Final = {
    "DE": _Sample(
        "de_2024-03-22.csv",
        Scope.LIFECYCLE,
        Perimeter.UNKNOWN,
        "Energy-Charts.info, Fraunhofer ISE, CC BY 4.0",
    ),
    "GB": _Sample("gb_2023-12-03.csv", Scope.DIRECT, Perimeter.CONSUMPTION, _NESO),
    "GB-13": _Sample("gb-13_2026-10-03.csv", Scope.DIRECT, Perimeter.CONSUMPTION, _NESO),
}


@dataclass(frozen=True, slots=True)
class Recording:
    """
    One recorded series.

    Args:
        series: At the times it was recorded for.
        year: The calendar year it covers whole, or None for a sample of days.
    """

    series: Series
    year: int | None = None


def recorded_zones() -> tuple[str, ...]:
    """Keys of the zones that have a recording."""
    return tuple(sorted((*_SAMPLES, *_US_AREAS)))


@cache
def recording(zone: str, scope: Scope | None = None) -> Recording | None:
    """
    Recording of *zone* with that scope, or None where there is none.

    Without a scope, the US areas give lifecycle emissions and the samples what they have.
    """
    sample = _SAMPLES.get(zone)
    if sample is not None:
        return Recording(_from_csv(zone, sample)) if scope in {None, sample.scope} else None
    if zone not in _US_AREAS or scope not in {None, Scope.LIFECYCLE, Scope.DIRECT}:
        return None
    return Recording(_us_year(zone, scope or Scope.LIFECYCLE), year=2022)


def _us_year(zone: str, scope: Scope) -> Series:
    with np.load(_FOLDER / "us_eia_2022.npz") as arrays:
        values: NDArray[np.int16] = arrays[str(scope)][arrays["areas"].tolist().index(zone)]
        first_ns = int(arrays["first_start"]) * NS_PER_SECOND
    signal = Signal(
        SignalKind.AVERAGE,
        "replay",
        zone,
        scope=scope,
        perimeter=Perimeter.PRODUCTION,
        quality=Quality.MEASURED,
        attribution="U.S. Energy Information Administration",
        method="EIA-930 fuel mix with the factor set em_default",
    )
    known = values >= 0
    starts = first_ns + NS_PER_HOUR * np.arange(values.size, dtype=np.int64)[known]
    return Series(signal, starts, starts + NS_PER_HOUR, values[known].astype(np.float64))


def _from_csv(zone: str, sample: _Sample) -> Series:
    with (_FOLDER / sample.file).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(line for line in stream if not line.startswith("#")))
    signal = Signal(
        SignalKind.AVERAGE,
        "replay",
        zone,
        scope=sample.scope,
        perimeter=sample.perimeter,
        quality=Quality.FORECAST,
        attribution=sample.credit,
        method="as published",
    )
    return Series(
        signal,
        [to_ns(parse_instant(row["start"])) for row in rows],
        [to_ns(parse_instant(row["end"])) for row in rows],
        [float(row["value"]) for row in rows],
        qualities=[Quality(row["quality"]).rank for row in rows],
    )


def first_of(year: int) -> datetime:
    """First instant of a calendar year in UTC."""
    return datetime(year, 1, 1, tzinfo=UTC)
