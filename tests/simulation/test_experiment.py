"""A scenario as a whole: bounds that nothing may cross, figures that mean what they say, and readable refusals."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import to_ns
from gridtide.engine.engine import Engine, Policy
from gridtide.ledger.journal import Journal
from gridtide.planning import question
from gridtide.simulation import summary
from gridtide.simulation.belief import FromHistory, Noisy, with_past
from gridtide.simulation.experiment import run_scenario
from gridtide.simulation.rolled import roll
from gridtide.simulation.runs import Runs, pay
from gridtide.simulation.scenario import read_scenario
from gridtide.simulation.world import World
from simulation_scenarios import scenario, trace, write_zone
from support import HOUR, at

POLICIES = [
    {"name": "run-now", "method": "run-now"},
    {"name": "run-latest", "method": "run-latest"},
    {"name": "threshold", "method": "threshold", "percentile": 40},
    {"name": "window", "method": "lowest-window"},
    {"name": "carbon-time", "method": "carbon-time"},
    {"name": "improving", "method": "improving"},
    {"name": "one-min", "method": "one-min"},
    {"name": "suspend", "method": "suspend", "percentile": 40, "pauses": True},
    {"name": "pauses", "method": "auto", "pauses": True},
]
LEVEL = 1e-9


@given(
    seed=st.integers(0, 99),
    kind=st.sampled_from(["perfect", "white", "ar1", "history"]),
    interruptible=st.booleans(),
    spread=st.sampled_from([0.0, 0.5]),
)
@settings(max_examples=6, deadline=None)
def test_the_oracle_is_a_lower_bound(tmp_path_factory, seed, kind, interruptible, spread):
    """No policy emits less for any job than the least its bounds allow, whatever it believed."""
    work = {
        "count": 15,
        "duration": "30m..5h",
        "slack": "0s..20h",
        "interruptible": interruptible,
        "length_spread": spread,
    }
    made = run_scenario(
        scenario(
            tmp_path_factory.getbasetemp(), seed=seed, work=work, policies=POLICIES, belief={"kind": kind, "error": 0.3}
        )
    )
    for outcome in made.outcomes:
        assert (outcome.paid.grams >= outcome.best.grams * (1 - LEVEL)).all(), outcome.policy
        assert (outcome.runs.late_ns == 0).all()
        np.testing.assert_allclose(outcome.paid.hours, made.jobs.true_ns / 3.6e12)


def test_rules_that_look_back_know_the_past(tmp_path):
    """Search by the past month and suspension above its percentile move work; without a past they could not."""
    policies = [p for p in POLICIES if p["name"] in {"one-min", "suspend"}]
    work = {"count": 40, "duration": "2h", "slack": "20h", "interruptible": True}
    made = run_scenario(scenario(tmp_path, work=work, policies=policies))

    for outcome in made.outcomes:
        assert (outcome.runs.start_ns > made.jobs.arrival_ns).any(), outcome.policy


def test_a_suspension_without_a_bound_is_refused(tmp_path):
    """It would decide nothing, silently."""
    with pytest.raises(ValueError, match="method suspend needs a threshold"):
        scenario(tmp_path, policies=[{"name": "s", "method": "suspend"}])


@given(room=st.integers(1, 4), seed=st.integers(0, 99), pauses=st.booleans())
@settings(max_examples=15, deadline=None)
def test_capacity_is_never_exceeded(tmp_path_factory, room, seed, pauses):
    """At no instant do more jobs run than there is room for, and all of them run."""
    folder = tmp_path_factory.getbasetemp()
    made = run_scenario(
        scenario(
            folder,
            seed=seed,
            zones=[{"name": "X", "file": str(write_zone(folder)), "room": room}],
            work={"count": 25, "interruptible": pauses, "length_spread": 0.3},
            policies=[{"name": "p", "pauses": pauses, "releases_per_minute": 2, "jitter": "5m"}],
        )
    )
    lived = made.outcomes[0].runs
    edges = np.concatenate([lived.piece_start_ns, lived.piece_end_ns])
    changes = np.repeat([1, -1], lived.piece_job.size)
    order = np.lexsort((changes, edges))

    assert np.cumsum(changes[order]).max() <= room
    np.testing.assert_allclose(made.outcomes[0].paid.hours, made.jobs.true_ns / 3.6e12)


def test_a_recorded_decision_replays_bit_for_bit(tmp_path):
    """Every decision of a simulated engine, written to a journal and read back, is decided the same again (I9)."""
    made = run_scenario(scenario(tmp_path, work={"count": 12, "slack": "0s..12h", "interruptible": True}))
    window = made.scenario.window
    journal = Journal(tmp_path / "journal.db")
    asked = []

    def deciding(asks):
        decision = question.answer(asks)
        journal.record(asks.workload, decision, asks.series, occurrence=str(len(asked)), question=asks)
        asked.append(decision)
        return decision

    engine = Engine(Policy(pauses=True), decide=deciding)
    told = Noisy(error=0.3, persistence=0.9, growth_hours=12).readings(made.truth["X"], window)
    World(engine, {"X": told}).run(made.jobs.jobs())
    kept = list(reversed(journal.last(len(asked) + 10)))

    assert len(kept) == len(asked) > 40
    for record, decision in zip(kept, asked, strict=True):
        assert record.decision == decision
        assert question.answer(record.question) == decision


class TestForecastsFromHistory:
    def test_rolled_forecasts_know_nothing_of_the_future(self, tmp_path):
        """Changing all that comes after an issue changes no forecast up to it."""
        made = run_scenario(scenario(tmp_path))
        truth, window = made.truth["X"], made.scenario.window
        changed = truth.values.copy()
        later = truth.starts_ns >= to_ns(at(24 * 25))
        changed[later] *= 3
        other = type(truth)(truth.signal, truth.starts_ns, truth.ends_ns, changed)
        first, second = (roll(s, window, horizon=48 * HOUR, step=HOUR) for s in (truth, other))

        np.testing.assert_array_equal(first.values[: 24 * 5], second.values[: 24 * 5])
        assert not np.array_equal(first.values[24 * 5 :], second.values[24 * 5 :])

    def test_the_present_step_is_the_truth(self, tmp_path):
        """A reading holds the live value of its own hour, then forecasts."""
        made = run_scenario(scenario(tmp_path))
        for when_ns, reading in list(FromHistory().readings(made.truth["X"], made.scenario.window))[:30]:
            assert int(reading.series.starts_ns[0]) == when_ns
            k = int(np.searchsorted(made.truth["X"].starts_ns, when_ns))
            assert reading.series.values[0] == made.truth["X"].values[k]

    def test_short_history_forecasts_one_by_one(self, tmp_path):
        """With a week of history there is nothing to roll, and the plain method answers."""
        made = run_scenario(scenario(tmp_path))
        window = type(made.scenario.window)(at(24 * 7), at(24 * 8))

        assert roll(made.truth["X"], window, horizon=48 * HOUR, step=HOUR) is None
        assert len(list(FromHistory().readings(made.truth["X"], window))) == 24

    def test_percentiles_see_the_past(self, tmp_path):
        """A policy that looks back is told what came true before each reading."""
        made = run_scenario(scenario(tmp_path))
        told = with_past(FromHistory().readings(made.truth["X"], made.scenario.window), made.truth["X"], 48 * HOUR)
        when_ns, reading = next(told)

        assert int(reading.series.starts_ns[0]) == when_ns - 48 * 3_600_000_000_000


class TestForecastsAsIssued:
    def scenario(self, folder, text, **zone):
        (folder / "issued.csv").write_text(text)
        spec = {"name": "X", "file": str(write_zone(folder)), "forecasts": str(folder / "issued.csv")} | zone
        return scenario(folder, zones=[spec], belief={"kind": "issued"})

    def forecast(self, issued, level):
        """A whole day that is lowest at the hour *level*."""
        rows = [
            f"{at(issued).isoformat()},{at(h).isoformat()},{at(h + 1).isoformat()},{100 + abs(h - level)}"
            for h in range(int(issued), 24 * 34)
        ]
        return "\n".join(rows) + "\n"

    def test_a_forecast_moves_nothing_before_its_issue(self, tmp_path):
        """Jobs decided before the second issue are where the first one put them, whatever the second says."""
        head, first = "issued,start,end,value\n", self.forecast(24 * 20, 24 * 40)
        alone = run_scenario(self.scenario(tmp_path, head + first))
        both = run_scenario(self.scenario(tmp_path, head + first + self.forecast(24 * 27, 24 * 27)))
        early = alone.outcomes[1].runs.start_ns < to_ns(at(24 * 27))
        starts = [made.outcomes[1].runs.start_ns for made in (alone, both)]

        assert early.any()
        np.testing.assert_array_equal(starts[0][early], starts[1][early])
        assert not np.array_equal(starts[0], starts[1])

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("issued;start;end;value\n", "issued.csv:1:1: the header is not issued,start,end,value"),
            ("issued,start,end,value\n", "no data rows"),
            ("issued,start,end,value\n2026-01-20T00:00Z,x,y,1\n", "issued.csv:2:2: time 'x' is not an ISO 8601 time"),
            (
                "issued,start,end,value\n2026-01-20T00:00Z,2026-01-20T00:00Z,2026-01-20T01:00Z,-1\n",
                "issued.csv:2:4: value '-1' is no number",
            ),
            (
                "issued,start,end,value\n2026-01-20T00:00Z,2026-01-20T02:00Z,2026-01-20T01:00Z,1\n",
                "step 0 ends at or before its start",
            ),
        ],
    )
    def test_what_is_no_forecast_is_refused(self, tmp_path, text, message):
        """The message names row and column."""
        with pytest.raises(InvalidInput, match=message):
            run_scenario(self.scenario(tmp_path, text))

    def test_a_zone_without_forecasts_is_refused(self, tmp_path):
        """The scenario itself says what is missing."""
        with pytest.raises(ValueError, match="zone 'X' names no forecasts"):
            scenario(tmp_path, belief={"kind": "issued"})


class TestSummaries:
    def test_run_now_saves_nothing_and_all_zones_add_up(self, tmp_path):
        """The baseline is zero, and the row over all zones is the sum of the others."""
        zones = [{"name": n, "file": str(write_zone(tmp_path, f"{n}.csv", seed=k))} for k, n in enumerate("AB")]
        rows = summary.summaries(run_scenario(scenario(tmp_path, zones=zones)))
        by = {(r.policy, r.zone): r for r in rows}

        assert by["run-now", "all"].savings_pct == pytest.approx(0.0)
        assert by["window", "all"].grams == pytest.approx(by["window", "A"].grams + by["window", "B"].grams)
        assert by["window", "all"].pct_of_oracle_savings == pytest.approx(100.0)

    def test_losses_are_shown(self, tmp_path):
        """Running latest on a falling day costs more, and says so with a minus."""
        made = run_scenario(scenario(tmp_path, policies=[{"name": "late", "method": "run-latest"}], seed=3))
        row = summary.summaries(made)[0]

        assert (row.savings_pct < 0) == (row.grams > row.run_now_grams)
        assert row.pct_of_oracle_savings <= 100.0

    def test_unknown_power_is_never_zero_grams(self, tmp_path):
        """Jobs without power have no grams, and hours stand in for energy."""
        made = run_scenario(trace(tmp_path, "id,arrival,duration\na,2026-01-02T00:00Z,2h\n"))
        row = summary.summaries(made)[1]

        assert row.grams is None
        assert row.run_now_grams is None
        assert row.savings_pct >= 0
        assert summary.own_footprint(made)[1].saved_grams is None
        assert any("no known power" in note for note in made.notes)

    def test_runs_outside_the_known_part_are_in_no_sum(self, tmp_path):
        """A run that left the series has no grams; the other jobs' saving does not become cleaner by it."""
        made = run_scenario(scenario(tmp_path))
        outcome = made.outcomes[1]
        lived = outcome.runs
        moved = replace(lived, piece_start_ns=lived.piece_start_ns.copy(), piece_end_ns=lived.piece_end_ns.copy())
        moved.piece_start_ns[0] += 10**18
        moved.piece_end_ns[0] += 10**18
        lost = replace(outcome, runs=moved, paid=pay(made.jobs, moved, made.truth))
        row = summary.summaries(replace(made, outcomes=(lost,)))[0]

        assert isinstance(moved, Runs)
        assert np.isnan(lost.paid.grams[0])
        assert (row.jobs, row.paid_jobs) == (40, 39)
        assert row.run_now_grams == pytest.approx(made.run_now.grams[1:].sum())

    def test_jobs_that_may_touch_a_gap_are_left_out_and_counted(self, tmp_path):
        """An unknown hour is not a clean one: no policy may hide a job in it."""
        path = write_zone(tmp_path)
        rows = path.read_text().splitlines()
        path.write_text("\n".join([*rows[: 24 * 24], *rows[24 * 24 + 1 :]]) + "\n")
        made = run_scenario(scenario(tmp_path, zones=[{"name": "X", "file": str(path)}]))

        assert 30 < made.jobs.size < 40
        assert f"{40 - made.jobs.size} of 40 jobs may touch hours that are not known" in " ".join(made.notes)
        assert not np.isnan(made.outcomes[1].paid.grams).any()

    def test_delays_and_slack_bins_cover_all_jobs(self, tmp_path):
        """Every job is in one slack range, and all have started at 100 %."""
        made = run_scenario(scenario(tmp_path))
        bins = [r for r in summary.by_slack(made) if r["policy"] == "window"]
        ends = [r["delay_h"] for r in summary.delays(made) if r["policy"] == "window"]

        assert sum(r["jobs"] for r in bins) == 40
        assert ends == sorted(ends)
        assert ends[-1] <= 24

    def test_the_front_holds_what_nobody_beats(self, tmp_path):
        """Run-now has no delay and the window saves most: both are on the front."""
        points = {
            r["policy"]: r["on_front"] for r in summary.pareto(run_scenario(scenario(tmp_path, policies=POLICIES)))
        }

        assert points["run-now"]
        assert points["window"] or points["pauses"]
        assert not points["run-latest"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"zones": [{"name": "Atlantis"}]}, r"zone 'Atlantis' has no file and is not recorded; recorded: DE, GB"),
            ({"start": "2024-01-01T00:00Z", "end": "2024-02-01T00:00Z"}, r"zone 'X' is known from 2026-01-01"),
            ({"end": at(24 * 21).isoformat()}, "the scenario lasts 1d, a job of class elastic with its slack up to"),
            (
                {"end": at(24 * 90).isoformat(), "work": {"count": 500}},
                r"of 500 jobs may run when nothing is known; the first, 'X/",
            ),
            ({"belief": {"kind": "history", "method": "crystal"}}, r"forecast method 'crystal' is unknown"),
        ],
    )
    def test_what_cannot_be_simulated_is_said(self, tmp_path, changes, message):
        """Each impossible scenario ends in one sentence that names the place."""
        with pytest.raises(InvalidInput, match=message):
            run_scenario(scenario(tmp_path, **changes))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("nmae = 'x'", r"s.toml: nmae is no key of a scenario|name is"),
            (
                "name='x'\nstart='2026-01-01T00:00Z'\nend='2026-01-01T00:00Z'\npolicies=[{name='p'}]\nzones=[{name='X'}]",
                "is not after start",
            ),
            (
                "name='x'\nstart='2026-01-01'\nend='2026-02-01T00:00Z'\npolicies=[{name='p'}]\nzones=[{name='X'}]",
                "no time zone",
            ),
            (
                "name='x'\nstart='2026-01-01T00:00Z'\nend='2026-02-01T00:00Z'\npolicies=[{name='p'},{name='p'}]\nzones=[{name='X'}]",
                "policy 'p' is named twice",
            ),
            (
                "name='x'\nstart='2026-01-01T00:00Z'\nend='2026-02-01T00:00Z'\npolicies=[{name='p', methd='auto'}]\nzones=[{name='X'}]",
                "policies.0.methd is no key",
            ),
            (
                "name='x'\nstart='2026-01-01T00:00Z'\nend='2026-02-01T00:00Z'\npolicies=[{name='p'}]\nzones=[{name='X'}]\nwork={slack='9'}",
                "the unit is missing",
            ),
        ],
    )
    def test_a_wrong_scenario_file_is_explained(self, tmp_path, text, message):
        """The message names the key; a near miss gets a suggestion."""
        path = tmp_path / "s.toml"
        path.write_text(text)
        with pytest.raises(InvalidInput, match=message):
            read_scenario(path)

    def test_files_are_relative_to_the_scenario(self, tmp_path):
        """A scenario can be moved together with its series."""
        write_zone(tmp_path)
        (tmp_path / "s.yaml").write_text(
            "name: x\nstart: 2026-01-20T00:00Z\nend: 2026-01-30T00:00Z\nseed: 7\n"
            "zones:\n- name: X\n  file: zone.csv\n  pue: 1.2\npolicies:\n- name: p\n  pauses: true\n"
        )
        made = read_scenario(tmp_path / "s.yaml")

        assert made.zones[0].file == tmp_path.resolve() / "zone.csv"
        assert (made.seed, made.zones[0].pue, made.policies[0].pauses) == (7, 1.2, True)


def test_faults_pass_through_the_products_own_checks(tmp_path):
    """Three days of outage and a wrong unit strand nothing, and save less than good data."""
    faults = [
        {"kind": "outage", "start": at(24 * 21).isoformat(), "end": at(24 * 24).isoformat()},
        {"kind": "unit", "start": at(24 * 25).isoformat(), "end": at(24 * 27).isoformat()},
    ]
    good, bad = (run_scenario(scenario(tmp_path, belief={"kind": "history"}, **f)) for f in ({}, {"faults": faults}))
    saved = [summary.summaries(made)[1].savings_pct for made in (good, bad)]

    assert (bad.outcomes[1].runs.late_ns == 0).all()
    assert saved[1] < saved[0]
