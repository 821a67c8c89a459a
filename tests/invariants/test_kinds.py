"""Values that mean different things never meet: not in a plan, a saving, an answer, a blend or a move (I14)."""

from itertools import product

import pytest

from gridtide.accounting.savings import saving_against_run_now
from gridtide.domain.errors import KindMismatch, UnitMismatch
from gridtide.domain.interval import Interval
from gridtide.domain.signal import Scope, Signal, SignalKind, require_comparable
from gridtide.domain.workload import Workload
from gridtide.forecasting.blend import blend, measure_skill
from gridtide.grid.splice import overlay
from gridtide.planning.hedge import cautious, gated
from gridtide.planning.placement import Site, place
from gridtide.planning.plan import PlanOptions, plan
from support import HOUR, T0, at, hourly

MEANINGS = [
    *product((SignalKind.AVERAGE, SignalKind.MARGINAL), (Scope.LIFECYCLE, Scope.DIRECT)),
    (SignalKind.RELATIVE, Scope.UNKNOWN),
    (SignalKind.PRICE, Scope.UNKNOWN),
]
JOB = Workload(id="w", duration=HOUR, max_delay=3 * HOUR, power_w=1000.0)


def series(meaning, *values):
    kind, scope = meaning
    return hourly(*values, signal=Signal(kind, provider="demo", zone="X", scope=scope))


def planned_with_a_past(one, other):
    options = PlanOptions(percentile=50.0, history=series(other, 40.0, 50.0))
    return plan(JOB, series(one, 60.0, 50.0, 40.0, 30.0), now=at(1), method="threshold", options=options)


DOORS = {
    "an answer of two parts": lambda a, b: overlay(series(a, 60.0, 50.0), series(b, 40.0)),
    "a forecast blended with ours": lambda a, b: blend(series(a, 60.0, 50.0), series(b, 40.0, 30.0)),
    "a forecast measured by what came true": lambda a, b: measure_skill([series(a, 60.0)], series(b, 50.0)),
    "a threshold from the past": planned_with_a_past,
    "a plan gated by a quantile": lambda a, b: gated(JOB, series(a, 60, 50, 40, 30), series(b, 70, 60, 50, 40), now=T0),
    "a cautious plan": lambda a, b: cautious(JOB, series(a, 60, 50, 40, 30), series(b, 70, 60, 50, 40), now=T0),
    "a saving on what was known": lambda a, b: saving_against_run_now(
        series(a, 60, 50), [Interval(at(1), at(2))], original_start=T0, known_before=series(b, 60, 50)
    ),
    "a move to another region": lambda a, b: place(
        JOB, Site(region="home", series=series(a, 60, 60, 60, 60)), [Site(region="x", series=series(b, 1, 1, 1, 1))],
        now=T0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("one", "other"), list(product(MEANINGS, MEANINGS)), ids=lambda m: f"{m[0]} {m[1]}")
def test_two_meanings_meet_nowhere(door, one, other):
    """Every place that takes two series refuses two of different kind, scope or unit, and takes two alike."""
    if one == other:
        require_comparable(series(one, 1.0).signal, series(other, 1.0).signal)
        if one[0] in {SignalKind.AVERAGE, SignalKind.MARGINAL}:
            DOORS[door](one, other)
        return
    with pytest.raises((KindMismatch, UnitMismatch)):
        DOORS[door](one, other)
