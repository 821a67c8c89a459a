"""How numbers, times and sources are said to people; the same words in every command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gridtide.config.walltime import shown_local
from gridtide.domain.decision import Action, FreshnessStep, Reason
from gridtide.domain.durations import format_duration
from gridtide.domain.signal import Perimeter, Scope

if TYPE_CHECKING:
    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Reading
    from gridtide.domain.signal import Signal
    from gridtide.domain.zone import ZoneMapping

__all__ = [
    "REASONS",
    "age",
    "amount",
    "columns",
    "fields",
    "headline",
    "hours",
    "named",
    "percent",
    "share",
    "source_lines",
    "span",
    "when",
]

_PLAYED = frozenset({"replay", "file", "static"})

REASONS = {
    Reason.LOWEST_NOW: "now is the cleanest time to run",
    Reason.LOWER_LATER: "it is cleaner later",
    Reason.FLAT: "the signal is flat, so waiting changes nothing",
    Reason.BELOW_THRESHOLD: "the signal is at or below the bound",
    Reason.ABOVE_THRESHOLD: "the signal is above the bound",
    Reason.SAVING_TOO_SMALL: "waiting would save too little",
    Reason.WAITING_DOES_NOT_HELP: "waiting does not help",
    Reason.RUN_NOW_ASKED: "running now was asked for",
    Reason.RUN_LATEST_ASKED: "running as late as possible was asked for",
    Reason.HARD_REAL_TIME: "hard real-time work always runs",
    Reason.SOFT_REAL_TIME: "soft real-time work runs now",
    Reason.NOT_RELEASED: "it may not start earlier",
    Reason.DEADLINE: "it must start now to be done in time",
    Reason.DEADLINE_INFEASIBLE: "it cannot be done in time any more, so it runs at once",
    Reason.NO_DATA: "nothing is known about the grid, and it does not wait for that",
    Reason.NO_DATA_PROFILE: "only typical values are known",
    Reason.NO_DATA_WAIT: "nothing is known about the grid yet",
    Reason.HORIZON_TOO_SHORT: "too little of the future is known to compare",
    Reason.CLEANER_REGION: "another region is cleaner",
    Reason.LOWER_COST_REGION: "cost and carbon together are lower in another region",
    Reason.TRANSFER_TOO_DIRTY: "moving its data would cost more than it saves",
    Reason.RESIDENCY: "its data must stay where they are",
    Reason.LATENCY_BUDGET: "the other region is too far away",
    Reason.SPIKE_AHEAD: "a spike is ahead, so it runs before it",
    Reason.CAPACITY: "there is no room for it yet",
    Reason.BUDGET_EXHAUSTED: "its carbon budget cannot pay for it yet",
    Reason.BUDGET_WARNING: "its carbon budget is nearly used up",
    Reason.RELEASE_RAMP: "others start first, so that not all start at once",
    Reason.LOWER_COST: "cost and carbon together are lowest then",
    Reason.KEPT_PLAN: "the plan stands",
    Reason.PAUSED_FOR_LOWER: "it pauses for a cleaner time",
    Reason.SCALED_FOR_LOWER: "it runs with more where it is cleaner",
}
"""Reasons in words; a reason without an entry shows its own name."""


def named(place: ZoneMapping) -> str:
    """Place for a headline: the zone, its name, and what was asked for where that differs; a file's name alone."""
    zone = place.zone
    if place.source == "file":
        return place.asked
    text = f"{zone.key} ({zone.name})" if zone.name and zone.name != zone.key else zone.key
    asked = place.asked.strip()
    return text if asked.upper() == zone.key.upper() or not asked else f"{text}, asked as {asked}"


def amount(value: float | None, unit: str) -> str:
    """Value with its unit; a missing one is never a zero."""
    if value is None:
        return "unknown"
    digits = 0 if abs(value) >= 100 else 1
    return f"{value:.{digits}f} {unit}"


