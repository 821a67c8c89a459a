"""``gridtide wait``: return when it is time; for ``&&`` chains and job scripts."""

from __future__ import annotations

from typing import Annotated

import typer

from gridtide.cli.errors import GAVE_UP
from gridtide.cli.options import JobOptions, MethodOptions, OutputOptions, SignalOptions, read_duration

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "gridtide wait --zone GB --duration 2h --finish-by 07:00 && ./train.sh",
    "gridtide wait --zone DE --threshold 200 --timeout 6h || test $? -eq 124",
)
"""Shown after the help."""


def command(
    *,
    job: JobOptions,
    how: MethodOptions,
    where: SignalOptions,
    say: OutputOptions,
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="Name in the records.")] = "wait",
    learn_duration: Annotated[
        bool, typer.Option("--learn-duration", help="Plan with the lengths of past runs of that name.")
    ] = False,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="DURATION", help="Give up after this long, with exit code 124.")
    ] = None,
    clock_speed: Annotated[
        float | None,
        typer.Option("--clock-speed", metavar="FACTOR", help="With --at: let its clock run this much faster."),
    ] = None,
) -> int:
    """
    Wait until it is time to start a job of --duration (1h when left out), then leave with exit code 0.

    Whatever is down, it is time at the latest start: `gridtide wait --duration 2h --finish-by 07:00 && make train`.
    """
    from gridtide.cli import waiting  # noqa: PLC0415 - keeps --help light

    patience = read_duration(timeout, "--timeout", allow_zero=True)
    session, asked = waiting.open_job(
        "wait", job, how, where, say, name=name, clock_speed=clock_speed, duration="1h", learn=learn_duration
    )
    errand = waiting.carry_out(session, asked, argv=None, patience=patience)
    code = errand.code if errand.started or errand.stopped_by is not None else GAVE_UP
    waiting.answer(session, errand, code=code)
    return code
