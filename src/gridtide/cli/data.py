"""``gridtide data``: bring a long stretch of history into a file of your own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridtide.cli.errors import Usage
from gridtide.cli.flags import flattened
from gridtide.cli.grammar import Command
from gridtide.cli.options import OutputOptions, read_instant

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.cli.output import Output
    from gridtide.domain.interval import Interval
    from gridtide.domain.ports import Clock
    from gridtide.domain.signal import SignalKind
    from gridtide.grid.fetch import Fetcher
    from gridtide.grid.importing import Import, Piece
    from gridtide.grid.provider import ProviderInfo

__all__ = ["command"]

command = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=False,
    help="Bring history of a grid zone into a file.",
)


def group(ctx: typer.Context) -> None:
    """Bring history of a grid zone into a file."""
    if ctx.invoked_subcommand is None:
        sys.stdout.write(ctx.get_help() + "\n")


def fetch(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Who is asked: uk, eia, watttime, ...")],
    zone: Annotated[str, typer.Argument(metavar="ZONE", help="Grid zone, region or place.")],
    *,
    say: OutputOptions,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Start, with offset. [default: --days before the end]")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="End, with offset. [default: today 00:00 UTC]")
    ] = None,
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, max=3660, help="Length when --from is left out. [days]")
    ] = 365,
    signal: Annotated[
        str | None,
        typer.Option("--signal", metavar="KIND", help="average or marginal. [default: what the source has first]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="CSV to write. [default: named by source, zone and days]"),
    ] = None,
) -> None:
    """
    Fetch history piece by piece; interrupted, the same command goes on where it stopped.

    The file can be read by every command that takes --series.
    """
    import asyncio  # noqa: PLC0415 - keeps --help light

    from gridtide.api import live, wiring  # noqa: PLC0415
    from gridtide.api.clocks import SystemClock  # noqa: PLC0415
    from gridtide.cli import output  # noqa: PLC0415
    from gridtide.domain.instants import isoformat  # noqa: PLC0415
    from gridtide.grid import importing  # noqa: PLC0415

    voice = output.Output("data", as_json=say.as_json, quiet=say.quiet)
    settings = wiring.read_settings({"provider": source}, config=say.config)
    mapping = wiring.locate(settings, wiring.build_catalogue(settings), zone)
    provider = live.build_providers(settings)[0]
    key = provider.key_for(mapping.zone)
    if key is None:
        raise _not_covered(provider.info.name, mapping.zone.key)
    clock = SystemClock()
    window = _window(begin, end, days, now=clock.now())
    kind = _kind(signal, provider.info)
    path = out or Path(f"{provider.info.name}-{mapping.zone.key}-{window.start:%Y%m%d}-{window.end:%Y%m%d}.csv")
    job = importing.plan_import(provider, key, kind, window, path)
    if job.resume_at > window.start:
        voice.note(f"going on from {isoformat(job.resume_at)}")
    values = asyncio.run(_run(job, live.open_fetcher(settings, clock), clock, voice))
    voice.answer(
        {
            "file": str(path),
            "provider": provider.info.name,
            "zone": mapping.zone.key,
            "signal": str(kind),
            "start": isoformat(window.start),
            "end": isoformat(window.end),
            "values": values,
            "attribution": provider.info.attribution,
            "warnings": voice.warnings,
        },
        [f"{path}: {window}, {values} new values", f"  credit  {provider.info.attribution}"],
    )


def _window(begin: str | None, end: str | None, days: int, *, now: datetime) -> Interval:
    """Stretch that the flags name."""
    from gridtide.domain.interval import Interval  # noqa: PLC0415 - keeps --help light
    from gridtide.grid import importing  # noqa: PLC0415

    last = None if end is None else read_instant(end, "--to", now=now, timezone="UTC")
    if begin is None:
        return importing.default_window(last or now, days)
    first = read_instant(begin, "--from", now=now, timezone="UTC")
    until = last or importing.default_window(now, days).end
    if until <= first:
        raise Usage(
            f"--from {begin[:40]} is not before --to {(end or 'today 00:00 UTC')[:40]}",
            hint="name an earlier --from or a later --to",
            field="--from",
        )
    return Interval(first, until)


def _kind(asked: str | None, source: ProviderInfo) -> SignalKind:
    """Kind of signal to fetch; one that the source does not have is refused."""
    if asked is None:
        return source.kinds[0]
    for kind in source.kinds:
        if asked == kind:
            return kind
    allowed = ", ".join(source.kinds)
    raise Usage(f"--signal is {asked[:40]!r}; {source.name} has: {allowed}", hint="leave it out", field="--signal")


async def _run(job: Import, fetcher: Fetcher, clock: Clock, voice: Output) -> int:
    from gridtide.cli.progress import counted  # noqa: PLC0415 - keeps --help light
    from gridtide.domain.errors import ProviderUnavailable  # noqa: PLC0415
    from gridtide.grid import importing  # noqa: PLC0415

    total = 0
    async with fetcher:
        with counted(f"{job.provider.info.name} {job.key}", len(job.pieces), quiet=voice.quiet) as tick:
            try:
                async for piece in importing.import_history(job, fetcher, clock):
                    total += piece.values
                    tick(_line(piece))
            except ProviderUnavailable as error:
                error.hint = "what was fetched is kept; the same command goes on from there"
                raise
    return total


def _line(piece: Piece) -> str:
    return f"{piece.span.start:%Y-%m-%d} to {piece.span.end:%Y-%m-%d}, {piece.values} values"


def _not_covered(provider: str, zone: str) -> Exception:
    from gridtide.domain.errors import ZoneNotCovered  # noqa: PLC0415 - keeps --help light

    return ZoneNotCovered(
        f"provider {provider} does not cover zone {zone}", hint="see `gridtide zones list --source NAME`", zone=zone
    )


command.callback(invoke_without_command=True)(group)
command.command("import", cls=Command)(flattened(fetch))
