"""``gridtide compare``: regions side by side, on one provider and one kind of signal."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from gridtide.cli.options import OutputOptions, SignalOptions, SourceOptions, read_duration

if TYPE_CHECKING:
    from gridtide.cli.session import Session
    from gridtide.cli.shapes import CompareRow
    from gridtide.domain.decision import Alternative
    from gridtide.domain.ports import Reading
    from gridtide.domain.signal import Signal
    from gridtide.domain.zone import ZoneMapping

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "gridtide compare aws:eu-north-1 aws:eu-west-1 aws:eu-central-1",
    "gridtide compare --provider replay US-CAL-CISO US-TEX-ERCO --ahead 48h --duration 2h",
)
"""Shown after the help."""

_WEEK: Final = timedelta(days=6)
_BAR: Final = 10
"""Length of the bar of the highest mean. [columns]"""


class _Region(NamedTuple):
    """One region with all that is known of it."""

    name: str
    place: ZoneMapping | None
    reading: Reading | None
    now: float | None
    mean: float | None
    cleanest: Alternative | None
    problem: str


def command(
    regions: Annotated[
        list[str] | None,
        typer.Argument(metavar="REGION...", help="Zones or cloud regions; those of the settings when left out."),
    ] = None,
    *,
    where: SourceOptions,
    say: OutputOptions,
    ahead: Annotated[str, typer.Option("--ahead", metavar="DURATION", help="How far ahead the mean reaches.")] = "24h",
    duration: Annotated[
        str, typer.Option("--duration", "-d", metavar="DURATION", help="Length of the cleanest window.")
    ] = "1h",
) -> None:
    """
    Show regions side by side, the lowest mean first: now, the mean ahead and the cleanest window of each.

    All values come from one source and are of one kind; where no source covers every region, yearly figures are
    compared and that is said. A region that fails is shown with its problem and does not stop the others. Exit code 69
    when nothing can be compared.
    """
    from gridtide.cli import payload  # noqa: PLC0415 - keeps --help light
    from gridtide.cli.errors import Usage  # noqa: PLC0415
    from gridtide.cli.session import Session  # noqa: PLC0415
    from gridtide.domain.errors import ProviderUnavailable  # noqa: PLC0415
    from gridtide.domain.signal import Quality  # noqa: PLC0415

    look, length = read_duration(ahead, "--ahead"), read_duration(duration, "--duration")
    assert look is not None  # noqa: S101 - both have defaults
    assert length is not None  # noqa: S101
    if where.provider == "file":
        raise Usage("--provider file holds one place", hint="leave --provider out", field="--provider")
    session = Session("compare", SignalOptions(**asdict(where)), say)
    found = _read(session, _names(session, regions or []), look, length)
    known = [region for region in found if region.now is not None]
    if not known:
        raise ProviderUnavailable(
            f"nothing can be compared: {found[0].problem}", hint="`gridtide doctor` looks at every source"
        )
    labels = known[0].reading.series.signal if known[0].reading is not None else None
    if labels is not None and labels.quality is Quality.STATIC and session.settings.provider != "static":
        reason = known[0].reading.reason if known[0].reading is not None else ""
        session.say.warn(f"yearly figures are compared, not current ones: {reason}")
    best = min(known, key=lambda region: region.mean if region.mean is not None else float("inf"))
    session.say.answer(
        {
            "now": payload.instant(session.now),
            "hours": look / timedelta(hours=1),
            "best": best.name,
            "regions": [_row(region, found[0], labels) for region in found],
            "signal": None if labels is None else payload.signal(labels),
            "warnings": session.say.warnings,
        },
        _lines(session, found, known[0], ahead=ahead, duration=duration),
    )


def _names(session: Session, named: list[str]) -> list[str]:
    from gridtide.cli.errors import Usage  # noqa: PLC0415 - keeps --help light

    own = session.settings.regions
    names = list(dict.fromkeys(named or [name for name in (own.primary, *own.fallback) if name]))
    if len(names) < 2:
        raise Usage(
            f"{', '.join(names)[:40] or 'no region'} is named; allowed: two or more",
            hint="gridtide compare GB FR aws:us-west-2, or set regions in gridtide.toml",
            field="REGION",
        )
    return names


def _read(session: Session, names: list[str], look: timedelta, length: timedelta) -> list[_Region]:
    """Everything about each region; one that cannot be resolved keeps its place with its problem."""
    from gridtide.domain.errors import CarbonError  # noqa: PLC0415 - keeps --help light
    from gridtide.domain.signal import require_comparable  # noqa: PLC0415

    places: dict[str, ZoneMapping] = {}
    problems: dict[str, str] = {}
    for name in names:
        try:
            places[name] = session.catalogue.resolve(name)
        except CarbonError as error:
            problems[name] = f"{error.message}; {error.hint}" if error.hint else error.message
    zones = [place.zone for place in places.values()]
    readings = dict(zip(places, session.read_zones(zones, ahead=look) if zones else [], strict=True))
    first = next((reading.series.signal for reading in readings.values() if reading.series), None)
    for name, reading in readings.items():
        try:
            if first is not None and reading.series:
                require_comparable(first, reading.series.signal)
        except CarbonError as error:
            problems[name] = error.message
    return [
        _region(session, name, places.get(name), readings.get(name), problems.get(name, ""), look=look, length=length)
        for name in names
    ]


def _region(
    session: Session,
    name: str,
    place: ZoneMapping | None,
    reading: Reading | None,
    problem: str,
    *,
    look: timedelta,
    length: timedelta,
) -> _Region:
    from gridtide.cli.forecast import cleanest  # noqa: PLC0415 - keeps --help light
    from gridtide.domain.instants import to_ns  # noqa: PLC0415
    from gridtide.domain.interval import Interval  # noqa: PLC0415

    unknown = reading is None or not reading.series or reading.series.curve_at(to_ns(session.now)) is None
    if problem or reading is None or unknown:
        why = problem or (reading.reason if reading is not None else "") or "nothing is known now"
        return _Region(name, place, reading, None, None, None, why)
    window = Interval(session.now, session.now + look)
    known = Interval(session.now, min(window.end, reading.series.end))
    mean = reading.series.mean(window) if reading.series.covers(window) else None
    best = cleanest(session, reading, length, known)
    note = "" if mean is not None else f"known until {known.end:%Y-%m-%dT%H:%MZ} only"
    return _Region(name, place, reading, reading.series.value_at(session.now), mean, best, note)


def _row(region: _Region, first: _Region, labels: Signal | None) -> CompareRow:
    from gridtide.cli import payload, wording  # noqa: PLC0415 - keeps --help light

    absolute = labels is not None and labels.is_absolute
    change = wording.share(region.mean, first.mean)
    return {
        "region": region.name,
        "place": None if region.place is None else payload.place(region.place),
        "now_g_per_kwh": region.now if absolute else None,
        "mean_g_per_kwh": region.mean if absolute else None,
        "cleanest": None if region.cleanest is None else payload.alternative(region.cleanest, labels),
        "against_first_percent": None if change is None else round(100.0 * change, 9),
        "freshness": None if region.reading is None else payload.freshness(region.reading),
        "problem": region.problem or None,
    }


def _lines(session: Session, found: list[_Region], known: _Region, *, ahead: str, duration: str) -> list[str]:
    from gridtide.cli import wording  # noqa: PLC0415 - keeps --help light

    assert known.reading is not None  # noqa: S101 - it has a value
    labels, zone = known.reading.series.signal, session.shown_timezone
    first = found[0]
    rows: list[tuple[str, ...]] = [
        ("region", "zone", "now", f"mean {ahead}", "", "change", f"cleanest {duration} [{zone}]")
    ]
    highest = max((region.mean for region in found if region.mean is not None), default=None)
    for region in sorted(found, key=lambda one: float("inf") if one.mean is None else one.mean):
        best = region.cleanest
        window = ""
        if best is not None and best.start is not None and best.end is not None:
            near = best.start - session.now < _WEEK
            span = (wording.hours if near else wording.span)(best.start, best.end, zone)
            window = f"{_plain(best.mean)}, {span}"
        change = "-" if region is first else wording.percent(wording.share(region.mean, first.mean))
        key = region.place.zone.key if region.place is not None else "?"
        row = (region.name, key, _plain(region.now), _plain(region.mean), _bar(region.mean, highest), change, window)
        rows.append(row)
    if all(row[1] == row[0] for row in rows[1:]):  # every place was named by its zone
        rows = [(row[0], *row[2:]) for row in rows]
    bar = len(rows[0]) - 3
    table = wording.columns(rows, right=frozenset({bar - 2, bar - 1, bar + 1}))
    if max(map(len, table)) > session.say.width:
        table = wording.columns([row[:bar] + row[bar + 1 :] for row in rows], right=frozenset({bar - 2, bar - 1, bar}))
    problems = [f"  {region.name}: {region.problem}" for region in found if region.problem]
    about = wording.fields(wording.source_lines(labels, known.reading))
    return [f"carbon intensity [{labels.unit}], change against {first.name}", *table, *problems, *about]


def _bar(mean: float | None, highest: float | None) -> str:
    """Mean as a bar beside the highest one; none where it is not known or nothing is above zero."""
    from gridtide.cli.chart import BLOCKS  # noqa: PLC0415 - keeps --help light
    from gridtide.cli.output import encodes  # noqa: PLC0415

    if mean is None or highest is None or highest <= 0 or mean <= 0:
        return ""
    return (BLOCKS[-1] if encodes(BLOCKS) else "#") * max(1, round(_BAR * mean / highest))


def _plain(value: float | None) -> str:
    from gridtide.cli import wording  # noqa: PLC0415 - keeps --help light

    return "unknown" if value is None else wording.amount(value, "").rstrip()
