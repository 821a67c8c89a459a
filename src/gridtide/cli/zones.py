"""``gridtide zones``: the grid zones that are known, and which one a place belongs to."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridtide.cli.flags import flattened
from gridtide.cli.grammar import Command
from gridtide.cli.options import OutputOptions, PlaceOptions, SignalOptions

if TYPE_CHECKING:
    from gridtide.cli.shapes import VerificationShape, ZoneShape
    from gridtide.domain.zone import Zone
    from gridtide.grid.zones import Opinion

__all__ = ["command"]

_MOST_NAMED: Final = 40

command = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=False,
    help="Grid zones, and which one a place belongs to.",
)


def default(ctx: typer.Context, *, say: OutputOptions) -> None:
    """Show grid zones; `gridtide zones resolve PLACE` says which one a place belongs to."""
    if ctx.invoked_subcommand is None:
        show(say=say)


def show(
    *,
    say: OutputOptions,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Only zones that this source covers.")
    ] = None,
    country: Annotated[
        str | None, typer.Option("--country", metavar="CODE", help="Only zones of this country, like DE.")
    ] = None,
    cloud: Annotated[
        str | None, typer.Option("--cloud", metavar="NAME", help="Regions of this cloud: aws, gcp or azure.")
    ] = None,
) -> None:
    """List the zones that are known, with the sources that cover them."""
    from gridtide.api import wiring  # noqa: PLC0415 - keeps --help light
    from gridtide.cli.output import Output  # noqa: PLC0415
    from gridtide.cli.wording import columns  # noqa: PLC0415

    voice = Output("zones", as_json=say.as_json, quiet=say.quiet)
    catalogue = wiring.build_catalogue(wiring.read_settings(config=say.config))
    if cloud is not None:
        found = _regions(catalogue, cloud)
    else:
        found = [_shape(zone) for zone in catalogue.zones()]
    sources = {name for zone in found for name in zone["sources"]}
    countries = {zone["country"] for zone in found}
    for flag, asked, known in (("--source", source, sources), ("--country", country and country.upper(), countries)):
        if asked is not None and asked not in known:
            raise _unknown(flag, asked, known)
    wanted = [
        zone
        for zone in found
        if (source is None or source in zone["sources"]) and (country is None or zone["country"] == country.upper())
    ]
    rows = [("zone", "name", "country", "sources")]
    rows += [(z["key"], z["name"], z["country"], ", ".join(z["sources"])) for z in wanted]
    voice.answer({"zones": wanted, "place": None, "verification": None, "warnings": voice.warnings}, columns(rows))


def resolve(
    place: Annotated[
        str | None, typer.Argument(metavar="PLACE", help="Zone, cloud region, country, coordinates or postcode.")
    ] = None,
    *,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="FILE", help="Kubernetes node or its labels as JSON; - reads standard input."),
    ] = None,
    metadata: Annotated[
        bool, typer.Option("--metadata", help="Ask the cloud's metadata service where this machine is.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare with what each source whose key is set says about the place.")
    ] = False,
    where: PlaceOptions,
    say: OutputOptions,
) -> None:
    """Say which grid zone a place belongs to, who says so and how sure that is."""
    from gridtide.cli import payload, whereabouts, wording  # noqa: PLC0415 - keeps --help light
    from gridtide.cli.session import Session  # noqa: PLC0415

    whereabouts.refuse_two_places(place, labels, where, metadata=metadata)
    session = Session("zones", SignalOptions(**asdict(where)), say)
    mapping = whereabouts.mapping_of(session, place, labels, metadata=metadata)
    shape: VerificationShape | None = None
    opinions: tuple[Opinion, ...] = ()
    if verify:
        mapping, shape, opinions = whereabouts.verified(session, mapping)
    zone = mapping.zone
    pairs = [
        ("zone", f"{zone.key} ({zone.name})" if zone.name else zone.key),
        ("country", zone.country),
        ("time zone", zone.timezone),
        ("source", f"{mapping.source}, {mapping.confidence}"),
        ("others", ", ".join(mapping.alternatives)),
        ("note", mapping.note),
        ("known to", ", ".join(f"{name} as {key}" for name, key in zone.aliases)),
        *((opinion.provider, whereabouts.opinion_line(opinion)) for opinion in opinions),
    ]
    session.say.answer(
        {
            "zones": [_shape(zone)],
            "place": payload.place(mapping),
            "verification": shape,
            "warnings": session.say.warnings,
        },
        [mapping.asked, *wording.fields(pairs)],
    )


command.callback(invoke_without_command=True)(flattened(default))
command.command("list", cls=Command)(flattened(show))
command.command("resolve", cls=Command)(flattened(resolve))


def _shape(zone: Zone) -> ZoneShape:
    return {
        "key": zone.key,
        "name": zone.name,
        "country": zone.country,
        "timezone": zone.timezone,
        "sources": dict(zone.aliases),
    }


def _unknown(flag: str, asked: str, known: set[str]) -> Exception:
    """Error for a filter that nothing can pass."""
    from gridtide.cli.errors import Usage  # noqa: PLC0415 - keeps --help light
    from gridtide.config.load import suggestion  # noqa: PLC0415

    names = sorted(known - {""})
    allowed = ", ".join(names) if len(names) <= _MOST_NAMED else f"one of {len(names)}, like {', '.join(names[:5])}"
    return Usage(f"{flag} is {asked[:40]!r}; allowed: {allowed}", hint=suggestion(asked, names), field=flag)


def _regions(catalogue: object, cloud: str) -> list[ZoneShape]:
    from gridtide.cli.errors import Usage  # noqa: PLC0415 - keeps --help light
    from gridtide.grid.catalogue import Catalogue  # noqa: PLC0415
    from gridtide.grid.regions import CLOUDS  # noqa: PLC0415

    assert isinstance(catalogue, Catalogue)  # noqa: S101 - typed late, to keep --help light
    if cloud.lower() not in CLOUDS:
        raise Usage(f"--cloud is {cloud[:40]!r}; allowed: {', '.join(CLOUDS)}", field="--cloud")
    return [
        {
            "key": region.id,
            "name": region.title,
            "country": region.country,
            "timezone": catalogue.zone(region.zone).timezone,
            "sources": {"zone": region.zone},
        }
        for region in catalogue.cloud_regions(cloud.lower())
    ]
