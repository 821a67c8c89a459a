"""
What the recorded runs saved together, for ``explain``.

Only savings on the values that came true are added up, each against its baseline, and never across kinds or scopes of
signal. Losses count with their sign.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gridtide.cli import wording

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridtide.accounting.savings import Saving
    from gridtide.cli import shapes
    from gridtide.ledger.records import Outcome

__all__ = ["Total", "lines_of", "payload_of", "totals_of"]

MOST: Final = 10_000
"""Latest endings that are looked at."""

_SHOWN_DIGITS: Final = 3
"""A loss smaller than what is shown is none: a clock's milliseconds make one of those."""
_EVEN: Final = 1e-9
"""Share of the baseline below which a saving is rounding."""


@dataclass(slots=True)
class Total:
    """
    Savings of one kind of signal against one baseline.

    Args:
        kind: Of the signal.
        scope: Of the signal.
        baseline: What the runs are compared with.
        runs: How many were judged.
        losses: How many of them emitted more than the baseline.
        in_grams: How many had a known power.
        saved_g: What those saved. [gCO2eq]
        baseline_g: What those would have emitted. [gCO2eq]
        shares: Saving of each run as a share of its baseline.
    """

    kind: str
    scope: str
    baseline: str
    runs: int = 0
    losses: int = 0
    in_grams: int = 0
    saved_g: float = 0.0
    baseline_g: float = 0.0
    shares: list[float] = field(default_factory=list)

    @property
    def mean_percent(self) -> float | None:
        """Mean saving of a run; None where no baseline was above zero. [percent]"""
        return 100.0 * sum(self.shares) / len(self.shares) if self.shares else None

    def add(self, saving: Saving) -> None:
        """Count one run."""
        self.runs += 1
        if saving.share is None:
            self.losses += saving.run.mean > saving.against.mean
        else:
            self.losses += round(saving.share, _SHOWN_DIGITS) < 0
            self.shares.append(saving.share)
        if saving.grams is not None and saving.against.grams is not None:
            self.in_grams += 1
            self.saved_g += saving.grams
            self.baseline_g += saving.against.grams


def totals_of(outcomes: Iterable[Outcome]) -> list[Total]:
    """Totals by kind, scope and baseline, in the order they first occur."""
    found: dict[tuple[str, str, str], Total] = {}
    for outcome in outcomes:
        saving = outcome.realised
        if saving is not None:
            key = (str(saving.signal.kind), str(saving.signal.scope), saving.baseline)
            found.setdefault(key, Total(*key)).add(saving)
    return list(found.values())


def payload_of(total: Total) -> shapes.TotalShape:
    """One total, for programs."""
    return {
        "kind": total.kind,
        "scope": total.scope,
        "baseline": total.baseline,
        "runs": total.runs,
        "losses": total.losses,
        "mean_saving_percent": total.mean_percent,
        "runs_in_grams": total.in_grams,
        "saved_g": total.saved_g if total.in_grams else None,
        "baseline_emissions_g": total.baseline_g if total.in_grams else None,
    }


def lines_of(totals: list[Total]) -> list[str]:
    """All of them, for people; nothing where no run could be judged yet."""
    if not totals:
        return []
    return ["saved so far, on the values that came true", *wording.fields([_said(total) for total in totals])]


def _said(total: Total) -> tuple[str, str]:
    label = total.kind if total.scope == "unknown" else f"{total.kind}, {total.scope}"
    mean = total.mean_percent
    each = "" if mean is None else f", {abs(mean):.1f} % {'more' if round(mean, 1) < 0 else 'less'} each on average"
    text = f"{total.runs} run{'s' * (total.runs != 1)} against {total.baseline}{each}"
    if total.losses:
        text += f", {total.losses} at a loss"
    if not total.in_grams:
        return label, f"{text}; grams are known with --power"
    saved = total.saved_g if abs(total.saved_g) > _EVEN * abs(total.baseline_g) else 0.0
    word = "saved" if saved >= 0 else "lost"
    counted = "" if total.in_grams == total.runs else f" by the {total.in_grams} of known power"
    return label, f"{text}; {abs(saved):.3g} of {total.baseline_g:.3g} gCO2eq {word}{counted}"
