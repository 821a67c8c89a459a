"""Recordings on any clock: what is shown when, what is forecast, and that it never looks live."""

from __future__ import annotations

import csv
import gzip
from datetime import datetime, timedelta

import numpy as np
import pytest

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import InvalidInput
from gridtide.domain.interval import Interval
from gridtide.domain.ports import GridData, SignalQuery
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality, Scope, SignalKind
from gridtide.domain.zone import Zone
from gridtide.grid.recordings import recorded_zones, recording
from gridtide.grid.replay import ReplayData, ReplayMode
from gridtide.testing.clock import FakeClock
from support import DEMO, hourly, shared_dir

HOUR = timedelta(hours=1)


def instant(text):
    return datetime.fromisoformat(text)


def ask(zone, start, length_hours=48, **options):
    first = instant(start)
    return SignalQuery(zone=Zone(key=zone), window=Interval(first, first + length_hours * HOUR), **options)


class TestRecordings:
    def test_eight_us_areas_britain_london_and_germany_are_there(self):
        """Every listed zone loads."""
        assert len(recorded_zones()) == 11
        for zone in recorded_zones():
            assert recording(zone).series.size > 90

    def test_gaps_stay_gaps(self):
        """28 PJM hours are unknown: 23 unreported, 5 partly reported that would be the cleanest of the year."""
        series = recording("US-MIDA-PJM").series

        assert series.size == 8760 - 28
        assert series.values.min() > 200
        assert len(series.gaps) == 4

    def test_labels_say_what_a_value_is(self):
        """Scope, perimeter and credit."""
        lifecycle, direct = recording("US-CAL-CISO"), recording("US-CAL-CISO", Scope.DIRECT)

        assert (lifecycle.series.signal.scope, direct.series.signal.scope) == (Scope.LIFECYCLE, Scope.DIRECT)
        assert lifecycle.series.signal.attribution == "U.S. Energy Information Administration"
        assert recording("GB").series.signal.scope is Scope.DIRECT
        assert recording("GB", Scope.LIFECYCLE) is None

    @pytest.mark.shared
    @pytest.mark.parametrize("scope", [Scope.LIFECYCLE, Scope.DIRECT])
    def test_hours_start_where_the_source_ends_them(self, scope):
        """Every value of the source stands one hour before its label, except the five left out."""
        path = shared_dir("data", f"sample_series_us_eia_2022_{scope}.csv.gz")
        with gzip.open(path, "rt") as stream:
            rows = list(csv.DictReader(stream))
        short = {z.rpartition("-")[2]: z for z in recorded_zones() if z.startswith("US-")}
        for area, zone in short.items():
            ours = {e.strftime("%Y-%m-%dT%H:%MZ"): v for _, e, v, _ in recording(zone, scope).series}
            theirs = {row["utc_hour_ending"]: float(row[area]) for row in rows if row[area]}
            left_out = set(theirs) - set(ours)

            assert {k: theirs[k] for k in ours} == ours
            assert len(left_out) == (5 if area == "PJM" else 0)
            assert all(theirs[k] < 60 for k in left_out)


class TestCalendar:
    @pytest.mark.parametrize("year", [2022, 2023, 2024, 2026, 2031])
    @pytest.mark.parametrize("moment", ["01-01T00:00", "02-28T13:00", "03-01T00:00", "07-04T18:00", "12-31T22:00"])
    async def test_the_same_hour_of_any_year_shows_the_recorded_hour(self, year, moment):
        """Month, day and hour stay, leap years included."""
        data = ReplayData(FakeClock(f"{year}-{moment}Z"))
        reading = await data.read(ask("US-CAL-CISO", f"{year}-{moment}+00:00", 1))

        recorded = recording("US-CAL-CISO").series.value_at(instant(f"2022-{moment}+00:00"))
        assert reading.series.value_at(instant(f"{year}-{moment}+00:00")) == recorded

    async def test_a_leap_day_shows_the_day_before(self):
        """2022 has no 29 February."""
        data = ReplayData(FakeClock("2028-02-29T12:00Z"))
        reading = await data.read(ask("US-CAL-CISO", "2028-02-29T00:00+00:00", 24))

        recorded = recording("US-CAL-CISO").series.clip(
            Interval(instant("2022-02-28T00:00+00:00"), instant("2022-03-01T00:00+00:00"))
        )
        assert reading.series.values.tolist() == recorded.values.tolist()

    async def test_new_year_has_no_hole(self):
        """The last hour of December comes from the December before."""
        data = ReplayData(FakeClock("2026-12-31T20:00Z"))
        reading = await data.read(ask("US-TEX-ERCO", "2026-12-31T12:00+00:00", 24))

        assert reading.series.size == 24
        assert not reading.series.gaps

    async def test_a_sample_of_days_repeats_at_the_same_time_of_day(self):
        """The 48 hours of Great Britain come again every 48 hours."""
        data = ReplayData(FakeClock("2026-06-01T00:00Z"))
        reading = await data.read(ask("GB", "2026-06-01T00:00+00:00", 96))
        recorded = recording("GB").series

        assert reading.series.size == 192
        assert not reading.series.gaps
        assert reading.series.values[:96].tolist() == reading.series.values[96:].tolist()
        times = {(s.hour, s.minute, v) for s, _, v, _ in recorded}
        assert {(s.hour, s.minute, v) for s, _, v, _ in reading.series} == times

    async def test_an_own_series_of_weeks_keeps_the_weekday(self):
        """Fifteen days repeat as two whole weeks."""
        own = hourly(*range(15 * 24), start=instant("2026-01-05T00:00+00:00"))
        data = ReplayData(FakeClock("2026-03-02T00:00Z"), series={"LAB": own})
        reading = await data.read(ask("LAB", "2026-03-02T00:00+00:00", 24))

        assert instant("2026-03-02T00:00+00:00").weekday() == instant("2026-01-05T00:00+00:00").weekday()
        assert reading.series.values.tolist() == list(range(24))


