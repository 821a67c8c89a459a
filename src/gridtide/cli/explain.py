"""``gridtide explain``: the last runs, why they were decided as they were, what would change that, what they saved."""

from __future__ import annotations

from typing import Annotated

import typer

from gridtide.cli.options import OutputOptions

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "gridtide explain",
    "gridtide explain --last 20 --json",
    "gridtide explain --id etl-2026-01-05",
)
"""Shown after the help."""


def command(
    *,
    say: OutputOptions,
    last: Annotated[int, typer.Option("--last", "-n", min=1, max=1000, metavar="N", help="How many runs.")] = 1,
    identifier: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="This run: its id, or the key of --once.")
    ] = None,
) -> None:
    """
    Tell why the last run waited or started, what else could have been done, what it saved, and what all runs saved.

    A realised saving that could not be known when the run ended is computed now, from the values that came true.
    """
    from gridtide.api import wiring  # noqa: PLC0415 - keeps --help light
    from gridtide.cli import account, totals  # noqa: PLC0415
    from gridtide.cli.options import SignalOptions  # noqa: PLC0415
    from gridtide.cli.session import Session  # noqa: PLC0415
    from gridtide.domain.errors import InvalidInput  # noqa: PLC0415

    session = Session("explain", SignalOptions(), say)
    with wiring.build_journal(session.settings) as journal:
        for notice in journal.notices:
            session.say.warn(notice)
        runs = journal.runs(last, occurrence=identifier)
        if identifier is not None and not runs:
            raise InvalidInput(
                f"no run with the id {identifier[:80]!r} is recorded",
                hint="`gridtide explain --last 10` lists what is",
                field="--id",
            )
        runs = [account.with_truth(session, say, journal, run) for run in runs]
        sums = totals.totals_of(journal.outcomes(totals.MOST))
    zone = session.shown_timezone
    where = None if journal.in_memory else str(wiring.journal_path(session.settings))
    lines = [line for run in runs for line in [*account.lines(session.say, run, zone), ""]]
    session.say.answer(
        {
            "journal": where,
            "runs": [account.payload_of(run, zone) for run in runs],
            "totals": [totals.payload_of(total) for total in sums],
            "warnings": session.say.warnings,
        },
        [*lines, *totals.lines_of(sums)]
        if lines
        else ["nothing is recorded yet; `gridtide run` records what it decides"],
    )
