"""``gridtide now``: the carbon intensity of a place at this moment, and what the number means."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.cli.options import OutputOptions, SignalOptions

if TYPE_CHECKING:
    from gridtide.cli.session import Session
    from gridtide.cli.shapes import StepShape
    from gridtide.domain.ports import Reading

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "gridtide now --zone GB",
    "gridtide now --lat 52.5 --lon 13.4 --json",
    "gridtide now --provider replay --zone US-CAL-CISO",
)
"""Shown after the help."""

_AHEAD: Final = timedelta(hours=24)
_BACK: Final = timedelta(hours=2)


def command(*, where: SignalOptions, say: OutputOptions) -> None:
    """
    Show the carbon intensity of a place now, its source, kind and age, and the lowest hour ahead.

    Exit code 69 when no source knows anything, 65 when a given file does not reach now.
    """
    from gridtide.cli import payload  # noqa: PLC0415 - keeps --help light
    from gridtide.cli.session import Session  # noqa: PLC0415

    session = Session("now", where, say)
    place = session.place
    reading = session.require(session.read(ahead=_AHEAD, back=_BACK, purpose="report"))
    value = payload.step_at(reading.series, session.now)
    assert value is not None  # noqa: S101 - `require` looked
    lowest = _lowest_ahead(session, reading)
    labels = reading.series.signal
    session.say.answer(
        {
            "now": payload.instant(session.now),
            "place": payload.place(place),
            "value": value,
            "lowest_ahead": lowest,
            "signal": payload.signal(labels),
            "freshness": payload.freshness(reading),
            "warnings": session.say.warnings,
        },
        _lines(session, reading, value, lowest),
    )


def _lowest_ahead(session: Session, reading: Reading) -> StepShape | None:
    """Step with the lowest value among those that start after now; None when nothing is ahead."""
    from gridtide.cli import payload  # noqa: PLC0415 - keeps --help light
    from gridtide.domain.interval import Interval  # noqa: PLC0415

    ahead = reading.series.clip(Interval(session.now, session.now + _AHEAD))
    if ahead.size < 2:
        return None
    k = int(ahead.values[1:].argmin()) + 1
    return payload.steps(ahead)[k]


def _lines(session: Session, reading: Reading, value: StepShape, lowest: StepShape | None) -> list[str]:
    from gridtide.cli import wording  # noqa: PLC0415 - keeps --help light
    from gridtide.domain.instants import parse_instant  # noqa: PLC0415

    labels, zone = reading.series.signal, session.shown_timezone
    current = reading.series.value_at(session.now)
    start, end = parse_instant(value["start"]), parse_instant(value["end"])
    pairs = [("holds", "all year" if value["quality"] == "static" else wording.span(start, end, zone))]
    if lowest is not None and (low := _number(lowest)) is not None:
        change = wording.percent(wording.share(low, current))
        low_start, low_end = parse_instant(lowest["start"]), parse_instant(lowest["end"])
        text = f"{wording.amount(low, labels.unit)}, {wording.span(low_start, low_end, zone)}"
        pairs.append(("lowest ahead", text if change == "unknown" else f"{text}, {change}"))
    bold = session.say.paint(wording.amount(current, labels.unit), "bold")
    return [
        f"{wording.named(session.place)}: {bold}",
        *wording.fields([*pairs, *wording.source_lines(labels, reading)]),
    ]


def _number(step: StepShape) -> float | None:
    return next((v for key in ("g_per_kwh", "percent", "eur_per_mwh") if isinstance(v := step.get(key), float)), None)
