"""
The single checks of ``gridtide doctor``: each looks at one thing and says what it found.

A check that fails itself is a finding too. No finding shows a credential.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from gridtide.config.settings import Settings

__all__ = ["FAIL", "OK", "WARN", "Finding", "examine"]

OK: Final = "ok"
WARN: Final = "warn"
FAIL: Final = "fail"
_SKEW: Final = timedelta(minutes=1)
_CODES: Final = {"clock": 65, "place": 65, "keys": 77, "configuration": 78, "sources": 69}


class Finding(NamedTuple):
    """
    One thing that was looked at.

    Attributes:
        name: What.
        status: `OK`, `WARN` or `FAIL`.
        detail: What was seen.
        hint: What to do about it.
    """

    name: str
    status: str
    detail: str
    hint: str | None = None

    @property
    def exit_code(self) -> int:
        """Exit code that a failure of this stands for."""
        return _CODES.get(self.name, 1) if self.status == FAIL else 0


def examine(*, config: Path | None, zone: str | None, offline: bool) -> list[Finding]:
    """
    Look at everything.

    Args:
        config: Configuration file that was named.
        zone: Place whose sources are asked; that of the settings when left out.
        offline: Ask no source.
    """
    findings = [*_guarded("program", _program), *_guarded("clock", _clock), *_guarded("time zone", _timezone)]
    settings, about = _configuration(config)
    findings += about
    if settings is None:
        return findings
    ready = settings
    findings += _guarded("keys", lambda: _keys(ready))
    findings += _guarded("place", lambda: _place(ready, zone))
    findings += _guarded("journal", lambda: _journal(ready))
    findings += _guarded("cache", lambda: _cache(ready, offline=offline))
    if not offline:
        findings += _guarded("sources", lambda: _sources(ready, zone))
    return findings


def _sources(settings: Settings, zone: str | None) -> Iterator[Finding]:
    from gridtide.cli.sources_check import source_findings  # noqa: PLC0415 - keeps --help light

    yield from source_findings(settings, zone)


def _guarded(name: str, look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Findings of one check; a check that fails itself is a finding, never a traceback."""
    from gridtide.cli.errors import describe  # noqa: PLC0415 - keeps --help light

    try:
        return list(look())
    except Exception as error:  # noqa: BLE001 - doctor must get to its end
        said = describe(error)
        hint = said["hint"]
        return [Finding(name, FAIL, str(said["message"]), None if hint is None else str(hint))]


def _program() -> Iterator[Finding]:
    from importlib.metadata import version  # noqa: PLC0415 - keeps --help light

    yield Finding("program", OK, f"gridtide {version('gridtide')}, Python {platform.python_version()}")


def _clock() -> Iterator[Finding]:
    from gridtide.api.clocks import EARLIEST_SANE  # noqa: PLC0415 - keeps --help light
    from gridtide.domain.instants import isoformat  # noqa: PLC0415

    now = datetime.now(UTC)
    shown = isoformat(now.replace(microsecond=0))
    if now < EARLIEST_SANE:
        yield Finding("clock", FAIL, f"{shown} is before this program was written", "set the clock of the machine")
    else:
        yield Finding("clock", OK, shown)


def _timezone() -> Iterator[Finding]:
    from gridtide.config.walltime import local_timezone  # noqa: PLC0415 - keeps --help light
    from gridtide.domain.errors import ConfigurationError  # noqa: PLC0415

    try:
        yield Finding("time zone", OK, local_timezone(os.environ))
    except ConfigurationError as error:
        yield Finding("time zone", WARN, error.message, error.hint)


