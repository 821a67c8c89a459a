"""
E6: data that come late with status 200 for 321 minutes, then errors for 46, as happened to a provider in 2025.

Every five minutes three clients are asked whether power is green now: ours, one that takes the first number of the
answer for the present (and keeps the last one when there is an error), and one that writes -1 where a value is missing.
The data stop in the cleanest hour, so whoever does not notice runs into the dirtiest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import httpx2
import numpy as np

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import HorizonTooShort
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.units import KG_PER_LB
from gridtide.testing.faultruns.figure import Figure
from gridtide.testing.faultruns.politeness import Replica, watttime_zones
from gridtide.testing.faultruns.rig import run
from gridtide.testing.faults import Fault
from gridtide.testing.server import FakeGridServer
from gridtide.testing.waves import wave_series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridtide.domain.series import Series
    from gridtide.testing.clock import FakeClock

__all__ = ["e6"]

START: Final = datetime(2026, 1, 13, 1, 0, tzinfo=UTC)
HEALTHY: Final = timedelta(hours=2)
LATE: Final = timedelta(minutes=321)
ERRORS: Final = timedelta(minutes=46)
TICK: Final = timedelta(minutes=5)
POWER_KW: Final = 1.0
GREENEST: Final = 0.3
NOTICED_MIN: Final = 20.0
_LOGIN: Final = ("user", "password")


def e6() -> list[Figure]:
    """Ours beside two naive clients."""
    return run(_replay, now=START)


@dataclass(slots=True)
class _Tally:
    """What one client made of it."""

    green: int = 0
    wrong_green: int = 0
    grams_lost: float = 0.0
    noticed_after: timedelta | None = None
    steps: dict[str, int] = field(default_factory=dict)

    def count(self, value: float | None, true: float, threshold: float) -> None:
        """Note one answer; None is no answer. [gCO2/kWh]"""
        if value is None or value > threshold:
            return
        self.green += 1
        if true > 1.1 * threshold:
            self.wrong_green += 1
            self.grams_lost += (true - threshold) * POWER_KW * (TICK / timedelta(hours=1))


async def _replay(clock: FakeClock) -> list[Figure]:
    truth = wave_series(START.replace(hour=0), days=1, step=TICK, low=400, high=1400, lowest_hour=3)
    threshold = float(np.quantile(truth.values, GREENEST)) * KG_PER_LB
    names = ("ours", "first number is now", "-1 for missing")
    tallies = {name: _Tally() for name in names}
    with FakeGridServer({"watttime": truth}, clock=clock) as server:
        replica = Replica(clock, server, ["watttime"])
        naive = _Naive(server.base_url("watttime"))
        freeze, errors, state = START + HEALTHY, START + HEALTHY + LATE, ""
        while clock.now() < errors + ERRORS + HEALTHY:
            state = _set_faults(server, state, clock.now(), freeze, errors)
            following = clock.now() + TICK
            true = _at(truth, clock.now())
            number = await naive.number()
            tallies[names[1]].count(naive.last, true, threshold)
            tallies[names[2]].count(-1.0 if number is None else number, true, threshold)
            value = await _ours(replica, tallies["ours"], clock, freeze)
            tallies["ours"].count(value, true, threshold)
            await clock.sleep_until(following)
        await replica.close()
    return [_figure(name, tallies) for name in names]


def _set_faults(server: FakeGridServer, state: str, now: datetime, freeze: datetime, errors: datetime) -> str:
    """Frozen from *freeze*, failing from *errors*, healthy again after that; returns the new state."""
    wanted = "late" if freeze <= now < errors else "down" if errors <= now < errors + ERRORS else ""
    if wanted != state:
        server.heal()
        if wanted:
            fault = Fault.frozen() if wanted == "late" else Fault.status(503)
            server.fault("watttime", fault, path="/v3/")
    return wanted


async def _ours(replica: Replica, tally: _Tally, clock: FakeClock, freeze: datetime) -> float | None:
    """Value of now from a source, in grams, or None; notes when the age was noticed."""
    now = clock.now()
    query = SignalQuery(zone=watttime_zones(2)[1], window=Interval(now, now + timedelta(hours=1)))
    reading = await replica.client.read(query)
    tally.steps[reading.step] = tally.steps.get(reading.step, 0) + 1
    fresh = reading.step in {FreshnessStep.LIVE, FreshnessStep.CACHED}
    if not fresh and now >= freeze and tally.noticed_after is None:
        tally.noticed_after = now - freeze
    if reading.step not in {FreshnessStep.LIVE, FreshnessStep.CACHED, FreshnessStep.STALE}:
        return None
    try:
        return reading.series.value_at(now)
    except HorizonTooShort:
        return None


class _Naive:
    """
    A client as many are written: no look at any time in the answer.

    Args:
        base: Address of the provider.
    """

    def __init__(self, base: str) -> None:
        self._base = base
        self._header: Mapping[str, str] = {}
        self.last: float | None = None

    async def number(self) -> float | None:
        """First number of the answer, in grams; None for an error. Keeps the last one."""
        async with httpx2.AsyncClient(base_url=self._base, timeout=5) as client:
            reply = await client.get("/v3/forecast?region=PSCO&signal_type=co2_moer", headers=dict(self._header))
            if reply.status_code == 401:
                token = (await client.get("/login", auth=_LOGIN)).json()["token"]
                self._header = {"Authorization": f"Bearer {token}"}
                reply = await client.get("/v3/forecast?region=PSCO&signal_type=co2_moer", headers=dict(self._header))
        if reply.status_code != 200:
            return None
        self.last = float(json.loads(reply.text)["data"][0]["value"]) * KG_PER_LB
        return self.last


def _at(truth: Series, now: datetime) -> float:
    """True value of now. [gCO2/kWh]"""
    return KG_PER_LB * truth.value_at(truth.start + (now - truth.start) % (truth.end - truth.start))


def _figure(name: str, tallies: Mapping[str, _Tally]) -> Figure:
    tally = tallies[name]
    noticed = tally.noticed_after
    minutes = noticed / timedelta(minutes=1) if noticed is not None else float("inf")
    ours = name == "ours"
    return Figure(
        fault="E6",
        case=f"late 321 min, errors 46 min: {name}",
        bar=f"noticed within {NOTICED_MIN:g} min (lag, 2 periods, a look), wrong-green 0" if ours else "for comparison",
        held=not ours or (tally.wrong_green == 0 and minutes <= NOTICED_MIN),
        measured={
            "noticed_after_min": minutes if ours else "never", "green": tally.green, "wrong_green": tally.wrong_green,
            "g_lost_per_kw": round(tally.grams_lost, 1),
            **({"steps": " ".join(f"{step}:{count}" for step, count in tally.steps.items())} if ours else {}),
        },
    )  # fmt: skip
