"""F07 to F09, F11, F12 and F18: garbage, impossible values, other units, old data, broken time axes, other schemas."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gridtide.domain.errors import HorizonTooShort
from gridtide.domain.instants import from_ns
from gridtide.testing.answer import Literal
from gridtide.testing.fake.uk import UkCarbonIntensity
from gridtide.testing.faultruns.figure import Figure
from gridtide.testing.faultruns.rig import Rig, run
from gridtide.testing.faults import Fault
from gridtide.testing.server import FakeGridServer

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.series import Series
    from gridtide.testing.clock import FakeClock
    from gridtide.testing.faultruns.rig import Look

__all__ = ["f07", "f08", "f09", "f11", "f12", "f18"]

PERIOD: Final = timedelta(minutes=30)
_ROUNDED: Final = 1.01
_DIRTIEST_HOUR: Final = 15


# -- F07 ---------------------------------------------------------------------------------------------------------------


def f07() -> list[Figure]:
    """Status 200 with something that is no answer."""
    faults = {
        "HTML login page": Fault.html(), "empty body": Fault.body(""), "{}": Fault.body("{}"),
        "null": Fault.body("null"), "truncated JSON": Fault.truncate(), "byte order mark": Fault.bom(),
        "wrong content type": Fault.content_type("text/html"), "100,000 nested brackets": Fault.nested(100_000),
    }  # fmt: skip
    return [run(partial(_garbage, case=case, fault=fault)) for case, fault in faults.items()]


async def _garbage(clock: FakeClock, case: str, fault: Fault) -> Figure:
    """One source only, so that the last good values must be kept."""
    async with Rig(clock, second=False) as rig:
        await rig.look()
        clock.advance(minutes=35)
        rig.uk.fault("uk", fault)
        look = await rig.look()
        rejected = sum(n for (_, outcome), n in rig.fetcher.tally.items() if outcome in _REJECTIONS)
    kept = look.is_usable and look.reading.series.signal.provider == "uk"
    return Figure(
        fault="F07",
        case=case,
        bar="no crash, last good values kept",
        held=kept and rig.wrong_green == 0,
        measured={"step": look.reading.step.value, "rejected": rejected, "wrong_green": rig.wrong_green},
    )


_REJECTIONS: Final = frozenset({"malformed_payload", "provider_unavailable"})


# -- F08 ---------------------------------------------------------------------------------------------------------------


def f08() -> list[Figure]:
    """One slot of the forecast, the dirtiest of the day, carries something that is no value."""
    values = {
        "null": None, "NaN": float("nan"), "Infinity": float("inf"), "1e400": Literal("1e400"), '""': "",
        '"250"': "250", "true": True, "-1": -1, "-50": -50, "1e9": 1e9, "0": 0,
    }  # fmt: skip
    return [run(partial(_odd_value, case=case, value=value)) for case, value in values.items()]


async def _odd_value(clock: FakeClock, case: str, value: object) -> Figure:
    async with Rig(clock, second=False) as rig:
        slot = clock.now().replace(hour=_DIRTIEST_HOUR, minute=0)
        index = (slot - clock.now().replace(minute=0)) // PERIOD
        rig.uk.fault("uk", Fault.value(value, at=index), path="/fw48h")
        look = await rig.look()
    shown = _value_at(look.reading.series, slot)
    start = look.decision.start
    chosen = start is not None and start < slot + PERIOD and slot < start + timedelta(hours=2)
    is_zero = case == "0"
    return Figure(
        fault="F08",
        case=f"value {case} in the dirtiest slot",
        bar="0 is data" if is_zero else "never the greenest slot, left as a gap",
        held=shown == 0.0 if is_zero else shown is None and not chosen and rig.wrong_green == 0,
        measured={
            "read_as": "gap" if shown is None else f"{shown:g}", "chosen": str(chosen), "wrong_green": rig.wrong_green,
        },
    )  # fmt: skip


# -- F09 ---------------------------------------------------------------------------------------------------------------


def f09() -> list[Figure]:
    """A source changes its unit without saying so, after a day of right values and at a cold start."""
    factors = {"g/kWh to lb/MWh": 2.20462262, "lb/MWh to g/kWh": 0.45359237, "x 1000": 1000.0, "/ 1000": 0.001}
    warm = [run(partial(_other_unit, case=case, factor=factor)) for case, factor in factors.items()]
    cold = [
        run(partial(_other_unit, case=f"{case}, cold start", factor=factor, warm=False))
        for case, factor in factors.items()
        if factor in {1000.0, 0.001}
    ]
    return warm + cold


async def _other_unit(clock: FakeClock, case: str, factor: float, *, warm: bool = True) -> Figure:
    async with Rig(clock) as rig:
        if warm:
            await rig.watch(timedelta(days=1), every=PERIOD)
        rig.uk.fault("uk", Fault.scale(factor))
        clock.advance(PERIOD.total_seconds())
        looks = await rig.watch(timedelta(hours=6), every=timedelta(minutes=10))
    wrong = sum(_is_off(look, rig.truth) for look in looks)
    others = sum(look.reading.series.signal.provider != "uk" for look in looks)
    return Figure(
        fault="F09",
        case=case,
        bar="wrong-unit decisions 0",
        held=wrong == 0 and rig.wrong_green == 0,
        measured={"decisions": len(looks), "wrong_unit": wrong, "from_second": others, "wrong_green": rig.wrong_green},
    )


def _is_off(look: Look, truth: Series) -> bool:
    """Whether usable values are another multiple of the truth on average."""
    if not look.is_usable or not look.reading.series:
        return False
    series = look.reading.series
    true = np.array([_true_at(truth, from_ns(int(start))) for start in series.starts_ns])
    ratio = float(series.values.mean() / true.mean())
    return not 1 / 1.5 <= ratio <= 1.5


# -- F11 ---------------------------------------------------------------------------------------------------------------


def f11() -> list[Figure]:
    """Status 200, old news."""
    faults = {
        "newest value 6 h old": Fault.stale(hours=6), "same body for hours": Fault.frozen(),
        "nothing newer than 3 h ago": Fault.ends(hours_ago=3),
    }  # fmt: skip
    return [*(run(partial(_stale, case=case, fault=fault)) for case, fault in faults.items()), run(_short_horizon)]


async def _stale(clock: FakeClock, case: str, fault: Fault) -> Figure:
    async with Rig(clock) as rig:
        await rig.watch(timedelta(hours=2))
        since = clock.now()
        rig.uk.fault("uk", fault)
        looks = await rig.watch(timedelta(hours=6))
    noticed = [look for look in looks if look.reading.step.value == "stale" or _provider(look) != "uk"]
    after = (noticed[0].at - since) / PERIOD if noticed else float("inf")
    return Figure(
        fault="F11",
        case=case,
        bar="noticed within 2 periods of its age showing, wrong-green 0",
        held=after <= _periods_allowed(fault) and rig.wrong_green == 0,
        measured={"noticed_after_periods": after, "wrong_green": rig.wrong_green, "not_from_source": len(noticed)},
    )


def _periods_allowed(fault: Fault) -> float:
    """Two, and for a body that ages from now on the two that it is still in time, and one of the client's rhythm."""
    return 5.0 if fault.name == "frozen" else 2.0


