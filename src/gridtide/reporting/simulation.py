"""
The report on a simulation: what each policy saved, where, at which delay, and what is not known.

It is made of the plain tables that the command also prints and writes, so that page, files and JSON cannot differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gridtide.reporting import classes, figures
from gridtide.reporting.facts import ALL, SimulationFacts, totals
from gridtide.reporting.page import Figure, Page, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SimulationFacts", "simulation_page"]

_SHOWN_LOSS: Final = 0.05


def simulation_page(facts: SimulationFacts) -> Page:
    """Lay the report out."""
    waiting = [p for p in facts.policies if p not in facts.at_once] or list(facts.policies)
    makers = (
        figures.by_zone,
        classes.by_class,
        figures.moves,
        figures.by_slack,
        figures.share,
        figures.trade_off,
        figures.delays,
        figures.planned,
    )
    drawn = [figure for maker in makers if (figure := maker(facts, waiting)) is not None]
    return Page(
        title=facts.name,
        lead=_lead(facts, waiting),
        facts=facts.facts,
        figures=[*drawn, _own_footprint(facts), _signals(facts)],
        notes=facts.notes,
        credits=facts.credits,
    )


def _lead(facts: SimulationFacts, waiting: Sequence[str]) -> list[str]:
    known = [row for row in totals(facts) if row["savings_pct"] is not None and row["policy"] in waiting]
    if not known:
        return ["No run could be paid for, so nothing can be said about savings."]
    best = max(known, key=lambda row: row["savings_pct"])
    grams = None if best["grams"] is None else best["run_now_grams"] - best["grams"]
    amount = "" if grams is None else f" ({grams / 1000.0:,.1f} kg CO2eq)"
    possible = f"{best['oracle_savings_pct']:.1f} % was possible inside the jobs' bounds with a perfect forecast"
    verb = "saved" if best["savings_pct"] >= 0 else "lost"
    headline = (
        f"The policy \u201c{best['policy']}\u201d {verb} {abs(best['savings_pct']):.1f} %{amount} against run-now"
    )
    said = [f"{headline}, with a mean delay of {best['mean_delay_h']:.1f} h; {possible}."]
    said += classes.what_each_saved(facts, best["policy"])
    losers = [f"{row['policy']} ({row['savings_pct']:.1f} %)" for row in known if row["savings_pct"] < -_SHOWN_LOSS]
    zones = [r for r in facts.tables["summary"] if r["zone"] != ALL and r["policy"] in waiting]
    rows = [r for r in zones if (r["savings_pct"] or 0.0) < -_SHOWN_LOSS]
    if losers:
        said.append(f"A loss overall: {', '.join(losers)}.")
    elif rows:
        places = ", ".join(f"{r['policy']} in {r['zone']} ({r['savings_pct']:.1f} %)" for r in rows[:4])
        said.append(f"A loss in places: {places}.")
    return said


def _own_footprint(facts: SimulationFacts) -> Figure:
    return Figure(
        key="own",
        title="What deciding cost",
        caption=(
            f"Processor time of planning and simulating, forecasts included, at {facts.own_power_w:g} W for a busy "
            "core and the zones' mean carbon intensity, beside what the decisions saved."
        ),
        table=Table(
            headers=(
                "policy", "path", "decisions", "CPU [s]", "forecasts [CPU s]", "CPU per million [s]",
                "own [g per million]", "saved [g per million]",
            ),
            rows=[
                (
                    r["policy"], r["path"], r["decisions"], r["cpu_s"], r["forecast_cpu_s"], r["cpu_s_per_million"],
                    r["own_grams_per_million"], r["saved_grams_per_million"],
                )
                for r in facts.tables["own_footprint"]
            ],
            losses=frozenset({7}),
        ),
    )  # fmt: skip


def _signals(facts: SimulationFacts) -> Figure:
    return Figure(
        key="signals",
        title="What was replayed",
        caption="Values of the past, one signal per zone; kinds and scopes are never mixed.",
        table=Table(
            headers=("zone", "provider", "kind", "scope", "unit", "from", "to", "method"),
            rows=[
                (r["zone"], r["provider"], r["kind"], r["scope"], r["unit"], r["start"], r["end"], r["method"])
                for r in facts.signals
            ],
        ),
    )
