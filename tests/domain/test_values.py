"""Labels, units, intervals and workloads refuse what makes no sense, and say what is allowed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gridtide.domain import errors
from gridtide.domain.decision import Action, Alternative, Decision, Reason
from gridtide.domain.instants import from_ns, isoformat, parse_instant, to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.signal import Quality, Scope, Signal, SignalKind, require_comparable
from gridtide.domain.units import KG_PER_SHORT_TON, carbon_intensity_factor
from gridtide.domain.workload import Elasticity, Workload
from support import HOUR, T0, at


def signal(kind=SignalKind.AVERAGE, scope=Scope.LIFECYCLE, **more):
    return Signal(kind, provider="p", zone="z", scope=scope, **more)


class TestComparison:
    """Invariant I14: kinds, scopes and units never meet."""

    def test_equal_labels_are_comparable(self):
        """Two average lifecycle signals may be compared."""
        assert require_comparable(signal(), signal()) is None

    def test_average_and_marginal_are_not(self):
        """A marginal 400 and an average 100 can be the same hour."""
        with pytest.raises(errors.KindMismatch, match="cannot compare average values .* with marginal values"):
            require_comparable(signal(), signal(SignalKind.MARGINAL))

    def test_lifecycle_and_direct_are_not(self):
        """Scopes differ by the emissions of fuel supply and construction."""
        with pytest.raises(errors.KindMismatch, match="lifecycle emissions .* direct emissions"):
            require_comparable(signal(), signal(scope=Scope.DIRECT))

    def test_a_percentage_is_never_grams(self):
        """A relative signal cannot be declared in gCO2eq/kWh."""
        with pytest.raises(errors.UnitMismatch, match="a relative signal is in percent, not 'gCO2eq/kWh'"):
            signal(SignalKind.RELATIVE, unit="gCO2eq/kWh")


class TestUnits:
    @pytest.mark.parametrize(
        ("unit", "value", "expected"),
        [
            ("lb/MWh", 870, 394.6253619),
            ("kg/MWh", 5, 5),
            ("t/MWh", 0.3, 300),
            ("g/MJ", 10, 36),
            ("lbs_co2_per_mwh", 999.99, 453.587834),
        ],
    )
    def test_conversions_are_exact_constants(self, unit, value, expected):
        """Known conversions, from the definition of the pound."""
        assert carbon_intensity_factor(unit) * value == pytest.approx(expected, rel=1e-7)

    def test_a_short_ton_is_2000_pounds(self):
        """907.18474 kg exactly."""
        assert carbon_intensity_factor("lb/MWh") * 2000 == pytest.approx(KG_PER_SHORT_TON, rel=1e-12)

    def test_an_unknown_unit_names_what_is_allowed(self):
        """The message lists the units a reader can use."""
        with pytest.raises(errors.UnitMismatch, match="allowed: gCO2eq/kWh, kg/MWh, lb/MWh"):
            carbon_intensity_factor("smoke")


class TestInstants:
    def test_a_round_trip_is_exact(self):
        """Microseconds survive the way through nanoseconds."""
        instant = datetime(2026, 3, 29, 1, 2, 3, 456789, tzinfo=UTC)

        assert from_ns(to_ns(instant)) == instant

    def test_24_00_is_the_next_midnight(self):
        """Some providers end a day at 24:00."""
        assert isoformat(parse_instant("2026-01-01T24:00Z")) == "2026-01-02T00:00:00Z"

    @pytest.mark.parametrize("text", ["2026-01-01T24:30Z", "tomorrow", "2026-13-01T00:00Z", "2026-01-01T00:00:60Z", ""])
    def test_what_is_no_time_is_refused(self, text):
        """Only ISO 8601 is read."""
        with pytest.raises(errors.InvalidInput):
            parse_instant(text)

    def test_an_interval_needs_a_length(self):
        """An interval that ends where it starts is refused with both bounds."""
        with pytest.raises(errors.EmptyInterval, match="ends 2026-01-01T00:00:00Z, not after its start"):
            Interval(T0, T0)

    def test_an_interval_is_half_open(self):
        """The end is not inside."""
        window = Interval(T0, at(1))

        assert T0 in window
        assert at(1) not in window


class TestWorkload:
    def test_latest_start_is_the_earlier_of_both_bounds(self):
        """Deadline minus duration, or release plus the longest delay, whichever comes first."""
        work = Workload(id="w", duration=2 * HOUR, deadline=at(10), max_delay=3 * HOUR)

        assert work.latest_start(T0) == at(3)
        assert Workload(id="w", duration=2 * HOUR, deadline=at(10)).latest_start(T0) == at(8)

    def test_nothing_bounds_a_free_workload(self):
        """Without deadline and delay there is no latest start."""
        assert Workload(id="w", duration=HOUR).latest_start(T0) is None

    @pytest.mark.parametrize(
        ("field", "value"),
        [("duration", timedelta(0)), ("pue", 0.5), ("power_w", -1.0), ("power_w", float("nan")), ("min_saving", 1.0),
         ("data_gb", -1.0), ("max_pieces", 0), ("max_delay", -HOUR)],
    )  # fmt: skip
    def test_values_out_of_bounds_are_named(self, field, value):
        """The message names the field and what is allowed."""
        with pytest.raises(errors.InvalidInput, match=rf"{field} is .*; allowed: "):
            Workload(**({"id": "w", "duration": HOUR} | {field: value}))

    def test_elastic_is_the_default(self):
        """Work that says nothing may move in time."""
        assert Workload(id="w", duration=HOUR).elasticity is Elasticity.ELASTIC


class TestDecision:
    def decision(self, mean, now_mean):
        baseline = Alternative(name="run-now", start=T0, end=at(1), mean=now_mean)
        return Decision(
            workload_id="w", action=Action.RUN, reason=Reason.LOWEST_NOW, method="x", decided_at=T0, start=T0,
            end=at(1), mean=mean, baselines=(baseline,),
        )  # fmt: skip

    def test_a_saving_is_against_run_now(self):
        """Half the carbon is a saving of one half."""
        assert self.decision(100.0, 200.0).saving == 0.5

    def test_a_loss_is_shown_as_negative(self):
        """A worse choice is never hidden."""
        assert self.decision(300.0, 200.0).saving == -0.5

    def test_a_loss_in_grams_is_shown_as_negative_too(self):
        """Grams count before means, and a plan that emits a fifth more says so."""
        dearer = replace(
            self.decision(100.0, 200.0),
            grams=120.0,
            baselines=(Alternative(name="run-now", start=T0, end=at(1), mean=200.0, grams=100.0),),
        )

        assert dearer.saving == pytest.approx(-0.2)

    @pytest.mark.parametrize(("mean", "now"), [(None, 200.0), (100.0, None), (100.0, 0.0)])
    def test_unknown_means_no_saving(self, mean, now):
        """No saving is claimed when either side is unknown or nothing could be saved."""
        assert self.decision(mean, now).saving is None


def test_every_error_says_who_can_act():
    """Each exported error belongs to one branch of the tree and has its own code."""
    branches = (
        errors.InvalidInput,
        errors.ConfigurationError,
        errors.GridError,
        errors.ExecutorError,
        errors.JournalUnavailable,
        errors.BudgetExhausted,
    )
    classes = [getattr(errors, name) for name in errors.__all__]
    leaves = [c for c in classes if c is not errors.CarbonError]

    assert all(issubclass(c, branches) for c in leaves)
    assert len({c.code for c in classes}) == len(classes)


def test_qualities_are_ordered_best_first():
    """A measured value ranks before a static one."""
    assert Quality.MEASURED.rank < Quality.FORECAST.rank < Quality.STATIC.rank
