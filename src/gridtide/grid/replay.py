"""
Recorded or given series played back on any clock, as if a provider gave them.

A replay is never mistaken for live data: the provider is ``replay``, and method and reason say which recorded time is
shown, by which mode. The future part is a forecast with perfect knowledge, or with seeded noise that grows with lead
time; only what the clock has passed is called measured.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import as_utc, duration_ns, from_ns, isoformat, to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading
from gridtide.domain.series import Series, StepShape
from gridtide.domain.signal import Quality, Scope, Signal, SignalKind
from gridtide.domain.units import NS_PER_HOUR
from gridtide.grid.recordings import Recording, first_of, recorded_zones, recording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from gridtide.domain.ports import Clock, SignalQuery

__all__ = ["ReplayData", "ReplayMode"]

_DAY_NS: Final = 24 * NS_PER_HOUR
_HOUR: Final = timedelta(hours=1)


class ReplayMode(StrEnum):
    """
    How recorded time becomes clock time.

    ``recorded``: not at all. ``shifted``: one chosen recorded instant is the start of the replay. ``calendar``: a
    recorded year stands for any year, same month, day and hour; shorter series repeat in whole days or weeks.
    """

    RECORDED = "recorded"
    SHIFTED = "shifted"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A span of clock time that shows recorded time at one distance. [ns]"""

    start_ns: int
    end_ns: int
    offset_ns: int  # clock time = recorded time + offset


