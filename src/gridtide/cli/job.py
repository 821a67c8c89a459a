"""From the flags of a job to a workload, a method and its options: shared by every command that plans."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from gridtide.cli.errors import Usage
from gridtide.cli.options import METHODS, JobOptions, MethodOptions, conflict, read_duration
from gridtide.config.cron import next_firing
from gridtide.config.walltime import require_ahead, shown_local
from gridtide.domain.errors import InvalidInput
from gridtide.domain.workload import OnNoData, Workload

if TYPE_CHECKING:
    from pathlib import Path

    from gridtide.accounting.draw import Draw
    from gridtide.cli.session import Session
    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Reading
    from gridtide.planning.duration import RunTimes
    from gridtide.planning.options import PlanOptions

__all__ = ["PAST", "Job", "describe_workload", "draw_in_words", "job_settings", "read_job", "warn_about"]

PAST: Final = timedelta(days=30)
"""How far back values are asked for, for percentiles of what has been."""

_MARGIN: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """
    What is to be decided.

    Args:
        workload: The work and its bounds.
        method: Policy in time.
        options: Its options.
        ahead: How far values are needed from now.
        learned: Run times that its length was learned from; None where it was declared.
        draw: What it draws and how that is known; None where it is not.
    """

    workload: Workload
    method: str
    options: PlanOptions
    ahead: timedelta
    learned: RunTimes | None = None
    draw: Draw | None = None

    @property
    def back(self) -> timedelta:
        """How far back values are needed: a percentile is of what has been, everything else looks ahead."""
        return PAST if self.options.percentile is not None or self.method == "one-min" else timedelta(hours=1)


def job_settings(job: JobOptions, how: MethodOptions) -> dict[str, object]:
    """Flags that set settings, for `Session`."""
    return {
        "policies.max_delay": job.max_delay,
        "policies.min_saving": job.min_saving,
        "policies.on_no_data": job.on_no_data,
        "policies.spike_lead": how.spike_lead,
        "policies.risk": how.risk,
        "policies.carbon_price": how.carbon_price,
        "thresholds.elastic": how.threshold,
    }


def read_job(
    session: Session,
    job: JobOptions,
    how: MethodOptions,
    *,
    name: str = "job",
    duration: str | None = None,
    learn: bool = False,
    speedup: float | None = None,
) -> Job:
    """
    Build the workload; times are read in the session's time zone and said aloud.

    Args:
        session: Clock, settings and voice.
        job: Flags of the work.
        how: Flags of the policy.
        name: Id of the workload.
        duration: Used where ``--duration`` is not given; None insists on the flag.
        learn: Whether past runs of that name say more about the length than the flag.
        speedup: How many times as fast as declared scaled work may get; None for work of one size.

    Raises:
        Usage: A flag is missing, unreadable or contradicts another.
        ImpossibleTime: The deadline cannot be met, and ``--best-effort`` is not given.
    """
    length = read_duration(job.duration or duration, "--duration")
    if length is None:
        raise Usage("--duration is missing", hint="say how long it runs, like --duration 2h30m", field="--duration")
    release = _release(session, job)
    learned = _learned(session, name, declared=length) if learn else None
    reserve = timedelta(0)
    if learned is not None:
        length, reserve = learned.typical, learned.safe - learned.typical
    deadline = _deadline(session, job, length / (speedup or 1.0), release)
    draw = _draw(session, job)
    policies = session.settings.policies
    bounded = deadline is None or job.max_delay is not None
    workload = Workload(
        id=name,
        duration=length,
        release=release,
        deadline=deadline,
        max_delay=policies.max_delay if bounded else None,
        reserve=reserve,
        power_w=None if draw is None else draw.power_w,
        pue=1.0 if draw is None else draw.pue,
        interruptible=job.interruptible,
        min_run=read_duration(job.min_run, "--min-run", allow_zero=True) or timedelta(0),
        max_pieces=job.max_pieces,
        suspend_cost=read_duration(job.suspend_cost, "--suspend-cost", allow_zero=True) or timedelta(0),
        home=session.place.zone.key,
        on_no_data=OnNoData(policies.on_no_data),
        min_saving=policies.min_saving / 100.0,
    )
    if reserve:
        _say_room(session, workload)
    latest = workload.latest_start(session.now) or session.now
    spread = job.interruptible or speedup is not None
    until = deadline if deadline is not None and spread else latest + length
    ahead = max(until - session.now, length) + _MARGIN
    method, options = _method(session, how)
    options = replace(options, learned=learned)
    asked = Job(workload=workload, method=method, options=options, ahead=ahead, learned=learned, draw=draw)
    return _priced(session, asked, how.price_series)


def warn_about(session: Session, job: Job, reading: Reading, made: Decision) -> None:
    """Pass the plan's warnings on, and say so when the deadline lies beyond what is known."""
    for warning in made.warnings:
        session.say.warn(warning)
    deadline = job.workload.deadline
    if deadline is None or not reading.series or reading.series.end >= deadline:
        return
    known = shown_local(reading.series.end, session.shown_timezone)
    session.say.warn(
        f"the deadline {shown_local(deadline, session.shown_timezone)} lies beyond the forecast, which ends {known}; "
        "the plan is made for what is known"
    )


def _priced(session: Session, asked: Job, path: Path | None) -> Job:
    if path is None and session.settings.policies.carbon_price is None:
        return asked
    from gridtide.cli import prices  # noqa: PLC0415 - only where cost is weighed

    return prices.with_prices(session, asked, path)


