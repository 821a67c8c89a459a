"""
A user's own series from a file: CSV, JSON or Parquet, by a declared format and never by guessing.

CSV has a header ``time,value`` or ``start,end,value``, commas between cells, points in decimals, UTF-8, and comment
lines starting with ``#`` at the top only. Times are ISO 8601 with an offset, or local with a named time zone. Every
error names the place as ``file:row:column``.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from gridtide.domain.errors import InvalidInput, UnitMismatch
from gridtide.domain.series import StepShape
from gridtide.domain.signal import Quality, Scope, Signal, SignalKind
from gridtide.domain.units import EUR_PER_MWH, G_PER_KWH, PERCENT, carbon_intensity_factor
from gridtide.grid import file_formats
from gridtide.grid.samples import LocalClock, Samples, malformed

if TYPE_CHECKING:
    from gridtide.domain.series import Series

__all__ = ["MOST_BYTES", "FileSeries", "open_regular", "read_series"]

MOST_BYTES: Final = 512 * 1024 * 1024
_MOST_JSON_BYTES: Final = 64 * 1024 * 1024
_FORMATS: Final = {".csv": "csv", ".txt": "csv", ".json": "json", ".parquet": "parquet", ".pq": "parquet"}


@dataclass(frozen=True, slots=True)
class FileSeries:
    """What a file holds, and what its reader should know: dropped duplicates, gaps, odd days."""

    series: Series
    warnings: tuple[str, ...] = ()


def read_series(
    path: str | Path,
    *,
    unit: str = "",
    step_shape: StepShape | str = StepShape.CONSTANT,
    tz: str | None = None,
    zone: str = "file",
    provider: str = "file",
    kind: SignalKind = SignalKind.AVERAGE,
    scope: Scope = Scope.UNKNOWN,
    quality: Quality = Quality.MEASURED,
    most_bytes: int = MOST_BYTES,
) -> FileSeries:
    """
    Read a series from *path*; its ending says the format.

    Args:
        path: ``.csv``, ``.json`` or ``.parquet``.
        unit: Of the values; empty for the kind's own (gCO2eq/kWh for average and marginal).
        step_shape: ``constant``: a row holds until the next one. ``linear``: straight lines between rows.
        tz: IANA time zone of times without an offset.
        zone: What the values are for.
        provider: Name to put on the values.
        kind: Average, marginal, relative or price.
        scope: Lifecycle or direct, where known.
        quality: How the values came about.
        most_bytes: Largest file to read. [bytes]

    Raises:
        MalformedFile: Not readable as declared; the message names row and column.
        NaiveDatetime: A time without offset, and no *tz*.
        UnitMismatch: *unit* does not fit *kind*.
        InvalidInput: An unknown time zone or step shape.
    """
    path = Path(path)
    shape = _shape(step_shape)
    signal = Signal(kind, provider, zone, scope=scope, quality=quality, method=f"file {path.name}")
    clock = LocalClock(tz)
    samples = Samples(negative=signal.may_be_negative, factor=_factor(unit, kind))
    with open_regular(path, most_bytes) as stream:
        form = _FORMATS.get(path.suffix.lower())
        if form == "csv":
            warnings = file_formats.read_csv(path.name, stream, samples, clock)
        elif form == "json":
            if os.fstat(stream.fileno()).st_size > _MOST_JSON_BYTES:
                raise malformed(path.name, f"larger than {_MOST_JSON_BYTES} bytes", hint="use CSV or Parquet")
            warnings = file_formats.read_json(path.name, stream.read(), samples, clock)
        elif form == "parquet":
            warnings = file_formats.read_parquet(path.name, stream, samples, clock)
        else:
            raise malformed(path.name, f"format {path.suffix!r} is not known; allowed: .csv, .json, .parquet")
    series, more = samples.series(path.name, signal, shape, clock)
    return FileSeries(series, (*warnings, *more))


def _shape(text: StepShape | str) -> StepShape:
    try:
        return StepShape(text)
    except ValueError:
        raise InvalidInput(f"step shape is {str(text)[:20]!r}; allowed: constant, linear", field="step_shape") from None


def _factor(unit: str, kind: SignalKind) -> float:
    own = {SignalKind.RELATIVE: PERCENT, SignalKind.PRICE: EUR_PER_MWH}.get(kind, G_PER_KWH)
    if not unit or unit == own:
        return 1.0
    if own != G_PER_KWH:
        raise UnitMismatch(f"a {kind} series is in {own}, not {unit[:40]!r}", unit=unit[:40])
    return carbon_intensity_factor(unit)


def open_regular(path: Path, most_bytes: int) -> IO[bytes]:
    """
    Open without waiting for a writer and without trusting the name: only a regular file of bounded size is read.

    Raises:
        MalformedFile: It cannot be opened, is no regular file, or is too large.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a valid path"
        raise malformed(str(path)[:200], f"cannot be opened: {reason}") from error
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > most_bytes:
        os.close(descriptor)
        kind = "a directory" if stat.S_ISDIR(facts.st_mode) else "not a regular file"
        size = f"{facts.st_size} bytes long; allowed: at most {most_bytes}"
        raise malformed(str(path)[:200], f"is {size if stat.S_ISREG(facts.st_mode) else kind}")
    return os.fdopen(descriptor, "rb")
