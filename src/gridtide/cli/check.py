"""``gridtide check``: is now a good time? For ``if`` in scripts and for health probes of pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gridtide.cli.options import JobOptions, MethodOptions, OutputOptions, SignalOptions

if TYPE_CHECKING:
    from gridtide.cli.session import Session
    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Reading

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "gridtide check --zone GB && make release",
    "gridtide check --zone DE --threshold 200 || test $? -eq 75",
    "until gridtide check --zone GB --quiet --finish-by 2026-01-06T07:00Z; do sleep 600; done",
)
"""Shown after the help."""


def command(
    *,
    job: JobOptions,
    how: MethodOptions,
    where: SignalOptions,
    say: OutputOptions,
    require_data: Annotated[
        bool, typer.Option("--require-data", help="Leave with 69 without current values, instead of the no-data rule.")
    ] = False,
) -> int:
    """
    Say whether now is a good time to run: exit code 0 for yes, 75 for not now.

    Without --duration an hour is assumed. A deadline that leaves no more time is a yes, so a script that loops over
    this never strands its work.
    """
    from gridtide.api import wiring  # noqa: PLC0415 - keeps --help light
    from gridtide.cli import payload  # noqa: PLC0415
    from gridtide.cli.errors import NOT_NOW  # noqa: PLC0415
    from gridtide.cli.job import job_settings, read_job, warn_about  # noqa: PLC0415
    from gridtide.cli.session import Session  # noqa: PLC0415
    from gridtide.domain.decision import Action  # noqa: PLC0415

    session = Session("check", where, say, overrides=job_settings(job, how))
    asked = read_job(session, job, how, duration="1h")
    reading = session.read(ahead=asked.ahead, back=asked.back)
    if require_data:
        session.require_current(reading)
    session.require_file(reading, covers_now=False)
    made = wiring.decide(asked.workload, reading, now=session.now, method=asked.method, options=asked.options)
    warn_about(session, asked, reading, made)
    go = made.action is Action.RUN
    session.say.answer(
        {
            "now": payload.instant(session.now),
            "go": go,
            "place": payload.place(session.place),
            "value": payload.step_at(reading.series, session.now) if reading.series else None,
            "decision": payload.decision(made),
            "signal": None if made.signal is None else payload.signal(made.signal),
            "freshness": payload.freshness(reading),
            "warnings": session.say.warnings,
        },
        _lines(session, reading, made, go=go),
    )
    return 0 if go else NOT_NOW


def _lines(session: Session, reading: Reading, made: Decision, *, go: bool) -> list[str]:
    from gridtide.cli import wording  # noqa: PLC0415 - keeps --help light
    from gridtide.domain.instants import to_ns  # noqa: PLC0415

    word = session.say.paint("yes", "green") if go else session.say.paint("not now", "yellow")
    pairs: list[tuple[str, str]] = []
    if reading.series and reading.series.curve_at(to_ns(session.now)) is not None:
        pairs.append(("now", wording.amount(reading.series.value_at(session.now), reading.series.signal.unit)))
    if not go:
        pairs.append(("starts", wording.when(made.start, session.shown_timezone, now=session.now)))
        if made.signal is not None:
            pairs.append(("mean then", wording.amount(made.mean, made.signal.unit)))
    reason = wording.REASONS.get(made.reason, str(made.reason))
    pairs += wording.source_lines(made.signal, reading)
    return [f"{wording.named(session.place)}: {word}, {reason}", *wording.fields(pairs)]