def percent(share_of_one: float | None) -> str:
    """Signed percentage of a change, or ``unknown``."""
    if share_of_one is None:
        return "unknown"
    rounded = round(100.0 * share_of_one, 1)
    return f"{rounded:+.1f} %" if rounded else "0.0 %"


def share(value: float | None, reference: float | None) -> float | None:
    """Relative change against *reference*; None where it has no meaning."""
    return None if value is None or reference is None or reference <= 0 else value / reference - 1.0


def when(moment: datetime | None, timezone: str, *, now: datetime | None = None) -> str:
    """Local time with its zone, and how far away it is."""
    if moment is None:
        return "never"
    text = shown_local(moment, timezone)
    if now is None:
        return text
    ahead = moment - now
    if abs(ahead) < timedelta(minutes=1):
        return f"{text}, now"
    rounded = timedelta(minutes=round(ahead / timedelta(minutes=1)))
    return (
        f"{text}, in {format_duration(rounded)}" if ahead > timedelta(0) else f"{text}, {format_duration(-rounded)} ago"
    )


def hours(start: datetime, end: datetime, timezone: str) -> str:
    """Start and end by weekday in local time, for what lies within a week; the day once where it is the same."""
    (day, _, begins), (last, _, ends) = (shown_local(one, timezone).split(" ")[:3] for one in (start, end))
    return f"{day} {begins} to {ends}" if last == day else f"{day} {begins} to {last} {ends}"


def span(start: datetime, end: datetime, timezone: str) -> str:
    """Start and end in local time; the day once where it is the same."""
    first, last = shown_local(start, timezone), shown_local(end, timezone)
    day = len("Thu 2026-01-01 ")
    return f"{first[: -len(timezone) - 1]} to {last[day:] if first[:day] == last[:day] else last}"


def age(reading: Reading) -> str:
    """How old the values are, in words."""
    return (
        "" if reading.age is None else f"{format_duration(timedelta(seconds=round(reading.age.total_seconds())))} old"
    )


def source_lines(labels: Signal | None, reading: Reading) -> list[tuple[str, str]]:
    """What the numbers mean and where they come from."""
    if labels is None:
        return [("source", f"none: {reading.reason}")]
    known = [str(labels.kind)]
    if labels.scope is not Scope.UNKNOWN:
        known.append(f"{labels.scope} emissions")
    if labels.perimeter is not Perimeter.UNKNOWN:
        known.append(str(labels.perimeter))
    kind = ", ".join(known)
    step = "" if labels.provider in _PLAYED else str(reading.step)
    fresh = ", ".join(filter(None, [step, age(reading), str(labels.quality)]))
    lines = [("signal", f"{kind} [{labels.unit}]"), ("source", f"{labels.provider}/{labels.zone}, {fresh}")]
    if labels.method:
        lines.append(("method", labels.method))
    if reading.step not in {FreshnessStep.LIVE, FreshnessStep.CACHED} and reading.reason:
        lines.append(("why", reading.reason))
    if labels.attribution:
        lines.append(("credit", labels.attribution))
    return lines


def headline(decision: Decision, timezone: str, *, now: datetime, region: str = "") -> str:
    """One sentence: what to do, when and why; *region* is where it moves to, if it does."""
    why = REASONS.get(decision.reason, str(decision.reason))
    if decision.action is Action.ROUTE:
        return f"{decision.action} to {region or decision.zone}: {why}"
    if decision.action is Action.RUN or decision.start is None:
        return f"{decision.action}: {why}"
    there = f", then run in {region}" if region else ""
    return f"{decision.action} until {when(decision.start, timezone, now=now)}{there}: {why}"


def fields(pairs: Iterable[tuple[str, str]], *, indent: str = "  ") -> list[str]:
    """Names and values in two aligned columns."""
    rows = [(name, value) for name, value in pairs if value]
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{indent}{name:<{width}}  {value}" for name, value in rows]


def columns(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset(), indent: str = "") -> list[str]:
    """Table with columns as wide as they need to be; those in *right* are aligned to the right."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        (
            indent
            + "  ".join(
                c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
            )
        ).rstrip()
        for row in rows
    ]
