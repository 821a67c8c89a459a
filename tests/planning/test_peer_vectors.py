"""Two peers' results, reproduced where starts are bound to their grid and never beaten by them where they are not."""

import json
from datetime import datetime, timedelta

import pytest

from gridtide.domain.errors import HorizonTooShort, InvalidInput
from gridtide.domain.instants import to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Signal, SignalKind
from gridtide.domain.units import carbon_intensity_factor
from gridtide.domain.workload import Workload
from gridtide.planning.fixed import run_now
from gridtide.planning.plan import PlanOptions, plan
from gridtide.planning.rolling import rolling_means
from gridtide.planning.window import lowest_window
from planning.brute import MINUTE_NS
from support import shared_dir

HALF_HOUR = timedelta(minutes=30)
FIVE = timedelta(minutes=5)
SIGNAL = Signal(SignalKind.AVERAGE, provider="uk", zone="GB")
LONGEST_WINDOW_MIN = 2820

# Half-hourly values of Great Britain from 2023-05-04T12:30Z, and results of another tool's search on its 30 min grid:
# minutes of work, start, longest wait, best start, mean there, mean when started at once.
VALUES = (
    "11 15 15 18 19 17 16 11 11 11 11 11 17 22 20 20 21 15 15 13 13 14 14 15 15 17 15 8 8 8 9 9 9 9 9 11 11 15 14 18 "
    "14 10 10 9 6 7 7 10 8 7 7 5 8 8 14 16 16 20 25 14 29 35 30 34 38 30 30 28 34 34 36 42 36 26 31 35 35 33 33 22 22 "
    "23 19 36 37 46 54 64 53 49 34 35 34 32 34 40"
)
CASES = [
    (6, "2023-05-04T12:30Z", 2820, "2023-05-05T14:00Z", 5.3, 11.4),
    (30, "2023-05-04T12:30Z", 2820, "2023-05-05T13:30Z", 6.0, 13.0),
    (194, "2023-05-04T12:30Z", 2820, "2023-05-05T11:00Z", 7.370103093, 16.147766323),
    (2400, "2023-05-04T12:30Z", 2820, "2023-05-04T12:30Z", 17.84375, 17.84375),
    (45, "2023-05-04T12:50Z", 2820, "2023-05-05T13:20Z", 6.138888889, 14.87962963),
    (1440, "2023-05-04T12:50Z", 2820, "2023-05-04T15:50Z", 11.87962963, 12.883101852),
    (60, "2023-05-04T13:48+01:00", 2820, "2023-05-05T14:18+01:00", 6.17, 15.11),
    (180, "2023-05-04T12:30Z", 720, "2023-05-05T00:30Z", 11.333333333, 16.25),
]


def line(first, values, step=HALF_HOUR):
    return Series.line(SIGNAL, [first + step * k for k in range(len(values))], values)


def british():
    return line(datetime.fromisoformat("2023-05-04T12:30Z"), [float(v) for v in VALUES.split()])


def check(series, case, mean_key, now_key):
    """One case of the peer: same best start and means on its grid; without the grid at most as dear."""
    start, length = datetime.fromisoformat(case["start"]), timedelta(minutes=case["duration_min"])
    latest = start + timedelta(minutes=case["max_window_min"] or LONGEST_WINDOW_MIN)
    if case["end_constraint"] is not None:
        latest = min(latest, datetime.fromisoformat(case["end_constraint"]))
    bounds = to_ns(start), to_ns(latest), round(length / timedelta(microseconds=1)) * 1000
    gridded = lowest_window(series, *bounds, grid_ns=30 * MINUTE_NS)
    if "error" in case:
        assert gridded is None
        return
    best = datetime.fromisoformat(case["best_start"])

    assert gridded.start_ns == to_ns(best)
    assert gridded.mean == pytest.approx(case[mean_key], rel=0, abs=1e-9)
    assert run_now(series, bounds[0], bounds[2]).mean == pytest.approx(case[now_key], rel=0, abs=1e-9)
    assert series.value_at(best) == pytest.approx(case["best_start_value"], rel=0, abs=1e-9)
    assert lowest_window(series, *bounds).mean <= case[mean_key] + 1e-9
    decision = plan(
        Workload(id="peer", duration=length, max_delay=latest - start),
        series,
        now=start,
        method="lowest-window",
        options=PlanOptions(start_grid=HALF_HOUR),
    )
    assert (decision.start, decision.mean) == (best, pytest.approx(case[mean_key], rel=0, abs=1e-9))


@pytest.mark.shared
def test_every_golden_window_is_reproduced():
    """All golden results of the 96-point series, to 1e-9 on the grid; any start is never worse."""
    golden = json.loads(shared_dir("vectors", "cats-window-golden.json").read_text())
    series = line(datetime.fromisoformat(golden["series_start"]), golden["values"])
    for case in golden["cases"]:
        check(series, case, "best_value", "now_value")

    assert len(golden["cases"]) == 30