async def _short_horizon(clock: FakeClock) -> Figure:
    """The provider's forecast reaches six hours instead of forty-eight."""
    rig = Rig(clock, second=False)
    rig.uk = FakeGridServer({"uk": rig.truth}, clock=clock, families=[UkCarbonIntensity(horizon=timedelta(hours=6))])
    async with rig:
        look = await rig.look()
    issued_until = clock.now() + timedelta(hours=6, minutes=30)
    beyond = look.reading.series.signal.method
    known_until = look.reading.series.end if look.reading.series else clock.now()
    honest = known_until <= issued_until or bool(beyond)
    return Figure(
        fault="F11",
        case="forecast of 6 h instead of 48 h",
        bar="unknown hours stay unknown or are marked as our own forecast",
        held=honest and rig.wrong_green == 0,
        measured={
            "known_h": round((known_until - clock.now()) / timedelta(hours=1), 1), "marked": beyond or "no",
            "wrong_green": rig.wrong_green,
        },
    )  # fmt: skip


# -- F12 ---------------------------------------------------------------------------------------------------------------


def f12() -> list[Figure]:
    """Time axes that are none."""
    faults = {
        "naive times": Fault.naive_times(), "duplicates": Fault.duplicate(0.5), "out of order": Fault.unsorted(),
        "gaps": Fault.gap(10, 6), "two days and nine hours ahead": Fault.shift(timedelta(hours=57)),
        "overlapping": Fault.overlap(),
        "30 to 120 minutes in mid-series": Fault.coarsen(20, 4),
    }  # fmt: skip
    return [run(partial(_time_axis, case=case, fault=fault)) for case, fault in faults.items()]