def _learned(session: Session, name: str, *, declared: timedelta) -> RunTimes:
    from gridtide.api import learned  # noqa: PLC0415 - numpy, only when it is asked for

    say = session.say
    return learned.run_times(session.settings, name, declared=declared, note=say.note, warn=say.warn)


def _say_room(session: Session, workload: Workload) -> None:
    """Say when a long run no longer fits before the deadline."""
    safe = workload.duration + workload.reserve
    if workload.deadline is not None and workload.release_at(session.now) + safe > workload.deadline:
        from gridtide.domain.durations import format_duration  # noqa: PLC0415 - keeps --help light

        room = format_duration(safe)
        session.say.warn(f"past runs ask for {room}, which the deadline leaves no room for; it starts when it may")


def _release(session: Session, job: JobOptions) -> datetime | None:
    if job.cron is not None:
        try:
            return next_firing(job.cron, after=session.now, timezone=session.timezone, field="--cron")
        except InvalidInput as error:
            raise Usage(error.message, hint=error.hint, field="--cron") from None
    if job.not_before is None:
        return None
    return session.instant(job.not_before, "--not-before")


def _deadline(session: Session, job: JobOptions, length: timedelta, release: datetime | None) -> datetime | None:
    if job.finish_by is None:
        return None
    deadline = session.instant(job.finish_by, "--finish-by")
    if release is not None and release >= deadline:
        flag = "--not-before" if job.cron is None else "--cron"
        why, hint = "it would have to end before it may start", f"name an earlier {flag} or a later --finish-by"
        raise conflict(flag, "--finish-by", why, hint=hint)
    if not job.best_effort:
        earliest = max(session.now, release) if release is not None else session.now
        require_ahead(deadline, now=earliest, duration=length, timezone=session.shown_timezone, field="--finish-by")
    return deadline


_FLAGS: Final = {"power_w": "--power", "load": "--load"}
"""Flags whose names differ from the words of `draw_of`."""


def _draw(session: Session, job: JobOptions) -> Draw | None:
    """Power by the flags: watts, or a machine whose watts the published tables know."""
    from gridtide.accounting.draw import draw_of  # noqa: PLC0415 - keeps --help light

    try:
        return draw_of(
            power_w=job.power,
            vcpus=job.vcpus,
            memory_gb=job.memory_gb,
            gpu=job.gpu,
            gpus=job.gpus,
            processor=job.processor,
            load=None if job.load is None else job.load / 100.0,
            pue=job.pue,
            place=session.cloud_region,
        )
    except InvalidInput as error:
        field = str(error.facts.get("field") or "power_w")
        flag = _FLAGS.get(field, f"--{field.replace('_', '-')}")
        said = error.message.removeprefix(f"{field} is")
        text = f"{flag} is{said}" if said != error.message else said
        raise Usage(text, hint=error.hint, field=flag) from None


def _method(session: Session, how: MethodOptions) -> tuple[str, PlanOptions]:
    from gridtide.planning.options import PlanOptions, Risk  # noqa: PLC0415 - keeps --help light

    asked = how.method
    if asked is not None and asked not in METHODS:
        raise Usage(f"--method is {asked[:40]!r}; allowed: {', '.join(METHODS)}", hint=_near(asked), field="--method")
    bound = session.settings.thresholds.elastic
    method = asked or ("threshold" if how.threshold is not None or how.percentile is not None else "auto")
    if method in {"threshold", "suspend"} and bound is None and how.percentile is None:
        raise Usage(
            f"--method {method} needs a bound",
            hint="add --threshold G or --percentile P, or set thresholds.elastic",
            field="--threshold",
        )
    if how.percentile is not None and not 0 <= how.percentile <= 100:
        raise Usage(f"--percentile is {how.percentile:g}; allowed: 0 to 100", field="--percentile")
    return method, PlanOptions(
        threshold=bound if method in {"threshold", "suspend"} and how.percentile is None else None,
        percentile=how.percentile,
        start_grid=read_duration(how.start_grid, "--start-grid"),
        spike_lead=session.settings.policies.spike_lead,
        risk=Risk(session.settings.policies.risk),
    )


def _near(asked: str) -> str | None:
    import difflib  # noqa: PLC0415 - only after a typing error

    near = difflib.get_close_matches(asked, METHODS, n=1)
    return f"did you mean {near[0]}?" if near else None


def describe_workload(session: Session, job: Job) -> list[tuple[str, str]]:
    """What was asked, in words: length, earliest start, deadline with its time zone."""
    from gridtide.cli.wording import when  # noqa: PLC0415 - keeps --help light
    from gridtide.domain.durations import format_duration  # noqa: PLC0415

    work, zone = job.workload, session.shown_timezone
    pairs = [("job", format_duration(work.duration) + (", may pause" if work.interruptible else ""))]
    if work.release is not None:
        pairs.append(("not before", when(work.release, zone, now=session.now)))
    if work.deadline is not None:
        pairs.append(("finish by", when(work.deadline, zone, now=session.now)))
    latest = work.latest_start(session.now)
    if latest is not None:
        pairs.append(("latest start", when(latest, zone, now=session.now)))
    if job.draw is not None:
        pairs.append(("power", draw_in_words(job.draw)))
    return pairs


def draw_in_words(draw: Draw) -> str:
    """Watts with the site's share and the source, so that nobody takes a model for a meter."""
    site = f" x PUE {draw.pue:g}" if draw.pue != 1.0 else ""
    sure = f", within {draw.relative_error:.0%} or so" if draw.relative_error else ""
    return f"{draw.power_w:.6g} W{site}, {draw.note}{sure}"
