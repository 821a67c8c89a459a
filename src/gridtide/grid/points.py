"""
From a provider's points to a `Series`: each value is judged, then the steps are brought into order.

A value is dropped with a reason, and leaves a gap, when it is null, no number, not finite, negative where the signal
cannot be, or outside the band of its kind; zero is data (invariant I4). Steps are sorted; of several for one start
the newest version wins, then the best quality, and those that still contradict each other are dropped; a step that
reaches into the next one is cut there. Reasons are counted and logged once per reply, with the first example.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gridtide.domain.errors import KindMismatch, MalformedPayload, ZoneNotCovered
from gridtide.domain.instants import to_ns
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality, Signal, SignalKind
from gridtide.domain.units import NS_PER_HOUR
from gridtide.grid.payload import MISSING, printable, shorten

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.grid.provider import Ask, ProviderInfo, Reply

__all__ = ["BANDS", "POINTS_MAX", "Points", "Reject", "require_offered", "signal_for", "spacing_ns"]

_LOG = logging.getLogger("gridtide.grid.points")

POINTS_MAX: Final = 2_000_000
"""More points than that in one reply are refused: a year at one minute is a quarter of it."""

BANDS: Final[dict[SignalKind, tuple[float, float]]] = {
    SignalKind.AVERAGE: (0.0, 2_000.0),
    SignalKind.MARGINAL: (-5_000.0, 5_000.0),
    SignalKind.RELATIVE: (0.0, 100.0),
    SignalKind.PRICE: (-20_000.0, 20_000.0),
}
"""Plausible values by kind, in the unit of the kind; the dirtiest fuels stay under 1,300 gCO2eq/kWh."""

_QUALITIES: Final = tuple(Quality)
_RANKS: Final = {quality: quality.rank for quality in Quality}
_NUMBERS: Final = frozenset({int, float})
_FIRST_NS: Final = to_ns(datetime(2000, 1, 1, tzinfo=UTC))
_LAST_NS: Final = to_ns(datetime(2100, 1, 1, tzinfo=UTC))
_LONGEST_NS: Final = 24 * NS_PER_HOUR
_FUTURE_NS: Final = 24 * NS_PER_HOUR
_STEPS_NS: Final = tuple(minutes * NS_PER_HOUR // 60 for minutes in (1, 5, 10, 15, 30, 60))


class Reject(StrEnum):
    """Why a point of a reply was not used."""

    NULL = "null"
    TYPE = "type"
    NONFINITE = "nonfinite"
    NEGATIVE = "negative"
    RANGE = "range"
    TIME = "time"
    REVERSED = "reversed"
    LENGTH = "length"
    FUTURE = "future"
    ZONE = "zone"
    INCOMPLETE = "incomplete"
    CONTRADICTION = "contradiction"
    OVERLAP = "overlap"


_HARMLESS: Final = frozenset({Reject.NULL, Reject.INCOMPLETE, Reject.OVERLAP})


_TOLD: Final = {
    Reject.NULL: "is missing",
    Reject.TIME: "has no time that can be read",
    Reject.FUTURE: "is said to be measured a day from now or later",
}


class Points:
    """
    Collects the points of one answer and makes a series of them.

    Args:
        signal: Labels; its quality is set from the points.
        path: Where a point stands in the reply, with ``{}`` for its number, for example ``data[{}].intensity``.
        now: The instant of asking; a value said to be measured more than a day later is refused.
    """

    __slots__ = (
        "_band",
        "_ends",
        "_examples",
        "_latest",
        "_missing",
        "_path",
        "_ranks",
        "_seen",
        "_signal",
        "_starts",
        "_values",
        "_versions",
        "rejected",
    )

    def __init__(self, signal: Signal, *, path: str, now: datetime) -> None:
        self._signal = signal
        self._path = path
        self._band = BANDS[signal.kind]
        self._latest = to_ns(now) + _FUTURE_NS if signal.kind is not SignalKind.PRICE else 2**63 - 1
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._values: list[float] = []
        self._ranks: list[int] = []
        self._versions: list[int] = []
        self._seen = 0
        self._missing = 0
        self._examples: dict[Reject, str] = {}
        self.rejected: Counter[Reject] = Counter()

    def __len__(self) -> int:
        return len(self._values)

    def add(
        self,
        start_ns: int | None,
        end_ns: int | None,
        raw: object,
        *,
        quality: Quality = Quality.MEASURED,
        factor: float = 1.0,
        version: int = 0,
        index: int | None = None,
    ) -> None:
        """
        Judge one point and keep it, or count why not.

        Args:
            start_ns: Start of the step, None when it could not be read. [ns]
            end_ns: End of the step, at most a day later. [ns]
            raw: The value as the reply has it; `MISSING` when the field is not there.
            quality: How the value came about.
            factor: From the provider's unit to ours.
            version: When the value was last revised; larger is newer.
            index: Number of the point in the reply; counted when left out.
        """
        position = self._seen if index is None else index
        self._seen += 1
        if self._seen > POINTS_MAX:
            raise self._malformed(f"more than {POINTS_MAX} points in one reply", field=self._path)
        if start_ns is None or end_ns is None or not _FIRST_NS <= start_ns < _LAST_NS:
            self.reject(Reject.TIME, position, MISSING)
            return
        reason = self._judge(raw, factor)
        if not 0 < end_ns - start_ns <= _LONGEST_NS:
            reason = Reject.REVERSED if end_ns <= start_ns else Reject.LENGTH
        elif start_ns > self._latest and quality is not Quality.FORECAST:
            reason = reason or Reject.FUTURE
        if reason is not None:
            self.reject(reason, position, raw)
            return
        self._starts.append(start_ns)
        self._ends.append(end_ns)
        self._values.append(raw * factor)  # type: ignore[operator] # _judge has seen that it is a number
        self._ranks.append(_RANKS[quality])
        self._versions.append(version)

    def skip(self, reason: Reject, index: int, raw: object) -> None:
        """Count a point that its provider has judged useless."""
        self._seen += 1
        self.reject(reason, index, raw)

    def reject(self, reason: Reject, index: int, raw: object) -> None:
        """Note why a point that was counted is not used."""
        if raw is MISSING and reason is Reject.NULL:
            self._missing += 1
        self.rejected[reason] += 1
        if reason not in self._examples:
            told = _TOLD.get(reason, "") if raw is MISSING or reason is Reject.FUTURE else ""
            self._examples[reason] = printable(f"{self._path.format(index)} {told or f'is {shorten(raw)}'}")

    def _judge(self, raw: object, factor: float) -> Reject | None:
        low, high = self._band
        if raw.__class__ in _NUMBERS and low <= raw * factor <= high:  # type: ignore[operator] # seen just before
            return None
        if raw is None or raw is MISSING:
            return Reject.NULL
        if isinstance(raw, bool) or not isinstance(raw, (int, float)):
            return Reject.TYPE
        value = raw * factor
        if not math.isfinite(value):
            return Reject.NONFINITE
        return Reject.NEGATIVE if value < low == 0.0 else Reject.RANGE

    # -- making the series -----------------------------------------------------------------------------------------

    def series(self) -> Series:
        """
        Steps in order, each with its quality; empty when the reply held nothing but nulls, or nothing at all.

        Raises:
            MalformedPayload: Not one point could be used although something other than null was there, or the
                field with the value is missing everywhere.
        """
        if self._seen and self._missing == self._seen:
            where = self._path.format(0)
            raise self._malformed(f"{where} is missing, here and in all {self._seen} points", field=where)
        starts, ends, values, ranks = self._ordered()
        self._report()
        if not starts.size and set(self.rejected) - _HARMLESS:
            reason = next(r for r in self.rejected if r not in _HARMLESS)
            raise self._malformed(
                f"none of {self._seen} points can be used: {self._examples[reason]} ({reason})",
                field=self._examples[reason].partition(" ")[0],
                reason=str(reason),
            )
        worst = _QUALITIES[int(ranks.max())] if ranks.size else self._signal.quality
        return Series(self._signal.with_(quality=worst), starts, ends, values, qualities=ranks)

    def _ordered(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int8]]:
        starts = np.array(self._starts, dtype=np.int64)
        ends = np.array(self._ends, dtype=np.int64)
        values = np.array(self._values, dtype=np.float64)
        ranks = np.array(self._ranks, dtype=np.int8)
        order = np.lexsort((ranks, -np.array(self._versions, dtype=np.int64), starts))
        if starts.size > 1 and (np.diff(starts[order]) == 0).any():
            order = self._single(order, starts, values)
        starts, ends, values, ranks = starts[order], ends[order], values[order], ranks[order]
        overlapping = ends[:-1] > starts[1:]
        if overlapping.any():
            at = int(np.argmax(overlapping))
            self.rejected[Reject.OVERLAP] += int(overlapping.sum())
            self._examples.setdefault(Reject.OVERLAP, f"step {at} reaches into step {at + 1}")
            ends = np.append(np.minimum(ends[:-1], starts[1:]), ends[-1])
        return starts, ends, values, ranks

    def _single(
        self, order: NDArray[np.int64], starts: NDArray[np.int64], values: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """One index per start: the newest and best one; none where equals contradict each other."""
        kept: list[int] = []
        groups = np.split(order, np.flatnonzero(np.diff(starts[order])) + 1)
        for group in groups:
            best = int(group[0])
            rivals = [
                int(other)
                for other in group[1:]
                if self._versions[other] == self._versions[best] and self._ranks[other] == self._ranks[best]
            ]
            if any(values[other] != values[best] or self._ends[other] != self._ends[best] for other in rivals):
                self.reject(Reject.CONTRADICTION, best, self._values[best])
            else:
                kept.append(best)
        return np.array(kept, dtype=np.int64)

    def _report(self) -> None:
        if not self.rejected:
            return
        level = logging.DEBUG if set(self.rejected) <= {Reject.NULL} else logging.WARNING
        counts = " ".join(f"{reason}={count}" for reason, count in sorted(self.rejected.items()))
        first = next(self._examples[r] for r in self.rejected if r in self._examples)
        _LOG.log(
            level,
            "%s/%s: rejected %d of %d points: %s; first: %s",
            self._signal.provider,
            self._signal.zone,
            sum(self.rejected.values()),
            self._seen,
            counts,
            first,
            extra={"provider": self._signal.provider, "zone": self._signal.zone, "rejected": dict(self.rejected)},
        )

    def _malformed(self, message: str, *, field: str, **facts: Any) -> MalformedPayload:
        return MalformedPayload(
            printable(f"{self._signal.provider}: {message}"),
            hint="the provider's format or unit has changed; `gridtide doctor` shows which",
            provider=self._signal.provider,
            zone=self._signal.zone,
            field=printable(field),
            rejected={str(reason): count for reason, count in self.rejected.items()},
            **facts,
        )


def signal_for(info: ProviderInfo, ask: Ask, replies: tuple[Reply, ...], **labels: object) -> Signal:
    """Labels of an answer: what the provider says about itself, the zone asked for, and the oldest fetch."""
    fetched = min((reply.fetched_at for reply in replies), default=None)
    signal = Signal(
        ask.kind,
        provider=info.name,
        zone=ask.zone,
        scope=info.scope if ask.kind in {SignalKind.AVERAGE, SignalKind.MARGINAL} else type(info.scope).UNKNOWN,
        perimeter=info.perimeter,
        fetched_at=fetched,
        attribution=info.attribution,
    )
    return signal.with_(**labels) if labels else signal


def require_offered(info: ProviderInfo, ask: Ask) -> None:
    """
    Refuse a question that the provider cannot answer.

    Raises:
        KindMismatch: It gives another kind of signal.
        ZoneNotCovered: It has no such product.
    """
    if ask.kind not in info.kinds:
        given = ", ".join(info.kinds)
        raise KindMismatch(
            f"{info.name} gives {given}, not {ask.kind}", hint="choose a provider of that kind", provider=info.name
        )
    if ask.product not in info.products:
        given = ", ".join(sorted(info.products))
        raise ZoneNotCovered(f"{info.name} has no {ask.product}, only {given}", provider=info.name, zone=ask.zone)


def spacing_ns(starts: list[int], *, default_ns: int) -> int:
    """
    Length of a step where a source labels starts only: the smallest distance between two of them.

    The smallest, because a distance across a gap must not stretch a value over it; *default_ns* for a single point
    and where the distance is no usual step (1, 5, 10, 15, 30 or 60 minutes).
    """
    distances = np.diff(np.unique(np.array(starts, dtype=np.int64)))
    smallest = int(distances.min()) if distances.size else 0
    return smallest if smallest in _STEPS_NS else default_ns