@pytest.mark.shared
def test_every_run_of_the_peer_is_reproduced():
    """All recorded runs of the peer, to 1e-9 on the grid; any start is never worse."""
    recorded = json.loads(shared_dir("runs", "cats", "cats_vectors.json").read_text())
    series = Series.line(
        SIGNAL, [datetime.fromisoformat(t) for t, _ in recorded["points"]], [v for _, v in recorded["points"]]
    )
    for case in recorded["vectors"]:
        check(series, case, "best_avg", "now_avg")

    assert len(recorded["vectors"]) == 20


@pytest.mark.parametrize("case", CASES, ids=[f"{c[0]} min" for c in CASES])
def test_windows_on_a_half_hour_grid(case):
    """A handful of the same results, kept here so that nothing rests on material outside the project."""
    minutes, start, wait, best, mean, now = case
    release, length = to_ns(datetime.fromisoformat(start)), minutes * MINUTE_NS
    series, latest = british(), release + wait * MINUTE_NS
    gridded = lowest_window(series, release, latest, length, grid_ns=30 * MINUTE_NS)

    assert gridded.start_ns == to_ns(datetime.fromisoformat(best))
    assert (gridded.mean, run_now(series, release, length).mean) == pytest.approx((mean, now), rel=0, abs=1e-9)
    assert lowest_window(series, release, latest, length).mean <= gridded.mean


def test_leaving_the_grid_pays():
    """Six minutes of work, balanced on both slopes of a dip, find 6 % less than at half-hour starts from an odd minute."""
    series, release = british(), to_ns(datetime.fromisoformat("2023-05-04T12:50Z"))
    gridded = lowest_window(series, release, release + 2820 * MINUTE_NS, 6 * MINUTE_NS, grid_ns=30 * MINUTE_NS)
    free = lowest_window(series, release, release + 2820 * MINUTE_NS, 6 * MINUTE_NS)

    assert (gridded.mean, free.mean) == (pytest.approx(5.466666667, abs=1e-9), pytest.approx(5.12, abs=1e-9))


def test_a_lower_value_in_mid_window_does_not_beat_now():
    """Starting at once wins although the points ahead look lower than the first."""
    values = [14, 20, 20, 22, 13, 40, 49, 76, 91, 86, 61, 28, 24, 26, 25, 27, 27, 26, 23]
    series = line(datetime.fromisoformat("2025-03-10T15:00Z"), [float(v) for v in values])
    release = to_ns(datetime.fromisoformat("2025-03-10T16:24Z"))
    choice = lowest_window(series, release, release + 10**15, 30 * MINUTE_NS, grid_ns=30 * MINUTE_NS)

    assert (choice.start_ns, choice.mean) == (release, pytest.approx(19.08))


def test_an_ever_falling_line_is_followed_to_its_end():
    """The last window that fits is the best one."""
    series = line(datetime.fromisoformat("2025-08-13T10:00Z"), [116.0 - i for i in range(97)])
    release = to_ns(datetime.fromisoformat("2025-08-13T10:00Z"))
    choice = lowest_window(series, release, release + 10**15, 30 * MINUTE_NS)

    assert (choice.end_ns, choice.mean) == (series.curves[0].end_ns, pytest.approx(20.5))


def five_minutes(*values):
    return Series.steps(SIGNAL, datetime.fromisoformat("2020-01-01T00:00Z"), FIVE, values)


def means(length, tick=None, within=None, series=None):
    series = five_minutes(10.0, 20.0, 30.0, 40.0) if series is None else series
    windows = rolling_means(series, length, tick=tick, within=within)
    return windows, [w.mean for w in windows]


ROLLING = [
    (5, 5, [10, 20, 30, 40]),
    (10, 5, [15, 25, 35]),
    (5, 4, [10, 18, 26, 34]),
    (10, 7, [15, 29]),
    (2, 7, [10, 20, 35]),
    (0, 4, [10, 20, 30, 40]),
    (10, 0, [15, 25, 35]),
]