async def _time_axis(clock: FakeClock, case: str, fault: Fault) -> Figure:
    async with Rig(clock) as rig:
        rig.uk.fault("uk", fault)
        look = await rig.look()
    series = look.reading.series
    length = int((series.ends_ns - series.starts_ns).sum())
    span = int(series.ends_ns[-1] - series.starts_ns[0]) - sum(
        int(g.length.total_seconds()) * 10**9 for g in series.gaps
    )
    off = _worst_error(series, rig.truth) if _provider(look) == "uk" and fault.name != "coarsen" else 0.0
    return Figure(
        fault="F12",
        case=case,
        bar="steps and gaps add up to the span, values are those of their time, or another source",
        held=length == span and look.is_usable and rig.wrong_green == 0 and off <= _ROUNDED,
        measured={
            "source": _provider(look), "steps": series.size, "gaps": len(series.gaps), "worst_error_g": round(off, 2),
            "wrong_green": rig.wrong_green,
        },
    )  # fmt: skip


# -- F18 ---------------------------------------------------------------------------------------------------------------


def f18() -> list[Figure]:
    """The schema changes."""
    wrapped = Fault.edit(lambda document: {"data": {"rows": document["data"]}})
    faults = {
        "field renamed": (Fault.rename("intensity", "carbonIntensity"), "intensity"),
        "list became an object": (wrapped, "data"),
        "version gone (410)": (Fault.status(410), "410"),
    }
    return [run(partial(_schema, case=case, fault=fault, named=named)) for case, (fault, named) in faults.items()]


async def _schema(clock: FakeClock, case: str, fault: Fault, named: str) -> Figure:
    problems: list[str] = []
    async with Rig(clock) as rig:
        rig.client.listen(lambda update: problems.append(update.problem))
        rig.uk.fault("uk", fault)
        look = await rig.look()
    words = next((problem for problem in problems if problem.startswith("uk")), "")
    return Figure(
        fault="F18",
        case=case,
        bar=f"the message names {named}",
        held=named in words and look.is_usable and rig.wrong_green == 0,
        measured={"message": words[:90].replace("|", "/"), "wrong_green": rig.wrong_green},
    )


# -- reading -----------------------------------------------------------------------------------------------------------


def _provider(look: Look) -> str:
    return look.reading.series.signal.provider if look.reading.series else ""


def _value_at(series: Series, instant: datetime) -> float | None:
    try:
        return series.value_at(instant)
    except HorizonTooShort:
        return None


def _true_at(truth: Series, instant: datetime) -> float:
    return truth.value_at(truth.start + (instant - truth.start) % timedelta(days=1))


def _worst_error(series: Series, truth: Series) -> float:
    """Largest distance of a step's value from the truth at its start. [g/kWh]"""
    errors: list[Any] = [abs(value - _true_at(truth, start)) for start, _, value, _ in series]
    return max(errors, default=0.0)