class TestOtherModes:
    async def test_recorded_time_is_the_clocks_time(self):
        """A simulator in 2022 sees 2022, and nothing in 2026."""
        past = ReplayData(FakeClock("2022-06-01T00:00Z"), mode=ReplayMode.RECORDED)
        later = ReplayData(FakeClock("2026-06-01T00:00Z"), mode=ReplayMode.RECORDED)

        assert (await past.read(ask("US-CAL-CISO", "2022-06-01T00:00+00:00", 24))).series.size == 24
        reading = await later.read(ask("US-CAL-CISO", "2026-06-01T00:00+00:00", 24))
        assert (reading.step, reading.series.size) == (FreshnessStep.NONE, 0)
        assert "does not reach 2026-06-01T00:00:00Z/2026-06-02T00:00:00Z in mode recorded" in reading.reason

    async def test_a_chosen_start_moves_the_whole_recording(self):
        """Clock time at construction shows the chosen instant, and both run on together."""
        clock = FakeClock("2026-03-01T10:17Z")
        start = instant("2022-07-01T08:17+00:00")
        data = ReplayData(clock, mode=ReplayMode.SHIFTED, start=start)
        reading = await data.read(ask("US-CAL-CISO", "2026-03-01T10:17+00:00", 2))

        recorded = recording("US-CAL-CISO").series
        assert reading.series.value_at(clock.now()) == recorded.value_at(start)
        assert reading.series.value_at(clock.now() + HOUR) == recorded.value_at(start + HOUR)

    @pytest.mark.parametrize(
        "options",
        [
            {"mode": ReplayMode.SHIFTED},
            {"start": instant("2022-01-01T00:00+00:00")},
            {"noise": -1},
            {"noise": float("nan")},
            {"horizon": timedelta(-1)},
        ],
    )
    def test_contradicting_options_are_refused(self, options):
        """A start without its mode, a negative noise or horizon."""
        with pytest.raises(InvalidInput):
            ReplayData(FakeClock(), **options)


class TestLabelsB82:
    async def test_a_replay_never_looks_live(self):
        """Provider, method and reason say what is shown."""
        data = ReplayData(FakeClock("2026-06-01T12:30Z"))
        reading = await data.read(ask("US-CAL-CISO", "2026-06-01T12:00+00:00", 24))

        assert reading.series.signal.provider == "replay"
        assert reading.series.signal.method.startswith(
            "replay of 2021-12-31/2022-12-31, mode calendar, forecast perfect"
        )
        assert reading.reason == reading.series.signal.method
        assert reading.series.signal.attribution == "U.S. Energy Information Administration"

    async def test_the_age_is_that_of_the_recorded_moment(self):
        """Four years on today's clock, nothing on the recorded one."""
        query = ask("US-CAL-CISO", "2026-06-01T12:00+00:00", 24)
        shown = await ReplayData(FakeClock("2026-06-01T12:30Z")).read(query)
        recorded = await ReplayData(FakeClock("2022-06-01T12:30Z"), mode=ReplayMode.RECORDED).read(
            ask("US-CAL-CISO", "2022-06-01T12:00+00:00", 24)
        )

        assert shown.age == timedelta(days=4 * 365 + 1)
        assert recorded.age == timedelta(0)

    async def test_only_what_has_begun_is_measured(self):
        """The running hour is measured, the next one a forecast of this hour."""
        data = ReplayData(FakeClock("2026-06-01T12:30Z"))
        series = (await data.read(ask("US-CAL-CISO", "2026-06-01T10:00+00:00", 24))).series

        assert series.quality_at(instant("2026-06-01T12:30+00:00")) is Quality.MEASURED
        assert series.quality_at(instant("2026-06-01T13:00+00:00")) is Quality.FORECAST
        assert series.signal.quality is Quality.FORECAST
        assert series.signal.issued_at == instant("2026-06-01T12:00+00:00")

    async def test_without_a_forecast_nothing_later_is_told(self):
        """History ends with the running step."""
        data = ReplayData(FakeClock("2026-06-01T12:30Z"))
        series = (await data.read(ask("US-CAL-CISO", "2026-06-01T10:00+00:00", 24, forecast=False))).series

        assert series.end == instant("2026-06-01T13:00+00:00")
        assert series.signal.issued_at is None

    async def test_a_horizon_ends_the_forecast(self):
        """Six hours from the hour of issue."""
        data = ReplayData(FakeClock("2026-06-01T12:30Z"), horizon=6 * HOUR)
        series = (await data.read(ask("US-CAL-CISO", "2026-06-01T12:00+00:00", 48))).series

        assert series.end == instant("2026-06-01T18:00+00:00")


