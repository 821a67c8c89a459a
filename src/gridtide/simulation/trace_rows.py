"""
Rows of a job trace, checked one by one and kept as columns; bad ones are set aside with their reason.

A trace may be unsorted and may hold ten million rows: nothing but the columns grows with it.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.effect import LONGEST_NAME
from gridtide.domain.errors import InvalidInput, MalformedFile, NaiveDatetime
from gridtide.domain.instants import from_ns, isoformat, to_ns
from gridtide.domain.units import NS_PER_HOUR, NS_PER_SECOND
from gridtide.grid.samples import malformed
from gridtide.simulation import generate
from gridtide.simulation.job_table import JobTable, Terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gridtide.domain.workload import Elasticity
    from gridtide.simulation.scenario import Scenario

__all__ = ["MOST_ROWS", "Rejected", "TraceJob", "TraceRows"]

MOST_ROWS: Final = 10_000_000
"""Most jobs that are read from one trace."""

_LONGEST_NS: Final = 400 * 24 * NS_PER_HOUR
_WEEK_NS: Final = 7 * 24 * NS_PER_HOUR
_LAST_NS: Final = 7_258_118_400 * NS_PER_SECOND  # 2200-01-01
_MOST_POWER_W: Final = 1e9
_MOST_DATA_GB: Final = 1e9
_END: Final = b"\0"
_UNKNOWN: Final = -1


class Rejected(NamedTuple):
    """A row that was not used: where it stands, and why."""

    where: str
    why: str


class TraceJob(NamedTuple):
    """
    One row, as its format gives it.

    Attributes:
        where: File, row and column, for messages.
        name: Of the job.
        arrival_ns: When it was submitted. [ns]
        length_ns: Declared running time. [ns]
        true_ns: Real running time. [ns]
        latest_ns: Latest start; None where the trace does not say. [ns]
        power_w: NaN where the trace does not say. [W]
        zone: Home; empty where the trace does not say.
        interruptible: None where the trace does not say.
        data_gb: NaN where the trace does not say. [GB]
        regions: Zones it may move to; None where the trace does not say.
        residency: Countries where its data may be; None where the trace does not say.
        latency_budget_ms: NaN where the trace does not say. [ms]
        elasticity: Class; None where the trace does not say.
    """

    where: str
    name: str
    arrival_ns: int
    length_ns: int
    true_ns: int
    latest_ns: int | None = None
    power_w: float = float("nan")
    zone: str = ""
    interruptible: bool | None = None
    data_gb: float = float("nan")
    regions: tuple[str, ...] | None = None
    residency: tuple[str, ...] | None = None
    latency_budget_ms: float = float("nan")
    elasticity: Elasticity | None = None


@dataclass(slots=True)
class TraceRows:
    """
    Collects rows of one trace.

    Args:
        scenario: Whose zones, slack and power fill what the trace leaves open.
        needs_power: Whether a row without power is wrong, because the trace has a column for it.
    """

    scenario: Scenario
    needs_power: bool = False
    rejected: list[Rejected] = field(default_factory=list)
    outside: int = 0
    _names: list[str] = field(default_factory=list)
    _places: bytearray = field(default_factory=bytearray)
    _integers: tuple[array[int], ...] = field(default_factory=lambda: tuple(array("q") for _ in range(6)))
    _powers: array[float] = field(default_factory=lambda: array("d"))
    _data: array[float] = field(default_factory=lambda: array("d"))
    _terms: dict[Terms, int] = field(init=False)
    _pausing: bytearray = field(default_factory=bytearray)
    _zone_of: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        zones = self.scenario.zones
        names = [zone.name for zone in zones]
        self._terms = {generate.terms_of(self.scenario.work): 0}
        self._zone_of = {name: k for k, zone in enumerate(zones) for name in (zone.name, *zone.aliases)}
        given = self.scenario.work.zone
        if given is not None and given not in self._zone_of:
            raise InvalidInput(f"work.zone is {given!r}; zones of the scenario: {', '.join(names)}", field="work.zone")
        self._zone_of[""] = self._zone_of[given or names[0]]

    def take(self, read: Callable[[], TraceJob | None]) -> None:
        """
        Take the row that *read* returns; a refusal sets it aside until there are too many.

        Raises:
            MalformedFile: More bad rows than the scenario tolerates, or more rows than `MOST_ROWS`.
            NaiveDatetime: A local time without a time zone; no row can be read then.
        """
        try:
            row = read()
            if row is not None:
                self._keep(row)
        except NaiveDatetime:
            raise
        except InvalidInput as error:
            place = str(error.facts.get("where", ""))
            self._reject(place, error.message.removeprefix(f"{place}: "))

    def table(self) -> JobTable:
        """
        The jobs, ordered by arrival.

        Raises:
            MalformedFile: No row can be used.
        """
        self._reject_repeats()
        scenario = self.scenario
        zone, arrival, length, true, latest, term = (np.frombuffer(a, dtype=np.int64).copy() for a in self._integers)
        name = scenario.work.file.name if scenario.work.file else "trace"
        if not arrival.size:
            first = f"; the first: {self.rejected[0].where}: {self.rejected[0].why}" if self.rejected else ""
            raise malformed(name, f"no row can be used ({len(self.rejected)} refused{first})")
        if scenario.work.shift:
            moved = -(-(to_ns(scenario.start) - int(arrival.min())) // _WEEK_NS) * _WEEK_NS
            arrival, latest = arrival + moved, np.where(latest == _UNKNOWN, _UNKNOWN, latest + moved)
        rng = np.random.default_rng(scenario.seed)
        usual = arrival + generate.draw_span(scenario.work.slack, arrival.size, rng)
        waits = np.array([terms.elasticity.may_wait for terms in self._terms])[term]
        latest = np.where(latest == _UNKNOWN, np.where(waits, usual, arrival), latest)
        inside = (arrival >= to_ns(scenario.start)) & (arrival < to_ns(scenario.end))
        self.outside = int((~inside).sum())
        if not inside.any():
            span = f"{isoformat(from_ns(int(arrival.min())))} to {isoformat(from_ns(int(arrival.max())))}"
            raise malformed(
                name, f"jobs arrive from {span}, none in {scenario.window}",
                hint="change start and end, or set work.shift to move the trace by whole weeks",
            )  # fmt: skip
        data_gb = np.frombuffer(self._data, dtype=np.float64).copy()
        open_data = np.flatnonzero(np.isnan(data_gb))
        data_gb[open_data] = generate.draw_amount(scenario.work.data_gb, open_data.size, rng)
        order = np.flatnonzero(inside)[np.argsort(arrival[inside], kind="stable")]
        return JobTable(
            zones=tuple(z.name for z in scenario.zones),
            pues=tuple(z.pue for z in scenario.zones),
            zone=zone[order],
            arrival_ns=arrival[order],
            length_ns=length[order],
            true_ns=true[order],
            latest_ns=latest[order],
            power_w=np.frombuffer(self._powers, dtype=np.float64)[order],
            interruptible=np.frombuffer(bytes(self._pausing), dtype=bool)[order],
            names=[self._names[k] for k in order.tolist()],
            terms=tuple(self._terms),
            term=term[order],
            data_gb=data_gb[order],
        )

    def _keep(self, row: TraceJob) -> None:
        _check_times(row)
        work = self.scenario.work
        power_w = self._power_of(row)
        term = self._term_of(row)
        if not (np.isnan(row.data_gb) or 0 <= row.data_gb <= _MOST_DATA_GB):
            raise malformed(row.where, f"data_gb is {row.data_gb:g}; allowed: from 0 to 1e9")
        if len(self._names) >= MOST_ROWS:
            raise MalformedFile(f"{row.where}: more than {MOST_ROWS} rows", hint="cut the trace", field="work.file")
        latest_ns = _UNKNOWN if row.latest_ns is None else row.latest_ns
        values = (self._zone(row, row.zone), row.arrival_ns, row.length_ns, row.true_ns, latest_ns, term)
        for column, value in zip(self._integers, values, strict=True):
            column.append(value)
        self._names.append(row.name)
        self._places += row.where.encode("utf-8", "surrogateescape") + _END
        self._powers.append(power_w)
        self._data.append(row.data_gb)
        self._pausing.append(work.interruptible if row.interruptible is None else row.interruptible)

    def names_clusters(self) -> bool:
        """Whether the scenario says which clusters stand in which zone."""
        return any(zone.aliases for zone in self.scenario.zones)

    def _zone(self, row: TraceJob, name: str) -> int:
        index = self._zone_of.get(name)
        if index is None:
            known = ", ".join(other for other in self._zone_of if other)
            raise malformed(row.where, f"zone {name[:40]!r} is none of the zones: {known[:200]}")
        return index

    def _term_of(self, row: TraceJob) -> int:
        """Number of the terms of *row*; the scenario's where the row says nothing."""
        budget_ms = row.latency_budget_ms
        if row.regions is None and row.residency is None and np.isnan(budget_ms) and row.elasticity is None:
            return 0
        if budget_ms < 0:
            raise malformed(row.where, f"latency_budget_ms is {budget_ms:g}; allowed: zero or more")
        terms = generate.terms_of(self.scenario.work)
        zones = self.scenario.zones
        if row.regions is not None:
            terms = terms._replace(regions=tuple(zones[self._zone(row, name)].name for name in row.regions))
        if row.residency is not None:
            terms = terms._replace(residency=frozenset(row.residency))
        if not np.isnan(budget_ms):
            terms = terms._replace(latency_budget_ms=budget_ms)
        if row.elasticity is not None:
            terms = terms._replace(elasticity=row.elasticity)
        return self._terms.setdefault(terms, len(self._terms))

    def _power_of(self, row: TraceJob) -> float:
        given = self.scenario.work.power_w
        if np.isnan(row.power_w):
            if self.needs_power and given is None:
                raise malformed(row.where, "power_w is blank, and no power_w is given for such rows")
            return float("nan") if given is None else given
        if not 0 <= row.power_w <= _MOST_POWER_W:
            raise malformed(row.where, f"power_w is {row.power_w:g}; allowed: from 0 to 1e9")
        return row.power_w

    def _reject(self, where: str, why: str) -> None:
        self.rejected.append(Rejected(where, why))
        allowed = self.scenario.work.max_errors
        if len(self.rejected) > allowed:
            first = self.rejected[0]
            count = f"{len(self.rejected)} rows cannot be used, the first: " if allowed else ""
            raise MalformedFile(
                f"{count}{first.where}: {first.why}",
                hint="mend the row, or set work.max_errors (--max-errors) to leave bad rows out; they are listed then",
                where=first.where,
                field="work.file",
            )

    def _reject_repeats(self) -> None:
        """An id that is there twice: only its first row can be the job."""
        hashes = np.fromiter(map(hash, self._names), dtype=np.int64, count=len(self._names))
        if np.unique(hashes).size == hashes.size:
            return
        places = self._places.decode("utf-8", "surrogateescape").split(_END.decode())
        seen: dict[str, str] = {}
        keep = np.ones(len(self._names), dtype=bool)
        for k, (name, where) in enumerate(zip(self._names, places, strict=False)):
            if name in seen:
                keep[k] = False
                self._reject(where, f"id {name[:60]!r} is there already, at {seen[name]}")
            else:
                seen[name] = where
        kept: list[int] = np.flatnonzero(keep).tolist()
        for column in self._integers:
            column[:] = array("q", _picked(column, keep).tobytes())
        for numbers in (self._powers, self._data):
            numbers[:] = array("d", np.frombuffer(numbers, dtype=np.float64)[keep].tobytes())
        self._pausing[:] = bytes(np.frombuffer(bytes(self._pausing), dtype=np.uint8)[keep])
        self._names[:] = [self._names[k] for k in kept]


def _check_times(row: TraceJob) -> None:
    if not row.name or len(row.name) > LONGEST_NAME:
        raise malformed(row.where, f"the id has {len(row.name)} characters; allowed: 1 to {LONGEST_NAME}")
    if not 0 <= row.arrival_ns <= _LAST_NS:
        raise malformed(row.where, "the arrival is out of range; allowed: 1970 to 2200")
    if not 0 < row.length_ns <= _LONGEST_NS or not 0 < row.true_ns <= _LONGEST_NS:
        hours = min(row.length_ns, row.true_ns) / NS_PER_HOUR
        raise malformed(row.where, f"the duration is {hours:g} h; allowed: above zero, at most 400 days")
    if row.latest_ns is not None and row.latest_ns < row.arrival_ns:
        raise malformed(row.where, "the deadline is too early: the job ends after it even when it starts at once")


def _picked(column: array[int], keep: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.frombuffer(column, dtype=np.int64)[keep]
