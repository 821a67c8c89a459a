"""
Who is asked for a zone, in which order, and who may stand in for whom.

A provider the user named goes first, then those the user has a key for, then keyless ones. Within that, decisions
prefer a marginal signal and reports an average one. A stand-in has the same signal kind and scope as the first
choice; another kind is reached only when the first was refused from the start (a plan without it, a zone not covered),
or where the settings allow mixing, and then it is labelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from gridtide.domain.signal import Scope, SignalKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gridtide.domain.zone import Zone
    from gridtide.grid.provider import Provider

__all__ = ["KEYLESS_ORDER", "Candidate", "candidates", "groups"]

KEYLESS_ORDER: Final = (
    "uk",
    "energidataservice",
    "energy-charts",
    "odre",
    "caiso",
    "ercot",
    "nyiso",
    "miso",
    "isone",
)
_DECISION_KINDS: Final = (SignalKind.MARGINAL, SignalKind.AVERAGE)
_REPORT_KINDS: Final = (SignalKind.AVERAGE, SignalKind.MARGINAL)
_KINDS_WITH_SCOPE: Final = frozenset({SignalKind.AVERAGE, SignalKind.MARGINAL})


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """
    One way to learn about a zone.

    Args:
        provider: Who is asked.
        key: The provider's own name of the zone.
        kind: What it gives.
        scope: Which emissions it counts.
    """

    provider: Provider
    key: str
    kind: SignalKind
    scope: Scope

    @property
    def name(self) -> str:
        """Of the provider."""
        return self.provider.info.name


def candidates(
    zone: Zone,
    providers: Iterable[Provider],
    *,
    kind: SignalKind | None = None,
    purpose: str = "decision",
    prefer: Sequence[str] = (),
) -> tuple[Candidate, ...]:
    """
    Everybody who covers *zone* with a signal of *kind*, best first.

    Args:
        zone: Where.
        providers: Those that are set up; a provider without its key is not among them.
        kind: Wanted signal; None prefers marginal for decisions, average for reports, and takes no other.
        purpose: ``decision`` or ``report``.
        prefer: Names the user put first, in that order.
    """
    kinds = (kind,) if kind is not None else (_DECISION_KINDS if purpose == "decision" else _REPORT_KINDS)
    found: list[tuple[tuple[int, int, int, int, str], Candidate]] = []
    for provider in providers:
        info = provider.info
        offered = [k for k in kinds if k in info.kinds]
        key = provider.key_for(zone) if offered else None
        if key is None:
            continue
        named = prefer.index(info.name) if info.name in prefer else len(prefer)
        keyless = KEYLESS_ORDER.index(info.name) if info.name in KEYLESS_ORDER else len(KEYLESS_ORDER)
        for offer in offered:
            scope = info.scope if offer in _KINDS_WITH_SCOPE else Scope.UNKNOWN
            rank = (named, int(not info.credentials), kinds.index(offer), keyless, info.name)
            found.append((rank, Candidate(provider, key, offer, scope)))
    return tuple(candidate for _, candidate in sorted(found, key=lambda pair: pair[0]))


def groups(chain: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], ...]:
    """
    Candidates that may stand in for each other, the group of the best candidate first.

    Example:
        With a marginal source first and two average sources of one scope after it there are two groups.
    """
    order: dict[tuple[SignalKind, Scope], int] = {}
    for candidate in chain:
        order.setdefault((candidate.kind, candidate.scope), len(order))
    ranked = sorted(chain, key=lambda c: order[c.kind, c.scope])
    return tuple(tuple(group) for _, group in groupby(ranked, key=lambda c: (c.kind, c.scope)))
