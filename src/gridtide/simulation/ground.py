"""
The ground that a simulation stands on: what came true, which jobs it can pay for, and what is told about it.

A zone that is not known, or known only in part, is refused or leaves jobs out by name; nothing is made up for it.
"""

from __future__ import annotations

import difflib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import from_ns, isoformat
from gridtide.domain.interval import Interval
from gridtide.grid import files, recordings
from gridtide.simulation import issued, runs
from gridtide.simulation.belief import AsIssued, with_past
from gridtide.simulation.faults import with_faults
from gridtide.simulation.geography import require_one_kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gridtide.domain.ports import Reading
    from gridtide.domain.series import Series
    from gridtide.simulation.belief import Belief
    from gridtide.simulation.geography import Geography
    from gridtide.simulation.job_table import JobTable
    from gridtide.simulation.scenario import Scenario
    from gridtide.simulation.specs import PolicySpec, ZoneSpec

__all__ = ["beliefs_of", "known_jobs", "read_truth", "streams_of"]

_MOST_UNKNOWN: Final = 0.25
_PAST: Final = timedelta(days=30)


def read_truth(scenario: Scenario) -> dict[str, Series]:
    """
    What came true, by zone.

    Raises:
        InvalidInput: A zone is unknown, its series does not cover the scenario, or work would move between values that
            mean different things.
        MalformedFile: A file cannot be read as declared.
    """
    truth = {zone.name: _truth(zone, scenario) for zone in scenario.zones}
    if scenario.routes:
        require_one_kind(truth)
    return truth


def _truth(zone: ZoneSpec, scenario: Scenario) -> Series:
    if zone.file is not None:
        series = files.read_series(zone.file, unit=zone.unit, tz=zone.tz, zone=zone.name).series
    else:
        found = recordings.recording(zone.name)
        if found is None:
            known = recordings.recorded_zones()
            close = difflib.get_close_matches(zone.name.upper(), known, 1, 0.8)
            raise InvalidInput(
                f"zone {zone.name[:40]!r} has no file and is not recorded; recorded: {', '.join(known)}",
                hint=f"did you mean {close[0]!r}?" if close else "give the zone a file",
                field="zones",
            )
        series = found.series
    if series.end <= scenario.start or series.start >= scenario.end:
        raise InvalidInput(
            f"zone {zone.name[:40]!r} is known from {isoformat(series.start)} to {isoformat(series.end)}, "
            f"not during {scenario.window}",
            hint="change start and end",
            field="zones",
        )
    return series


def known_jobs(jobs: JobTable, truth: Mapping[str, Series], geography: Geography | None) -> JobTable:
    """
    The jobs that can be paid for wherever and whenever they run: no gap inside their bounds, and an end that is known.

    Args:
        jobs: As asked for.
        truth: By zone.
        geography: Where they may move to; None keeps them home.

    Raises:
        InvalidInput: Hardly any are left.
    """
    unknown = np.isnan(runs.integrals(jobs, jobs.zone, jobs.arrival_ns, jobs.ends_ns, truth))
    place = np.where(unknown, jobs.zone, -1)
    for index in range(len(jobs.zones) if geography is not None else 0):
        rows = geography.open_to(jobs, index) if geography is not None else np.empty(0, np.int64)
        away = np.full(rows.size, index)
        lost = rows[np.isnan(runs.integrals(jobs, away, jobs.arrival_ns[rows], jobs.ends_ns[rows], truth))]
        place[lost[~unknown[lost]]] = index
        unknown[lost] = True
    bad = np.flatnonzero(unknown)
    if bad.size <= _MOST_UNKNOWN * jobs.size:
        return jobs.pick(np.flatnonzero(~unknown)) if bad.size else jobs
    k = int(bad[0])
    span = Interval(from_ns(int(jobs.arrival_ns[k])), from_ns(int(jobs.ends_ns[k])))
    name = jobs.zones[int(place[k])]
    series = truth[name]
    gaps = [gap for gap in series.gaps if gap.overlaps(span)]
    why = f"has a gap {gaps[0]}" if gaps else f"is known from {isoformat(series.start)} to {isoformat(series.end)}"
    whose = "its zone" if place[k] == jobs.zone[k] else f"zone {name[:40]!r}, where it may move,"
    raise InvalidInput(
        f"{bad.size} of {jobs.size} jobs may run when nothing is known; the first, {jobs.name(k)[:60]!r}, "
        f"during {span}: the series of {whose} {why}",
        hint="change start and end, shorten slack, or give a series without gaps",
        field="zones",
    )


def beliefs_of(scenario: Scenario, truth: Mapping[str, Series]) -> dict[str, Belief]:
    """What is told in each zone; recorded forecasts belong to one zone, everything else is made alike for all."""
    if scenario.belief.kind != "issued":
        return dict.fromkeys(truth, scenario.belief.build(scenario.seed))
    found: dict[str, Belief] = {}
    for zone in scenario.zones:
        assert zone.forecasts is not None  # noqa: S101 - the scenario refuses a zone without
        labels = truth[zone.name].signal
        found[zone.name] = AsIssued(issued.read_issued(zone.forecasts, signal=labels, unit=zone.unit, tz=zone.tz))
    return found


def streams_of(
    spec: PolicySpec,
    scenario: Scenario,
    truth: Mapping[str, Series],
    beliefs: Mapping[str, Belief],
    window: Interval,
) -> dict[str, Iterator[tuple[int, Reading]]]:
    """Readings as *spec* gets them, by zone: what is told, the past before it where it looks back, and faults."""
    faults = [fault.build() for fault in scenario.faults]
    streams = {}
    for zone, series in truth.items():
        here = [f for f in faults if f.zone in {"", zone}]
        told = beliefs[zone].readings(series, window)
        if spec.looks_back:
            told = with_past(told, series, _PAST)
        streams[zone] = with_faults(told, here) if here else told
    return streams
