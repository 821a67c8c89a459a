"""``gridtide data``: bring a long stretch of history into a file of your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridtide.cli.flags import flattened
from gridtide.cli.options import OutputOptions

if TYPE_CHECKING:
    from gridtide.cli.output import Output
    from gridtide.domain.ports import Clock
    from gridtide.grid.fetch import Fetcher
    from gridtide.grid.importing import Import, Piece

__all__ = ["command"]

command = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    help="Bring history of a grid zone into a file.",
)


def group() -> None:
    """Bring history of a grid zone into a file."""


def fetch(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Who is asked: uk, eia, watttime, ...")],
    zone: Annotated[str, typer.Argument(metavar="ZONE", help="Grid zone, region or place.")],
    *,
    say: OutputOptions,
    begin: Annotated[str | None, typer.Option("--from", metavar="TIME", help="First instant, with offset.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="End; today 00:00 UTC when left out.")] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help="Length when --from is left out.")] = 365,
    signal: Annotated[str | None, typer.Option("--signal", metavar="KIND", help="Kind; the source's first.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="CSV to write.")] = None,
) -> None:
    """
    Fetch history piece by piece; interrupted, the same command goes on where it stopped.

    The file can be read by every command that takes --series.
    """
    import asyncio  # noqa: PLC0415 - keeps --help light

    from gridtide.api import live, wiring  # noqa: PLC0415
    from gridtide.api.clocks import SystemClock  # noqa: PLC0415
    from gridtide.cli import output  # noqa: PLC0415
    from gridtide.domain.instants import isoformat, parse_instant  # noqa: PLC0415
    from gridtide.domain.interval import Interval  # noqa: PLC0415
    from gridtide.domain.signal import SignalKind  # noqa: PLC0415
    from gridtide.grid import importing  # noqa: PLC0415

    voice = output.Output("data", as_json=say.as_json, quiet=say.quiet)
    settings = wiring.read_settings({"provider": source}, config=say.config)
    mapping = wiring.locate(settings, wiring.build_catalogue(settings), zone)
    provider = live.build_providers(settings)[0]
    key = provider.key_for(mapping.zone)
    if key is None:
        raise _not_covered(provider.info.name, mapping.zone.key)
    clock = SystemClock()
    window = importing.default_window(parse_instant(end) if end else clock.now(), days)
    if begin is not None:
        window = Interval(parse_instant(begin), parse_instant(end) if end else window.end)
    kind = SignalKind(signal) if signal in set(SignalKind) else provider.info.kinds[0]
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


async def _run(job: Import, fetcher: Fetcher, clock: Clock, voice: Output) -> int:
    from gridtide.cli.progress import counted  # noqa: PLC0415 - keeps --help light
    from gridtide.grid import importing  # noqa: PLC0415

    total = 0
    async with fetcher:
        with counted(f"{job.provider.info.name} {job.key}", len(job.pieces), quiet=voice.quiet) as tick:
            async for piece in importing.import_history(job, fetcher, clock):
                total += piece.values
                tick(_line(piece))
    return total


def _line(piece: Piece) -> str:
    return f"{piece.span.start:%Y-%m-%d} to {piece.span.end:%Y-%m-%d}, {piece.values} values"


def _not_covered(provider: str, zone: str) -> Exception:
    from gridtide.domain.errors import ZoneNotCovered  # noqa: PLC0415 - keeps --help light

    return ZoneNotCovered(
        f"provider {provider} does not cover zone {zone}", hint="see `gridtide zones list --source NAME`", zone=zone
    )


command.callback()(group)
command.command("import")(flattened(fetch))
