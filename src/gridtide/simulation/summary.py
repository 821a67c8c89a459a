"""
Tables of an experiment: by home zone, by slack, delays, planned beside realised, and what the simulation itself cost.

A saving is the energy-weighted share of run-now's emissions that was avoided; negative for a loss. Where no power is
known, hours stand in for energy and no grams are stated. Every row names its policy and zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.units import NS_PER_HOUR
from gridtide.simulation.experiment import OWN_POWER_W
from gridtide.simulation.runs import LATE_NS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gridtide.simulation.experiment import Experiment, Outcome
    from gridtide.simulation.runs import Payment

__all__ = [
    "ALL_ZONES",
    "Footprint",
    "Summary",
    "by_class",
    "by_slack",
    "delays",
    "own_footprint",
    "pareto",
    "summaries",
]

ALL_ZONES: Final = "all"
"""Zone name of rows over every zone."""

_SLACK_EDGES_H: Final = (0.0, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0, 48.0, 72.0, 168.0, np.inf)
_DELAY_SHARES: Final = tuple(range(0, 101, 5))
_BLIND: Final = frozenset({"run-now", "run-latest"})
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """
    One policy and the jobs of one home; figures that nothing is known about are None.

    Attributes:
        zone: Home of the jobs, wherever they ran.
        paid_jobs: Jobs that the figures below stand on.
        grams: Of the runs where they ran, and of moving their data at the middle figure.
        run_now_grams: Of the same jobs started at their arrival at home.
        savings_pct: Emissions avoided against run-now at home, negative for a loss. [%]
        savings_pct_low: With transfers at their highest published figure. [%]
        savings_pct_high: With transfers at their lowest published figure. [%]
        oracle_savings_pct: The most that was possible inside the jobs' bounds. [%]
        pct_of_oracle_savings: Part of it that was realised; None where nothing could be saved. [%]
        planned_mean_g_per_kwh: What the first plans expected, weighted like the realised mean.
        late_jobs: Started more than 5 s after their latest start.
        forced_jobs: Started by the guard at their latest start, as are all hard and soft jobs.
        moved_jobs: Ran in another zone than their home.
        uncertain_jobs: Stayed home because the saving of a move depends on which transfer figure one believes.
    """

    policy: str
    zone: str
    jobs: int
    paid_jobs: int
    kwh: float | None
    grams: float | None
    run_now_grams: float | None
    savings_pct: float | None
    savings_pct_low: float | None
    savings_pct_high: float | None
    oracle_savings_pct: float | None
    pct_of_oracle_savings: float | None
    run_now_mean_g_per_kwh: float | None
    mean_g_per_kwh: float | None
    planned_mean_g_per_kwh: float | None
    mean_delay_h: float
    p95_delay_h: float
    mean_pieces: float
    late_jobs: int
    forced_jobs: int
    waited_for_room_h: float
    decisions: int
    moved_jobs: int
    uncertain_jobs: int
    transfer_g: float | None
    transfer_g_low: float | None
    transfer_g_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """
    What deciding cost, beside what it saved; per million decisions.

    Attributes:
        cpu_s: Processor time of planning and simulating. [s]
        forecast_cpu_s: Processor time of the forecasts it stood on; 0 for a policy that looks at none. [s]
        own_grams: Of both times, at `OWN_POWER_W` and the zones' mean. [gCO2eq]
        saved_grams: None when no power is known; negative for a loss. [gCO2eq]
    """

    policy: str
    path: str
    decisions: int
    cpu_s: float
    forecast_cpu_s: float
    own_grams: float
    saved_grams: float | None
    cpu_s_per_million: float
    own_grams_per_million: float
    saved_grams_per_million: float | None


def summaries(experiment: Experiment) -> list[Summary]:
    """One row for each policy and home, and one over all homes where there are several."""
    found = []
    everywhere = np.ones(experiment.jobs.size, dtype=bool)
    for outcome in experiment.outcomes:
        if np.unique(experiment.jobs.zone).size > 1:
            found.append(_summary(experiment, outcome, ALL_ZONES, everywhere))
        for index, name in enumerate(experiment.jobs.zones):
            rows = experiment.jobs.zone == index
            if rows.any():
                found.append(_summary(experiment, outcome, name, rows))
    return found


def by_slack(experiment: Experiment) -> list[dict[str, object]]:
    """Savings by how long a job could wait: policy, slack range, jobs, savings and the possible."""
    slack_h = (experiment.jobs.latest_ns - experiment.jobs.arrival_ns) / NS_PER_HOUR
    found: list[dict[str, object]] = []
    for outcome in experiment.outcomes:
        for low, high, rows in _bins(slack_h):
            made = _summary(experiment, outcome, ALL_ZONES, rows)
            found.append(
                {
                    "policy": outcome.policy,
                    "slack": f"{low:g} h and more" if np.isinf(high) else f"{low:g} to {high:g} h",
                    "mean_slack_h": float(slack_h[rows].mean()),
                    "jobs": made.jobs,
                    "savings_pct": made.savings_pct,
                    "oracle_savings_pct": made.oracle_savings_pct,
                }
            )
    return found


def by_class(experiment: Experiment) -> list[dict[str, object]]:
    """Savings and delays by class of work: one row for each policy and class; none where only one class occurs."""
    classes = experiment.jobs.classes
    found: list[dict[str, object]] = []
    for outcome in experiment.outcomes if len(classes) > 1 else ():
        for elasticity in classes:
            rows = experiment.jobs.of_class(elasticity)
            made = _summary(experiment, outcome, ALL_ZONES, rows)
            found.append(
                {
                    "policy": outcome.policy,
                    "class": str(elasticity),
                    "jobs": made.jobs,
                    "paid_jobs": made.paid_jobs,
                    "savings_pct": made.savings_pct,
                    "oracle_savings_pct": made.oracle_savings_pct,
                    "grams": made.grams,
                    "run_now_grams": made.run_now_grams,
                    "mean_delay_h": made.mean_delay_h,
                    "longest_delay_h": float(_delay_h(experiment, outcome)[rows].max()),
                    "waited_for_room_h": made.waited_for_room_h,
                    "late_jobs": made.late_jobs,
                    "moved_jobs": made.moved_jobs,
                }
            )
    return found


def delays(experiment: Experiment) -> list[dict[str, object]]:
    """Which share of the jobs had started after which delay, by policy."""
    found: list[dict[str, object]] = []
    for outcome in experiment.outcomes:
        delay_h = np.quantile(_delay_h(experiment, outcome), np.array(_DELAY_SHARES) / 100.0)
        found += [
            {"policy": outcome.policy, "started_pct": share, "delay_h": float(delay)}
            for share, delay in zip(_DELAY_SHARES, delay_h, strict=True)
        ]
    return found


def pareto(experiment: Experiment) -> list[dict[str, object]]:
    """Mean delay against saving, one point per policy; on the front when no other is better in both."""
    points = [
        (o.policy, _summary(experiment, o, ALL_ZONES, np.ones(experiment.jobs.size, bool))) for o in experiment.outcomes
    ]
    known = [(name, s.mean_delay_h, s.savings_pct) for name, s in points if s.savings_pct is not None]
    return [
        {
            "policy": name,
            "mean_delay_h": delay,
            "savings_pct": saving,
            "on_front": not any(d <= delay and s >= saving and (d < delay or s > saving) for _, d, s in known),
        }
        for name, delay, saving in sorted(known, key=lambda row: row[1])
    ]


def own_footprint(experiment: Experiment) -> list[Footprint]:
    """Our own processor time and its estimated emissions, by policy."""
    found = []
    blind = {p.name for p in experiment.scenario.policies if p.method in _BLIND and not p.routes}
    for outcome in experiment.outcomes:
        total = _summary(experiment, outcome, ALL_ZONES, np.ones(experiment.jobs.size, bool))
        forecasts = 0.0 if outcome.policy in blind else experiment.forecast_cpu_s
        spent = outcome.cpu_s + forecasts
        own = spent / 3600.0 * OWN_POWER_W / 1000.0 * experiment.mean_g_per_kwh
        saved = None if total.run_now_grams is None or total.grams is None else total.run_now_grams - total.grams
        scale = 1e6 / max(total.decisions, 1)
        found.append(
            Footprint(
                policy=outcome.policy,
                path=outcome.path,
                decisions=total.decisions,
                cpu_s=outcome.cpu_s,
                forecast_cpu_s=forecasts,
                own_grams=own,
                saved_grams=saved,
                cpu_s_per_million=spent * scale,
                own_grams_per_million=own * scale,
                saved_grams_per_million=None if saved is None else saved * scale,
            )
        )
    return found


def _summary(experiment: Experiment, outcome: Outcome, zone: str, rows: NDArray[np.bool_]) -> Summary:
    paid, now, best, lived = outcome.paid, experiment.run_now, outcome.best, outcome.runs
    powered = rows & ~np.isnan(paid.grams) & ~np.isnan(now.grams)
    known = bool(powered.any())
    counted = powered if known else rows & ~np.isnan(paid.mean) & ~np.isnan(now.mean)
    weight = paid.kwh if known else paid.weighted_h
    energy, ran = float(weight[counted].sum()), float((paid.mean * weight)[counted].sum())
    cost, at_once, least = (_total(payment, counted, known=known) for payment in (paid, now, best))
    foreseen = counted & ~np.isnan(lived.planned_mean)
    foreseen_energy = float(weight[foreseen].sum())
    planned = float((lived.planned_mean[foreseen] * weight[foreseen]).sum())
    now_energy = float((now.kwh if known else now.weighted_h)[counted].sum())
    saved, possible = at_once - cost, at_once - least
    low, middle, high = (float(part[counted].sum()) for part in paid.moved)
    delay_h = _delay_h(experiment, outcome)[rows]

    def share(part: float) -> float | None:
        return 100.0 * part / at_once if at_once > 0 else None

    return Summary(
        policy=outcome.policy,
        zone=zone,
        jobs=int(rows.sum()),
        paid_jobs=int(counted.sum()),
        kwh=energy if known else None,
        grams=cost if known else None,
        run_now_grams=at_once if known else None,
        savings_pct=share(saved),
        savings_pct_low=share(saved + middle - high),
        savings_pct_high=share(saved + middle - low),
        oracle_savings_pct=share(possible),
        pct_of_oracle_savings=100.0 * saved / possible if possible > _TINY * abs(at_once) else None,
        run_now_mean_g_per_kwh=at_once / now_energy if now_energy > 0 else None,
        mean_g_per_kwh=ran / energy if energy > 0 else None,
        planned_mean_g_per_kwh=planned / foreseen_energy if foreseen_energy > 0 else None,
        mean_delay_h=float(delay_h.mean()),
        p95_delay_h=float(np.quantile(delay_h, 0.95)),
        mean_pieces=float(lived.pieces[rows].mean()),
        late_jobs=int((lived.late_ns[rows] > LATE_NS).sum()),
        forced_jobs=int(lived.forced[rows].sum()),
        waited_for_room_h=float(lived.room_ns[rows].sum() / NS_PER_HOUR),
        decisions=int(lived.decisions[rows].sum()),
        moved_jobs=int((lived.zone != experiment.jobs.zone)[rows].sum()),
        uncertain_jobs=int(lived.uncertain[rows].sum()),
        transfer_g=middle if known else None,
        transfer_g_low=low if known else None,
        transfer_g_high=high if known else None,
    )


def _total(payment: Payment, counted: NDArray[np.bool_], *, known: bool) -> float:
    """Grams of the counted jobs, or what stands in for them where no power is known."""
    return float((payment.grams if known else payment.mean * payment.weighted_h)[counted].sum())


def _bins(slack_h: NDArray[np.float64]) -> Iterator[tuple[float, float, NDArray[np.bool_]]]:
    for low, high in zip(_SLACK_EDGES_H[:-1], _SLACK_EDGES_H[1:], strict=True):
        rows = (slack_h >= low) & (slack_h < high)
        if rows.any():
            yield low, high, rows


def _delay_h(experiment: Experiment, outcome: Outcome) -> NDArray[np.float64]:
    return np.asarray((outcome.runs.start_ns - experiment.jobs.arrival_ns) / NS_PER_HOUR)
