"""``gridtide plan``: when a job would run, what that avoids, and what else could be done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gridtide.cli.options import JobOptions, MethodOptions, OutputOptions, RegionOptions, SignalOptions
from gridtide.cli.scale import ScaleOptions, refuse_beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridtide.cli import shapes
    from gridtide.cli.job import Job
    from gridtide.cli.region_rows import Choice
    from gridtide.cli.scale_plan import Scaled
    from gridtide.cli.session import Session
    from gridtide.domain.decision import Decision
    from gridtide.domain.interval import Interval
    from gridtide.domain.ports import Reading

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "gridtide plan --zone FR --duration 90m --finish-by 18:00",
    "gridtide plan --zone DE --duration 6h --max-delay 2d --pause --min-run 1h --power 350",
    "gridtide plan --zone GB --duration 6h --finish-by 07:00 --scale 0..8 --parallel 0.95 --power 350",
    "gridtide plan --series own.csv --at 2026-01-05T18:00Z --duration 2h --json",
)
"""Shown after the help."""

_ROWS: Final = 4
"""Height of the timeline. [lines]"""

_SHOWN: Final = 5
"""Alternatives that people are shown; the JSON answer has all of them."""


def command(
    *,
    job: JobOptions,
    how: MethodOptions,
    workers: ScaleOptions,
    also: RegionOptions,
    where: SignalOptions,
    say: OutputOptions,
) -> None:
    """
    Say when a job would run, what that avoids against named baselines, and what else could be done.

    With --also it may run in another region too, if that surely saves after its data have moved; with --carbon-price
    that is weighed in money, each region by its own price, and with --risk by the upper end of its own forecast.

    With --scale it may run with more workers where it is clean and with fewer, or none, where it is not; --duration is
    then its length at one worker, and --power that of each worker.

    Nothing is started. A job that no data are known for is planned by its --on-no-data rule, and that is said.
    """
    from gridtide.api import wiring  # noqa: PLC0415 - keeps --help light
    from gridtide.cli import elsewhere, payload, prices, region_rows  # noqa: PLC0415
    from gridtide.cli.job import job_settings, read_job, warn_about  # noqa: PLC0415
    from gridtide.cli.session import Session  # noqa: PLC0415

    session = Session("plan", where, say, overrides=job_settings(job, how))
    if workers.scale is not None:
        refuse_beside(session, job, how, also)
    asked = read_job(session, job, how, speedup=workers.fastest)
    if also.also:
        asked = replace(asked, workload=elsewhere.bind(session, asked.workload, also))
    reading = session.read(ahead=asked.ahead, back=asked.back)
    session.require_file(reading, covers_now=False)
    staffed = None
    if workers.scale is not None:
        from gridtide.cli.scale_plan import scaled  # noqa: PLC0415 - numpy, only where it is asked for

        staffed = scaled(session, asked, reading, workers)
        made = staffed.decision
    else:
        made = wiring.decide(asked.workload, reading, now=session.now, method=asked.method, options=asked.options)
    one_price = how.price_series is not None
    choice = (
        elsewhere.choose(session, asked, also, alone=reading, made=made, one_price=one_price) if also.also else None
    )
    if choice is not None:
        made, reading, asked = choice.decision, choice.reading, replace(asked, options=choice.options)
    warn_about(session, asked, reading, made)
    cost = prices.cost_of(asked, reading.series, made, choice=choice)
    said = payload.decision(made)
    if staffed is not None:
        said["saving_percent"] = staffed.saving_percent
    session.say.answer(
        {
            "now": payload.instant(session.now),
            "timezone": session.shown_timezone,
            "place": payload.place(session.place),
            "workload": payload.workload(asked.workload),
            "power": payload.power(asked.draw),
            "decision": said,
            "risk": payload.risk(asked.options.risk, reading.high, made),
            "cost": cost,
            "scale": None if staffed is None else staffed.shape(),
            "region": None if choice is None else choice.region,
            "regions": [] if choice is None else [region_rows.row(choice, region) for region in choice.rows],
            "baselines": payload.baselines(made),
            "alternatives": [payload.alternative(other, made.signal) for other in made.alternatives],
            "signal": None if made.signal is None else payload.signal(made.signal),
            "freshness": payload.freshness(reading),
            "warnings": session.say.warnings,
        },
        _lines(session, asked, reading, made, choice=choice, cost=cost)
        if staffed is None
        else _scaled_lines(session, reading, staffed),
    )


def _scaled_lines(session: Session, reading: Reading, staffed: Scaled) -> list[str]:
    marked = staffed.marked
    return staffed.lines(session, reading, _timeline(session, staffed.asked, reading, staffed.decision, marked=marked))


def _lines(
    session: Session,
    job: Job,
    reading: Reading,
    made: Decision,
    *,
    choice: Choice | None,
    cost: shapes.CostShape | None,
) -> list[str]:
    from gridtide.cli import prices, region_rows, wording  # noqa: PLC0415 - keeps --help light
    from gridtide.cli.job import describe_workload  # noqa: PLC0415

    zone = session.shown_timezone
    unit = made.signal.unit if made.signal is not None else ""
    away = choice.region if choice is not None and choice.moves else ""
    head = session.say.paint(wording.headline(made, zone, now=session.now, region=away), "bold")
    pairs = describe_workload(session, job)
    runs = [wording.span(piece.start, piece.end, zone) for piece in made.intervals]
    timeline = _timeline(session, job, reading, made)
    label = "runs (^)" if timeline else "runs"
    pairs += [(label if i == 0 else "", text) for i, text in enumerate(runs)]
    pairs.append(("mean", wording.amount(made.mean, unit)))
    if made.grams is not None:
        pairs.append(("emissions", wording.amount(made.grams, "gCO2eq")))
    if choice is not None and choice.moves:
        pairs += region_rows.move_lines(choice, zone, now=session.now)
    if cost is not None:
        pairs.append(("price", prices.in_words(cost)))
    pairs.append(("method", made.method if job.options.risk == "expected" else f"{made.method}, {job.options.risk}"))
    regions = [] if choice is None else [*region_rows.table(choice, zone), ""]
    lines = [*regions, f"{wording.named(session.place)}: {head}", *wording.fields(pairs), ""]
    lines += timeline
    lines += _table(session, made, unit)
    if cost is not None:
        lines += ["", *prices.lines_of(cost, session)]
    return [*lines, "", *wording.fields(wording.source_lines(made.signal, reading))]


def _timeline(
    session: Session,
    job: Job,
    reading: Reading,
    made: Decision,
    *,
    marked: Sequence[tuple[Interval, str]] | None = None,
) -> list[str]:
    """When it runs under what is known of the time it may run in; nothing where that is too little or flat."""
    from gridtide.cli.chart import BLOCKS, Chart  # noqa: PLC0415 - keeps --help light
    from gridtide.cli.output import encodes  # noqa: PLC0415
    from gridtide.domain.interval import Interval  # noqa: PLC0415

    spans = [(piece, "^") for piece in made.intervals] if marked is None else marked
    latest = job.workload.latest_start(session.now)
    if not reading.series or latest is None or made.signal is None:
        return []
    end = min(latest + job.workload.duration, reading.series.end)
    if end <= session.now:
        return []
    window = Interval(session.now, end)
    known = reading.series.clip(window)
    if not known or float(known.values.min()) == float(known.values.max()) == float(known.end_values.max()):
        return []
    chart = Chart(
        series=reading.series,
        window=window,
        timezone=session.shown_timezone,
        width=session.say.width,
        blocks=encodes(BLOCKS),
        marked=[span for span, _ in spans if span.overlaps(window)],
        marks=[mark for span, mark in spans if span.overlaps(window)],
        height=_ROWS,
    )
    return [*chart.lines(), ""]


def _table(session: Session, made: Decision, unit: str) -> list[str]:
    """Baselines and alternatives with their mean and what the plan avoids against each."""
    from gridtide.cli import wording  # noqa: PLC0415 - keeps --help light

    zone = session.shown_timezone
    rows = [("against", "starts", f"mean {unit}".rstrip(), "this plan")]
    named = {other.name for other in made.baselines}
    others = [other for other in made.alternatives if other.name not in named][:_SHOWN]
    for other in (*made.baselines, *others):
        starts = wording.when(other.start, zone) if other.start is not None else "-"
        change = wording.percent(wording.share(made.mean, other.mean))
        note = f"  {other.note}" if other.note and other.mean is None else ""
        mean = "unknown" if other.mean is None else wording.amount(other.mean, "").rstrip()
        rows.append((other.name, starts, mean, f"{change}{note}"))
    return wording.columns(rows, right=frozenset({2}), indent="  ")
