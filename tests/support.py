"""What several test rooms need: where the reference material is, and short ways to build values."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gridtide.domain.series import Series
from gridtide.domain.signal import Scope, Signal, SignalKind

ROOT = Path(__file__).resolve().parent.parent
T0 = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DEMO = Signal(SignalKind.AVERAGE, provider="demo", zone="X", scope=Scope.LIFECYCLE)


def shared_dir(*parts: str) -> Path:
    """Folder of reference material, or a visible skip: it is not part of the project."""
    base = Path(os.environ.get("GRIDTIDE_SHARED", ROOT.parent / "shared"))
    path = base.joinpath(*parts)
    if not path.exists():
        pytest.skip(
            f"reference material {'/'.join(parts) or 'folder'} is not here; set GRIDTIDE_SHARED to run this test"
        )
    return path


def hourly(*values: float | None, start: datetime = T0, signal: Signal = DEMO) -> Series:
    """Hourly constant steps from *start*; None is a gap."""
    return Series.steps(signal, start, HOUR, values)


def hourly_csv(*values: float) -> str:
    """A file of hourly values from T0."""
    rows = (f"{at(h):%Y-%m-%dT%H:%MZ},{value}\n" for h, value in enumerate(values))
    return "".join(["time,value\n", *rows])


def at(hours: float) -> datetime:
    """Instant that many hours after `T0`."""
    return T0 + timedelta(hours=hours)