class TestRollingMeans:
    @pytest.mark.parametrize(("length", "tick", "expected"), ROLLING, ids=[f"{r[0]} by {r[1]}" for r in ROLLING])
    def test_windows_slide_by_the_tick(self, length, tick, expected):
        """Each window weighs the part of every step that it covers."""
        _, found = means(timedelta(minutes=length), timedelta(minutes=tick))

        assert found == pytest.approx(expected, rel=0, abs=1e-9)

    def test_bounds_cut_the_windows(self):
        """The first window starts where the bounds and the series have both begun; none ends after either."""
        within = Interval.parse("2020-01-01T00:02Z/2020-01-01T00:18Z")
        windows, found = means(FIVE, within=within)

        assert found == pytest.approx([14, 24, 34], rel=0, abs=1e-9)
        assert windows[0].window.start == within.start

    def test_windows_that_touch_a_gap_are_left_out(self):
        """No mean is made from unknown time."""
        series = five_minutes(10.0, None, 30.0, 40.0)

        assert means(FIVE, series=series)[1] == [10.0, 30.0, 40.0]
        assert means(2 * FIVE, series=series)[1] == [35.0]

    def test_nothing_known_gives_nothing(self):
        """An empty series has no windows, and none is longer than what is known."""
        assert means(FIVE, series=five_minutes(None))[1] == []
        assert means(5 * FIVE)[1] == []

    @pytest.mark.parametrize(("length", "tick", "field"), [(-1, 1, "length"), (1, -1, "tick")])
    def test_negative_spans_are_refused(self, length, tick, field):
        """The message names the field."""
        with pytest.raises(InvalidInput, match=f"{field} is negative; allowed: zero or longer"):
            means(timedelta(minutes=length), timedelta(minutes=tick))

    @pytest.mark.shared
    def test_every_rolling_case_of_the_sdk_is_reproduced(self):
        """All rolling averages of the other tool, to 1e-9."""
        vectors = json.loads(shared_dir("vectors", "casdk-window-vectors.json").read_text())
        series = five_minutes(*vectors["series"]["values"])
        for case in vectors["rolling_average_default_bounds"]:
            _, found = means(timedelta(minutes=case["window_min"]), timedelta(minutes=case["tick_min"]), series=series)
            assert found == pytest.approx(case["expect"], rel=0, abs=1e-9)
        for case in vectors["rolling_average_window_5min_bounds"]:
            within = Interval(*(datetime.fromisoformat(case[k]) for k in ("start", "end")))
            windows, found = means(FIVE, within=within, series=series)

            assert found == pytest.approx(case["expect"], rel=0, abs=1e-9)
            assert windows[0].window.start == datetime.fromisoformat(case["first"])


class TestMeanOverAPeriod:
    @pytest.mark.parametrize(
        ("period", "expected"),
        [
            ("2020-01-01T00:00Z/2020-01-01T00:20Z", 25.0),
            ("2020-01-01T00:04Z/2020-01-01T00:20Z", 28.75),
            ("2020-01-01T00:02:30Z/2020-01-01T00:17:30Z", 25.0),
            ("2020-01-01T00:02Z/2020-01-01T00:03Z", 10.0),
        ],
    )
    def test_it_weighs_by_time(self, period, expected):
        """A step partly inside counts for that part."""
        assert five_minutes(10.0, 20.0, 30.0, 40.0).mean(Interval.parse(period)) == pytest.approx(expected, abs=1e-9)

    @pytest.mark.parametrize(
        "period", ["2019-12-31T23:59:59Z/2020-01-01T00:20Z", "2020-01-01T00:00Z/2020-01-01T00:20:01Z"]
    )
    def test_a_second_outside_raises_with_both_bounds(self, period):
        """Nothing is extrapolated; the message holds what was asked and what is known."""
        with pytest.raises(
            HorizonTooShort, match=r"is outside the known part 2020-01-01T00:00:00Z/2020-01-01T00:20:00Z"
        ):
            five_minutes(10.0, 20.0, 30.0, 40.0).mean(Interval.parse(period))

    @pytest.mark.shared
    def test_every_average_of_the_sdk_is_reproduced(self):
        """All averages, refusals, filters and unit conversions of the other tool."""
        vectors = json.loads(shared_dir("vectors", "casdk-window-vectors.json").read_text())
        series = five_minutes(*vectors["series"]["values"])
        for case in vectors["average_over_period"]:
            period = Interval(*(datetime.fromisoformat(case[k]) for k in ("start", "end")))
            if "expect" in case:
                assert series.mean(period) == pytest.approx(case["expect"], rel=0, abs=1e-9)
            else:
                with pytest.raises(HorizonTooShort):
                    series.mean(period)
        for points in vectors["average_discontinuous_5min_points_expect_error"]:
            starts = [to_ns(datetime.fromisoformat(p)) for p in points]
            ends = [s + 5 * MINUTE_NS for s in starts]
            with pytest.raises((HorizonTooShort, InvalidInput)):
                Series(SIGNAL, starts, ends, [1.0, 1.0, 1.0]).mean(_span(min(starts), max(ends)))
        halves = vectors["filter_by_duration"]
        points = Series.steps(SIGNAL, datetime.fromisoformat(halves["points_30min_at"][0]), HALF_HOUR, [1.0] * 5)
        period = Interval(*(datetime.fromisoformat(halves[k]) for k in ("start", "end")))

        assert points.clip(period).size == halves["expect_count"]
        for case in vectors["unit_conversion"]:
            grams = case["watttime_lbs_per_mwh"] * carbon_intensity_factor("lbs/MWh")
            assert grams == pytest.approx(case["g_per_kwh"], rel=1e-9)


def _span(start_ns, end_ns):
    epoch = datetime.fromisoformat("1970-01-01T00:00Z")
    return Interval(*(epoch + timedelta(microseconds=ns // 1000) for ns in (start_ns, end_ns)))
