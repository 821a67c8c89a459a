"""What became of a run, told to people and programs: its savings, its state, and what would change its decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from gridtide.cli import payload, wording
from gridtide.domain.decision import Action, FreshnessStep, Reason
from gridtide.domain.durations import format_duration
from gridtide.domain.instants import isoformat
from gridtide.ledger.records import DecisionRecord, Ending, Outcome, Run

if TYPE_CHECKING:
    from gridtide.accounting.savings import Footprint, Saving
    from gridtide.cli import shapes
    from gridtide.domain.signal import Signal

__all__ = ["changes", "ending", "outcome_payload", "saving_line", "savings_fields", "source_fields", "state_of"]

_UNKNOWN_YET: Final = "not known yet; `gridtide explain` tells it once the values are published"


def outcome_payload(outcome: Outcome | None) -> shapes.OutcomeShape | None:
    """How it ended, for programs."""
    if outcome is None:
        return None
    return {
        "ending": str(outcome.ending),
        "ended_at": isoformat(outcome.ended_at),
        "exit_code": outcome.exit_code,
        "original_start": payload.instant(outcome.original_start),
        "started_at": payload.instant(outcome.started_at),
        "intervals": payload.intervals(outcome.intervals),
        "planned": _saving(outcome.planned),
        "realised": _saving(outcome.realised),
        "note": outcome.note,
    }


def _saving(saving: Saving | None) -> shapes.SavingShape | None:
    if saving is None:
        return None
    share, labels = saving.share, saving.signal
    means = payload.mean(saving.run.mean, labels) | payload.mean(saving.against.mean, labels, prefix="baseline_mean_")
    shape: dict[str, object] = {
        "baseline": saving.baseline,
        **means,
        "saving_percent": None if share is None else round(100.0 * share, 12),
        "energy_kwh": saving.run.energy_kwh,
        "emissions_g": saving.run.grams,
        "baseline_emissions_g": saving.against.grams,
        "saved_g": saving.grams,
    }
    return cast("shapes.SavingShape", shape)


def savings_fields(outcome: Outcome) -> list[tuple[str, str]]:
    """Planned and realised saving, apart; a loss is said as one."""
    pairs = [("planned", saving_line(outcome.planned) if outcome.planned else "too little was known to state a saving")]
    if outcome.intervals:
        unknown = _UNKNOWN_YET if outcome.planned else "nothing to compare with"
        pairs.append(("realised", saving_line(outcome.realised) if outcome.realised else unknown))
    return pairs


def saving_line(saving: Saving) -> str:
    """One saving in words, against its baseline."""
    unit = saving.signal.unit
    means = f"{_mean(saving.run)} instead of {_mean(saving.against)} {unit}"
    share = saving.share
    if share is None:
        against = f"against {saving.baseline}, whose mean is not above zero"
    elif not round(100.0 * share, 1):
        against = f"the same as {saving.baseline}"
    else:
        word = "less" if share >= 0 else "more"
        against = f"{abs(100.0 * share):.1f} % {word} than {saving.baseline}"
    grams = saving.grams
    if grams is None or against.startswith("the same"):
        return f"{means}: {against}"
    return f"{means}: {against}, {abs(grams):.3g} gCO2eq {'saved' if grams >= 0 else 'lost'}"


def ending(outcome: Outcome, timezone: str) -> str:
    """How it ended, in one line."""
    code = "" if outcome.exit_code is None else f", exit code {outcome.exit_code}"
    if outcome.ending is Ending.COMPLETED:
        if not outcome.intervals:
            return f"let go {wording.when(outcome.ended_at, timezone)}"
        first, last = outcome.intervals[0].start, outcome.intervals[-1].end
        pauses = len(outcome.intervals) - 1
        paused = f" with {pauses} pause{'s' if pauses > 1 else ''}" if pauses else ""
        return f"ran {wording.span(first, last, timezone)}{paused}{code}"
    words = {Ending.CANCELLED: "stopped before it started", Ending.NOT_STARTED: "not started", Ending.LOST: "lost"}
    note = f": {outcome.note}" if outcome.note else ""
    return f"{words[outcome.ending]}{code}{note}"


def state_of(run: Run) -> str:
    """Where an occurrence stands: its ending, or what can be said of one that has none."""
    if run.outcome is not None:
        return str(run.outcome.ending)
    begun = any(intent.started_at is not None for intent in run.intents)
    if run.owner_is_gone:
        return "lost" if begun else "interrupted"
    return "running" if begun else "waiting"


def changes(record: DecisionRecord, timezone: str) -> list[str]:
    """What would change a recorded decision, one sentence each."""
    decision, dwell, grace = record.decision, record.question.dwell, record.question.grace
    if decision.action is Action.RUN and decision.reason is not Reason.NO_DATA:
        return []
    found = []
    unit = decision.signal.unit if decision.signal is not None else ""
    if decision.reason is Reason.NO_DATA_WAIT:
        found.append(f"a usable signal; without one its no-data rule applies after {format_duration(grace)}")
    if decision.signal is not None and decision.mean is not None:
        found.append(f"a forecast with a run whose mean is clearly below {wording.amount(decision.mean, unit)}")
        found.append(f"such a change is followed when the plan has stood for {format_duration(dwell)}")
    if decision.threshold is not None:
        found.append(f"a value at or below the bound of {wording.amount(decision.threshold, unit)}")
    if decision.freshness in {FreshnessStep.STALE, FreshnessStep.PROFILE, FreshnessStep.STATIC}:
        found.append(f"fresher data than {decision.freshness} ones")
    if decision.latest_start is not None:
        found.append(f"the latest start {wording.when(decision.latest_start, timezone)}: then it runs in any case")
    return found


def _mean(found: Footprint) -> str:
    return f"{found.mean:.0f}" if abs(found.mean) >= 100 else f"{found.mean:.1f}"


def source_fields(labels: Signal | None) -> list[tuple[str, str]]:
    """Whose values they were, with the credit their licence asks for."""
    if labels is None:
        return []
    return [("source", f"{labels.provider}/{labels.zone}, {labels.kind}"), ("credit", labels.attribution)]
