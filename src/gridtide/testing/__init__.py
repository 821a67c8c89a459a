"""Public test kit: a clock that moves on command and a fake server of every grid data source."""

from gridtide.testing.clock import FakeClock

__all__ = ["FakeClock"]
