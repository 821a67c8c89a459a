"""
British postcodes: which ones name a place on the grid of Great Britain, and their outward part.

The GB carbon intensity service finds the region from the outward part alone (``SW1A``), so the inward part, which
says where somebody lives, is dropped here and never sent.
"""

from __future__ import annotations

import re
from typing import Final

from gridtide.domain.errors import InvalidInput, UnmappedRegion

__all__ = ["looks_like_postcode", "outward_code"]

_SHAPE: Final = re.compile(r"(?P<outward>(?P<area>[A-Z]{1,2})[0-9][0-9A-Z]?)(?:[ -]*[0-9][A-Z]{2})?")
_INWARD: Final = re.compile(r"[0-9][A-Z]{2}")
_AREA_TEXT: Final = (
    "AB AL B BA BB BD BH BL BN BR BS CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY G GL "
    "GU HA HD HG HP HR HS HU HX IG IP IV KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE "
    "PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR "
    "WS WV YO ZE"
)
_AREAS: Final = frozenset(_AREA_TEXT.split())
_ELSEWHERE: Final = {
    "BT": ("Northern Ireland, which shares the grid of the island of Ireland", "GB-NIR"),
    "IM": ("the Isle of Man", "IM"),
    "JE": ("Jersey", "JE"),
    "GY": ("Guernsey", "GG"),
}


def looks_like_postcode(text: str) -> bool:
    """Whether *text* has the shape of a postcode, whole or outward part, of any area that exists."""
    match = _SHAPE.fullmatch(text.strip().upper())
    return match is not None and (match["area"] in _AREAS or match["area"] in _ELSEWHERE)


def outward_code(text: str) -> str:
    """
    Outward part of a postcode of Great Britain, for example ``SW1A`` of ``sw1a 1aa``.

    Raises:
        InvalidInput: Not a postcode, or its inward part only.
        UnmappedRegion: A postcode outside the grid of Great Britain; the hint names the zone to use.
    """
    shown = text.strip().upper()
    match = _SHAPE.fullmatch(shown)
    area = match["area"] if match else ""
    if area in _ELSEWHERE:
        place, zone = _ELSEWHERE[area]
        raise UnmappedRegion(
            f"postcode {shown[:12]!r} is in {place}; the British service does not cover it",
            hint=f"use zone {zone}",
            field="postcode",
            suggestions=(zone,),
        )
    if match is None or area not in _AREAS:
        half = " (this is an inward part alone)" if _INWARD.fullmatch(shown) else ""
        raise InvalidInput(
            f"postcode {text[:20]!r} is not British{half}; allowed: an outward part like SW1A, or a whole postcode",
            field="postcode",
            value=text[:20],
        )
    return match["outward"]
