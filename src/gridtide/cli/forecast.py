"""``gridtide forecast``: what is known about the hours ahead, as a chart that needs no colour."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridtide.cli.options import OutputOptions, SignalOptions, read_duration

if TYPE_CHECKING:
    from gridtide.cli.session import Session
    from gridtide.domain.decision import Alternative
    from gridtide.domain.interval import Interval
    from gridtide.domain.ports import Reading

__all__ = ["EXAMPLES", "cleanest", "command"]

EXAMPLES = (
    "gridtide forecast --zone DE --duration 3h",
    "gridtide forecast --provider replay --zone US-CAL-CISO --ahead 24h",
)
"""Shown after the help."""

_LONGEST: Final = timedelta(days=14)


def command(
    *,
    where: SignalOptions,
    say: OutputOptions,
    ahead: Annotated[
        str, typer.Option("--ahead", metavar="DURATION", help="How far to look; what is not known is left out.")
    ] = "48h",
    duration: Annotated[
        str, typer.Option("--duration", "-d", metavar="DURATION", help="Length of the cleanest window to mark.")
    ] = "1h",
) -> None:
    """
    Show what is ahead and mark the cleanest window.

    A stretch that is not known stays blank. Exit code 69 when no source knows anything ahead.
    """
    from gridtide.cli import payload  # noqa: PLC0415 - keeps --help light
    from gridtide.cli.errors import Usage  # noqa: PLC0415
    from gridtide.cli.session import Session  # noqa: PLC0415
    from gridtide.domain.interval import Interval  # noqa: PLC0415

    look, length = read_duration(ahead, "--ahead"), read_duration(duration, "--duration")
    assert look is not None  # noqa: S101 - both have defaults
    assert length is not None  # noqa: S101
    if look > _LONGEST:
        raise Usage(f"--ahead {ahead} is longer than {_LONGEST.days} days", hint="no forecast reaches that far")
    session = Session("forecast", where, say)
    reading = session.require(session.read(ahead=look))
    window = Interval(session.now, min(session.now + look, reading.series.end))
    shown = reading.series.clip(window)
    best = cleanest(session, reading, length, window)
    if window.end < session.now + look:
        session.say.warn(f"the forecast ends {payload.instant(window.end)}; --ahead asks for {ahead}")
    elif best is None:
        why = f"longer than --ahead {ahead}" if length > look else "nowhere known without a gap"
        session.say.warn(f"no cleanest window is marked: --duration {duration} is {why}")
    session.say.answer(
        {
            "now": payload.instant(session.now),
            "timezone": session.shown_timezone,
            "place": payload.place(session.place),
            "steps": payload.steps(shown),
            "gaps": payload.intervals(shown.gaps),
            "cleanest": None if best is None else payload.alternative(best, shown.signal),
            "signal": payload.signal(shown.signal),
            "freshness": payload.freshness(reading),
            "warnings": session.say.warnings,
        },
        _lines(session, reading, window, best, duration),
    )


def cleanest(session: Session, reading: Reading, length: timedelta, window: Interval) -> Alternative | None:
    """Lowest contiguous window of that length inside *window*; None where none is fully known."""
    from gridtide.domain.decision import Alternative  # noqa: PLC0415 - keeps --help light
    from gridtide.domain.workload import Workload  # noqa: PLC0415
    from gridtide.planning.plan import plan  # noqa: PLC0415

    if window.length < length:
        return None
    job = Workload(id="window", duration=length, deadline=window.end)
    made = plan(job, reading.series, now=session.now, method="lowest-window")
    if made.mean is None:
        return None
    return Alternative(
        name="lowest-window",
        start=made.start,
        end=made.end,
        intervals=made.intervals,
        mean=made.mean,
        zone=reading.series.signal.zone,
    )


def _lines(session: Session, reading: Reading, window: Interval, best: Alternative | None, duration: str) -> list[str]:
    from gridtide.cli import wording  # noqa: PLC0415 - keeps --help light
    from gridtide.cli.chart import BLOCKS, Chart  # noqa: PLC0415
    from gridtide.cli.output import encodes  # noqa: PLC0415

    labels, zone = reading.series.signal, session.shown_timezone
    chart = Chart(
        series=reading.series,
        window=window,
        timezone=zone,
        width=session.say.width,
        blocks=encodes(BLOCKS),
        marked=() if best is None else best.intervals,
    )
    current = reading.series.value_at(session.now)
    pairs = [("now", wording.amount(current, labels.unit))]
    if best is not None and best.start is not None and best.end is not None:
        change = wording.percent(wording.share(best.mean, current))
        text = f"{wording.amount(best.mean, labels.unit)}, {wording.span(best.start, best.end, zone)}"
        pairs.append((f"cleanest {duration} (^)", text if change == "unknown" else f"{text}, {change}"))
    title = f"{wording.named(session.place)}, {wording.span(window.start, window.end, zone)} [{labels.unit}]"
    return [title, *chart.lines(), *wording.fields([*pairs, *wording.source_lines(labels, reading)])]
