"""What ``gridtide plan --also`` tells about its regions: one row for each, for programs and for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridtide.cli import payload, wording

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gridtide.cli.shapes import PlannedRegionShape
    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Reading
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.planning.options import PlanOptions
    from gridtide.planning.transfer import Band

__all__ = ["Choice", "RegionRow", "move_lines", "row", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRow:
    """
    One region of the answer.

    Args:
        name: As it was asked for.
        zone: Grid zone it means.
        start: When the work would start there.
        mean: Mean of the signal over the run. [gCO2eq/kWh]
        grams: Run and transfer at its middle figure; None without a power. [gCO2eq]
        moved: Emissions of moving the data. [gCO2eq]
        leave: When the data have to leave home at the latest.
        feasible: Whether no rule bars it.
        note: That rule, or what is special.
        upper: Mean at the upper end of the forecast there; None where no risk is asked for. [gCO2eq/kWh]
        price: Mean price of electricity over the run; None where no cost is weighed. [EUR/MWh]
        cost: Of its electricity; None without a power. [EUR]
        weighed: That and the price of all its carbon, the transfer's too; None without a power. [EUR]
    """

    name: str
    zone: str
    start: datetime | None = None
    mean: float | None = None
    grams: float | None = None
    moved: Band | None = None
    leave: datetime | None = None
    feasible: bool = True
    note: str = ""
    upper: float | None = None
    price: float | None = None
    cost: float | None = None
    weighed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """
    What was decided among regions.

    Args:
        decision: With grid zones, not names of regions, as its zones.
        region: Name of the chosen region.
        reading: What is known there.
        rows: Every region, home first.
        options: How they were weighed in the end.
        workload: The work as it runs there.
        at_home: The work as it would run at home.
        price: Electricity there, where cost was weighed. [EUR/MWh]
    """

    decision: Decision
    region: str
    reading: Reading
    rows: tuple[RegionRow, ...]
    options: PlanOptions
    workload: Workload
    at_home: Workload
    price: Series | None = None

    @property
    def moves(self) -> bool:
        """Whether the work leaves home."""
        return self.region != self.rows[0].name


def row(answer: Choice, region: RegionRow) -> PlannedRegionShape:
    """One region for programs."""
    moved = region.moved
    return {
        "name": region.name,
        "zone": region.zone,
        "chosen": region.name == answer.region,
        "start": payload.instant(region.start),
        "mean_g_per_kwh": region.mean,
        "grams": region.grams,
        "transfer_g": None if moved is None else {"low": moved.low, "middle": moved.middle, "high": moved.high},
        "send_data_by": payload.instant(region.leave),
        "feasible": region.feasible,
        "note": region.note,
        "upper_mean_g_per_kwh": region.upper,
        "mean_eur_per_mwh": region.price,
        "cost_eur": region.cost,
        "weighed_eur": region.weighed,
    }


def table(answer: Choice, timezone: str) -> list[str]:
    """Every region for people: start, mean, grams with the range of the transfer, or why it is barred."""
    more = _columns(answer)
    rows = [("", "region", "starts", "mean", "gCO2eq", *more, "of it transfer", "")]
    for region in answer.rows:
        mark = "*" if region.name == answer.region else ""
        starts = wording.when(region.start, timezone) if region.start is not None else "-"
        mean, grams = _plain(region.mean), _plain(region.grams)
        moved = _range(region.moved) if region.moved is not None else "-"
        said = "" if region.feasible and region.moved is not None and region.moved.high > 0 else region.note
        further = [_plain(getattr(region, name), digits) for name, digits in more.values()]
        rows.append((mark, region.name, starts, mean, grams, *further, moved, said))
    return wording.columns(rows, right=frozenset(range(3, 6 + len(more))))


def _columns(answer: Choice) -> Mapping[str, tuple[str, int | None]]:
    """Columns that a cost or a risk adds: the field of a row, and digits after the point."""
    if answer.options.price is not None:
        powered = any(region.weighed is not None for region in answer.rows)
        money: dict[str, tuple[str, int | None]] = {"EUR/MWh": ("price", 1)}
        return money | ({"EUR with carbon": ("weighed", 4)} if powered else {})
    return {} if answer.options.risk == "expected" else {"upper mean": ("upper", None)}


def move_lines(answer: Choice, timezone: str, *, now: datetime) -> list[tuple[str, str]]:
    """What a move saves with its transfer counted, and when the data have to leave."""
    chosen = next(region for region in answer.rows if region.name == answer.region)
    saving = answer.decision.saving
    pairs = [] if saving is None else [("saves", f"{100.0 * saving:.1f} % of running now at home, transfer included")]
    if chosen.leave is not None:
        pairs.append(("data leave by", wording.when(chosen.leave, timezone, now=now)))
    return pairs


def _plain(value: float | None, digits: int | None = None) -> str:
    if value is None:
        return "-"
    return wording.amount(value, "").rstrip() if digits is None else f"{value:.{digits}f}"


def _range(band: Band) -> str:
    if band.high == 0:
        return "0"
    return f"{_plain(band.middle)} ({_plain(band.low)} to {_plain(band.high)})"
