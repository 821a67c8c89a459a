"""F15 to F17: zones that are not there, sources that disagree or flap, values that are corrected afterwards."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.series import Series
from gridtide.domain.zone import Zone
from gridtide.grid.client import Rules
from gridtide.ledger.journal import Journal
from gridtide.testing.fake.electricity_maps import ElectricityMaps
from gridtide.testing.faultruns.figure import Figure
from gridtide.testing.faultruns.rig import GB, JOB, Rig, job, run
from gridtide.testing.faults import Fault
from gridtide.testing.server import FakeGridServer

if TYPE_CHECKING:
    from gridtide.testing.clock import FakeClock
    from gridtide.testing.faultruns.rig import Look

__all__ = ["f15", "f16", "f17"]

CHANGES_PER_HOUR: Final = 4.0
_MINUTE: Final = timedelta(minutes=1)


# -- F15 ---------------------------------------------------------------------------------------------------------------


def f15() -> list[Figure]:
    """A zone nobody has, one that is renamed, one that the plan no longer covers."""
    plan_of = ElectricityMaps(access={"fake-key": {"GB": ["*"]}})
    cases = {
        "unknown zone": (Zone("XX-NOWHERE", aliases=(("uk", "99"), ("electricitymaps", "XX-NOWHERE"))), None),
        "renamed at the provider": (Zone("AUS-NSW", aliases=(("electricitymaps", "AUS-NSW"),)), None),
        "access withdrawn (401 per zone)": (Zone("DE", aliases=(("electricitymaps", "DE"),)), plan_of),
    }
    return [run(partial(_no_zone, case=case, zone=zone, maps=maps)) for case, (zone, maps) in cases.items()]


async def _no_zone(clock: FakeClock, case: str, zone: Zone, maps: ElectricityMaps | None) -> Figure:
    """Asked for every five minutes beside a healthy zone."""
    rig = Rig(clock, rules=Rules(prefer=("uk",), use_static=False))
    families = [maps] if maps else []
    rig.maps = FakeGridServer({"electricitymaps": {"GB": rig.truth}}, clock=clock, families=families)
    async with rig:
        readings = []
        for _ in range(24):
            window = Interval(clock.now(), clock.now() + timedelta(hours=6))
            readings.append(await rig.client.read(SignalQuery(zone=zone, window=window)))
            healthy = await rig.look()
            await clock.sleep(300)
    calls = rig.maps.log.count(zone=zone.key) + rig.uk.log.count(zone="99")
    reasons = {reading.reason for reading in readings}
    return Figure(
        fault="F15",
        case=case,
        bar="answered every time with a reason, other zones unaffected, asked again at most hourly for each product",
        held=all(r.step is FreshnessStep.NONE and r.reason for r in readings) and healthy.is_usable and calls <= 9,
        measured={"answers": len(readings), "calls_in_2_h": calls, "reason": min(reasons, key=len)[:70]},
    )


# -- F16 ---------------------------------------------------------------------------------------------------------------


def f16() -> list[Figure]:
    """The second source says twice as much, and the first one comes and goes every minute."""
    return [run(partial(_flap, minutes=m)) for m in (1, 7, 20)]


async def _flap(clock: FakeClock, minutes: int) -> Figure:
    rig = Rig(clock)
    double = Series(rig.truth.signal, rig.truth.starts_ns, rig.truth.ends_ns, 2 * rig.truth.values)
    rig.maps = FakeGridServer({"electricitymaps": {"GB": double}}, clock=clock)
    hours, looks = 6, []
    async with rig:
        for minute in range(60 * hours):
            if minute % minutes == 0:
                rig.uk.heal()
                if (minute // minutes) % 2:
                    rig.uk.fault("uk", Fault.status(503))
            following = clock.now() + _MINUTE
            looks.append(await rig.look())
            await clock.sleep_until(following)
    sources = [_source(look) for look in looks]
    changes = sum(a != b for a, b in zip(sources, sources[1:], strict=False)) / hours
    moves = sum(_moved(a, b) for a, b in zip(looks, looks[1:], strict=False)) / hours
    return Figure(
        fault="F16",
        case=f"first source flaps every {minutes} min, second says twice as much",
        bar=f"changes of source and of plan at most {CHANGES_PER_HOUR:g} an hour, never both in one plan",
        held=changes <= CHANGES_PER_HOUR and moves <= CHANGES_PER_HOUR and "" not in sources,
        measured={"source_changes_per_h": changes, "plan_changes_per_h": moves},
    )


def _source(look: Look) -> str:
    return look.reading.series.signal.provider if look.reading.series else ""


def _moved(before: Look, after: Look) -> bool:
    """Whether a plan for the same night was moved by more than a quarter of an hour."""
    first, second = before.decision.start, after.decision.start
    if first is None or second is None or first < after.at:
        return False
    return abs(second - first) > timedelta(minutes=15)


# -- F17 ---------------------------------------------------------------------------------------------------------------


def f17() -> list[Figure]:
    """A forecast that turns out wrong: the record keeps what was known, the outcome uses what came true."""
    return [run(_corrected)]


async def _corrected(clock: FakeClock) -> Figure:
    rig = Rig(clock, second=False)
    rig.uk.serve("uk", rig.truth, forecast_error=0.3, seed=3)
    async with rig:
        look = await rig.look()
        decision, series = look.decision, look.reading.series
        assert decision.start is not None  # noqa: S101 - there are values, so there is a plan
        with Journal(None) as journal:
            identifier = journal.record(job(look.at), decision, series)
            clock.advance_to(decision.start + JOB + timedelta(hours=2))
            window = Interval(decision.start, decision.start + JOB)
            restated = [await _history_mean(rig, window) for _ in range(2)]
            kept = journal.decision(identifier)
    same = kept is not None and kept.decision.mean == decision.mean and kept.question.series == series
    true = look.true_mean or 0.0
    return Figure(
        fault="F17",
        case="forecast off by 30 %, corrected afterwards",
        bar="the record keeps the value used; the restated one is the true one, twice the same",
        held=same and restated[0] == restated[1] and abs(restated[0] - true) <= 1.0,
        measured={
            "used_g": round(decision.mean or 0.0, 1), "restated_g": round(restated[0], 1), "true_g": round(true, 1),
            "record_unchanged": str(same),
        },
    )  # fmt: skip


async def _history_mean(rig: Rig, window: Interval) -> float:
    reading = await rig.client.read(SignalQuery(zone=GB, window=window, forecast=False, purpose="report"))
    return reading.series.mean(window)
