"""``--carbon-price`` and ``--price-series``: a plan that weighs cost and carbon; see `gridtide.api.prices`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gridtide.api import prices
from gridtide.api.aim import Aim
from gridtide.cli import payload, wording
from gridtide.cli.bounded import spare_s, within
from gridtide.cli.errors import Usage
from gridtide.domain.errors import CarbonError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gridtide.api.prices import PlanCost
    from gridtide.cli import shapes
    from gridtide.cli.job import Job
    from gridtide.cli.region_rows import Choice
    from gridtide.cli.session import Session
    from gridtide.domain.decision import Decision
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.domain.zone import Zone

__all__ = ["cost_of", "day_ahead", "in_words", "lines_of", "with_prices"]

_SHOWN: Final = 6


def with_prices(session: Session, job: Job, path: Path | None) -> Job:
    """*job* with prices in its options, where a carbon price is set; without prices it says so and stays as it is."""
    policies = session.settings.policies
    bounded = job.options.threshold is not None or job.options.percentile is not None
    try:
        aim = Aim.of(
            session.settings,
            risk=policies.risk,
            carbon_price=policies.carbon_price,
            price_series=path,
            bounded=bounded,
        )
    except InvalidInput as error:
        raise _in_flags(error) from None
    if aim.eur_per_t is None:
        return job
    series = _prices(session, job, path)
    if not series:
        return job
    return replace(job, options=replace(job.options, price=series, eur_per_t=aim.eur_per_t))


def _in_flags(error: InvalidInput) -> Usage:
    """The same refusal in the words of the flags."""
    field = f"--{str(error.facts['field']).replace('_', '-')}"
    message, hint = error.message, error.hint or ""
    for name in ("carbon_price", "price_series"):
        flag = f"--{name.replace('_', '-')}"
        message, hint = message.replace(name, flag), hint.replace(name, flag)
    return Usage(message.replace("risk and", "--risk and"), hint=hint or None, field=field)


def _prices(session: Session, job: Job, path: Path | None) -> Series | None:
    if path is not None:
        return session.read_prices_file(path)
    (series, why), *_ = day_ahead(session, job, [session.place.zone])
    if series is None:
        session.say.warn(prices.no_prices(why))
    return series


def day_ahead(session: Session, job: Job, zones: Sequence[Zone]) -> list[tuple[Series | None, str]]:
    """Day-ahead prices of each zone, or None and why there are none; a slow source does not hold the job up."""
    latest = job.workload.latest_start(session.now)
    try:
        found = within(spare_s(session, latest), lambda: session.read_prices(zones, ahead=job.ahead))
    except CarbonError as error:
        return [(None, error.message)] * len(zones)
    if found is None:
        return [prices.prices_in(None)] * len(zones)
    return [prices.prices_in(reading) for reading in found]


def cost_of(job: Job, carbon: Series, made: Decision, *, choice: Choice | None = None) -> shapes.CostShape | None:
    """
    What the plan costs beside running at once, and the choices between cost and carbon; null without prices.

    Args:
        job: What was asked.
        carbon: What the plan stands on.
        made: The plan.
        choice: Where it runs, if other regions were weighed.
    """
    home, eur_per_t = job.options.price, job.options.eur_per_t
    if home is None or eur_per_t is None:
        return None
    work, stays = (job.workload,) * 2 if choice is None else (choice.workload, choice.at_home)
    there = home if choice is None or choice.price is None else choice.price
    found = prices.cost_of(
        work, carbon, made, price=there, eur_per_t=eur_per_t, method=job.method, now_price=home, at_home=stays
    )
    return None if found is None else _shape(work, found)


def _shape(work: Workload, cost: PlanCost) -> shapes.CostShape:
    return {
        "eur_per_t": cost.eur_per_t,
        "mean_eur_per_mwh": cost.mean_eur_per_mwh,
        "cost_eur": cost.cost_eur,
        "run_now_mean_eur_per_mwh": cost.run_now_mean_eur_per_mwh,
        "run_now_cost_eur": cost.run_now_cost_eur,
        "signal": payload.signal(cost.price.signal),
        "front": [
            {
                "eur_per_t": point.eur_per_t,
                "start": payload.instant(point.start) or "",
                "intervals": payload.intervals(point.intervals),
                "mean_g_per_kwh": round(point.mean_g_per_kwh, 6),
                "mean_eur_per_mwh": round(point.mean_eur_per_mwh, 6),
                "emissions_g": prices.emissions_g(point.mean_g_per_kwh, work),
                "cost_eur": prices.electricity_eur(point.mean_eur_per_mwh, work),
                "chosen": point.intervals == cost.decision.intervals,
            }
            for point in cost.front
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
