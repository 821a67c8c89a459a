"""
Which grid zone a text means: zone keys, cloud regions, countries, providers' own keys, coordinates, postcodes.

Every answer says who states the mapping and how sure it is. A text that could mean two places is refused with both,
an unknown one with the nearest names; nothing is guessed. What the user maps in the settings wins over the tables.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import InvalidInput, UnmappedRegion
from gridtide.domain.zone import Confidence, Zone, ZoneMapping
from gridtide.grid import places, postcodes, regions, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridtide.grid.regions import CloudRegion

__all__ = ["FAR_KM", "Catalogue"]

FAR_KM: Final = 200.0
_BORDER_KM: Final = 40.0
_LONGEST: Final = 120
_SHOWN: Final = 60
_POINT: Final = re.compile(
    r"([+-]?\d+(?:\.\d+)?|nan|[+-]?inf)\s*[,;]\s*([+-]?\d+(?:\.\d+)?|nan|[+-]?inf)", re.IGNORECASE
)
_FLAG_A: Final = 0x1F1E6
_ALLOWED: Final = (
    "a grid zone (GB, US-CAL-CISO), a cloud region (aws:eu-west-1), a country (DE), "
    "coordinates (51.5,-0.1) or a British postcode (SW1A)"
)


class Catalogue:
    """
    Known zones and everything that maps to them.

    Args:
        overrides: The user's own mappings from a region, zone or name to a zone key; they win over the tables.

    Raises:
        UnmappedRegion: An override points to a zone that does not exist.

    Example:
        >>> Catalogue().resolve("aws:eu-west-1").zone.key
        'IE'
        >>> Catalogue(overrides={"us-west-2": "US-NW-BPAT"}).resolve("aws:us-west-2").confidence.value
        'user'
    """

    def __init__(self, *, overrides: Mapping[str, str] | None = None) -> None:
        self._overrides = {self._canonical(name): self.zone(key).key for name, key in (overrides or {}).items()}

    # -- what is there ---------------------------------------------------------------------------------------------

    def zones(self) -> tuple[Zone, ...]:
        """All known zones, by key."""
        return tuple(self._zones.values())

    def zone(self, key: str) -> Zone:
        """
        Zone with exactly this key, upper or lower case.

        Raises:
            UnmappedRegion: There is none; the hint names similar ones.
        """
        found = self._zones.get(_normalised(key))
        if found is None:
            raise self._unknown(key, field="zone")
        return found

    def kind(self, key: str) -> str:
        """What the zone is: ``country``, ``area`` (bidding zone, balancing area), ``region`` of GB, or ``state``."""
        return self._rows[_normalised(key)]["kind"]

    def parts(self, key: str) -> tuple[str, ...]:
        """Keys of the areas or regions a country is split into; states are not grid areas and not among them."""
        own = _normalised(key)
        return tuple(
            row["key"] for row in self._rows.values() if row["parent"] == own and row["kind"] in {"area", "region"}
        )

    def coordinates(self, key: str) -> tuple[float, float] | None:
        """Middle of the zone's known towns as latitude and longitude, or None. [deg]"""
        row = self._rows.get(_normalised(key))
        return (float(row["lat"]), float(row["lon"])) if row is not None and row["lat"] else None

    def cloud_regions(self, provider: str | None = None) -> tuple[CloudRegion, ...]:
        """All cloud regions, or those of one cloud."""
        return tuple(r for r in regions.all_regions().values() if provider in {None, r.provider})

    # -- resolving -------------------------------------------------------------------------------------------------

    def resolve(self, text: str) -> ZoneMapping:
        """
        Zone that *text* means.

        Upper and lower case, spaces and underscores do not matter. A provider's own key may be given with its name
        before a colon (``eia:CISO``, ``entsoe:DE_LU``, ``postcode:SW1A``).

        Raises:
            InvalidInput: Not a text, empty, or far too long.
            UnmappedRegion: Unknown or ambiguous; the hint says what may have been meant.
        """
        cleaned = _checked(text)
        point = _POINT.fullmatch(cleaned)
        if point:
            return replace(self.resolve_point(float(point[1]), float(point[2])), asked=cleaned)
        key = _normalised(cleaned)
        prefix, _, rest = key.rpartition(":")
        overridden = self._overrides.get(self._canonical(cleaned))
        if overridden:
            return self._by_user(cleaned, overridden)
        if prefix == "POSTCODE":
            return replace(self.resolve_postcode(rest), asked=cleaned)
        if not prefix and key in self._zones:
            return self._as_zone(cleaned, key)
        region = regions.find_region(cleaned)
        if region is not None:
            return self._as_region(cleaned, region)
        return self._by_name(cleaned, key, prefix, rest)

    def resolve_point(self, latitude: float, longitude: float) -> ZoneMapping:
        """
        Zone of the known town nearest to a point; the note says how far it is.

        Args:
            latitude: Degrees north, -90 to 90. [deg]
            longitude: Degrees east, -180 to 180. [deg]

        Raises:
            InvalidInput: Out of bounds or not a number.
        """
        best, *others = places.nearest(latitude, longitude)
        near = tuple(o.zone for o in others if o.km < 1.5 * best.km + _BORDER_KM)[:3]
        note = f"{best.town}, {best.km:.0f} km away, is the nearest known town"
        if best.km > FAR_KM:
            note = f"no known town within {FAR_KM:.0f} km: {note}; name the zone instead if you can"
            if abs(longitude) <= 90.0:
                swapped = places.nearest(longitude, latitude)[0]
                if swapped.km < FAR_KM / 2:
                    note += f"; latitude comes first: {longitude:g},{latitude:g} is in {swapped.zone}"
        return ZoneMapping(
            zone=self._zones[best.zone],
            asked=f"{latitude:g},{longitude:g}",
            source="nearest town",
            confidence=Confidence.NEAREST,
            alternatives=near,
            note=note,
        )

    def resolve_postcode(self, text: str) -> ZoneMapping:
        """
        Zone GB with the outward part of a British postcode as its key at the ``uk`` provider.

        Raises:
            InvalidInput: Not a British postcode.
            UnmappedRegion: Outside the grid of Great Britain.
        """
        outward = postcodes.outward_code(text)
        zone = _with_aliases(self._zones["GB"], (("uk", outward),))
        return ZoneMapping(
            zone=replace(zone, name=f"Great Britain, postcode {outward}"),
            asked=text.strip(),
            source="British postcode",
            confidence=Confidence.SINGLE,
            note="the uk provider knows the region of the outward part",
        )

    def suggest(self, text: str) -> tuple[str, ...]:
        """Known names most like *text*, best first, at most three."""
        from difflib import get_close_matches  # noqa: PLC0415 - only needed to explain an error

        flag = "".join(chr(ord(c) - _FLAG_A + 65) for c in text if 0 <= ord(c) - _FLAG_A < 26)
        if flag in self._zones:
            return (flag,)
        key = _normalised(text[:_LONGEST])
        spoken = {_normalised(name): name for name in (*self._zones, *regions.all_regions())}
        spoken |= {name.partition(":")[2].upper(): name for name in regions.all_regions()}
        spoken |= {_normalised(zone.name): zone.key for zone in self._zones.values() if zone.name}
        last = key.rpartition("-")[2]
        tail = self._names.get(last, {}) if last.isalpha() else {}
        found = [spoken[match] for match in get_close_matches(key, spoken, n=6, cutoff=0.6)]
        return tuple(dict.fromkeys((*tail, *found)))[:3]

    # -- inside ----------------------------------------------------------------------------------------------------

    @cached_property
    def _rows(self) -> dict[str, dict[str, str]]:
        return {row["key"]: row for row in table.rows("zones")}

    @cached_property
    def _zones(self) -> dict[str, Zone]:
        return {key: _zone(row) for key, row in self._rows.items()}

    @cached_property
    def _names(self) -> dict[str, dict[str, str]]:
        """Normalised name, and ``PROVIDER:NAME``, to the zones it may mean, each with where the name comes from."""
        names: dict[str, dict[str, str]] = {}
        for zone in self._zones.values():
            names.setdefault(_normalised(zone.name), {})[zone.key] = "name"
            for provider, key in zone.aliases:
                names.setdefault(_normalised(key), {}).setdefault(zone.key, provider)
                names.setdefault(_normalised(f"{provider}:{key}"), {})[zone.key] = provider
        for region in regions.all_regions().values():
            if region.watttime:
                for name in (region.watttime, f"watttime:{region.watttime}"):
                    names.setdefault(_normalised(name), {}).setdefault(region.zone, "watttime")
        return names

    def _by_name(self, cleaned: str, key: str, prefix: str, rest: str) -> ZoneMapping:
        if prefix == "ZONE":
            return self._as_zone(cleaned, self.zone(rest).key)
        found = self._names.get(key, {})
        if len(found) > 1:
            countries = [zone for zone in found if self._rows[zone]["kind"] == "country"]
            found = {countries[0]: found[countries[0]]} if len(countries) == 1 else found
        is_postcode = not prefix and postcodes.looks_like_postcode(cleaned)
        choices = (*found, f"postcode:{key}") if is_postcode else tuple(found)
        if len(choices) > 1:
            raise UnmappedRegion(
                f"zone {cleaned[:_SHOWN]!r} could be {' or '.join(choices)}",
                hint=f"write {' or '.join(choices)}",
                field="zone",
                suggestions=choices,
            )
        if is_postcode:
            return self.resolve_postcode(cleaned)
        if not found:
            raise self._unknown(cleaned, field="zone")
        [(zone_key, source)] = found.items()
        mapping = self._as_zone(cleaned, zone_key)
        if source not in {"name", "iso3"}:
            mapping = replace(
                mapping, zone=_with_aliases(mapping.zone, ((source, _spelling(mapping.zone, source, rest or key)),))
            )
        return replace(mapping, source=source)

    def _as_zone(self, asked: str, key: str) -> ZoneMapping:
        parts = self.parts(key)
        note = (
            f"{key} as a whole; its parts are {', '.join(parts[:6])}{' ...' if len(parts) > 6 else ''}" if parts else ""
        )
        if self._rows[key]["kind"] == "state":
            note = f"{key} has a yearly value only; live values belong to a grid area"
        others = [zone for zone in self._names.get(key, {}) if zone != key]
        return ZoneMapping(
            zone=self._zones[key],
            asked=asked,
            source="zone key",
            confidence=Confidence.AGREE,
            alternatives=tuple(others),
            note=note,
        )

    def _as_region(self, asked: str, region: CloudRegion) -> ZoneMapping:
        override = self._overrides.get(region.id)
        if override:
            return self._by_user(asked, override, region)
        return ZoneMapping(
            zone=_with_aliases(self._zones[region.zone], _region_aliases(region)),
            asked=asked,
            source=region.source,
            confidence=region.confidence,
            alternatives=region.alternatives,
            note=region.note,
        )

    def _by_user(self, asked: str, key: str, region: CloudRegion | None = None) -> ZoneMapping:
        zone = self._zones[key]
        if region is not None:
            zone = _with_aliases(zone, (("cloud", region.id),))
        return ZoneMapping(zone=zone, asked=asked, source="settings", confidence=Confidence.USER)

    def _canonical(self, name: str) -> str:
        """One spelling for everything an override may be written for."""
        try:
            region = regions.find_region(name)
        except UnmappedRegion:
            region = None
        key = _normalised(name)
        return region.id if region is not None and key not in self._zones else key

    def _unknown(self, text: str, *, field: str) -> UnmappedRegion:
        near = self.suggest(text)
        hint = f"did you mean {' or '.join(near)}?" if near else "`gridtide zones` lists what is known"
        return UnmappedRegion(
            f"{field} {text[:_SHOWN]!r} is not known; allowed: {_ALLOWED}", hint=hint, field=field, suggestions=near
        )


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise InvalidInput(
            f"zone is {text!r:.40}, not a text; allowed: {_ALLOWED}", hint="put it in quotes", field="zone"
        )
    if len(text) > _LONGEST:
        raise InvalidInput(
            f"zone {text[:20]!r}... is {len(text)} characters long; allowed: at most {_LONGEST}", field="zone"
        )
    cleaned = text.strip()
    if not cleaned:
        raise InvalidInput(
            f"zone is empty; allowed: {_ALLOWED}", hint="`gridtide zones` lists what is known", field="zone"
        )
    return cleaned