class TestNothing:
    @pytest.mark.parametrize(
        ("zone", "options", "reason"),
        [
            ("FR", {}, "no recording of FR; there are DE, GB, GB-13, US-CAL-CISO"),
            ("GB-1", {}, "no recording of GB-1"),
            ("GB", {"kind": SignalKind.MARGINAL}, "the recording of GB is average, not marginal"),
        ],
    )
    async def test_what_is_not_recorded_is_none_and_never_something_else(self, zone, options, reason):
        """Another zone or kind never stands in."""
        reading = await ReplayData(FakeClock()).read(ask(zone, "2026-01-01T00:00+00:00", **options))

        assert (reading.step, len(reading.series)) == (FreshnessStep.NONE, 0)
        assert reason in reading.reason

    def test_it_is_grid_data(self):
        """The port the engine and the doors use."""
        assert isinstance(ReplayData(FakeClock()), GridData)


class TestNoise:
    async def test_the_same_seed_gives_the_same_forecast_and_the_past_is_exact(self):
        """Another seed differs; measured steps never change."""
        query = ask("US-CAL-CISO", "2026-06-01T00:00+00:00", 72)

        async def read(**options):
            return (await ReplayData(FakeClock("2026-06-01T12:30Z"), **options).read(query)).series

        exact, one, same, other = (
            await read(),
            await read(noise=0.1, seed=1),
            await read(noise=0.1, seed=1),
            await read(noise=0.1, seed=2),
        )
        assert one.values.tolist() == same.values.tolist()
        assert one.values.tolist() != other.values.tolist()
        assert one.values[:13].tolist() == exact.values[:13].tolist()
        assert (one.values >= 0).all()

    def test_noise_grows_with_lead_time_to_the_stated_size_at_one_day(self):
        """Relative error about 10 % one day ahead, less before."""
        errors = []
        for day in range(1, 29):
            for hour in (0, 6, 12, 18):
                now = f"2026-06-{day:02}T{hour:02}:00"
                data, exact = (ReplayData(FakeClock(f"{now}Z"), noise=n, seed=day) for n in (0.1, 0.0))
                query = ask("US-TEX-ERCO", f"{now}+00:00", 30)
                noisy, true = data.read_now(query).series.values, exact.read_now(query).series.values
                errors.append((noisy / true - 1)[1:30])
        spread = np.std(errors, axis=0)

        assert 0.07 < spread[23] < 0.13
        assert spread[2] < 0.06


class TestOwnSeries:
    async def test_a_linear_series_stays_linear(self):
        """Straight lines are shifted and cut, not made into steps; noise bends them both ends."""
        day = [instant("2026-01-01T00:00+00:00") + i * HOUR for i in range(25)]
        own = Series.line(DEMO, day, [float(100 + i) for i in range(25)])
        clock = FakeClock("2026-05-05T06:15Z")
        query = ask("LAB", "2026-05-05T06:15+00:00", 24)
        exact = (await ReplayData(clock, series={"LAB": own}).read(query)).series
        noisy = (await ReplayData(clock, series={"LAB": own}, noise=0.2, seed=3).read(query)).series

        assert exact.value_at(clock.now()) == 106.25
        assert exact.value_at(instant("2026-05-05T23:30+00:00")) == 123.5
        assert noisy.shape is exact.shape
        assert noisy.values.tolist() != exact.values.tolist()

    async def test_less_than_a_day_cannot_repeat(self):
        """Six hours are shown at their own time only."""
        own = hourly(1, 2, 3, 4, 5, 6, start=instant("2026-01-01T00:00+00:00"))
        same = ReplayData(FakeClock("2026-01-01T02:00Z"), series={"LAB": own})
        later = ReplayData(FakeClock("2026-01-02T02:00Z"), series={"LAB": own})

        assert (await same.read(ask("LAB", "2026-01-01T00:00+00:00", 24))).series.size == 6
        assert (await later.read(ask("LAB", "2026-01-02T00:00+00:00", 24))).step is FreshnessStep.NONE

    async def test_nothing_recorded_before_now_is_none_when_no_forecast_is_wanted(self):
        """A window that lies ahead has no history."""
        data = ReplayData(FakeClock("2026-06-01T00:30Z"))
        reading = await data.read(ask("US-CAL-CISO", "2026-06-02T00:00+00:00", 24, forecast=False))

        assert reading.step is FreshnessStep.NONE
        assert "nothing recorded before 2026-06-01T00:30:00Z" in reading.reason
