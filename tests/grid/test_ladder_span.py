"""Values outside the asked span are no answer."""

from __future__ import annotations

from datetime import timedelta

from gridtide.testing import Fault
from gridtide.testing.faultruns.rig import Rig, run


async def misdated(clock):
    """Two sources, one of which stamps everything two days late."""
    async with Rig(clock) as rig:
        rig.uk.fault("uk", Fault.shift(timedelta(hours=57)))
        return await rig.look()


def test_source_that_dates_everything_later_is_not_taken() -> None:
    """The second source answers, and the reason says why not the first."""
    look = run(misdated)

    assert look.reading.series.signal.provider == "electricitymaps"
    assert "uk has nothing for this span" in look.reading.reason
