"""
Putting the rooms together from settings: what every entry point needs and no room below may know.

Heavy modules are imported when something is built, so that naming this module costs nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gridtide.config.checks import canonical_provider
from gridtide.config.load import load_settings
from gridtide.config.places import find_files
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import JournalUnavailable, UnitMismatch, UnmappedRegion
from gridtide.domain.ports import CanReadMany
from gridtide.domain.series import Series
from gridtide.domain.units import G_PER_KWH

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.api.banded import BandedData
    from gridtide.config.settings import Settings
    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Clock, GridData, Reading, SignalQuery
    from gridtide.domain.signal import Signal
    from gridtide.domain.workload import Workload
    from gridtide.domain.zone import ZoneMapping
    from gridtide.grid.catalogue import Catalogue
    from gridtide.grid.client import GridClient
    from gridtide.ledger.budgets import BudgetBook
    from gridtide.ledger.journal import Journal
    from gridtide.planning.options import PlanOptions

__all__ = [
    "budgets_path",
    "build_budgets",
    "build_catalogue",
    "build_journal",
    "credentials",
    "decide",
    "journal_in_time",
    "journal_path",
    "locate",
    "open_grid",
    "plan_options",
    "read_banded_together",
    "read_settings",
    "read_together",
    "require_absolute",
    "with_bands",
]


_OPEN_S: Final = 5.0
"""How long a disk may take to open the records. [s]"""


def read_settings(
    overrides: Mapping[str, Any] | None = None, *, config: Path | None = None, strict: bool = False
) -> Settings:
    """Read the settings of this process: the usual files, its environment, and the flags in *overrides*."""
    return load_settings(find_files(os.environ, Path.cwd(), config), os.environ, overrides, strict=strict)


def build_catalogue(settings: Settings) -> Catalogue:
    """Zones and regions, with the user's own mappings on top."""
    from gridtide.grid.catalogue import Catalogue  # noqa: PLC0415 - see the module docstring

    return Catalogue(overrides=settings.zone_overrides)


def locate(settings: Settings, catalogue: Catalogue, asked: str | None = None) -> ZoneMapping:
    """
    Zone of *asked*, or of the place in the settings.

    Raises:
        UnmappedRegion: No place is named anywhere, or it is not known.
    """
    name = asked or settings.zone or settings.regions.primary
    if not name:
        raise UnmappedRegion(
            "no place is named",
            hint="add --zone GB (or --region, --lat and --lon, --postcode), or set zone in gridtide.toml",
            field="zone",
        )
    return catalogue.resolve(name)


def credentials(settings: Settings, provider: str) -> dict[str, object]:
    """Credentials of one source by parameter name; ``api_key`` at the top belongs to the source named beside it."""
    own = settings.for_provider(provider)
    found: dict[str, object] = {"api_key": own.api_key, "username": own.username, "password": own.password}
    if settings.api_key and canonical_provider(settings.provider) == provider:
        user, colon, password = settings.api_key.reveal().partition(":")
        found["api_key"] = found["api_key"] or settings.api_key
        if colon:
            found["username"] = found["username"] or user
            found["password"] = found["password"] or password
    return {name: value for name, value in found.items() if value}


@asynccontextmanager
async def open_grid(
    settings: Settings, clock: Clock, *, given: Series | None = None, keep: bool = False
) -> AsyncIterator[GridData]:
    """
    Grid data as the settings ask for: a series that was handed in, a replay, the yearly table, or the live chain.

    Args:
        settings: What to open.
        clock: Time.
        given: A series that was handed in; nothing else is asked then.
        keep: Whether this process ends soon, so that answers are kept for the next one.

    Raises:
        MissingCredential: The source that was named needs a key that is not set.
        ConfigurationError: An address or name in the settings cannot be used.
    """
    async with _opened(settings, clock, given=given, keep=keep) as grid:
        yield grid if settings.policies.risk == "expected" else with_bands(grid, clock)


def with_bands(grid: GridData, clock: Clock) -> BandedData:
    """*grid* whose readings carry the upper end of their forecast; one that does already stays as it is."""
    from gridtide.api.banded import BandedData  # noqa: PLC0415 - see the module docstring

    return grid if isinstance(grid, BandedData) else BandedData(grid, clock)


