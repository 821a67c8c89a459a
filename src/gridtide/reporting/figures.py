"""
The figures of a simulation report, each a chart beside the table it was drawn of.

They are made of the plain tables that the command also prints and writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gridtide.reporting import charts
from gridtide.reporting.facts import ALL, SimulationFacts, totals
from gridtide.reporting.page import Figure, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridtide.reporting.facts import Row

__all__ = ["MOST_ZONES_DRAWN", "by_slack", "by_zone", "delays", "moves", "planned", "share", "trade_off"]

MOST_ZONES_DRAWN: Final = 24
"""Zones in a chart; a table holds them all."""

_UNIT: Final = "gCO2eq/kWh"


def by_zone(facts: SimulationFacts, waiting: Sequence[str]) -> Figure | None:
    """Savings by home zone, with the most that was possible."""
    rows = [r for r in facts.tables["summary"] if r["zone"] != ALL]
    drawn = [r for r in rows if r["policy"] in waiting and r["savings_pct"] is not None]
    if not drawn:
        return None
    zones = list(dict.fromkeys(r["zone"] for r in drawn))
    moves_work = bool(facts.tables["moves"])
    of = "for the jobs of each home, wherever they ran" if moves_work else "in each zone"
    caption = f"Emissions avoided against run-now {of}; the upright tick is the most that was possible."
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
        title="Savings by home" if moves_work else "Savings by zone",
        caption=caption,
        spec=charts.bars_by_group(
            _only(drawn, "policy", "zone", "savings_pct", "oracle_savings_pct"),
            group="zone", value="savings_pct", title="saving against run-now [%]", mark="oracle_savings_pct",
            series=_looks(facts, waiting),
        ),
        alternative="Bars of the saving in percent by zone and policy; the table below has the figures.",
        table=Table(
            headers=(
                "policy", "home" if moves_work else "zone", "jobs", "saving [%]", "possible [%]", "share [%]",
                "run-now [kg]", "realised [kg]", "late starts", *(("jobs moved",) if moves_work else ()),
            ),
            rows=[
                (
                    r["policy"], r["zone"], r["jobs"], r["savings_pct"], r["oracle_savings_pct"],
                    r["pct_of_oracle_savings"], _kg(r["run_now_grams"]), _kg(r["grams"]), r["late_jobs"],
                    *((r["moved_jobs"],) if moves_work else ()),
                )
                for r in facts.tables["summary"]
            ],
            losses=frozenset({3, 5}),
        ),
        open=True,
    )  # fmt: skip


def moves(facts: SimulationFacts, _waiting: Sequence[str]) -> Figure | None:
    """Where the work of policies that may move it has run; None where none may."""
    rows = facts.tables["moves"]
    if not rows:
        return None
    known = all(r["kwh"] is not None for r in rows)
    ran: dict[tuple[str, str], float] = {}
    for r in rows:
        place = (r["policy"], r["region"])
        ran[place] = ran.get(place, 0.0) + (r["kwh"] if known else r["jobs"])
    most = sorted({region for _, region in ran}, key=lambda z: -sum(v for (_, at), v in ran.items() if at == z))
    drawn = [
        {"policy": policy, "region": region, "ran": value}
        for region in most[:MOST_ZONES_DRAWN]
        for (policy, at), value in ran.items()
        if at == region
    ]
    return Figure(
        key="moves",
        title="Where the work ran",
        caption=(
            "What ran in each region under the policies that may move work. The table counts it against run-now at "
            "home; moving data is part of what was realised, at the middle published figure (range in brackets)."
        ),
        spec=charts.bars_by_group(
            drawn, group="region", value="ran", title="energy of the runs [kWh]" if known else "jobs",
            series=_looks(facts, [policy for policy in facts.policies if any(p == policy for p, _ in ran)]),
        ),
        alternative="Bars of the work that ran in each region, one for each policy that may move work.",
        table=Table(
            headers=(
                "policy", "home", "ran in", "jobs", "moved [GB]", "of it moving [kg]", "run-now at home [kg]",
                "realised [kg]", "saving [%]",
            ),
            rows=[
                (
                    r["policy"], r["home"], r["region"], r["jobs"], r["data_gb"], _band(r), _kg(r["run_now_grams"]),
                    _kg(r["grams"]), r["savings_pct"],
                )
                for r in rows
            ],
            losses=frozenset({8}),
        ),
        open=True,
    )  # fmt: skip


def by_slack(facts: SimulationFacts, waiting: Sequence[str]) -> Figure | None:
    """Savings by how long jobs could wait."""
    rows = facts.tables["by_slack"]
    drawn = [r for r in rows if r["policy"] in waiting and r["savings_pct"] is not None]
    if not drawn:
        return None
    order = list(dict.fromkeys(r["slack"] for r in sorted(rows, key=lambda r: r["mean_slack_h"])))
    return Figure(
        key="slack",
        title="Savings by slack",
        caption="What jobs saved against run-now, by how much later than at once they might start."
        + (" Hard and soft jobs have no slack." if facts.tables["by_class"] else ""),
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


def share(facts: SimulationFacts, waiting: Sequence[str]) -> Figure | None:
    """Which part of the possible saving each policy realised."""
    rows = totals(facts)
    drawn = [r for r in rows if r["policy"] in waiting and r["pct_of_oracle_savings"] is not None]
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
            rows=[(r["policy"], r["savings_pct"], r["oracle_savings_pct"], r["pct_of_oracle_savings"]) for r in rows],
            losses=frozenset({1, 3}),
        ),
    )


def trade_off(facts: SimulationFacts, _waiting: Sequence[str]) -> Figure | None:
    """Mean delay against saving, and which policies nobody beats."""
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


def delays(facts: SimulationFacts, waiting: Sequence[str]) -> Figure | None:
    """Which share of the jobs had started after which delay."""
    rows = facts.tables["delays"]
    drawn = [r for r in rows if r["policy"] in waiting]
    by_policy: dict[str, dict[int, float]] = {}
    for r in rows:
        by_policy.setdefault(r["policy"], {})[r["started_pct"]] = r["delay_h"]
    shown = (25, 50, 75, 90, 95, 100)
    return Figure(
        key="delays",
        title="How long jobs waited",
        caption="Share of the jobs that had started after so many hours. A steep line on the left means short waits."
        + (
            " Hard and soft jobs, which start at once where there is room, are among them."
            if facts.tables["by_class"]
            else ""
        ),
        spec=charts.lines(
            _only(drawn, "policy", "started_pct", "delay_h"),
            x={"field": "delay_h", "type": "quantitative", "title": "hours after arrival", "axis": {"tickCount": 8}},
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


def planned(facts: SimulationFacts, waiting: Sequence[str]) -> Figure | None:
    """What first plans expected, against what came true."""
    rows = [r for r in facts.tables["summary"] if r["zone"] != ALL]
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


def _looks(facts: SimulationFacts, shown: Sequence[str]) -> list[charts.Stroke]:
    """Looks of the policies that a chart shows; the same on the whole page."""
    return [s for s in charts.strokes(facts.policies, plain=facts.at_once) if s.name in shown]


def _only(rows: Sequence[Row], *names: str) -> list[Row]:
    return [{name: row[name] for name in names} for row in rows]


def _band(row: Row) -> str | None:
    """What moving data emitted, with its range. [kg]"""
    if row["transfer_g"] is None:
        return None
    low, middle, high = (row[name] / 1000.0 for name in ("transfer_g_low", "transfer_g", "transfer_g_high"))
    return f"{middle:,.2f} ({low:,.2f} to {high:,.2f})" if high else "0"


def _kg(grams: float | None) -> float | None:
    return None if grams is None else grams / 1000.0