def _normalised(text: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.strip()) if not unicodedata.combining(c))
    return re.sub(r"[\s_]+", "-", plain.upper())


def _zone(row: dict[str, str]) -> Zone:
    pairs = (pair.partition("=") for pair in row["aliases"].split(";") if pair)
    aliases = tuple((provider, key) for provider, _, key in pairs)
    if row["static"]:
        aliases += (("static", row["static"]),)
    return Zone(key=row["key"], name=row["name"], country=row["country"], timezone=row["timezone"], aliases=aliases)


def _with_aliases(zone: Zone, aliases: tuple[tuple[str, str], ...]) -> Zone:
    own = {provider for provider, _ in aliases}
    return replace(zone, aliases=(*aliases, *(pair for pair in zone.aliases if pair[0] not in own)))


def _region_aliases(region: CloudRegion) -> tuple[tuple[str, str], ...]:
    static = region.id if region.provider == "gcp" else region.static
    pairs = (("cloud", region.id), ("watttime", region.watttime), ("static", static))
    return tuple((provider, key) for provider, key in pairs if key)


def _spelling(zone: Zone, provider: str, key: str) -> str:
    """The provider's own spelling of a normalised key."""
    known = zone.at(provider)
    return known if known is not None and _normalised(known) == key else key.replace("-", "_")
