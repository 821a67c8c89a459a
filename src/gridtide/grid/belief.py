"""
Whether a source is believed: what the cross-checks say about its new values, remembered.

A source that has changed its unit is not believed again because a day has gone by, only when its values fit the ones
before again, a week later, or when somebody says so.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import MalformedPayload
from gridtide.grid import crosscheck

if TYPE_CHECKING:
    from gridtide.domain.ports import Clock
    from gridtide.domain.series import Series

__all__ = ["Belief"]

_LOG: Final = logging.getLogger("gridtide.grid.belief")
_QUARANTINE_S: Final = 7 * 86_400.0


class Belief:
    """
    Trust in one source.

    Args:
        provider: For messages.
        zone: The provider's own key.
        clock: Monotonic time.
        yearly_mean: Of the zone, for a first check of plausibility; None when unknown. [gCO2eq/kWh]

    Attributes:
        suspicion: What is odd about the newest values although they are used; usually empty.
    """

    def __init__(self, provider: str, zone: str, clock: Clock, *, yearly_mean: float | None = None) -> None:
        self.suspicion = ""
        self._provider = provider
        self._zone = zone
        self._clock = clock
        self._yearly_mean = yearly_mean
        self._quarantined_until = 0.0

    @property
    def is_quarantined(self) -> bool:
        """Whether new values have to fit the ones before to be believed."""
        return self._quarantined_until > self._clock.monotonic()

    def sift(self, series: Series, known: Series | None) -> Series:
        """
        The part of new values that can be right.

        Args:
            series: New values.
            known: What was believed so far.

        Raises:
            MalformedPayload: Nothing of it can be right; ``quarantine`` in its facts.
        """
        verdict = crosscheck.examine(series, known, yearly_mean=self._yearly_mean)
        doubted = self.is_quarantined and not crosscheck.fits(series, known)
        words = "; ".join(finding.message for finding in verdict.findings)
        if words:
            _LOG.warning("%s %s: %s", self._provider, self._zone, words)
        if verdict.is_refused:
            self._quarantined_until = self._clock.monotonic() + _QUARANTINE_S
        if verdict.is_refused or doubted or not verdict.series:
            raise MalformedPayload(
                f"{self._provider}: values for {self._zone} are not believed: "
                f"{words or 'they do not fit the ones before the unit seemed to change'}",
                hint="`gridtide doctor` shows both; the next source or older values are used",
                provider=self._provider,
                zone=self._zone,
                quarantine=True,
            )
        self._quarantined_until = 0.0
        self.suspicion = words
        return verdict.series

    def restore(self) -> None:
        """Believe the source again after what looked like a changed unit turned out to be right."""
        self._quarantined_until = 0.0
