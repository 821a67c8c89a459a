"""F13 and F14: a provider's clock that is wrong, and days on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from gridtide.domain.interval import Interval
from gridtide.domain.signal import SignalKind
from gridtide.domain.workload import Workload
from gridtide.grid.fetch import Fetcher
from gridtide.grid.provider import Ask, Product
from gridtide.grid.providers.registry import make
from gridtide.planning.plan import plan
from gridtide.testing.fake.energy_charts import BERLIN
from gridtide.testing.faultruns.figure import Figure
from gridtide.testing.faultruns.rig import Rig, run
from gridtide.testing.faults import Fault
from gridtide.testing.server import FakeGridServer
from gridtide.testing.waves import wave_series

if TYPE_CHECKING:
    from gridtide.testing.clock import FakeClock
    from gridtide.testing.faultruns.rig import Look

__all__ = ["f13", "f14"]

WARN_S: Final = 60.0
_QUARTER: Final = timedelta(minutes=15)


# -- F13 ---------------------------------------------------------------------------------------------------------------


def f13() -> list[Figure]:
    """The provider's clock against ours."""
    right = run(partial(_skewed, skew=timedelta(0)))
    skews = (30, -30, 60, -60, 600, -600, 7200, -7200)
    return [_skew_figure(s, run(partial(_skewed, skew=timedelta(seconds=s))), right) for s in skews]


async def _skewed(clock: FakeClock, skew: timedelta) -> tuple[list[Look], float, int]:
    """Decisions of two hours, the skew as measured, and how many were wrong."""
    async with Rig(clock, second=False) as rig:
        if skew:
            rig.uk.fault("uk", Fault.skewed(skew))
        looks = await rig.watch(timedelta(hours=2), every=timedelta(minutes=10))
        measured = rig.fetcher.skew(rig.providers[0])
    return looks, -measured.total_seconds() if measured is not None else float("nan"), rig.wrong_green


def _skew_figure(seconds: int, skewed: tuple[list[Look], float, int], right: tuple[list[Look], float, int]) -> Figure:
    looks, measured, wrong = skewed
    same = sum(a.decision.start == b.decision.start for a, b in zip(looks, right[0], strict=True))
    found = abs(measured - seconds) <= 1.0
    return Figure(
        fault="F13",
        case=f"provider's clock off by {seconds} s",
        bar="same decisions up to 60 s; measured, wrong-green 0",
        held=found and wrong == 0 and (same == len(looks) or abs(seconds) > WARN_S),
        measured={"measured_s": measured, "same_decisions": f"{same} of {len(looks)}", "wrong_green": wrong},
    )


# -- F14 ---------------------------------------------------------------------------------------------------------------


def f14() -> list[Figure]:
    """Days of 23 and 25 hours in Berlin, read and planned across."""
    days = {
        "clocks go forward (23 h)": datetime(2026, 3, 29, tzinfo=BERLIN),
        "clocks go back (25 h)": datetime(2026, 10, 25, tzinfo=BERLIN),
    }
    return [run(partial(_change_day, case=case, day=day), now=_evening_before(day)) for case, day in days.items()]


def _evening_before(day: datetime) -> datetime:
    """When the next day has just been published."""
    return (day - timedelta(hours=4)).astimezone(UTC)


async def _change_day(clock: FakeClock, case: str, day: datetime) -> Figure:
    truth = wave_series(datetime(2026, 1, 1, tzinfo=UTC), step=_QUARTER, low=100, high=500)
    start, end = day.astimezone(UTC), (day + timedelta(days=1)).astimezone(UTC)
    with FakeGridServer({"energy-charts": truth}, clock=clock) as server:
        async with Fetcher(clock, base_urls={"energy-charts": server.base_url("energy-charts")}) as fetcher:
            window = Interval(clock.now(), end)
            ask = Ask(zone="de", product=Product.FORECAST, window=window, kind=SignalKind.AVERAGE, now=clock.now())
            series = await fetcher.fetch(make("energy-charts"), ask)
    local = series.clip(Interval(start, end))
    hours = (end - start) / timedelta(hours=1)
    job = Workload(id="night", duration=timedelta(hours=3), release=start, deadline=start + timedelta(hours=8))
    decision = plan(job, series, now=clock.now())
    planned = decision.end - decision.start if decision.start and decision.end else timedelta(0)
    return Figure(
        fault="F14",
        case=case,
        bar="a step for every quarter of an hour, no gap, the plan is as long as the job",
        held=local.size == 4 * hours and not local.gaps and planned == job.duration,
        measured={
            "hours": hours,
            "steps": local.size,
            "gaps": len(local.gaps),
            "planned_h": planned / timedelta(hours=1),
        },
    )
