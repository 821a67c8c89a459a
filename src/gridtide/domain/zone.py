"""Grid zones: provider-qualified areas, and where a mapping to one came from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Confidence", "Zone", "ZoneMapping"]


class Confidence(StrEnum):
    """How sure a mapping from a place to a grid zone is, best first."""

    USER = "user"
    AGREE = "agree"
    SINGLE = "single"
    RULE = "rule"
    NEAREST = "nearest"
    DISAGREE = "disagree"


@dataclass(frozen=True, slots=True)
class Zone:
    """
    An electricity area.

    Args:
        key: Our own name: the Electricity Maps style key (``GB``, ``US-CAL-CISO``), or ``GB-13`` for a GB region.
        name: For people.
        country: ISO 3166-1 alpha-2.
        timezone: IANA name of the local time.
        aliases: The area's key at each provider, as pairs (provider, key).
    """

    key: str
    name: str = ""
    country: str = ""
    timezone: str = "UTC"
    aliases: tuple[tuple[str, str], ...] = ()

    def at(self, provider: str) -> str | None:
        """The provider's own key of this area, or None where it does not cover it."""
        return next((key for name, key in self.aliases if name == provider), None)


@dataclass(frozen=True, slots=True)
class ZoneMapping:
    """A place resolved to a grid zone, with the source of the mapping and how sure it is."""

    zone: Zone
    asked: str
    source: str
    confidence: Confidence
    alternatives: tuple[str, ...] = ()
    note: str = ""