@asynccontextmanager
async def _opened(settings: Settings, clock: Clock, *, given: Series | None, keep: bool) -> AsyncIterator[GridData]:
    name = canonical_provider(settings.provider)
    if given is not None:
        from gridtide.api.given import GivenData  # noqa: PLC0415 - see the module docstring

        yield GivenData(given, clock, name=given.signal.method or given.signal.provider)
    elif name == "static":
        from gridtide.api.given import StaticData  # noqa: PLC0415

        yield StaticData()
    elif name == "replay":
        from gridtide.grid.replay import ReplayData  # noqa: PLC0415

        yield ReplayData(clock)
    else:
        from gridtide.api.live import open_live  # noqa: PLC0415

        async with open_live(settings, clock, keep=keep) as grid:
            yield _remembering(grid, settings, clock)


def _remembering(grid: GridClient, settings: Settings, clock: Clock) -> GridData:
    """*grid* whose forecasts are kept as issued and, where asked for, weighed by their record."""
    wanted, journal = settings.forecasts, journal_path(settings)
    if journal is None or not (wanted.keep or wanted.blend):
        return grid
    from gridtide.api.blended import BlendedData, Keeper  # noqa: PLC0415 - see the module docstring
    from gridtide.ledger.forecasts import ForecastArchive  # noqa: PLC0415
    from gridtide.ledger.location import claim  # noqa: PLC0415

    path = journal.with_name("forecasts.sqlite3")
    try:
        claim(path)
        archive = ForecastArchive(path)
    except (OSError, JournalUnavailable):
        return grid
    grid.listen(Keeper(archive, clock))
    return BlendedData(grid, archive, clock) if wanted.blend else grid


def require_absolute(signal: Signal, field: str) -> None:
    """
    Refuse to hold a bound in grams against a percentage, rank or price.

    Raises:
        UnitMismatch: *signal* is no carbon intensity.
    """
    if not signal.is_absolute:
        raise UnitMismatch(
            f"{field} is in {G_PER_KWH}, but the {signal.kind} signal of {signal.provider} is in {signal.unit}",
            hint="take a percentile as the bound, or an average or marginal signal",
            field=field,
        )


async def read_together(grid: GridData, queries: Sequence[SignalQuery]) -> list[Reading]:
    """
    Values of several zones that may be compared: one source and one kind for all, or the yearly table for all.

    Grid data that cannot read several places at once hold one source anyway (a file, a replay), and each place is asked
    for itself. What stands around a source, like a forecast blended with our own, adds nothing to a comparison.

    A zone that the first zone's source has nothing for is left out (``none``) rather than dragging the others down to
    the table, as long as two can be compared.
    """
    from gridtide.api.around import bare  # noqa: PLC0415 - see the module docstring

    if len(queries) == 1:
        return [await grid.read(queries[0])]
    source = bare(grid)
    shared = list(await source.read_many(queries)) if isinstance(source, CanReadMany) else []
    if any(reading.step is not FreshnessStep.STATIC for reading in shared):
        return shared
    alone = await asyncio.gather(*(source.read(query) for query in queries))
    if not shared:
        return list(alone)
    same = [_same_source(reading, alone[0]) for reading in alone]
    if sum(same) < min(2, len(queries)):
        return shared
    return [reading if fits else _left_out(reading, alone[0]) for reading, fits in zip(alone, same, strict=True)]


async def read_banded_together(grid: GridData, queries: Sequence[SignalQuery], clock: Clock) -> list[Reading]:
    """The same, each with the upper end of its own forecast, for regions that are compared by risk."""
    banded = with_bands(grid, clock)
    readings = await read_together(grid, queries)
    return list(await asyncio.gather(*(banded.band(q, r) for q, r in zip(queries, readings, strict=True))))


def _same_source(reading: Reading, first: Reading) -> bool:
    own, other = reading.series.signal, first.series.signal
    live = reading.step not in {FreshnessStep.STATIC, FreshnessStep.NONE}
    return live and (own.provider, own.kind, own.scope) == (other.provider, other.kind, other.scope)