def _configuration(named: Path | None) -> tuple[Settings | None, list[Finding]]:
    from gridtide.api import wiring  # noqa: PLC0415 - keeps --help light
    from gridtide.config.places import find_files  # noqa: PLC0415
    from gridtide.domain.errors import CarbonError  # noqa: PLC0415

    try:
        files = find_files(os.environ, Path.cwd(), named)
        settings = wiring.read_settings(config=named)
    except CarbonError as error:
        return None, [Finding("configuration", FAIL, error.message, error.hint)]
    shown = ", ".join(str(file.path) for file in files) or "no file; defaults and environment"
    found = [Finding("configuration", OK, shown)]
    found += [Finding("configuration", WARN, warning) for warning in settings.warnings]
    return settings, found


def _keys(settings: Settings) -> Iterator[Finding]:
    from gridtide.api.wiring import credentials  # noqa: PLC0415 - keeps --help light
    from gridtide.config.checks import canonical_provider  # noqa: PLC0415
    from gridtide.grid.providers.registry import all_providers  # noqa: PLC0415

    specs = all_providers()
    keyed = [spec for spec in specs.values() if spec.credentials and not spec.keyless]
    ready = [spec.name for spec in keyed if not spec.missing(credentials(settings, spec.name))]
    yield Finding("keys", OK, f"set for {', '.join(ready)}" if ready else "none set; sources without a key are used")
    chosen = specs.get(canonical_provider(settings.provider))
    missing = chosen.missing(credentials(settings, chosen.name)) if chosen is not None else ()
    if chosen is not None and missing:
        yield Finding("keys", FAIL, f"provider {chosen.name} needs {' and '.join(missing)}", f"set {missing[0]}")


def _place(settings: Settings, zone: str | None) -> Iterator[Finding]:
    from gridtide.api import wiring  # noqa: PLC0415 - keeps --help light
    from gridtide.domain.errors import UnmappedRegion  # noqa: PLC0415

    catalogue = wiring.build_catalogue(settings)
    if not (zone or settings.zone or settings.regions.primary):
        yield Finding("place", WARN, "none is set", "set zone in gridtide.toml, or give --zone to each command")
        return
    try:
        mapping = wiring.locate(settings, catalogue, zone)
    except UnmappedRegion as error:
        yield Finding("place", FAIL, error.message, error.hint)
        return
    yield Finding("place", OK, f"{mapping.asked} is {mapping.zone.key} ({mapping.zone.name}), {mapping.confidence}")


def _journal(settings: Settings) -> Iterator[Finding]:
    from gridtide.api import wiring  # noqa: PLC0415 - keeps --help light

    path = wiring.journal_path(settings)
    with wiring.build_journal(settings) as journal:
        in_memory, notices = journal.in_memory, journal.notices
    if in_memory:
        notice = "; ".join(notices) or "no home folder"
        yield Finding("journal", WARN, f"in memory only: {notice}", "set paths.journal to a file of yours")
    else:
        yield Finding("journal", OK, str(path))


def _cache(settings: Settings, *, offline: bool) -> Iterator[Finding]:
    """Where answers are kept, and whether that works."""
    driver = settings.cache.driver
    if driver == "redis" and not offline:
        from gridtide.cli.sources_check import cache_findings  # noqa: PLC0415 - keeps --help light

        yield from cache_findings(settings)
    elif driver in {"auto", "file"}:
        yield from _cache_folder(settings)
    else:
        yield Finding("cache", OK, f"cache.driver is {driver}")


def _cache_folder(settings: Settings) -> Iterator[Finding]:
    from gridtide.api.clocks import SystemClock  # noqa: PLC0415 - keeps --help light
    from gridtide.config.places import cache_dir  # noqa: PLC0415
    from gridtide.grid.file_store import FileStore  # noqa: PLC0415

    folder = settings.paths.cache or cache_dir(os.environ)
    problem = FileStore(folder, SystemClock(), quiet=True).problem
    if problem:
        detail = f"{folder}: {problem}; answers are kept in memory only"
        yield Finding("cache folder", WARN, detail, "set paths.cache to a folder of yours")
    else:
        yield Finding("cache folder", OK, str(folder))
