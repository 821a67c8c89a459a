"""
The report on a simulation: what each policy saved, where, at which delay, and what is not known.

It is made of the plain tables that the command also prints and writes, so that page, files and JSON cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gridtide.reporting import charts
from gridtide.reporting.page import Figure, Page, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["MOST_ZONES_DRAWN", "SimulationFacts", "simulation_page"]

MOST_ZONES_DRAWN: Final = 24
"""Zones in a chart; a table holds them all."""

_ALL: Final = "all"
_UNIT: Final = "gCO2eq/kWh"
_SHOWN_LOSS: Final = 0.05

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationFacts:
    """
    What the page tells.

    Args:
        name: Of the scenario.
        facts: Named facts on what was done, in order.
        policies: Names in the scenario's order.
        at_once: Those of them that never wait; they are the zero line of charts.
        tables: ``summary``, ``by_slack``, ``delays``, ``pareto`` and ``own_footprint``.
        signals: Which values each zone was simulated on.
        notes: What the reader should know.
        credits: Attributions.
        own_power_w: Power that our own processor time is counted with. [W]
    """

    name: str
    facts: Sequence[tuple[str, str]]
    policies: Sequence[str]
    at_once: frozenset[str]
    tables: Mapping[str, Sequence[Row]]
    signals: Sequence[Row]
    notes: Sequence[str]
    credits: Sequence[str]
    own_power_w: float


def simulation_page(facts: SimulationFacts) -> Page:
    """Lay the report out."""
    waiting = [p for p in facts.policies if p not in facts.at_once] or list(facts.policies)
    makers = (_by_zone, _by_slack, _share, _trade_off, _delays, _planned)
    figures = [figure for maker in makers if (figure := maker(facts, waiting)) is not None]
    return Page(
        title=facts.name,
        lead=_lead(facts, waiting),
        facts=facts.facts,
        figures=[*figures, _own_footprint(facts), _signals(facts)],
        notes=facts.notes,
        credits=facts.credits,
    )


def _totals(facts: SimulationFacts) -> list[Row]:
    """One row per policy over everything."""
    rows = facts.tables["summary"]
    everywhere = [row for row in rows if row["zone"] == _ALL]
    return everywhere or list(rows)


def _lead(facts: SimulationFacts, waiting: Sequence[str]) -> list[str]:
    known = [row for row in _totals(facts) if row["savings_pct"] is not None and row["policy"] in waiting]
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
    losers = [f"{row['policy']} ({row['savings_pct']:.1f} %)" for row in known if row["savings_pct"] < -_SHOWN_LOSS]
    zones = [r for r in facts.tables["summary"] if r["zone"] != _ALL and r["policy"] in waiting]
    rows = [r for r in zones if (r["savings_pct"] or 0.0) < -_SHOWN_LOSS]
    if losers:
        said.append(f"A loss overall: {', '.join(losers)}.")
    elif rows:
        places = ", ".join(f"{r['policy']} in {r['zone']} ({r['savings_pct']:.1f} %)" for r in rows[:4])
        said.append(f"A loss in places: {places}.")
    return said


def _by_zone(facts: SimulationFacts, waiting: Sequence[str]) -> Figure | None:
    rows = [r for r in facts.tables["summary"] if r["zone"] != _ALL]
    drawn = [r for r in rows if r["policy"] in waiting and r["savings_pct"] is not None]
    if not drawn:
        return None
    zones = list(dict.fromkeys(r["zone"] for r in drawn))
    caption = "Emissions avoided against run-now in each zone; the upright tick is the most that was possible."
    if len(zones) > MOST_ZONES_DRAWN:
        best = {z: max(r["savings_pct"] for r in drawn if r["zone"] == z) for z in zones}
        order = sorted(zones, key=lambda z: best[z], reverse=True)
        half = MOST_ZONES_DRAWN // 2
        zones = [*order[:half], *order[-half:]]
        drawn = [r for z in zones for r in drawn if r["zone"] == z]
        caption += (
            f" Drawn are the {half} zones with the highest and the {half} with the lowest saving; the table has all."
        )
    return Figure(
        key="zones",
        title="Savings by zone",
        caption=caption,
        spec=charts.bars_by_group(
            _only(drawn, "policy", "zone", "savings_pct", "oracle_savings_pct"),
            group="zone", value="savings_pct", mark="oracle_savings_pct", series=_looks(facts, waiting),
        ),
        alternative="Bars of the saving in percent by zone and policy; the table below has the figures.",
        table=Table(
            headers=(
                "policy", "zone", "jobs", "saving [%]", "possible [%]", "share [%]", "run-now [kg]", "realised [kg]",
                "late starts",
            ),
            rows=[
                (
                    r["policy"], r["zone"], r["jobs"], r["savings_pct"], r["oracle_savings_pct"],
                    r["pct_of_oracle_savings"], _kg(r["run_now_grams"]), _kg(r["grams"]), r["late_jobs"],
                )
                for r in facts.tables["summary"]
            ],
            losses=frozenset({3, 5}),
        ),
        open=True,
    )  # fmt: skip


def _by_slack(facts: SimulationFacts, waiting: Sequence[str]) -> Figure | None:
    rows = facts.tables["by_slack"]
    drawn = [r for r in rows if r["policy"] in waiting and r["savings_pct"] is not None]
    if not drawn:
        return None
    order = list(dict.fromkeys(r["slack"] for r in sorted(rows, key=lambda r: r["mean_slack_h"])))
    return Figure(
        key="slack",
        title="Savings by slack",
        caption="What jobs saved against run-now, by how much later than at once they might start.",
        spec=charts.lines(
            _only(drawn, "policy", "slack", "savings_pct"),
            x={"field": "slack", "type": "ordinal", "sort": order, "title": "slack", "axis": {"labelAngle": 0}},
            y={"field": "savings_pct", "type": "quantitative", "title": "saving against run-now [%]"},
            series=_looks(facts, waiting),
            points=True,
        ),
        alternative="Lines of the saving in percent by range of slack, one for each policy.",
        table=Table(
            headers=("policy", "slack", "jobs", "saving [%]", "possible [%]"),
            rows=[(r["policy"], r["slack"], r["jobs"], r["savings_pct"], r["oracle_savings_pct"]) for r in rows],
            losses=frozenset({3}),
        ),
    )


def _share(facts: SimulationFacts, waiting: Sequence[str]) -> Figure | None:
    totals = _totals(facts)
    drawn = [r for r in totals if r["policy"] in waiting and r["pct_of_oracle_savings"] is not None]
    if not drawn or len({r["policy"] for r in drawn}) < len(drawn):
        return None
    return Figure(
        key="oracle",
        title="Realised share of the possible",
        caption="100 % would need a perfect forecast, known lengths and room for every job at any time.",
        spec=charts.share_bars(
            _only(drawn, "policy", "pct_of_oracle_savings"),
            value="pct_of_oracle_savings",
            series=_looks(facts, waiting),
        ),
        alternative="One bar for each policy: its share of the saving that was possible.",
        table=Table(
            headers=("policy", "saving [%]", "possible [%]", "share [%]"),
            rows=[(r["policy"], r["savings_pct"], r["oracle_savings_pct"], r["pct_of_oracle_savings"]) for r in totals],
            losses=frozenset({1, 3}),
        ),
    )


def _trade_off(facts: SimulationFacts, _waiting: Sequence[str]) -> Figure | None:
    rows = facts.tables["pareto"]
    if not rows:
        return None
    return Figure(
        key="tradeoff",
        title="Delay against saving",
        caption="A policy on the dashed front cannot be beaten in both by another one of this page.",
        spec=charts.trade_off(
            _only(rows, "policy", "mean_delay_h", "savings_pct", "on_front"),
            x="mean_delay_h", y="savings_pct", series=_looks(facts, facts.policies),
        ),
        alternative="Points of mean delay and saving, one for each policy; those nobody beats are joined.",
        table=Table(
            headers=("policy", "mean delay [h]", "saving [%]", "on the front"),
            rows=[(r["policy"], r["mean_delay_h"], r["savings_pct"], bool(r["on_front"])) for r in rows],
            losses=frozenset({2}),
        ),
    )  # fmt: skip


def _delays(facts: SimulationFacts, waiting: Sequence[str]) -> Figure | None:
    rows = facts.tables["delays"]
    drawn = [r for r in rows if r["policy"] in waiting]
    by_policy: dict[str, dict[int, float]] = {}
    for r in rows:
        by_policy.setdefault(r["policy"], {})[r["started_pct"]] = r["delay_h"]
    shown = (25, 50, 75, 90, 95, 100)
    return Figure(
        key="delays",
        title="How long jobs waited",
        caption="Share of the jobs that had started after so many hours. A steep line on the left means short waits.",
        spec=charts.lines(
            _only(drawn, "policy", "started_pct", "delay_h"),
            x={"field": "delay_h", "type": "quantitative", "title": "hours after arrival"},
            y={"field": "started_pct", "type": "quantitative", "title": "jobs started [%]"},
            series=_looks(facts, waiting),
            points=False,
        ),
        alternative="Rising lines: share of jobs started by delay, one for each policy.",
        table=Table(
            headers=("policy", *(f"{share} % started after [h]" for share in shown)),
            rows=[(name, *(values[share] for share in shown)) for name, values in by_policy.items()],
        ),
    )


def _planned(facts: SimulationFacts, waiting: Sequence[str]) -> Figure | None:
    rows = [r for r in facts.tables["summary"] if r["zone"] != _ALL]
    known = [r for r in rows if r["planned_mean_g_per_kwh"] is not None and r["mean_g_per_kwh"] is not None]
    drawn = [r for r in known if r["policy"] in waiting]
    if not drawn:
        return None
    return Figure(
        key="planned",
        title="Planned against realised",
        caption=(
            "Mean carbon intensity that the first plan of each job expected, beside what it really ran on. "
            "Above the line the forecast was too rosy; below it, later plans did better than the first."
        ),
        spec=charts.scatter_with_diagonal(
            _only(drawn, "policy", "zone", "planned_mean_g_per_kwh", "mean_g_per_kwh"),
            x="planned_mean_g_per_kwh", y="mean_g_per_kwh", unit=_UNIT, series=_looks(facts, waiting),
        ),
        alternative="Points of planned and realised carbon intensity, one for each policy and zone.",
        table=Table(
            headers=("policy", "zone", f"planned [{_UNIT}]", f"realised [{_UNIT}]", f"run-now [{_UNIT}]"),
            rows=[
                (
                    r["policy"], r["zone"], r["planned_mean_g_per_kwh"], r["mean_g_per_kwh"],
                    r["run_now_mean_g_per_kwh"],
                )
                for r in rows
            ],
        ),
    )  # fmt: skip


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


def _looks(facts: SimulationFacts, shown: Sequence[str]) -> list[charts.Stroke]:
    """Looks of the policies that a chart shows; the same on the whole page."""
    return [s for s in charts.strokes(facts.policies, plain=facts.at_once) if s.name in shown]


def _only(rows: Sequence[Row], *names: str) -> list[Row]:
    return [{name: row[name] for name in names} for row in rows]


def _kg(grams: float | None) -> float | None:
    return None if grams is None else grams / 1000.0
