"""The plan of work that scales: as a decision, as JSON, and for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gridtide.cli import payload, wording
from gridtide.cli.errors import Usage
from gridtide.cli.job import describe_workload
from gridtide.domain.decision import Action, Alternative, Decision, FreshnessStep
from gridtide.domain.errors import InvalidInput
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Signal, SignalKind
from gridtide.planning.plan import POLICY_VERSION, grams_of
from gridtide.planning.replicas import ReplicaPlan, plan_replicas

if TYPE_CHECKING:
    from gridtide.cli import shapes
    from gridtide.cli.job import Job
    from gridtide.cli.scale import ScaleOptions
    from gridtide.cli.session import Session
    from gridtide.domain.ports import Reading
    from gridtide.planning.replicas import Shift, Stage

__all__ = ["Scaled", "scaled"]

_SHOWN: Final = 16
"""Levels over time that people are shown; the JSON answer has all of them."""

_LARGEST_DIGIT: Final = 9
_RECALLED: Final = frozenset({FreshnessStep.PROFILE, FreshnessStep.STATIC})


@dataclass(frozen=True, slots=True)
class Scaled:
    """
    One plan of work that scales.

    Args:
        options: What was asked.
        asked: The job; its length and power are those of one worker.
        series: What was planned on; empty where nothing may be.
        plan: What was chosen, and what it is compared with.
        decision: The same in the words of every other plan.
    """

    options: ScaleOptions
    asked: Job
    series: Series
    plan: ReplicaPlan
    decision: Decision

    @property
    def saving_percent(self) -> float | None:
        """What the plan avoids against running at once at the base level."""
        return _percent(self.plan.saving(self.plan.run_now))

    @property
    def marked(self) -> tuple[tuple[Interval, str], ...]:
        """Spans of the plan with their level as one character, for the timeline."""
        return tuple(
            (Interval(s.start, s.end), str(s.level) if s.level <= _LARGEST_DIGIT else "+") for s in self.plan.stages
        )

    def shape(self) -> shapes.ScaleShape:
        """For programs."""
        least, most = self.options.levels
        grid = self.asked.options.start_grid
        return {
            "min": least,
            "max": most,
            "speedup": [round(figure, 12) for figure in self.options.figures],
            "speedup_source": self.options.source,
            "parallel": self.options.parallel,
            "step_s": None if grid is None else grid.total_seconds(),
            "finish_by": payload.instant(self.plan.finish_by),
            "levels": [self._stage(stage) for stage in self.plan.stages],
            "worker_hours": round(self.plan.chosen.worker_hours, 9),
            "run_now": self._baseline(self.plan.run_now),
            "fastest": self._baseline(self.plan.fastest),
            "proved": self.plan.proved,
            "gap_percent": _percent(self.plan.gap),
        }

    def lines(self, session: Session, reading: Reading, timeline: list[str]) -> list[str]:
        """For people: what to do, the levels over time, and the two ways not to be clever."""
        zone, plan = session.shown_timezone, self.plan
        head = wording.headline(self.decision, zone, now=session.now)
        pairs = describe_workload(session, self.asked)
        pairs[0] = ("job", f"{pairs[0][1]} at one worker")
        pairs = [(name, text) for name, text in pairs if name != "latest start"]
        least, most = self.options.levels
        pairs += [
            ("workers", f"{least} to {most}, {'may pause' if least == 0 else 'without a pause once it has begun'}"),
            ("speed-up", self.options.in_words),
            ("done", wording.when(plan.chosen.end, zone, now=session.now)),
            ("mean", wording.amount(plan.chosen.mean, self._unit)),
            ("emissions", "" if plan.chosen.grams is None else wording.amount(plan.chosen.grams, "gCO2eq")),
            ("method", f"scale, {self._quality()}"),
        ]
        marks = ["  workers under the hours they are on" + (", + for ten or more" if most > _LARGEST_DIGIT else "")]
        return [
            f"{wording.named(session.place)}: {session.say.paint(head, 'bold')}",
            *wording.fields(pairs),
            "",
            *([*timeline[:-1], *marks, ""] if timeline else []),
            *self._levels(zone),
            "",
            *self._against(zone),
            "",
            *wording.fields(wording.source_lines(plan.signal, reading)),
        ]

    @property
    def _unit(self) -> str:
        return self.series.signal.unit if self.plan.signal is not None else ""

    @property
    def _grams(self) -> str:
        """Heading of the emissions; empty where they are not known."""
        return "" if self.plan.chosen.grams is None and self.plan.run_now.grams is None else "grams"

    def _quality(self) -> str:
        gap = self.plan.gap
        if self.plan.proved:
            return "proved: no plan within these bounds is cheaper on this forecast"
        if gap is None:
            return "its distance from the best plan is not known"
        return f"at most {100.0 * gap:.1f} % above the best with free pauses"

    def _levels(self, zone: str) -> list[str]:
        rows = [("workers", "from", "mean", self._grams)]
        for stage in self.plan.stages[:_SHOWN]:
            mean, grams = self._of(stage)
            rows.append(
                (
                    str(stage.level),
                    wording.span(stage.start, stage.end, zone),
                    wording.amount(mean, "").rstrip(),
                    "" if grams is None else wording.amount(grams, "").rstrip(),
                )
            )
        more = len(self.plan.stages) - _SHOWN
        rest = [f"  and {more} more; --json has all of them"] if more > 0 else []
        return [*wording.columns(rows, right=frozenset({0, 2, 3}), indent="  "), *rest]

    def _against(self, zone: str) -> list[str]:
        rows = [("against", "workers", "done", "mean", self._grams, "this plan")]
        for shift in (self.plan.run_now, self.plan.fastest):
            saving = self.plan.saving(shift)
            rows.append(
                (
                    shift.name,
                    str(shift.stages[0].level),
                    wording.when(shift.end, zone) + ("" if shift.in_time else ", too late"),
                    wording.amount(shift.mean, "").rstrip(),
                    "" if shift.grams is None else wording.amount(shift.grams, "").rstrip(),
                    wording.percent(None if saving is None else -saving),
                )
            )
        return wording.columns(rows, right=frozenset({1, 3, 4}), indent="  ")

    def _of(self, stage: Stage) -> tuple[float | None, float | None]:
        """Mean of the signal over one stage, and its emissions; None where part of it is unknown."""
        span = Interval(stage.start, stage.end)
        if not self.series.covers(span):
            return None, None
        mean = self.series.mean(span)
        hours = span.length.total_seconds() / 3600.0
        return mean, grams_of(mean * hours * stage.level, self.asked.workload, self.series)

    def _stage(self, stage: Stage) -> shapes.StageShape:
        mean, grams = self._of(stage)
        return {
            "start": payload.instant(stage.start) or "",
            "end": payload.instant(stage.end) or "",
            "level": stage.level,
            **payload.mean(mean, self.series.signal),  # type: ignore[typeddict-item]  # the unit is a key
            "emissions_g": None if grams is None else round(grams, 9),
        }

    def _baseline(self, shift: Shift) -> shapes.ScaleBaselineShape:
        return {
            "level": shift.stages[0].level,
            "start": payload.instant(shift.start) or "",
            "end": payload.instant(shift.end) or "",
            **payload.mean(shift.mean, self.series.signal),  # type: ignore[typeddict-item]  # the unit is a key
            "emissions_g": None if shift.grams is None else round(shift.grams, 9),
            "in_time": shift.in_time,
            "saving_percent": _percent(self.plan.saving(shift)),
        }


def scaled(session: Session, asked: Job, reading: Reading, options: ScaleOptions) -> Scaled:
    """Plan the levels on what is known; values from memory only where the job's rule for missing data allows them."""
    series = reading.series
    barred = reading.step in _RECALLED and asked.workload.on_no_data != "profile"
    if not series or reading.step is FreshnessStep.NONE or barred:
        series = Series(Signal(SignalKind.AVERAGE, provider="none", zone=session.place.zone.key), [], [], [])
    least, most = options.levels
    try:
        plan = plan_replicas(
            asked.workload,
            series,
            now=session.now,
            least=least,
            most=most,
            speedup=options.figures,
            step=asked.options.start_grid,
        )
    except InvalidInput as error:
        if error.facts.get("field") != "step":
            raise
        raise Usage(f"--start-grid: {error.message}", hint=error.hint, field="--start-grid") from None
    return Scaled(options, asked, series, plan, _decision(plan, asked, reading))


