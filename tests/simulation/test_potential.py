"""Whether shifting is worth it: from history only, and honest about flat grids."""

import numpy as np
import pytest

from gridtide.domain.errors import HorizonTooShort
from gridtide.domain.series import Series
from gridtide.grid import recordings
from gridtide.simulation.potential import (
    SLACK_HOURS,
    SMALL_PCT,
    WORTH_PCT,
    Verdict,
    potential_of,
    rank_of,
    reference_savings,
)
from support import DEMO, HOUR, T0

HOURS = np.arange(24 * 70)


def wave(swing, *, hours=HOURS, noise=2.0):
    rng = np.random.default_rng(4)
    return Series.steps(DEMO, T0, HOUR, 300 + swing * np.sin(hours / 24 * 2 * np.pi) + rng.normal(0, noise, hours.size))


def row(made, hours, slack):
    return next(r for r in made.rows if (r.duration_h, r.slack_h) == (hours, slack))


class TestVerdicts:
    @pytest.mark.parametrize(
        ("swing", "verdict"), [(3, Verdict.DO_NOTHING), (22, Verdict.LONG_SLACK_ONLY), (150, Verdict.WORTH_IT)]
    )
    def test_the_swing_of_the_grid_decides(self, swing, verdict):
        """A flat grid is left alone, a little swing needs patience, a large one is worth it."""
        made = potential_of(wave(swing))
        expected = row(made, 4, 24).expected_savings_pct

        assert made.verdict is verdict
        assert (expected >= WORTH_PCT, expected >= SMALL_PCT) == (
            verdict is Verdict.WORTH_IT,
            verdict is not Verdict.DO_NOTHING,
        )

    def test_nothing_varies_nothing_saves(self):
        """A constant grid has no potential, and no share of it."""
        made = potential_of(Series.steps(DEMO, T0, HOUR, np.full(24 * 50, 300.0)))

        assert made.verdict is Verdict.DO_NOTHING
        assert made.slack_needed_h is None
        assert all(abs(r.oracle_savings_pct) < 1e-9 for r in made.rows)

    def test_two_weeks_are_needed(self):
        """Less history gives no verdict at all."""
        with pytest.raises(HorizonTooShort, match=r"13.0 days of X are known; a verdict needs 14 days"):
            potential_of(wave(50, hours=np.arange(24 * 13)))

    def test_short_history_is_a_guess_and_says_so(self):
        """Without enough history for a forecast, expected figures are unknown and half of the possible is assumed."""
        made = potential_of(wave(150, hours=np.arange(24 * 20)))

        assert made.guessed
        assert all(r.expected_savings_pct is None for r in made.rows)
        assert made.verdict is Verdict.WORTH_IT


class TestFigures:
    def test_expected_never_beats_possible(self):
        """A forecast from history saves at most what a perfect one does."""
        for r in potential_of(wave(80, noise=30)).rows:
            assert r.expected_savings_pct <= r.oracle_savings_pct + 1e-9
            assert r.planned_once_savings_pct <= r.oracle_savings_pct + 1e-9

    def test_more_slack_is_worth_more(self):
        """The possible saving grows with the time a job may wait."""
        made = potential_of(wave(80))
        possible = [row(made, 1, slack).oracle_savings_pct for slack in SLACK_HOURS]

        assert possible == sorted(possible)

    def test_a_gap_is_not_clean(self):
        """Jobs that touch unknown hours are left out: blanks make no zone look better."""
        whole = wave(80)
        keep = np.ones(whole.size, dtype=bool)
        keep[24 * 45 : 24 * 47] = False
        holed = Series(DEMO, whole.starts_ns[keep], whole.ends_ns[keep], whole.values[keep])
        first, second = potential_of(whole), potential_of(holed)

        assert row(second, 4, 24).jobs == row(first, 4, 24).jobs - (48 + 28 - 1)
        assert row(second, 4, 24).oracle_savings_pct == pytest.approx(row(first, 4, 24).oracle_savings_pct, rel=0.05)


def test_the_rank_counts_zones_above():
    """First is the zone with the highest potential."""
    made = potential_of(wave(80))

    assert rank_of(made, {"A": 0.0, "B": 99.0}) == 2
    assert rank_of(made, {}) == 1


def test_recorded_zones_are_ordered_as_known():
    """California has far more potential than PJM, whose grid is nearly flat."""
    zones = {name: recordings.recording(name).series for name in ("US-CAL-CISO", "US-MIDA-PJM")}
    found = reference_savings(zones)

    assert found["US-CAL-CISO"] > 25
    assert found["US-MIDA-PJM"] < 8
