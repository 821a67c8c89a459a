"""Prices for a plan that weighs cost and carbon: from a file, or the day-ahead auction of the place."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.cli import payload, wording
from gridtide.cli.bounded import spare_s, within
from gridtide.cli.errors import Usage
from gridtide.domain.errors import CarbonError
from gridtide.domain.signal import SignalKind

if TYPE_CHECKING:
    from pathlib import Path

    from gridtide.cli import shapes
    from gridtide.cli.job import Job
    from gridtide.cli.session import Session
    from gridtide.domain.decision import Alternative, Decision
    from gridtide.domain.interval import Interval
    from gridtide.domain.series import Series

__all__ = ["PROVIDER", "cost_of", "in_words", "lines_of", "with_prices"]

PROVIDER: Final = "energy-charts-price"
"""Source of day-ahead prices where no file is named."""

_BACK: Final = timedelta(hours=1)
_SHOWN: Final = 6


def with_prices(session: Session, job: Job, path: Path | None) -> Job:
    """*job* with prices in its options, where a carbon price is set; without prices it says so and stays as it is."""
    eur_per_t = session.settings.policies.carbon_price
    if path is not None and eur_per_t is None:
        raise Usage("--price-series is about cost, but there is no --carbon-price", field="--price-series")
    if eur_per_t is None:
        return job
    if job.options.threshold is not None or job.options.percentile is not None:
        raise Usage(
            "a threshold and --carbon-price contradict each other: the bound is in grams, the plan in money",
            hint="give one of them",
            field="--carbon-price",
        )
    if job.options.risk != "expected":
        raise Usage("--risk and --carbon-price cannot be combined", hint="give one of them", field="--carbon-price")
    series = _prices(session, job, path)
    if not series:
        return job
    return replace(job, options=replace(job.options, price=series, eur_per_t=eur_per_t))


def _prices(session: Session, job: Job, path: Path | None) -> Series | None:
    if path is not None:
        return session.read_prices_file(path)
    latest = job.workload.latest_start(session.now)
    try:
        reading = within(spare_s(session, latest), lambda: session.read_prices(PROVIDER, ahead=job.ahead, back=_BACK))
        why = "no answer in time" if reading is None else reading.reason
        if reading is not None and reading.series and reading.series.signal.kind is SignalKind.PRICE:
            return reading.series
    except CarbonError as error:
        why = error.message
    session.say.warn(
        f"no electricity prices are known, so it is planned on carbon alone: {why or 'none for this place'}"
    )
    return None


def cost_of(job: Job, carbon: Series, made: Decision, *, session: Session) -> shapes.CostShape | None:
    """What the plan costs beside running at once, and the choices between cost and carbon; null without prices."""
    from gridtide.planning.price import DEFAULT_PRICES, pareto_front  # noqa: PLC0415 - numpy, only with prices

    price, eur_per_t = job.options.price, job.options.eur_per_t
    if price is None or eur_per_t is None or not carbon or not carbon.signal.is_absolute:
        return None
    run_now = made.baseline("run-now")
    swept = sorted({*DEFAULT_PRICES, eur_per_t})
    front = pareto_front(job.workload, carbon, price, now=session.now, eur_per_t=swept, method=job.method)
    hours = job.workload.duration / timedelta(hours=1)
    power_kw = None if job.workload.power_w is None else job.workload.power_w * job.workload.pue / 1000.0
    return {
        "eur_per_t": eur_per_t,
        "mean_eur_per_mwh": _mean(price, made.intervals),
        "cost_eur": _cost(_mean(price, made.intervals), power_kw, hours),
        "run_now_mean_eur_per_mwh": _mean_of(price, run_now),
        "run_now_cost_eur": _cost(_mean_of(price, run_now), power_kw, hours),
        "signal": payload.signal(price.signal),
        "front": [
            {
                "eur_per_t": point.eur_per_t,
                "start": payload.instant(point.start) or "",
                "intervals": payload.intervals(point.intervals),
                "mean_g_per_kwh": round(point.mean_g_per_kwh, 6),
                "mean_eur_per_mwh": round(point.mean_eur_per_mwh, 6),
                "emissions_g": None if power_kw is None else round(point.mean_g_per_kwh * power_kw * hours, 6),
                "cost_eur": _cost(point.mean_eur_per_mwh, power_kw, hours),
                "chosen": point.intervals == made.intervals,
            }
            for point in front
        ],
    }


def in_words(cost: shapes.CostShape) -> str:
    """Price of the plan beside that of running at once."""
    mean, at_once = cost["mean_eur_per_mwh"], cost["run_now_mean_eur_per_mwh"]
    shown = "unknown" if mean is None else f"{mean:.1f}"
    beside = "" if at_once is None else f" instead of {at_once:.1f}"
    return f"{shown}{beside} EUR/MWh, with carbon at {cost['eur_per_t']:g} EUR/t"


def lines_of(cost: shapes.CostShape, session: Session) -> list[str]:
    """The choices for people, the cheapest first; the one that was taken is marked."""
    from gridtide.domain.instants import parse_instant  # noqa: PLC0415 - for people only

    rows = [("cost and carbon", "from EUR/t", "starts", "EUR/MWh", "g/kWh")]
    rows += [
        (
            "this plan" if point["chosen"] else "",
            f"{point['eur_per_t']:g}",
            wording.when(parse_instant(point["start"]), session.shown_timezone),
            f"{point['mean_eur_per_mwh']:.1f}",
            f"{point['mean_g_per_kwh']:.0f}",
        )
        for point in cost["front"][:_SHOWN]
    ]
    return wording.columns(rows, right=frozenset({1, 3, 4}), indent="  ")


def _mean_of(price: Series, other: Alternative | None) -> float | None:
    return None if other is None else _mean(price, other.intervals)


def _mean(price: Series, intervals: tuple[Interval, ...]) -> float | None:
    if not intervals or not all(price.covers(i) for i in intervals):
        return None
    weights = [i.length.total_seconds() for i in intervals]
    return round(sum(w * price.mean(i) for w, i in zip(weights, intervals, strict=True)) / sum(weights), 6)


def _cost(eur_per_mwh: float | None, power_kw: float | None, hours: float) -> float | None:
    return None if eur_per_mwh is None or power_kw is None else round(eur_per_mwh * power_kw * hours / 1000.0, 6)