def _decision(plan: ReplicaPlan, asked: Job, reading: Reading) -> Decision:
    spans: list[Interval] = []
    for stage in plan.stages:
        joins = bool(spans) and spans[-1].end == stage.start
        start = spans.pop().start if joins else stage.start
        spans.append(Interval(start, stage.end))
    waits = plan.chosen.start > plan.decided_at
    changes = plan.stages[0].end if len(plan.stages) > 1 else None
    return Decision(
        workload_id=plan.workload_id,
        action=Action.WAIT if waits else Action.RUN,
        reason=plan.reason,
        method="scale",
        decided_at=plan.decided_at,
        start=plan.chosen.start,
        end=plan.chosen.end,
        intervals=tuple(spans),
        mean=plan.chosen.mean,
        grams=plan.chosen.grams,
        latest_start=plan.latest_start,
        wake_at=plan.chosen.start if waits else changes,
        zone=asked.workload.home,
        signal=plan.signal,
        freshness=reading.step,
        freshness_reason=reading.reason,
        baselines=(_alternative(plan.run_now, asked), _alternative(plan.fastest, asked)),
        warnings=plan.warnings,
        policy_version=POLICY_VERSION,
    )


def _alternative(shift: Shift, asked: Job) -> Alternative:
    return Alternative(
        name=shift.name,
        start=shift.start,
        end=shift.end,
        intervals=(Interval(shift.start, shift.end),),
        mean=shift.mean,
        grams=shift.grams,
        zone=asked.workload.home,
        feasible=shift.in_time,
        note="part of this run is not known" if shift.mean is None else "" if shift.in_time else "too late",
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100.0 * share, 6)
