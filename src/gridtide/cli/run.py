"""``gridtide run``: wait for the cleanest time that can be proven, run a command once, tell what that saved."""

from __future__ import annotations

from typing import Annotated

import typer

from gridtide.cli.errors import NOT_NOW, Usage, describe
from gridtide.cli.options import JobOptions, MethodOptions, OutputOptions, SignalOptions, set_by

__all__ = ["CONTEXT", "EXAMPLES", "command"]

EXAMPLES = (
    "gridtide run --zone GB --duration 2h --finish-by 07:00 -- ./train.sh",
    "gridtide run --zone DE --duration 6h --max-delay 1d --pause -- make train",
    'gridtide run --once "etl-$(date +%F)" --zone GB --duration 90m --finish-by 07:00 -- ./etl.sh',
    "gridtide run --dry-run --zone GB --duration 2h -- ./train.sh",
)
"""Shown after the help."""

CONTEXT = {"allow_interspersed_args": False}
"""The first word that is no flag begins the command, with or without ``--`` before it."""


def command(
    argv: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND [ARGUMENTS]...", help="What to run; no shell reads it.")
    ] = None,
    *,
    job: JobOptions,
    how: MethodOptions,
    where: SignalOptions,
    say: OutputOptions,
    name: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="Name in the records; the program's when left out.")
    ] = None,
    once: Annotated[
        str | None,
        typer.Option("--once", metavar="KEY", help="Run at most once for this key, also after a crash or by cron."),
    ] = None,
    learn_duration: Annotated[
        bool, typer.Option("--learn-duration", help="Plan with the lengths of past runs of that name.")
    ] = False,
    budget: Annotated[str | None, set_by("--budget", metavar="NAME")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; start nothing.")] = False,
    clock_speed: Annotated[
        float | None,
        typer.Option("--clock-speed", metavar="FACTOR", help="With --at: let its clock run this much faster."),
    ] = None,
) -> int:
    """
    Wait for the cleanest time that can be proven, run COMMAND once, and tell what that saved.

    The plan is made again when a new forecast arrives. Whatever is down, the command starts by its latest start. Its
    exit code and signals pass through; with --pause it is stopped and continued by the plan.
    """
    if not argv:
        raise Usage("there is no command to run", hint="write it after --, for example: -- make train", field="COMMAND")
    import os  # noqa: PLC0415 - keeps --help light

    from gridtide.cli import waiting  # noqa: PLC0415
    from gridtide.domain.errors import Conflict  # noqa: PLC0415
    from gridtide.executors.command import check  # noqa: PLC0415

    check(argv, os.environ)
    label = waiting.default_name(argv) if name is None else name
    session, asked = waiting.open_job(
        "run", job, how, where, say, name=label, clock_speed=clock_speed, learn=learn_duration, budget=budget
    )
    if dry_run:
        return waiting.rehearse(session, asked)
    try:
        errand = waiting.carry_out(session, asked, argv=argv, once=once)
        if errand.refusal is not None:
            raise errand.refusal
    except Conflict as taken:
        session.say.error({**describe(taken), "exit_code": NOT_NOW})
        return NOT_NOW
    code = errand.code
    waiting.answer(session, errand, code=code)
    return code