class ReplayData:
    """
    Grid data from recordings; a `GridData` for demonstrations, tests and simulation.

    Args:
        clock: Whose time is *now*.
        series: Own series by zone key, instead of the recordings that come with the package.
        mode: How recorded time becomes clock time.
        start: For ``shifted``: the recorded instant that the clock's time at construction stands for.
        scope: Lifecycle or direct, where a recording has both.
        noise: Relative standard deviation of the forecast one day ahead; 0 is perfect knowledge. [1]
        seed: Of the noise; the same seed, zone and hour of issue give the same forecast.
        horizon: How far forecasts reach; None for as far as the recording does.

    Raises:
        InvalidInput: *start* without ``shifted``, or the other way round; negative noise or horizon.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        series: Mapping[str, Series] | None = None,
        mode: ReplayMode = ReplayMode.CALENDAR,
        start: datetime | None = None,
        scope: Scope | None = None,
        noise: float = 0.0,
        seed: int = 0,
        horizon: timedelta | None = None,
    ) -> None:
        if (mode is ReplayMode.SHIFTED) != (start is not None):
            raise InvalidInput("a replay start belongs to mode shifted, and only to it", field="start")
        if not 0.0 <= noise < float("inf"):
            raise InvalidInput(f"noise is {noise}; allowed: zero or more", field="noise")
        if horizon is not None and horizon < timedelta(0):
            raise InvalidInput(f"horizon is {horizon}; allowed: zero or longer", field="horizon")
        self._clock = clock
        self._own = None if series is None else {key: Recording(own) for key, own in series.items()}
        self._mode = mode
        self._offset_ns = 0 if start is None else to_ns(clock.now()) - to_ns(as_utc(start))
        self._scope = scope
        self._noise = noise
        self._seed = seed
        self._horizon = horizon

    @property
    def zones(self) -> tuple[str, ...]:
        """Keys of the zones that can be read."""
        return recorded_zones() if self._own is None else tuple(sorted(self._own))

    async def read(self, query: SignalQuery) -> Reading:
        """Recorded values at the clock's time; says ``none`` where there is no recording of zone and kind."""
        return self.read_now(query)

    def read_now(self, query: SignalQuery) -> Reading:
        """`read` without a loop."""
        now = as_utc(self._clock.now())
        zone = query.zone.key
        found = recording(zone, self._scope) if self._own is None else self._own.get(zone)
        if found is None or not found.series:
            return _nothing(zone, f"no recording of {zone}; there are {', '.join(self.zones)}")
        if query.kind not in {None, found.series.signal.kind}:
            return _nothing(zone, f"the recording of {zone} is {found.series.signal.kind}, not {query.kind}")
        shown = self._project(found, query.window)
        if not shown:
            return _nothing(zone, f"the recording of {zone} does not reach {query.window} in mode {self._mode}")
        series = self._label(shown, found, zone, now, forecast=query.forecast)
        if not series:
            return _nothing(zone, f"nothing recorded before {isoformat(now)} in {query.window}")
        age = self._age(found, to_ns(now))
        return Reading(series=series, step=FreshnessStep.LIVE, reason=series.signal.method, age=age)

    def _age(self, found: Recording, now_ns: int) -> timedelta:
        """How long ago the moment that is shown now was recorded; zero on a clock that runs in recorded time."""
        piece = next(self._pieces(found, now_ns, now_ns + 1), None)
        return timedelta(microseconds=max(piece.offset_ns, 0) // 1000 if piece else 0)

    def _project(self, found: Recording, window: Interval) -> Series:
        """Recorded values moved to clock time, inside *window*."""
        parts = []
        for piece in self._pieces(found, to_ns(window.start), to_ns(window.end)):
            recorded = Interval(from_ns(piece.start_ns - piece.offset_ns), from_ns(piece.end_ns - piece.offset_ns))
            parts.append((found.series.clip(recorded), piece.offset_ns))
        return _join(found.series, parts)

    def _pieces(self, found: Recording, start_ns: int, end_ns: int) -> Iterator[_Piece]:
        if self._mode is not ReplayMode.CALENDAR:
            yield _Piece(start_ns, end_ns, self._offset_ns)
            return
        whole = _year_pieces if found.year is not None else _repeat_pieces
        for piece in whole(found, start_ns, end_ns):
            first, last = max(piece.start_ns, start_ns), min(piece.end_ns, end_ns)
            if first < last:
                yield _Piece(first, last, piece.offset_ns)

    def _label(self, shown: Series, found: Recording, zone: str, now: datetime, *, forecast: bool) -> Series:
        """Past as recorded, future as forecast of the running hour, the rest left out."""
        now_ns = to_ns(now)
        issued = now.replace(minute=0, second=0, microsecond=0)
        until = now_ns if not forecast else _end_of_horizon(shown, issued, self._horizon)
        keep = shown.starts_ns <= now_ns if not forecast else shown.starts_ns < until
        starts, ends = shown.starts_ns[keep], shown.ends_ns[keep]
        first, last = shown.values[keep].copy(), shown.end_values[keep].copy()
        qualities = shown.qualities[keep].copy()
        ahead = starts > now_ns
        qualities[ahead] = Quality.FORECAST.rank
        if self._noise and ahead.any():
            factors = self._factors(zone, issued, starts)
            first[ahead] *= factors[ahead]
            last[ahead] *= factors[ahead]
        worst = tuple(Quality)[int(qualities.max())] if qualities.size else Quality.MEASURED
        signal = found.series.signal.with_(
            provider="replay",
            zone=zone,
            quality=worst,
            issued_at=issued if forecast else None,
            fetched_at=now,
            method=self._method(found),
        )
        linear = found.series.shape is StepShape.LINEAR
        return Series(signal, starts, ends, first, end_values=last if linear else None, qualities=qualities)

    def _factors(self, zone: str, issued: datetime, starts_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Random factor of each step: one draw for each clock hour, wider with the square root of lead time."""
        lead_days = np.maximum(starts_ns - to_ns(issued), 0) / _DAY_NS
        hours = starts_ns // NS_PER_HOUR
        entropy = [self._seed, zlib.crc32(zone.encode()), to_ns(issued) // NS_PER_HOUR]
        base = to_ns(issued) // NS_PER_HOUR
        draws = np.random.default_rng(entropy).standard_normal(int(max(hours.max() - base, 0)) + 1)
        picked = draws[np.clip(hours - base, 0, draws.size - 1)]
        return np.asarray(np.maximum(1.0 + self._noise * np.sqrt(lead_days) * picked, 0.0))

    def _method(self, found: Recording) -> str:
        span = f"{found.series.start:%Y-%m-%d}/{found.series.end:%Y-%m-%d}"
        ahead = f"noise {self._noise:g} seed {self._seed}" if self._noise else "perfect"
        source = found.series.signal.method
        return f"replay of {span}, mode {self._mode}, forecast {ahead}" + (f"; {source}" if source else "")


def _end_of_horizon(shown: Series, issued: datetime, horizon: timedelta | None) -> int:
    return int(shown.ends_ns[-1]) if horizon is None else to_ns(issued) + duration_ns(horizon)


def _year_pieces(found: Recording, start_ns: int, end_ns: int) -> Iterator[_Piece]:
    """
    Same month, day and hour of the recorded year.

    29 February shows the 28th. What the recorded year lacks at its end (hours labelled by their end start an hour
    before New Year) shows the last hours of the year before it.
    """
    year = found.year or 0
    known = int(found.series.starts_ns[0]), int(found.series.ends_ns[-1])
    own_start, own_end = to_ns(first_of(year)), to_ns(first_of(year + 1))
    for target in range(from_ns(start_ns).year, from_ns(end_ns).year + 1):
        first, after = to_ns(first_of(target)), to_ns(first_of(target + 1))
        leap = after - first > own_end - own_start
        leap_day = first + 59 * _DAY_NS
        offset = first - own_start
        tail = after - max(own_end - known[1], 0)
        if leap:
            yield _Piece(first, leap_day, offset)
            yield _Piece(leap_day, tail, offset + _DAY_NS)
        else:
            yield _Piece(first, tail, offset)
        if tail < after:
            yield _Piece(tail, after, after - own_start)


def _repeat_pieces(found: Recording, start_ns: int, end_ns: int) -> Iterator[_Piece]:
    """Whole weeks, or whole days of shorter series, over and over; the time of day stays."""
    first, last = int(found.series.starts_ns[0]), int(found.series.ends_ns[-1])
    unit = 7 * _DAY_NS if last - first >= 7 * _DAY_NS else _DAY_NS
    period = (last - first) // unit * unit
    if not period:
        yield _Piece(start_ns, end_ns, 0)
        return
    turn = (start_ns - first) // period
    while first + turn * period < end_ns:
        yield _Piece(first + turn * period, first + (turn + 1) * period, turn * period)
        turn += 1


def _join(source: Series, parts: list[tuple[Series, int]]) -> Series:
    def joined(name: str) -> NDArray[Any]:
        shift = name in {"starts_ns", "ends_ns"}
        columns = [getattr(part, name) + (offset if shift else 0) for part, offset in parts]
        return np.concatenate(columns) if columns else getattr(source, name)[:0]

    linear = source.shape is StepShape.LINEAR
    return Series(
        source.signal,
        joined("starts_ns"),
        joined("ends_ns"),
        joined("values"),
        end_values=joined("end_values") if linear else None,
        qualities=joined("qualities"),
    )


def _nothing(zone: str, reason: str) -> Reading:
    empty = Series(Signal(SignalKind.AVERAGE, "replay", zone), [], [], [])
    return Reading(series=empty, step=FreshnessStep.NONE, reason=reason)
