"""
The journal's account of a run, for people and programs: its decisions, effects, ending and savings.

A realised saving that was not known when the run ended is looked up, from the source that was planned on.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.cli import payload, story, wording
from gridtide.cli.options import OutputOptions, SignalOptions
from gridtide.cli.session import Session
from gridtide.domain.durations import format_duration
from gridtide.domain.errors import CarbonError
from gridtide.domain.instants import isoformat
from gridtide.ledger.records import Ending

if TYPE_CHECKING:
    from gridtide.cli import shapes
    from gridtide.cli.output import Output
    from gridtide.domain.decision import Alternative, Decision
    from gridtide.domain.series import Series
    from gridtide.ledger.journal import Journal
    from gridtide.ledger.records import DecisionRecord, Outcome, Run
    from gridtide.planning.duration import RunTimes

__all__ = ["lines", "payload_of", "with_truth"]

_SHOWN_DECISIONS: Final = 5
_SHOWN_ALTERNATIVES: Final = 3
_GONE: Final = {
    "interrupted": "the process that waited is gone and nothing was started; run it again, with its --once key if any",
    "lost": "the process that watched it is gone; whether the command ended well is not known",
}


def with_truth(session: Session, say: OutputOptions, journal: Journal, run: Run) -> Run:
    """The run with its realised saving, where the values that came true can be had now."""
    outcome = run.outcome
    if outcome is None or outcome.realised is not None or outcome.planned is None or not outcome.intervals:
        return run
    series = _what_came_true(session, say, run, outcome)
    told = outcome if series is None else outcome.with_truth(series)
    if told.realised is not None:
        journal.conclude(told)
    return replace(run, outcome=told)


def _what_came_true(session: Session, say: OutputOptions, run: Run, outcome: Outcome) -> Series | None:
    """Values from the original start to the end, from the source that was planned on."""
    labels = outcome.planned.signal if outcome.planned is not None else None
    zone = next((record.decision.zone for record in run.decisions if record.decision.zone), "")
    if labels is None or labels.provider == "file" or not zone or outcome.original_start is None:
        return None
    where = SignalOptions(provider=labels.provider, zone=zone, signal=str(labels.kind))
    try:
        own = Session(session.say.command, where, say)
        back = own.now - outcome.original_start
        if back <= timedelta(0):
            return None
        (reading,) = own.read_zones([own.place.zone], back=back, ahead=timedelta(minutes=1), forecast=False)
    except CarbonError as error:
        session.say.note(f"the values that came true cannot be read: {error.message}")
        return None
    return reading.series


def payload_of(run: Run, zone: str) -> shapes.RecordedRunShape:
    """One run, for programs."""
    return {
        "id": run.occurrence,
        "name": run.workload,
        "state": story.state_of(run),
        "accepted_at": isoformat(run.accepted_at),
        "decisions": [_decision_payload(record, zone) for record in run.decisions],
        "effects": [
            {
                "verb": str(intent.key.verb),
                "epoch": intent.key.epoch,
                "state": str(intent.state),
                "ref": intent.ref,
                "intended_at": isoformat(intent.intended_at),
                "started_at": payload.instant(intent.started_at),
                "ended_at": payload.instant(intent.ended_at),
                "detail": intent.detail,
            }
            for intent in run.intents
        ],
        "outcome": story.outcome_payload(run.outcome),
    }


def _decision_payload(record: DecisionRecord, zone: str) -> shapes.RecordedDecisionShape:
    made = record.decision
    return {
        "id": record.id,
        "learned": payload.learned(_learned(record)),
        "decision": payload.decision(made),
        "baselines": payload.baselines(made),
        "alternatives": [payload.alternative(other, made.signal) for other in made.alternatives],
        "signal": None if made.signal is None else payload.signal(made.signal),
        "changes": story.changes(record, zone),
        "warnings": list(made.warnings),
    }


def _learned(record: DecisionRecord) -> RunTimes | None:
    """Run times that the lengths of the work were learned from, where they were."""
    return record.question.options.learned if record.question.options is not None else None


def lines(say: Output, run: Run, zone: str) -> list[str]:
    """One run, for people."""
    state = story.state_of(run)
    head = say.paint(f"{run.workload}, run {run.occurrence}: {state}", "bold")
    pairs = [
        ("accepted", wording.when(run.accepted_at, zone)),
        ("note", _GONE.get(state, "") if run.outcome is None else ""),
    ]
    if run.outcome is not None:
        pairs.append(("ended", story.ending(run.outcome, zone)))
        pairs += story.savings_fields(run.outcome) if run.outcome.ending is Ending.COMPLETED else []
    for intent in run.intents:
        told = f"{intent.key.verb} {intent.state} {intent.ref} {intent.detail}".split()
        pairs.append(("effect", f"{' '.join(told)}, {wording.when(intent.intended_at, zone)}"))
    told_lines = [head, *wording.fields(pairs)]
    if run.decisions:
        told_lines += ["", *wording.fields(_why(run.decisions[0], zone, is_over=run.outcome is not None))]
    earlier = run.decisions[1 : 1 + _SHOWN_DECISIONS]
    if earlier:
        rows = [(wording.when(r.decision.decided_at, zone), _headline(r.decision, zone)) for r in earlier]
        told_lines += ["", "  before that", *wording.columns(rows, indent="    ")]
    return told_lines


def _why(record: DecisionRecord, zone: str, *, is_over: bool) -> list[tuple[str, str]]:
    """The last decision: why, on what, against what, and what would change it."""
    made = record.decision
    unit = made.signal.unit if made.signal is not None else ""
    pairs = [
        ("decided", wording.when(made.decided_at, zone)),
        ("why", _headline(made, zone)),
        ("mean", wording.amount(made.mean, unit) if made.mean is not None else ""),
        ("method", f"{made.method}, rules {made.policy_version.removeprefix('rules/')}"),
    ]
    pairs += [("against", _against(other, made, zone)) for other in made.baselines if other.mean is not None]
    named = {other.name for other in made.baselines}
    others = [a for a in made.alternatives if a.mean is not None and a.name not in named][:_SHOWN_ALTERNATIVES]
    pairs += [("instead", _against(other, made, zone)) for other in others]
    times = _learned(record)
    if times is not None and times.runs:
        typical, safe = format_duration(times.typical), format_duration(times.safe)
        pairs.append(("length", f"learned from {times.runs}: typically {typical}, with room for {safe}"))
    fresh = f"{made.freshness}{f', {made.freshness_reason}' if made.freshness_reason else ''}"
    pairs.append(("data", fresh))
    pairs += story.source_fields(made.signal)
    pairs += [("warning", warning) for warning in made.warnings]
    label = "would have changed" if is_over else "would change"
    pairs += [(label if k == 0 else "", text) for k, text in enumerate(story.changes(record, zone))]
    return pairs


def _against(other: Alternative, made: Decision, zone: str) -> str:
    start = f" {wording.when(other.start, zone)}" if other.start is not None else ""
    unit = made.signal.unit if made.signal is not None else ""
    change = wording.percent(wording.share(made.mean, other.mean))
    return f"{other.name}{start}, mean {wording.amount(other.mean, unit)}: this plan {change}"


def _headline(made: Decision, zone: str) -> str:
    return wording.headline(made, zone, now=made.decided_at)