def _left_out(reading: Reading, first: Reading) -> Reading:
    reason = reading.reason or f"no values from {first.series.signal.provider}, which the comparison stays on"
    return replace(reading, series=Series(reading.series.signal, [], [], []), step=FreshnessStep.NONE, reason=reason)


def journal_path(settings: Settings, env: Mapping[str, str] | None = None) -> Path | None:
    """File of the decision journal; None when the user has no home."""
    from gridtide.ledger.location import state_file  # noqa: PLC0415 - see the module docstring

    return settings.paths.journal or state_file(os.environ if env is None else env)


def build_journal(settings: Settings, env: Mapping[str, str] | None = None) -> Journal:
    """Decision journal; in memory, with a notice, where no file can be kept."""
    from gridtide.ledger.journal import Journal  # noqa: PLC0415 - see the module docstring

    return Journal(journal_path(settings, env))


def journal_in_time(settings: Settings, *, warn: Callable[[str], None]) -> Journal:
    """The same journal, or one in memory when the disk does not answer in time."""
    import threading  # noqa: PLC0415 - see the module docstring

    from gridtide.ledger.journal import Journal  # noqa: PLC0415

    opened: list[Journal] = []
    opener = threading.Thread(target=lambda: opened.append(build_journal(settings)), daemon=True)
    opener.start()
    opener.join(_OPEN_S)
    if opened:
        return opened[0]
    warn(f"the journal did not open within {_OPEN_S:g} s; records are kept in memory only")
    instead = Journal(None)
    instead.notices.clear()
    return instead


def budgets_path(settings: Settings, env: Mapping[str, str] | None = None) -> Path | None:
    """File of the carbon budgets, beside the journal; None when the user has no home."""
    journal = journal_path(settings, env)
    return None if journal is None else journal.with_name("budgets.sqlite3")


def build_budgets(settings: Settings, env: Mapping[str, str] | None = None) -> BudgetBook:
    """
    Carbon budgets that every process of this user draws on.

    Raises:
        JournalUnavailable: No file can be kept, or what is there is not ours.
    """
    from gridtide.ledger.budgets import BudgetBook  # noqa: PLC0415 - see the module docstring
    from gridtide.ledger.location import claim  # noqa: PLC0415

    path = budgets_path(settings, env)
    if path is None:
        raise JournalUnavailable("there is no place for budgets", hint="set XDG_STATE_HOME to a folder of yours")
    claim(path)
    return BudgetBook(path)


def plan_options(settings: Settings) -> PlanOptions:
    """What the settings say about every plan."""
    from gridtide.planning.options import PlanOptions, Risk  # noqa: PLC0415 - see the module docstring

    return PlanOptions(spike_lead=settings.policies.spike_lead, risk=Risk(settings.policies.risk))


def decide(
    workload: Workload,
    reading: Reading,
    *,
    now: datetime,
    method: str = "auto",
    options: PlanOptions | None = None,
    budget_from: datetime | None = None,
) -> Decision:
    """
    Decide on *reading* by the rules that every entry point shares.

    Args:
        workload: What to run.
        reading: What is known.
        now: The instant of the decision.
        method: Policy in time.
        options: Its options.
        budget_from: Earliest instant at which its carbon budget may pay; None where none holds it back.

    Raises:
        InvalidInput: *method* or *options* cannot be used.
        UnitMismatch: A threshold in grams meets a signal that is none.
    """
    from gridtide.planning.aim import plan_by_aim  # noqa: PLC0415 - see the module docstring
    from gridtide.planning.options import PlanOptions  # noqa: PLC0415
    from gridtide.planning.question import Question, answer  # noqa: PLC0415

    if options is not None and options.threshold is not None and reading.series:
        require_absolute(reading.series.signal, "threshold")
    if reading.series:  # a wrong method or option is said here; inside `answer` it would count as missing data
        asked = replace(options or PlanOptions(), high=reading.high)
        plan_by_aim(workload, reading.series, now=now, method=method, options=asked)
    return answer(
        Question(
            workload=workload,
            now=now,
            series=reading.series,
            high=reading.high,
            step=reading.step,
            step_reason=reading.reason,
            method=method,
            options=options,
            budget_from=budget_from,
        )
    )
