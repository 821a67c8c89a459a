"""
Where a machine or a workload is: from Kubernetes node labels, cloud metadata documents, and by asking a provider.

All of it ends in `Catalogue.resolve`; this module only finds the right text in what platforms write down, and compares
our table with what a provider itself says about the place.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gridtide.domain.errors import CarbonError, UnmappedRegion
from gridtide.domain.zone import Confidence, ZoneMapping
from gridtide.grid.regions import all_regions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gridtide.grid.catalogue import Catalogue

    Asker: TypeAlias = Callable[[ZoneMapping], Awaitable[str | None]]

__all__ = ["Opinion", "ask_providers", "point_of", "resolve_labels", "resolve_metadata"]

ZONE_LABEL: Final = "carbon.codcompass.io/zone"
_REGION_LABELS: Final = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
_ZONE_LABELS: Final = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
_CLOUDS: Final = {"aws": "aws", "gce": "gcp", "azure": "azure"}
_PLACE_IN_ID: Final = {"aws": re.compile(r"aws:///([a-z0-9-]+)/"), "gcp": re.compile(r"gce://[^/]+/([a-z0-9-]+)/")}


def resolve_labels(catalogue: Catalogue, labels: Mapping[str, str], *, provider_id: str = "") -> ZoneMapping:
    """
    Zone of a Kubernetes node.

    Our own label wins, as its owner put it there. Else the region label counts, made unique by the cloud that the
    provider id names; without a region label, the zone label or the provider id's own place. A region label and a
    provider id that name different regions give the label's zone, and say that they disagree.

    Args:
        catalogue: Knows the regions.
        labels: Of the node.
        provider_id: ``Node.spec.providerID``, for example ``aws:///eu-west-1a/i-0abc``.

    Raises:
        UnmappedRegion: Nothing in it names a known place; the message says what was looked at.
    """
    own = labels.get(ZONE_LABEL, "").strip()
    if own:
        mapping = catalogue.resolve(own)
        return replace(mapping, source=f"label {ZONE_LABEL}", confidence=Confidence.USER)
    cloud = _CLOUDS.get(provider_id.partition("://")[0], "")
    told = _first(labels, _REGION_LABELS) or _first(labels, _ZONE_LABELS)
    inside = _PLACE_IN_ID[cloud].match(provider_id) if cloud in _PLACE_IN_ID else None
    place = told or (inside[1] if inside else "")
    if not place:
        raise UnmappedRegion(
            f"no place in the node's labels; looked for {ZONE_LABEL}, {_REGION_LABELS[0]}, {_ZONE_LABELS[0]} "
            "and the provider id",
            hint=f"label the node, for example {ZONE_LABEL}=GB",
            field="labels",
        )
    mapping = catalogue.resolve(f"{cloud}:{place}" if cloud else place)
    if told and inside:
        other = catalogue.resolve(f"{cloud}:{inside[1]}")
        if other.zone.key != mapping.zone.key:
            return _disagree(mapping, other.zone.key, f"the provider id names {inside[1]}, in {other.zone.key}")
    return mapping


def resolve_metadata(catalogue: Catalogue, document: Mapping[str, Any]) -> ZoneMapping:
    """
    Zone of a virtual machine, from the document its cloud serves to it.

    Understands AWS's instance identity (``region``), Google's ``zone`` (``projects/1/zones/europe-west1-b``) and
    Azure's ``compute.location``.

    Raises:
        UnmappedRegion: None of these is in it.
    """
    compute = document.get("compute")
    location = compute.get("location") if isinstance(compute, dict) else document.get("location")
    zone = document.get("zone")
    region = document.get("region")
    if isinstance(location, str) and location:
        return catalogue.resolve(f"azure:{location}")
    if isinstance(zone, str) and "/zones/" in zone:
        return catalogue.resolve(f"gcp:{zone.rpartition('/')[2]}")
    if isinstance(region, str) and region:
        return catalogue.resolve(f"aws:{region}")
    raise UnmappedRegion(
        "no place in the metadata document; looked for compute.location, zone and region", field="metadata"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """
    What one provider says about a place.

    Args:
        provider: Name.
        ours: Its key in our table, None where we have none.
        theirs: Its own answer, None when it gave none.
        agrees: Whether both are the same; None when there is nothing to compare.
        note: Why there was no answer.
    """

    provider: str
    ours: str | None
    theirs: str | None
    agrees: bool | None
    note: str = ""


async def ask_providers(
    catalogue: Catalogue, mapping: ZoneMapping, askers: Mapping[str, Asker]
) -> tuple[ZoneMapping, tuple[Opinion, ...]]:
    """
    Compare our mapping with what providers say about the same place.

    A provider that answers otherwise makes the mapping ``disagree`` and its zone an alternative; ours stays, until the
    user decides. One that has the same answer makes a mapping by rule or by nearness ``agree``. Errors are no opinion.

    Args:
        catalogue: Knows which zone a provider's key belongs to.
        mapping: Ours.
        askers: By provider name: gives the provider's own key for the mapping's place, or None.
    """
    opinions = []
    for provider, asker in askers.items():
        ours = mapping.zone.at(provider)
        try:
            theirs, note = await asker(mapping), ""
        except CarbonError as error:
            theirs, note = None, error.message
        agrees = None if theirs is None or ours is None else theirs.upper() == ours.upper()
        opinions.append(Opinion(provider=provider, ours=ours, theirs=theirs, agrees=agrees, note=note))
    for opinion in opinions:
        if opinion.agrees is False:
            other = _zone_of(catalogue, opinion)
            mapping = _disagree(mapping, other, f"{opinion.provider} says {opinion.theirs}, our table {opinion.ours}")
    weak = mapping.confidence in {Confidence.RULE, Confidence.NEAREST, Confidence.SINGLE}
    if weak and any(opinion.agrees for opinion in opinions):
        names = "+".join(opinion.provider for opinion in opinions if opinion.agrees)
        mapping = replace(mapping, confidence=Confidence.AGREE, source=f"{mapping.source}+{names}")
    return mapping, tuple(opinions)


def point_of(catalogue: Catalogue, mapping: ZoneMapping) -> tuple[float, float] | None:
    """
    Where to ask a provider about a mapping's place, as latitude and longitude. [deg]

    The coordinates that were asked for, else those of the cloud region, else the middle of the zone's known towns;
    None for a zone that the catalogue has no town of.
    """
    with suppress(ValueError):
        latitude, longitude = map(float, re.split("[,;]", mapping.asked))
        return latitude, longitude
    region = all_regions().get(mapping.zone.at("cloud") or "")
    if region is not None:
        return region.latitude, region.longitude
    try:
        return catalogue.coordinates(mapping.zone.key)
    except LookupError:
        return None


def _zone_of(catalogue: Catalogue, opinion: Opinion) -> str:
    """Our key of the zone that a provider named, or the provider's own where we do not know it."""
    try:
        return catalogue.resolve(f"{opinion.provider}:{opinion.theirs}").zone.key
    except CarbonError:
        return f"{opinion.provider}:{opinion.theirs}"


def _disagree(mapping: ZoneMapping, other: str, note: str) -> ZoneMapping:
    others = (*mapping.alternatives, *(key for key in (other,) if key not in {mapping.zone.key, *mapping.alternatives}))
    confidence = mapping.confidence if mapping.confidence is Confidence.USER else Confidence.DISAGREE
    notes = "; ".join(filter(None, (mapping.note, note)))
    return replace(mapping, confidence=confidence, alternatives=others, note=notes)


def _first(labels: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((labels[name].strip() for name in names if labels.get(name, "").strip()), "")
