"""
What each class of work saved in a simulation, and that hard and soft work was not delayed for it.

Only where more than one class occurs: the plain tables have no rows otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gridtide.reporting.page import Figure, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridtide.reporting.facts import Row, SimulationFacts

__all__ = ["by_class", "what_each_saved"]

_ELASTIC: Final = "elastic"
_SOME: Final = 0.05


def by_class(facts: SimulationFacts, waiting: Sequence[str]) -> Figure | None:
    """Savings and delays by class of work."""
    rows = [r for r in facts.tables["by_class"] if r["policy"] in waiting]
    if not rows:
        return None
    moves_work = bool(facts.tables["moves"])
    place = "; what it saved, it saved in another place" if moves_work else ", so it has nothing to save by"
    return Figure(
        key="classes",
        title="Savings by class",
        caption=(
            f"Hard and soft work starts when it arrives{place}. A delay of it is a wait for a free executor. "
            "Elastic work may wait as long as its slack lets it."
        ),
        table=Table(
            headers=(
                "policy", "class", "jobs", "saving [%]", "possible [%]", "mean delay [h]", "longest delay [h]",
                "late starts", *(("jobs moved",) if moves_work else ()), "run-now [kg]", "realised [kg]",
            ),
            rows=[
                (
                    r["policy"], r["class"], r["jobs"], r["savings_pct"], r["oracle_savings_pct"], r["mean_delay_h"],
                    r["longest_delay_h"], r["late_jobs"], *((r["moved_jobs"],) if moves_work else ()),
                    _kg(r["run_now_grams"]), _kg(r["grams"]),
                )
                for r in rows
            ],
            losses=frozenset({3}),
        ),
    )  # fmt: skip


def what_each_saved(facts: SimulationFacts, policy: str) -> list[str]:
    """One sentence on the classes under *policy*; none where only one class occurs or nothing is known."""
    rows = {r["class"]: r for r in facts.tables["by_class"] if r["policy"] == policy and r["savings_pct"] is not None}
    elastic = rows.pop(_ELASTIC, None)
    if not rows or elastic is None:
        return []
    late = sum(r["late_jobs"] for r in rows.values())
    who = " and ".join(rows).capitalize()
    held = f", but for {late:,} {_jobs(late)} that waited for a free executor" if late else ""
    saved = "; ".join(_part(name, row) for name, row in rows.items())
    return [f"{_part(_ELASTIC, elastic)}. {who} work started when it arrived{held}: {saved}."]


def _part(name: str, row: Row) -> str:
    percent = row["savings_pct"]
    how = " by place alone" if name != _ELASTIC and not row["late_jobs"] else ""
    what = (
        f"{'saved' if percent >= 0 else 'lost'} {abs(percent):.1f} %{how}" if abs(percent) >= _SOME else "saved nothing"
    )
    return f"{row['jobs']:,} {name} {_jobs(row['jobs'])} {what}"


def _jobs(count: int) -> str:
    return "job" if count == 1 else "jobs"


def _kg(grams: float | None) -> float | None:
    return None if grams is None else grams / 1000.0
