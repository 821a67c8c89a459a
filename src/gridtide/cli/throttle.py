"""``gridtide throttle``: how many runners of a queue may work now; never none, and all when nothing is known."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridtide.cli.errors import Usage
from gridtide.cli.options import OutputOptions, SignalOptions

if TYPE_CHECKING:
    from gridtide.cli.session import Session
    from gridtide.domain.decision import Reason
    from gridtide.domain.series import Series
    from gridtide.planning.throttle import Throttle

__all__ = ["command"]

_AROUND: Final = timedelta(hours=24)
_QUARTILES: Final = (25.0, 75.0)


def command(
    *,
    where: SignalOptions,
    say: OutputOptions,
    most: Annotated[int, typer.Option("--max", min=1, metavar="N", help="All runners, when the grid is clean.")],
    floor: Annotated[int, typer.Option("--floor", min=1, metavar="N", help="Runners that always work.")] = 1,
    clean: Annotated[
        float | None, typer.Option("--clean", metavar="G", help="At or below it every runner works; with --dirty.")
    ] = None,
    dirty: Annotated[
        float | None, typer.Option("--dirty", metavar="G", help="At or above it only the floor works; with --clean.")
    ] = None,
    last: Annotated[
        int | None, typer.Option("--last", metavar="N", help="The number before, kept while values barely move.")
    ] = None,
    hysteresis: Annotated[
        float | None,
        typer.Option(
            "--hysteresis", metavar="G", help="How far a value must move to change --last; a tenth of the way."
        ),
    ] = None,
) -> None:
    """
    Print how many runners of a queue may work now: all when the grid is clean, a floor when it is dirty.

    Without --clean and --dirty the line runs between the quartiles of the values of a day before and after now. When
    nothing is known every runner works.
    """
    from gridtide.api import wiring  # noqa: PLC0415 - keeps --help light
    from gridtide.cli import payload  # noqa: PLC0415
    from gridtide.cli.session import Session  # noqa: PLC0415
    from gridtide.planning import throttle as throttles  # noqa: PLC0415

    _check(most, floor, clean, dirty, last, hysteresis)
    session = Session("throttle", where, say)
    reading = session.read(ahead=_AROUND, back=_AROUND)
    series = reading.series
    if clean is not None and series:
        wiring.require_absolute(series.signal, "--clean")
    step = payload.step_at(series, session.now) if series else None
    if step is None:
        session.require_file(reading)
    value = series.value_at(session.now) if step is not None else None
    line = _line(series, most, floor, clean, dirty)
    room = 0.0 if line is None else (line.dirty - line.clean) / 10 if hysteresis is None else hysteresis
    runners = most if line is None else throttles.concurrency(line, value, last=last, hysteresis=room)
    if value is None:
        session.say.warn(f"nothing is known now, so all {most} runners work")
    reason = _reason(value, runners, most, line)
    session.say.answer(
        {
            "now": payload.instant(session.now),
            "place": payload.place(session.place),
            "runners": runners,
            "most": most,
            "floor": floor,
            "reason": str(reason),
            "clean": None if line is None else line.clean,
            "dirty": None if line is None else line.dirty,
            "bounds": "quartiles" if clean is None else "given",
            "last": last,
            "changes_at": payload.instant(None if line is None else throttles.changes_at(line, series, session.now)),
            "value": step,
            "signal": payload.signal(series.signal) if series else None,
            "freshness": payload.freshness(reading),
            "warnings": session.say.warnings,
        },
        [str(runners)],
    )
    if value is not None:
        session.say.note(_in_words(session, series, value, line))


def _check(  # noqa: PLR0917 - six flags that are held against each other
    most: int, floor: int, clean: float | None, dirty: float | None, last: int | None, hysteresis: float | None
) -> None:
    if floor > most:
        raise Usage(
            f"--floor is {floor}, but --max is {most}", hint="the floor is at most all runners", field="--floor"
        )
    if (clean is None) != (dirty is None):
        missing = "--clean" if clean is None else "--dirty"
        raise Usage(f"{missing} is missing", hint="give both ends of the line, or none", field=missing)
    if clean is not None and dirty is not None and not 0 <= clean < dirty < float("inf"):
        raise Usage(f"--clean is {clean:g} and --dirty {dirty:g}; allowed: 0 <= clean < dirty", field="--clean")
    if last is not None and last < 0:
        raise Usage(f"--last is {last}; allowed: 0 or more", field="--last")
    if hysteresis is not None and last is None:
        raise Usage("--hysteresis needs the number before", hint="add --last N", field="--hysteresis")
    if hysteresis is not None and not 0 <= hysteresis < float("inf"):
        raise Usage(f"--hysteresis is {hysteresis:g}; allowed: zero or more", field="--hysteresis")


def _line(series: Series, most: int, floor: int, clean: float | None, dirty: float | None) -> Throttle | None:
    """Line between the given ends, or the quartiles of what is known; None where that is flat or empty."""
    from gridtide.domain.instants import duration_ns, to_ns  # noqa: PLC0415 - keeps --help light
    from gridtide.planning.threshold import trailing_percentile  # noqa: PLC0415
    from gridtide.planning.throttle import Throttle  # noqa: PLC0415

    if clean is not None and dirty is not None:
        return Throttle(clean=clean, dirty=dirty, least=floor, most=most)
    if not series:
        return None
    span = duration_ns(series.end - series.start)
    low, high = (trailing_percentile(series, to_ns(series.end), span, percentile) for percentile in _QUARTILES)
    if low is None or high is None or not 0 <= low < high:
        return None
    return Throttle(clean=low, dirty=high, least=floor, most=most)


def _reason(value: float | None, runners: int, most: int, line: Throttle | None) -> Reason:
    from gridtide.domain.decision import Reason  # noqa: PLC0415 - keeps --help light

    if value is None:
        return Reason.NO_DATA
    if line is None:
        return Reason.FLAT
    return Reason.ABOVE_THRESHOLD if runners < most else Reason.BELOW_THRESHOLD


def _in_words(session: Session, series: Series, value: float, line: Throttle | None) -> str:
    from gridtide.cli import wording  # noqa: PLC0415 - keeps --help light

    unit = series.signal.unit
    here = f"{wording.named(session.place)}: {wording.amount(value, unit)}"
    if line is None:
        return f"{here}, and the signal is flat"
    return (
        f"{here}; all below {wording.amount(line.clean, unit)}, {line.least} above {wording.amount(line.dirty, unit)}"
    )
