"""Who can be asked about a zone: sources in order, second sources, and what is plausible there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gridtide.domain.signal import SignalKind
from gridtide.grid import chain
from gridtide.grid.source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridtide.domain.ports import SignalQuery
    from gridtide.domain.zone import Zone
    from gridtide.grid.desk import Desk
    from gridtide.grid.provider import Provider
    from gridtide.grid.static import StaticTable

__all__ = ["Roster"]

_SOURCES_MAX: Final = 4096
_NAMED_MOST: Final = 2
_USUAL_KINDS: Final = frozenset({SignalKind.AVERAGE, SignalKind.MARGINAL})
_OWN_FIGURES: Final = frozenset({"region", "state", "area"})
_SCOPES_CLOSE_FROM: Final = 100.0


class Roster:
    """
    The sources of one client.

    Args:
        providers: Those that are set up.
        witnesses: Second sources that answers are checked against.
        desk: Shared by all sources.
        static: The yearly table, for what is plausible.
        prefer: Names that go first.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        witnesses: Sequence[Provider],
        desk: Desk,
        static: StaticTable,
        *,
        prefer: Sequence[str],
    ) -> None:
        self._providers = tuple(providers)
        self._witnesses = tuple(witnesses)
        self._desk = desk
        self._static = static
        self._prefer = tuple(prefer)
        self._sources: dict[tuple[int, str, SignalKind], Source] = {}

    @property
    def asked(self) -> tuple[Source, ...]:
        """Everybody asked so far."""
        return tuple(self._sources.values())

    def candidates(self, query: SignalQuery) -> tuple[chain.Candidate, ...]:
        """Everybody who can answer *query*, best first."""
        return chain.candidates(
            query.zone, self._providers, kind=query.kind, purpose=query.purpose, prefer=self._prefer
        )

    def source(self, candidate: chain.Candidate, zone: Zone) -> Source:
        """The source behind *candidate*, the same one each time."""
        key = (id(candidate.provider), candidate.key, candidate.kind)
        source = self._sources.get(key)
        if source is None:
            if len(self._sources) >= _SOURCES_MAX:
                self._sources.clear()
            source = self._sources[key] = Source(candidate, self._desk, yearly_mean=self.plausible(candidate, zone))
        return source

    def witness(self, first: Source, query: SignalQuery) -> Source | None:
        """The first witness that covers the zone with the same kind of signal and is another source than *first*."""
        own = first.candidate
        for candidate in chain.candidates(query.zone, self._witnesses, kind=own.kind, purpose=query.purpose):
            if candidate.name != own.name:
                return self.source(candidate, query.zone)
        return None

    def plausible(self, candidate: chain.Candidate, zone: Zone) -> float | None:
        """
        Yearly mean that first values can be held against; None where it says too little. [gCO2eq/kWh]

        A country's mean says nothing about a region (Quebec, Tasmania), and in a clean grid direct and lifecycle
        emissions are far apart.
        """
        if candidate.kind is not SignalKind.AVERAGE:
            return None
        yearly = self._static.value(zone)
        of_this_place = yearly.kind in _OWN_FIGURES or (yearly.kind == "country" and yearly.code == zone.key)
        alike = yearly.scope is candidate.scope or yearly.g_per_kwh >= _SCOPES_CLOSE_FROM
        return yearly.g_per_kwh if of_this_place and alike else None

    def why_nobody(self, query: SignalQuery) -> str:
        """Why nobody was asked at all."""
        if not 1 <= len(self._providers) <= _NAMED_MOST:
            return f"no provider is set up for {query.zone.key}"
        return "; ".join(_why_not(provider, query) for provider in self._providers)


def _why_not(provider: Provider, query: SignalQuery) -> str:
    """Why *provider* was not asked."""
    info, wanted = provider.info, {query.kind} if query.kind is not None else _USUAL_KINDS
    if not wanted & set(info.kinds):
        return f"{info.name} gives {' and '.join(info.kinds)} signals, not {' or '.join(sorted(wanted))}"
    return f"{info.name} does not cover {query.zone.key}; name a cloud region or another source"
