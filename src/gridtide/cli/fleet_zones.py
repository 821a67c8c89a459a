"""The zones of ``gridtide fleet``: what the flags ask for, and what is known of each."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gridtide.api.fleet import FleetZone
from gridtide.api.given import GivenData
from gridtide.cli.errors import Usage
from gridtide.cli.options import OutputOptions, SignalOptions, SourceOptions, conflict
from gridtide.cli.session import Session
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import UnmappedRegion
from gridtide.domain.instants import from_ns
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading, SignalQuery
from gridtide.domain.series import Series
from gridtide.domain.zone import Confidence, Zone, ZoneMapping
from gridtide.grid.regions import all_regions
from gridtide.simulation.geography import Spot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gridtide.simulation.job_table import JobTable

__all__ = ["KnownZone", "ZoneWish", "aliases", "open_session", "own_zones", "read_wishes", "read_zones"]

_NO_LIMIT: Final = float("inf")
_MARGIN: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ZoneWish:
    """A zone as the flags name it: its file if it has one, most power [kW] and most energy [kWh]."""

    name: str
    file: Path | None = None
    capacity_kw: float = _NO_LIMIT
    quota_kwh: float = _NO_LIMIT


@dataclass(frozen=True, slots=True)
class KnownZone:
    """A zone with its place and what was read of it."""

    zone: FleetZone
    place: ZoneMapping
    reading: Reading


def read_wishes(zones: list[str], capacities: list[str], quotas: list[str]) -> list[ZoneWish]:
    """
    Zones of the flags, in their order.

    Raises:
        Usage: A zone is named twice, or a bound is no number or of no zone; some have files and some have none.
    """
    wishes: dict[str, ZoneWish] = {}
    for text in zones:
        name, equals, rest = (part.strip() for part in text.partition("="))
        if not name or (equals and not rest):
            raise Usage(f"--zone is {text[:40]!r}; allowed: NAME, NAME=KW or NAME=FILE", field="--zone")
        if name in wishes:
            raise Usage(f"--zone {name[:40]} is named twice", field="--zone")
        bound = _number(rest) if rest else None
        if bound is not None:
            wishes[name] = ZoneWish(name, capacity_kw=_bound(bound, "--zone", text))
        else:
            wishes[name] = ZoneWish(name, Path(rest) if rest else None)
    with_file = [wish.file is not None for wish in wishes.values()]
    if any(with_file) and not all(with_file):
        name = next(wish.name for wish in wishes.values() if wish.file is None)
        raise Usage(
            f"--zone {name[:40]} has no file, but others have; their values could not be compared",
            hint=f"write --zone {name[:40]}=FILE",
            field="--zone",
        )
    return _bounded(list(wishes.values()), capacities, quotas) if wishes else []


def own_zones(session: Session, capacities: list[str], quotas: list[str]) -> list[ZoneWish]:
    """
    Zones of the settings, for a call that names none.

    Raises:
        Usage: There are none there, either.
    """
    own = session.settings.regions
    names = dict.fromkeys(name for name in (own.primary, *own.fallback) if name)
    if not names:
        raise Usage("no zone is named", hint="add --zone NAME, once for each", field="--zone")
    return _bounded([ZoneWish(name) for name in names], capacities, quotas)


def open_session(
    wishes: list[ZoneWish],
    where: SourceOptions,
    say: OutputOptions,
    *,
    unit: str | None,
    step_shape: str | None,
    overrides: Mapping[str, Any],
) -> Session:
    """
    Session that reads files where the zones have them.

    Raises:
        Usage: Flags about files without one, or files beside a provider.
    """
    files = [wish.file for wish in wishes if wish.file is not None]
    if files and where.provider not in {None, "file"}:
        raise conflict("--zone NAME=FILE", "--provider", "both name the source")
    if not files and where.provider == "file":
        raise Usage("--provider file needs files", hint="write --zone NAME=FILE", field="--provider")
    for flag, value in (("--unit", unit), ("--step-shape", step_shape)):
        if value is not None and not files:
            raise Usage(f"{flag} describes files, but no zone has one", hint="write --zone NAME=FILE", field=flag)
    asked = SignalOptions(**asdict(where), series=files[0] if files else None, unit=unit, step_shape=step_shape)
    return Session("fleet", asked, say, overrides=overrides)


def aliases(session: Session, wishes: list[ZoneWish]) -> dict[str, tuple[str, ...]]:
    """Names of the zones, each with the grid zone it means where no other zone of the plan means that."""
    keys = {wish.name: _place(session, wish).zone.key for wish in wishes}
    every = [*keys.values(), *(name for name in keys if keys[name] != name)]
    return {name: (key,) if key != name and every.count(key) == 1 else () for name, key in keys.items()}


def read_zones(session: Session, wishes: list[ZoneWish], table: JobTable) -> list[KnownZone]:
    """What is known of every zone until the last deadline, all on one source; says where that is nothing."""
    last = from_ns(int((table.latest_ns + table.length_ns).max()))
    ahead = max(last - session.now, timedelta(0)) + _MARGIN
    places = [_place(session, wish) for wish in wishes]
    if session.given is not None:
        readings = [_from_file(session, wish, place, ahead) for wish, place in zip(wishes, places, strict=True)]
    else:
        readings = session.read_zones([place.zone for place in places], ahead=ahead)
    found = [_known(session, *parts) for parts in zip(wishes, places, readings, strict=True)]
    for one in found:
        if one.zone.problem:
            session.say.warn(f"{one.zone.name} gets no job: {one.zone.problem}")
        else:
            session.point_out(one.reading)
    return found


def _known(session: Session, wish: ZoneWish, place: ZoneMapping, reading: Reading) -> KnownZone:
    series = reading.series
    usable = bool(series) and reading.step is not FreshnessStep.NONE
    zone = FleetZone(
        name=wish.name,
        series=series if usable else Series(series.signal, [], [], []),
        capacity_kw=wish.capacity_kw,
        quota_kwh=wish.quota_kwh,
        spot=_spot(session, place),
        problem="" if usable else reading.reason or "nothing is known there",
    )
    return KnownZone(zone, place, reading)


def _spot(session: Session, place: ZoneMapping) -> Spot:
    cloud = all_regions().get(place.zone.at("cloud") or "")
    if cloud is not None:
        return Spot(cloud.country, (cloud.latitude, cloud.longitude), cloud, 1.0)
    return Spot(place.zone.country, session.catalogue.coordinates(place.zone.key))


def _place(session: Session, wish: ZoneWish) -> ZoneMapping:
    """Place of a name; a file may be of a place that nobody knows."""
    try:
        return session.catalogue.resolve(wish.name)
    except UnmappedRegion:
        if wish.file is None:
            raise
        return ZoneMapping(Zone(wish.name), asked=wish.name, source="file", confidence=Confidence.USER)


def _from_file(session: Session, wish: ZoneWish, place: ZoneMapping, ahead: timedelta) -> Reading:
    assert wish.file is not None  # noqa: S101 - every zone has one, or none has
    given = session.read_file(wish.file, zone=place.zone.key)
    query = SignalQuery(
        zone=place.zone, window=Interval(session.now, session.now + ahead), kind=session.kind, purpose="decision"
    )
    return asyncio.run(GivenData(given, session.clock, name=f"file {wish.file.name}").read(query))


def _bounded(wishes: list[ZoneWish], capacities: list[str], quotas: list[str]) -> list[ZoneWish]:
    power, energy = _bounds("--capacity", capacities), _bounds("--quota", quotas)
    names = {wish.name for wish in wishes}
    for flag, bounds in (("--capacity", power), ("--quota", energy)):
        for name in bounds.keys() - names:
            known = ", ".join(wish.name for wish in wishes)
            raise Usage(f"{flag} is of {name[:40]!r}; zones of the plan: {known[:200]}", field=flag)
    for wish in wishes:
        if wish.name in power and wish.capacity_kw != _NO_LIMIT:
            raise conflict("--zone NAME=KW", "--capacity", f"both bound {wish.name[:40]}")
    return [
        replace(
            wish,
            capacity_kw=power.get(wish.name, wish.capacity_kw),
            quota_kwh=energy.get(wish.name, wish.quota_kwh),
        )
        for wish in wishes
    ]


def _bounds(flag: str, texts: Iterable[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in texts:
        name, _, rest = (part.strip() for part in text.rpartition("="))
        number = _number(rest)
        if not name or number is None:
            raise Usage(f"{flag} is {text[:40]!r}; allowed: NAME=NUMBER", field=flag)
        if name in found:
            raise Usage(f"{flag} of {name[:40]} is given twice", field=flag)
        found[name] = _bound(number, flag, text)
    return found


def _bound(number: float, flag: str, text: str) -> float:
    if not 0 <= number < _NO_LIMIT:
        raise Usage(f"{flag} is {text[:40]!r}; allowed: zero or more", field=flag)
    return number


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
