"""From domain values to the shapes of the JSON output."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from gridtide.domain.instants import from_ns, isoformat, to_ns
from gridtide.domain.signal import Quality, Signal
from gridtide.domain.units import EUR_PER_MWH, G_PER_KWH, PERCENT

if TYPE_CHECKING:
    from gridtide.accounting.draw import Draw
    from gridtide.cli import shapes
    from gridtide.domain.decision import Alternative, Decision
    from gridtide.domain.interval import Interval
    from gridtide.domain.ports import Reading
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.domain.zone import ZoneMapping
    from gridtide.planning.duration import RunTimes

__all__ = [
    "alternative",
    "baselines",
    "decision",
    "freshness",
    "instant",
    "intervals",
    "learned",
    "mean",
    "place",
    "power",
    "risk",
    "signal",
    "step_at",
    "steps",
    "workload",
]

_UNIT_KEYS = {G_PER_KWH: "g_per_kwh", PERCENT: "percent", EUR_PER_MWH: "eur_per_mwh"}


def instant(moment: datetime | None) -> str | None:
    """ISO 8601 with a Z, or null."""
    return None if moment is None else isoformat(moment)


def intervals(spans: Iterable[Interval]) -> list[shapes.IntervalShape]:
    """Each span as an object."""
    return [{"start": isoformat(span.start), "end": isoformat(span.end)} for span in spans]


def mean(value: float | None, labels: Signal | None, *, prefix: str = "mean_") -> dict[str, float | None]:
    """Return *value* under the key of its unit; the key for grams per kWh is always there."""
    key = _UNIT_KEYS[labels.unit if labels is not None else G_PER_KWH]
    return {f"{prefix}g_per_kwh": None, f"{prefix}{key}": _rounded(value)}


def place(mapping: ZoneMapping) -> shapes.PlaceShape:
    """Place that was asked for."""
    zone = mapping.zone
    return {
        "asked": mapping.asked,
        "zone": zone.key,
        "name": zone.name,
        "country": zone.country,
        "source": mapping.source,
        "confidence": str(mapping.confidence),
        "note": mapping.note,
        "alternatives": list(mapping.alternatives),
    }


def signal(labels: Signal) -> shapes.SignalShape:
    """Labels of a series."""
    return {
        "kind": str(labels.kind),
        "unit": labels.unit,
        "scope": str(labels.scope),
        "perimeter": str(labels.perimeter),
        "provider": labels.provider,
        "zone": labels.zone,
        "quality": str(labels.quality),
        "issued_at": instant(labels.issued_at),
        "fetched_at": instant(labels.fetched_at),
        "method": labels.method,
        "attribution": labels.attribution,
    }


def freshness(reading: Reading) -> shapes.FreshnessShape:
    """Step of the ladder and why."""
    return {
        "step": str(reading.step),
        "reason": reading.reason,
        "age_s": _seconds(reading.age),
        "tried": list(reading.tried),
    }


def step_at(series: Series, moment: datetime) -> shapes.StepShape | None:
    """Step that holds *moment*, with the value at that moment; None where nothing is known."""
    at_ns = to_ns(moment)
    curve = series.curve_at(at_ns)
    if curve is None:
        return None
    k = int(series.starts_ns.searchsorted(at_ns, side="right")) - 1
    return _step(
        series.signal,
        int(series.starts_ns[k]),
        int(series.ends_ns[k]),
        curve.value_at(at_ns),
        series.quality_at(moment),
    )


def steps(series: Series) -> list[shapes.StepShape]:
    """Every step, with its mean value."""
    middles = 0.5 * (series.values + series.end_values)
    ranks = tuple(Quality)
    return [
        _step(series.signal, start, end, value, ranks[rank])
        for start, end, value, rank in zip(
            series.starts_ns.tolist(),
            series.ends_ns.tolist(),
            middles.tolist(),
            series.qualities.tolist(),
            strict=True,
        )
    ]


def alternative(other: Alternative, labels: Signal | None) -> shapes.AlternativeShape:
    """One other plan or baseline."""
    return {
        "name": other.name,
        "start": instant(other.start),
        "end": instant(other.end),
        "intervals": intervals(other.intervals),
        **mean(other.mean, labels),  # type: ignore[typeddict-item]  # the unit is a key
        "emissions_g": _rounded(other.grams),
        "zone": other.zone,
        "feasible": other.feasible,
        "note": other.note,
    }


def baselines(made: Decision) -> dict[str, shapes.AlternativeShape]:
    """Baselines by name."""
    return {other.name: alternative(other, made.signal) for other in made.baselines}


def decision(made: Decision) -> shapes.DecisionShape:
    """Say what was decided."""
    saving = made.saving
    run_now = made.baseline("run-now")
    saved = None
    if run_now is not None and run_now.grams is not None and made.grams is not None:
        saved = run_now.grams - made.grams
    return {
        "action": str(made.action),
        "reason": str(made.reason),
        "method": made.method,
        "decided_at": isoformat(made.decided_at),
        "start": instant(made.start),
        "end": instant(made.end),
        "intervals": intervals(made.intervals),
        **mean(made.mean, made.signal),  # type: ignore[typeddict-item]  # the unit is a key
        "emissions_g": _rounded(made.grams),
        "saving_percent": None if saving is None else _rounded(100.0 * saving),
        "saved_g": _rounded(saved),
        "latest_start": instant(made.latest_start),
        "wake_at": instant(made.wake_at),
        "zone": made.zone,
        "threshold": made.threshold,
        "freshness": str(made.freshness),
        "freshness_reason": made.freshness_reason,
        "policy_version": made.policy_version,
    }


def workload(job: Workload) -> dict[str, Any]:
    """What was asked to run."""
    return {
        "id": job.id,
        "duration_s": _seconds(job.duration),
        "elasticity": str(job.elasticity),
        "release": instant(job.release),
        "deadline": instant(job.deadline),
        "max_delay_s": _seconds(job.max_delay),
        "reserve_s": _seconds(job.reserve),
        "power_w": job.power_w,
        "pue": job.pue,
        "interruptible": job.interruptible,
        "data_gb": job.data_gb,
        "residency": sorted(job.residency),
        "latency_budget_ms": job.latency_budget_ms,
        "on_no_data": str(job.on_no_data),
        "min_saving_percent": _rounded(100.0 * job.min_saving),
    }


def power(draw: Draw | None) -> shapes.PowerShape | None:
    """What the work draws and how that is known; null where it is not."""
    if draw is None:
        return None
    return {
        "power_w": round(draw.power_w, 6),
        "pue": draw.pue,
        "source": str(draw.source),
        "relative_error_percent": round(100.0 * draw.relative_error, 6),
        "note": draw.note,
    }


def risk(word: str, high: Series | None, made: Decision) -> shapes.RiskShape:
    """How the forecast was taken, and what the plan would cost at its upper end."""
    from gridtide.planning.worth import mean_over  # noqa: PLC0415 - numpy, only where a plan is told

    upper = mean_over(high, made.intervals)
    return {
        "word": word,
        "band": high.signal.method if high else None,
        **mean(upper, made.signal, prefix="upper_mean_"),  # type: ignore[typeddict-item]  # the unit is a key
    }


def learned(times: RunTimes | None) -> shapes.LearnedShape | None:
    """Lengths that past runs say; null where nothing was to be learned."""
    if times is None:
        return None
    return {"typical_s": times.typical.total_seconds(), "safe_s": times.safe.total_seconds(), "runs": times.runs}


def _step(labels: Signal, start_ns: int, end_ns: int, value: float, quality: Quality) -> shapes.StepShape:
    return {
        "start": isoformat(from_ns(start_ns)),
        "end": isoformat(from_ns(end_ns)),
        **mean(value, labels, prefix=""),  # type: ignore[typeddict-item]  # the unit is a key
        "quality": str(quality),
    }


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def _rounded(value: float | None) -> float | None:
    """Twelve digits after the point: exact for every comparison, and 0.1 + 0.2 reads 0.3."""
    return None if value is None else round(value, 12)
