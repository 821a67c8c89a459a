"""F19: every provider is down for three days, and jobs with deadlines go on coming."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.series import Series
from gridtide.domain.workload import Workload
from gridtide.planning.plan import plan
from gridtide.testing.faultruns.figure import Figure
from gridtide.testing.faultruns.rig import GB, MONDAY, Rig, run
from gridtide.testing.waves import wave_series

if TYPE_CHECKING:
    from gridtide.testing.clock import FakeClock

__all__ = ["f19"]

WARM: Final = timedelta(days=15)
OUTAGE: Final = timedelta(hours=72)
SLACK: Final = timedelta(hours=12)
LENGTH: Final = timedelta(hours=2)
TICK: Final = timedelta(minutes=15)


def f19() -> list[Figure]:
    """Beside the same days without an outage, and beside jobs that never wait."""
    healthy = run(partial(_days, down=False))
    down = run(partial(_days, down=True))
    saved, kept = healthy.saving, down.saving
    return [
        Figure(
            fault="F19",
            case="all providers down for 72 h, a job every hour with 10 h of slack",
            bar="every job starts by its latest start, once; saving lost is reported",
            held=down.misses == 0 and down.started == healthy.started and down.wrong_steps == 0,
            measured={
                "jobs": down.started, "misses": down.misses, "latest_lateness_s": down.lateness,
                "saving_healthy": f"{saved:.1%}", "saving_down": f"{kept:.1%}", "steps": down.steps,
            },
        )
    ]  # fmt: skip


@dataclass(slots=True)
class _Days:
    """What came of the jobs."""

    started: int = 0
    misses: int = 0
    lateness: float = 0.0
    wrong_steps: int = 0
    grams: float = 0.0
    run_now_grams: float = 0.0
    steps: str = ""

    @property
    def saving(self) -> float:
        """Against starting every job at once."""
        return 1.0 - self.grams / self.run_now_grams


async def _days(clock: FakeClock, *, down: bool) -> _Days:
    truth = _restless(MONDAY.replace(hour=0, minute=0) - timedelta(days=28), days=56)
    result, waiting, seen = _Days(), list[Workload](), dict[FreshnessStep, int]()
    async with Rig(clock, truth=truth) as rig:
        await rig.watch(WARM, every=timedelta(hours=6))
        await rig.look()
        if down:
            rig.uk.stop()
            rig.maps.stop()
        clock.advance(timedelta(minutes=59))
        end, submit = clock.now() + OUTAGE, clock.now()
        while clock.now() < end or waiting:
            now = clock.now()
            if now >= submit and now < end:
                waiting.append(Workload(id=f"{submit:%d%H}", duration=LENGTH, release=now, deadline=now + SLACK))
                result.run_now_grams += _mean(truth, now)
                submit += timedelta(hours=1)
            reading = await rig.client.read(SignalQuery(zone=GB, window=Interval(now, now + SLACK)))
            seen[reading.step] = seen.get(reading.step, 0) + 1
            waiting = [job for job in waiting if not _started(job, reading.series, now, truth, result)]
            await clock.sleep_until(now + TICK)
    fresh = seen.get(FreshnessStep.LIVE, 0) + seen.get(FreshnessStep.CACHED, 0)
    result.wrong_steps = fresh if down else 0
    result.steps = " ".join(f"{step}:{count}" for step, count in seen.items())
    return result


def _started(job: Workload, series: Series, now: datetime, truth: Series, result: _Days) -> bool:
    """Start the job if its plan begins before the next look; books what it emits and whether it was in time."""
    decision = plan(job, series, now=now)
    if decision.start is None or decision.start >= now + TICK:
        return False
    start = max(now, decision.start)
    late = (start - (job.latest_start(now) or start)).total_seconds()
    result.started += 1
    result.misses += late > 0
    result.lateness = max(result.lateness, late)
    result.grams += _mean(truth, start)
    return True


def _mean(truth: Series, start: datetime) -> float:
    return truth.mean(Interval(start, start + LENGTH))


def _restless(start: datetime, *, days: int) -> Series:
    """A daily wave whose level changes from day to day and from hour to hour."""
    wave = wave_series(start, days=days)
    rng = np.random.default_rng(11)
    daily = np.repeat(rng.normal(1.0, 0.25, days), wave.size // days)
    noise = np.convolve(rng.normal(0.0, 0.25, wave.size + 11), np.ones(12) / 12, mode="valid")
    values = np.maximum(5.0, wave.values * np.maximum(0.3, daily) * (1.0 + noise))
    return Series(wave.signal, wave.starts_ns, wave.ends_ns, values)
