"""What ``zones resolve`` looks at besides a name: a node's labels, this machine's metadata, and what sources say."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gridtide.cli.options import conflict
from gridtide.domain.errors import InvalidInput, MalformedFile, MissingCredential, UnmappedRegion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridtide.cli.options import PlaceOptions
    from gridtide.cli.session import Session
    from gridtide.cli.shapes import VerificationShape
    from gridtide.domain.zone import ZoneMapping
    from gridtide.grid.provider import Provider
    from gridtide.grid.zones import Asker, Opinion

__all__ = ["mapping_of", "opinion_line", "refuse_two_places", "verified"]

_MOST_BYTES: Final = 4 * 1024 * 1024
_HOW: Final = "kubectl get node NAME -o json"


def refuse_two_places(place: str | None, labels: Path | None, where: PlaceOptions, *, metadata: bool) -> None:
    """
    Insist that one thing names the place.

    Raises:
        Usage: Two do; the message names both.
    """
    named = {
        "PLACE": place is not None,
        "--labels": labels is not None,
        "--metadata": metadata,
        "--zone": where.zone is not None,
        "--region": where.region is not None,
        "--lat": where.lat is not None,
        "--postcode": where.postcode is not None,
    }
    given = [flag for flag, is_given in named.items() if is_given]
    if len(given) > 1:
        raise conflict(given[0], given[1], "both name the place")


def mapping_of(session: Session, place: str | None, labels: Path | None, *, metadata: bool) -> ZoneMapping:
    """
    Zone of what was named; of the flags and settings where nothing else was.

    Raises:
        UnmappedRegion: Nothing in it names a known place, or no cloud answers on this machine.
        InvalidInput: The file holds neither a node nor labels.
    """
    from gridtide.grid import zones  # noqa: PLC0415 - only this command needs it

    if labels is not None:
        found, provider_id = _node(_text(labels), "standard input" if _is_stdin(labels) else labels.name)
        return zones.resolve_labels(session.catalogue, found, provider_id=provider_id)
    if metadata:
        return zones.resolve_metadata(session.catalogue, _own_metadata())
    return session.catalogue.resolve(place) if place is not None else session.place


def _own_metadata() -> dict[str, Any]:
    from gridtide.grid.cloud_metadata import read_metadata  # noqa: PLC0415 - only where it is asked for

    document = asyncio.run(read_metadata())
    if document is None:
        raise UnmappedRegion(
            "no metadata service of aws, gcp or azure answers on this machine",
            hint="outside a cloud name the place, for example --zone GB; in a container its network may be shut off",
            field="--metadata",
        )
    return document


# -- a node's labels ---------------------------------------------------------------------------------------------------


def _is_stdin(path: Path) -> bool:
    return str(path) == "-"


def _text(path: Path) -> bytes:
    from gridtide.grid.files import open_regular  # noqa: PLC0415 - only where a file is read

    if not _is_stdin(path):
        with open_regular(path, _MOST_BYTES) as stream:
            return stream.read()
    text = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(text) > _MOST_BYTES:
        raise MalformedFile(f"standard input is longer than {_MOST_BYTES} bytes", hint=_hint(), field="--labels")
    return text


def _node(text: bytes, name: str) -> tuple[dict[str, str], str]:
    """Labels and provider id from a node as Kubernetes writes it, or from an object that holds labels alone."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedFile(f"{name} is not JSON", hint=_hint(), field="--labels") from None
    if not isinstance(tree, dict):
        raise MalformedFile(f"{name} holds no JSON object", hint=_hint(), field="--labels")
    kind = tree.get("kind", "Node")
    if isinstance(tree.get("items"), list) or (kind != "Node" and isinstance(tree.get("metadata"), dict)):
        raise MalformedFile(f"{name} holds a {str(kind)[:40]}, not one node", hint=_hint(), field="--labels")
    if not isinstance(tree.get("metadata"), dict):
        return _labels(tree, name), ""
    spec = tree.get("spec")
    provider_id = spec.get("providerID") if isinstance(spec, dict) else None
    return _labels(tree["metadata"].get("labels") or {}, name), provider_id if isinstance(provider_id, str) else ""


def _labels(found: object, name: str) -> dict[str, str]:
    if not isinstance(found, dict):
        raise MalformedFile(f"the labels in {name} are no object", hint=_hint(), field="--labels")
    for label, value in found.items():
        if not isinstance(value, str):
            raise InvalidInput(
                f"label {label[:80]!r} in {name} is {json.dumps(value)[:40]}; allowed: texts",
                hint=_hint(),
                field="--labels",
            )
    return found


def _hint() -> str:
    return f"give what `{_HOW}` prints, or a JSON object of labels"


# -- what sources say --------------------------------------------------------------------------------------------------


def verified(session: Session, mapping: ZoneMapping) -> tuple[ZoneMapping, VerificationShape, tuple[Opinion, ...]]:
    """
    Ask every source whose key is set for its own zone of the place; ours stays, a disagreement is said.

    Raises:
        MissingCredential: No source that can tell has its key set.
        UnmappedRegion: The place has no known coordinates.
    """
    from gridtide.grid.zones import point_of  # noqa: PLC0415 - only this command needs it

    point = point_of(session.catalogue, mapping)
    if point is None:
        raise UnmappedRegion(
            f"{mapping.zone.key} has no known coordinates to ask about", hint="give --lat and --lon", field="--verify"
        )
    mapping, opinions = asyncio.run(_ask(session, mapping, point))
    answers = {opinion.agrees for opinion in opinions}
    verdict = "disagree" if False in answers else "agree" if True in answers else "unknown"
    for opinion in opinions:
        if opinion.agrees is False:
            session.say.warn(f"{opinion.provider} places {mapping.asked} in {opinion.theirs}, our table {opinion.ours}")
    shape: VerificationShape = {
        "latitude": point[0],
        "longitude": point[1],
        "verdict": verdict,
        "opinions": [
            {"provider": o.provider, "ours": o.ours, "theirs": o.theirs, "agrees": o.agrees, "note": o.note}
            for o in opinions
        ],
    }
    return mapping, shape, opinions


async def _ask(
    session: Session, mapping: ZoneMapping, point: tuple[float, float]
) -> tuple[ZoneMapping, tuple[Opinion, ...]]:
    from gridtide.api.live import keyed_providers, open_fetcher  # noqa: PLC0415 - only where sources are asked
    from gridtide.grid.zones import ask_providers  # noqa: PLC0415

    able = [provider for provider in keyed_providers(session.settings) if provider.locate_request(*point) is not None]
    if not able:
        raise MissingCredential(
            "no source that can tell the zone of a place has its key set",
            hint="set ELECTRICITYMAPS_API_KEY, or WATTTIME_USER and WATTTIME_PASSWORD",
            field="--verify",
        )
    async with open_fetcher(session.settings, session.clock) as fetcher:

        def asker(provider: Provider) -> Asker:
            async def ask(_: ZoneMapping) -> str | None:
                return await fetcher.locate(provider, *point)

            return ask

        askers: Mapping[str, Asker] = {provider.info.name: asker(provider) for provider in able}
        return await ask_providers(session.catalogue, mapping, askers)


def opinion_line(opinion: Opinion) -> str:
    """One source's answer in words."""
    if opinion.theirs is None:
        return f"no answer: {opinion.note}" if opinion.note else "no answer"
    if opinion.agrees is None:
        return f"says {opinion.theirs}; our table has no key of this source to compare with"
    return f"agrees: {opinion.theirs}" if opinion.agrees else f"says {opinion.theirs}, our table {opinion.ours}"
