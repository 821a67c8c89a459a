"""
What every command that reads a signal opens first: settings, clock, place and grid data.

A session is cheap to make; each part is built when it is asked for. Commands are synchronous: `Session.read` runs its
own event loop and closes it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from gridtide.api import wiring
from gridtide.api.clocks import EARLIEST_SANE, ScaledClock, SystemClock
from gridtide.cli.errors import Usage
from gridtide.cli.options import OutputOptions, SignalOptions, read_instant
from gridtide.cli.output import Output
from gridtide.config.walltime import local_timezone
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import ConfigurationError, HorizonTooShort, ProviderUnavailable
from gridtide.domain.instants import isoformat, to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading, SignalQuery
from gridtide.domain.signal import SignalKind
from gridtide.domain.zone import Confidence, Zone, ZoneMapping

if TYPE_CHECKING:
    from pathlib import Path

    from gridtide.config.settings import Settings
    from gridtide.domain.series import Series
    from gridtide.grid.catalogue import Catalogue

__all__ = ["Session"]

_EXAMPLE: Final = "US-CAL-CISO"
_DEGRADED: Final = {
    FreshnessStep.STALE: "the values are stale",
    FreshnessStep.PROFILE: "the values are a forecast of our own from the past",
    FreshnessStep.STATIC: "the value is a yearly figure, not a current one",
}


class Session:
    """
    One call of one command.

    Args:
        command: Name, for the schema of its JSON output.
        where: Place and source.
        say: How to speak and which configuration to read.
        overrides: Further flags that set settings, by dotted name.
        speed: How fast the clock runs when ``--at`` names its start; 0 lets it stand.
    """

    def __init__(
        self,
        command: str,
        where: SignalOptions,
        say: OutputOptions,
        *,
        overrides: Mapping[str, Any] | None = None,
        speed: float = 0.0,
    ) -> None:
        self.say = Output(command, as_json=say.as_json, quiet=say.quiet)
        self._where = where
        own = {"provider": where.provider, "signal": where.signal, "timezone": where.tz}
        self.settings: Settings = _settings({**own, **(overrides or {})}, say)
        for warning in self.settings.warnings:
            self.say.warn(warning)
        self.clock = self._clock(speed)

    # -- time ------------------------------------------------------------------------------------------------------

    @cached_property
    def now(self) -> datetime:
        """The instant the answer is for, to the second; `clock` goes on."""
        return self.clock.now().replace(microsecond=0)

    @cached_property
    def timezone(self) -> str:
        """IANA name of the zone that wall times are in."""
        return self.settings.timezone or local_timezone(os.environ)

    @cached_property
    def shown_timezone(self) -> str:
        """Zone to show times in: that of wall times, or UTC where the machine's is not known."""
        try:
            return self.timezone
        except ConfigurationError:
            return "UTC"

    def instant(self, text: str, flag: str) -> datetime:
        """Read a time given by a flag; the machine's zone matters only for one without an offset."""
        zone = self.timezone if _is_wall_time(text) else "UTC"
        return read_instant(text, flag, now=self.now, timezone=zone)

    def _clock(self, speed: float) -> SystemClock | ScaledClock:
        system = SystemClock()
        text = self._where.at
        if text is None:
            if system.now() < EARLIEST_SANE:
                self.say.warn(f"the clock says {isoformat(system.now())}: set it, or nothing known now will be found")
            return system
        start = read_instant(text, "--at", now=system.now(), timezone=self.settings.timezone or "UTC")
        if _is_wall_time(text) and not self.settings.timezone:
            raise Usage(
                f"--at {text[:40]!r} has no offset",
                hint="write 2026-01-01T00:00Z, or add --tz Europe/London",
                field="--at",
            )
        return ScaledClock(start, speed=speed)

    # -- place -----------------------------------------------------------------------------------------------------

    @cached_property
    def catalogue(self) -> Catalogue:
        """Zones and what maps to them."""
        return wiring.build_catalogue(self.settings)

    @cached_property
    def place(self) -> ZoneMapping:
        """Zone of the place that was named; the file's own where only a file was."""
        where = self._where
        if where.lat is not None and where.lon is not None:
            found = self.catalogue.resolve_point(where.lat, where.lon)
        elif where.postcode is not None:
            found = self.catalogue.resolve_postcode(where.postcode)
        elif where.region is not None or where.zone is not None:
            found = self.catalogue.resolve(where.region if where.region is not None else where.zone or "")
        elif where.series is not None:
            return ZoneMapping(Zone("file"), asked=where.series.name, source="file", confidence=Confidence.USER)
        else:
            found = wiring.locate(self.settings, self.catalogue, self._example())
        doubtful = found.confidence is Confidence.DISAGREE or found.note.startswith("no known town within")
        if doubtful and found.note:
            self.say.warn(f"{found.asked} is taken as {found.zone.key}: {found.note}")
        return found

    @property
    def cloud_region(self) -> str:
        """Cloud region that was named, by flag or setting; empty where the place is no region."""
        where = self._where
        elsewhere = (where.zone, where.lat, where.postcode, where.series)
        if where.region is None and any(value is not None for value in elsewhere):
            return ""
        return where.region or ("" if self.settings.zone else self.settings.regions.primary)

    def _example(self) -> str | None:
        """Place for a replay where none is named, so that a first try needs no flag; said aloud."""
        settings = self.settings
        if settings.zone or settings.regions.primary or settings.provider != "replay":
            return None
        self.say.warn(f"no place is named; the replay shows {_EXAMPLE}")
        return _EXAMPLE

    # -- values ----------------------------------------------------------------------------------------------------

    @property
    def kind(self) -> SignalKind | None:
        """Kind of signal that was asked for; None takes what the first source gives."""
        return None if self.settings.signal == "auto" else SignalKind(self.settings.signal)

    @cached_property
    def given(self) -> Series | None:
        """Series of ``--series``."""
        where = self._where
        return None if where.series is None else self.read_file(where.series, zone=where.zone or "file")

    def read_prices_file(self, path: Path) -> Series:
        """Prices of a file. [EUR/MWh]"""
        from gridtide.api.prices import read_price_file  # noqa: PLC0415 - numpy, only when a file is read

        return read_price_file(path, zone=self.place.zone.key, settings=self.settings, warn=self.say.warn)

    def read_prices(self, zones: Sequence[Zone], *, ahead: timedelta) -> list[Reading]:
        """Day-ahead prices around now for each of *zones*, whichever source the carbon comes from."""
        from gridtide.api.prices import BACK, market  # noqa: PLC0415 - only where cost is weighed

        window = Interval(self.now - BACK, self.now + ahead)
        queries = [SignalQuery(zone=zone, window=window, kind=SignalKind.PRICE) for zone in zones]
        return asyncio.run(self._read_from(market(self.settings), queries))

    async def _read_from(self, settings: Settings, queries: Sequence[SignalQuery]) -> list[Reading]:
        async with wiring.open_grid(settings, self.clock, keep=self._where.at is None) as grid:
            return list(await asyncio.gather(*(grid.read(query) for query in queries)))

    def read_file(self, path: Path, *, zone: str) -> Series:
        """Series of a file in the unit and shape that ``--series`` is described by."""
        from gridtide.grid.files import read_series  # noqa: PLC0415 - numpy, only when a file is read

        where = self._where
        found = read_series(
            path,
            unit=where.unit or "",
            step_shape=where.step_shape or "constant",
            tz=self.settings.timezone or None,
            zone=zone,
            kind=self.kind or SignalKind.AVERAGE,
        )
        for warning in found.warnings:
            self.say.warn(warning)
        return found.series

    def read(
        self, *, ahead: timedelta, back: timedelta = timedelta(0), purpose: str = "decision", forecast: bool = True
    ) -> Reading:
        """Values around now for the place, best that can be had; what is not current is pointed out."""
        reading = self.read_zones([self.place.zone], ahead=ahead, back=back, purpose=purpose, forecast=forecast)[0]
        self.point_out(reading)
        return reading

    def point_out(self, reading: Reading) -> None:
        """Warn about values that are not current, unless those were asked for, and of a second source in doubt."""
        if reading.step in _DEGRADED and self.settings.provider != "static":
            self.say.warn(f"{_DEGRADED[reading.step]}: {reading.reason or 'nothing better is known'}")
        if reading.check is not None and not reading.check.agrees:
            self.say.warn(reading.check.note)

    def read_zones(
        self,
        zones: Sequence[Zone],
        *,
        ahead: timedelta,
        back: timedelta = timedelta(0),
        purpose: str = "decision",
        forecast: bool = True,
        banded: bool = False,
    ) -> list[Reading]:
        """Values around now for several zones that may be compared, each with its upper end where *banded*."""
        window = Interval(self.now - back, self.now + ahead)
        bound = self.settings.cache.max_stale if self.settings.origin("cache.max_stale") != "default" else None
        queries = [
            SignalQuery(zone=z, window=window, kind=self.kind, forecast=forecast, purpose=purpose, max_age=bound)
            for z in zones
        ]
        return asyncio.run(self._read(queries, banded=banded))

    async def _read(self, queries: Sequence[SignalQuery], *, banded: bool) -> list[Reading]:
        async with wiring.open_grid(self.settings, self.clock, given=self.given, keep=self._where.at is None) as grid:
            if banded:
                return await wiring.read_banded_together(grid, queries, self.clock)
            return await wiring.read_together(grid, queries)

    def require(self, reading: Reading) -> Reading:
        """
        Insist on values that hold now.

        Raises:
            HorizonTooShort: The file that was named does not reach now.
            ProviderUnavailable: No source has anything.
        """
        if reading.series and reading.series.curve_at(to_ns(self.now)) is not None:
            return reading
        self.require_file(reading)
        why = reading.reason or f"nothing is known at {isoformat(self.now)}"
        raise ProviderUnavailable(
            f"no signal for {self.place.zone.key}: {why}",
            hint="`gridtide doctor` looks at every source; --provider static gives a yearly figure",
            zone=self.place.zone.key,
        )

    def require_current(self, reading: Reading) -> Reading:
        """
        Insist on values of this time: a yearly figure counts only where it was asked for.

        Raises:
            HorizonTooShort: The file that was named does not reach now.
            ProviderUnavailable: No source has anything better.
        """
        if reading.step is FreshnessStep.STATIC and self.settings.provider != "static":
            raise ProviderUnavailable(
                f"only a yearly figure is known for {self.place.zone.key}: {reading.reason or 'no source answers'}",
                hint="`gridtide doctor` looks at every source; leave --require-data out to take what there is",
                zone=self.place.zone.key,
            )
        return self.require(reading)

    def require_file(self, reading: Reading, *, covers_now: bool = True) -> None:
        """
        Insist that a file that was named says something about now, or at least about what is ahead.

        Raises:
            HorizonTooShort: It does not; the hint is the flag that was forgotten.
        """
        if self.given is None or (not covers_now and reading.series and reading.series.end > self.now):
            return
        known = f"{isoformat(self.given.start)}/{isoformat(self.given.end)}"
        raise HorizonTooShort(
            f"{self._where.series} covers {known}, but nothing at {isoformat(self.now)}",
            hint="add --at TIME inside it",
            asked=isoformat(self.now),
            known=known,
        )


def _settings(flags: Mapping[str, Any], say: OutputOptions) -> Settings:
    """Settings of this process; a value that a flag got wrong is a usage error."""
    try:
        return wiring.read_settings(flags, config=say.config)
    except ConfigurationError as error:
        if flags.get(str(error.facts.get("field"))) is None:
            raise
        raise Usage(error.message, hint=error.hint, field=str(error.facts["field"])) from None


def _is_wall_time(text: str) -> bool:
    """Whether a text has no offset, so that a zone decides what it means."""
    time = text.strip().upper().rpartition("T")[2].rpartition(" ")[2]
    return not (time.endswith("Z") or "+" in time or "-" in time)
