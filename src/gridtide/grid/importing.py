"""
A long stretch of history from one provider into one file: in polite pieces, resumable, with nothing made up.

Values go to ``FILE.part`` piece by piece and the file gets its name only when the stretch is complete. Interrupted,
it goes on where the last whole piece ended. The first lines say what the values are and whom to credit; the file can
be read by every command that takes a series.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.domain.instants import isoformat, parse_instant
from gridtide.domain.interval import Interval
from gridtide.grid.provider import Ask, Product

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gridtide.domain.ports import Clock
    from gridtide.domain.series import Series
    from gridtide.domain.signal import Signal, SignalKind
    from gridtide.grid.fetch import Fetcher
    from gridtide.grid.provider import Provider

__all__ = ["Import", "Piece", "default_window", "import_history", "plan_import"]

_HEADER: Final = "start,end,value,quality"
_THROUGH: Final = "# complete through "


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """
    What is to be fetched, and where to.

    Attributes:
        provider: Whom to ask.
        key: The provider's own key of the zone.
        kind: Signal kind.
        window: The whole stretch.
        path: Of the finished file.
        resume_at: Where an interrupted import left off; the start of the window for a fresh one.
        pieces: What is still to be fetched, in order.
    """

    provider: Provider
    key: str
    kind: SignalKind
    window: Interval
    path: Path
    resume_at: datetime
    pieces: tuple[Interval, ...]

    @property
    def part(self) -> Path:
        """The unfinished file."""
        return self.path.with_name(self.path.name + ".part")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One fetched piece: its number, how many there are, its span and how many values it gave."""

    number: int
    count: int
    span: Interval
    values: int


def plan_import(provider: Provider, key: str, kind: SignalKind, window: Interval, path: Path) -> Import:
    """
    Cut *window* into pieces the provider allows, after what a part file already holds.

    Raises:
        InvalidInput: The provider gives no history or not this kind, or *path* exists already.
        MalformedFile: The part file belongs to another import.
    """
    info = provider.info
    if Product.HISTORY not in info.products:
        raise InvalidInput(f"provider {info.name} gives no history", field="provider")
    if kind not in info.kinds:
        kinds = ", ".join(info.kinds)
        raise InvalidInput(f"provider {info.name} gives no {kind} signal; it gives {kinds}", field="signal")
    if path.exists():
        raise InvalidInput(f"{path} exists already", hint="choose another name, or delete it", field="out")
    whole = Import(provider=provider, key=key, kind=kind, window=window, path=path, resume_at=window.start, pieces=())
    at = _resume_at(whole)
    pieces = []
    start = at
    while start < window.end:
        end = min(start + info.max_span, window.end)
        pieces.append(Interval(start, end))
        start = end
    return Import(provider=provider, key=key, kind=kind, window=window, path=path, resume_at=at, pieces=tuple(pieces))


async def import_history(job: Import, fetcher: Fetcher, clock: Clock) -> AsyncIterator[Piece]:
    """
    Fetch piece by piece; yields after each one is safely written.

    Raises as `Fetcher.fetch` does; what was written stays for a later call.
    """
    count = len(job.pieces)
    for number, span in enumerate(job.pieces, start=1):
        ask = Ask(zone=job.key, product=Product.HISTORY, window=span, kind=job.kind, now=clock.now())
        series = (await fetcher.fetch(job.provider, ask)).clip(span)
        _append(job, series, span)
        yield Piece(number=number, count=count, span=span, values=series.size)
    lines = job.part.read_text("utf-8").splitlines()
    _write_whole(job.path, "".join(f"{line}\n" for line in lines if not line.startswith(_THROUGH)))
    job.part.unlink()


def _resume_at(job: Import) -> datetime:
    if not job.part.exists():
        return job.window.start
    try:
        lines = job.part.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedFile(f"cannot read {job.part}: {error}", hint="delete it to start again") from None
    if not lines or lines[0] != _identity(job):
        raise MalformedFile(
            f"{job.part} belongs to another import", hint="choose another name with --out, or delete it", field="out"
        )
    marks = [k for k, line in enumerate(lines) if line.startswith(_THROUGH)]
    if not marks:
        job.part.unlink()
        return job.window.start
    kept = lines[: marks[-1] + 1]
    if len(kept) < len(lines):  # a piece was being written when it was cut off
        _write_whole(job.part, "\n".join(kept) + "\n")
    return parse_instant(lines[marks[-1]].removeprefix(_THROUGH))


def _append(job: Import, series: Series, span: Interval) -> None:
    fresh = not job.part.exists()
    job.part.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{isoformat(start)},{isoformat(end)},{value:g},{quality}" for start, end, value, quality in series]
    with job.part.open("a", encoding="utf-8") as file:
        if fresh:
            file.write("\n".join([_identity(job), *_labels(series.signal), _HEADER]) + "\n")
        file.write("".join(f"{row}\n" for row in rows) + f"{_THROUGH}{isoformat(span.end)}\n")
        file.flush()
        os.fsync(file.fileno())


def _identity(job: Import) -> str:
    return f"# {job.provider.info.name} {job.key} {job.kind} {job.window}"


def _labels(signal: Signal) -> list[str]:
    return [
        f"# {signal.kind} signal, {signal.scope} emissions, {signal.perimeter}, {signal.unit}",
        f"# credit: {signal.attribution or signal.provider}",
    ]


def _write_whole(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, "utf-8")
    fresh.replace(path)


def default_window(end: datetime, days: int) -> Interval:
    """The last *days* whole days before *end*."""
    midnight = end.replace(hour=0, minute=0, second=0, microsecond=0)
    return Interval(midnight - timedelta(days=days), midnight)
