"""Hard and soft work starts when it arrives, in every simulated world; only elastic work waits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.domain.instants import to_ns
from gridtide.domain.workload import Elasticity
from gridtide.simulation import results, summary
from gridtide.simulation.experiment import run_scenario
from gridtide.simulation.scenario import read_scenario
from gridtide.simulation.traces import read_trace
from simulation_scenarios import scenario, trace, write_zone
from support import at

HARD = {"class": "hard", "count": 8, "duration": "1h..4h", "slack": "2h..20h", "power_w": 500}
SOFT = HARD | {"class": "soft", "latency_budget_ms": 40}
ELASTIC = HARD | {"class": "elastic", "slack": "4h..30h"}
OUTAGE = {"kind": "outage", "start": at(24 * 21).isoformat(), "end": at(24 * 22).isoformat()}
WINDOW = {"name": "window", "method": "lowest-window"}
ANYWHERE = WINDOW | {"name": "anywhere", "places": "any", "move_margin": 0.0}


def mixed(folder, **changes):
    """Ten days of three kinds of work in one zone; *changes* replace top keys."""
    return scenario(folder, **{"workloads": [HARD, SOFT, ELASTIC]} | changes)


def places(folder, *, near=60.0, far=20.0):
    """A zone at home and one 300 km away, one 9,000 km away; cleaner the farther."""
    spots = [("home", 48.9, 2.4, 1.0), ("near", 50.8, 4.4, near / 100), ("far", 37.8, -122.4, far / 100)]
    return [
        {
            "name": name,
            "file": str(write_zone(folder, f"{name}.csv", seed=k, scale=scale)),
            "latitude": latitude,
            "longitude": longitude,
        }
        for k, (name, latitude, longitude, scale) in enumerate(spots)
    ]


def prompt(made):
    """Which jobs may not wait."""
    return ~made.jobs.may_wait


class TestNeverDelayed:
    @given(
        policy=st.fixed_dictionaries(
            {
                "method": st.sampled_from(["auto", "lowest-window", "lowest-slots", "run-latest", "carbon-time"]),
                "places": st.sampled_from(["home", "any"]),
                "pauses": st.booleans(),
                "jitter": st.sampled_from(["0s", "30m"]),
                "min_saving": st.sampled_from([0.0, 0.2]),
                "releases_per_minute": st.sampled_from([None, 0.0005, 10.0]),
            }
        ),
        work=st.fixed_dictionaries(
            {
                "interruptible": st.booleans(),
                "data_gb": st.sampled_from([0, 5]),
                "length_spread": st.sampled_from([0.0, 0.5]),
                "slack": st.sampled_from(["0s", "1h..30h"]),
            }
        ),
        world=st.fixed_dictionaries(
            {
                "belief": st.sampled_from([{"kind": "perfect"}, {"kind": "ar1", "error": 0.5}, {"kind": "history"}]),
                "faults": st.sampled_from([[], [OUTAGE]]),
                "seed": st.integers(0, 999),
            }
        ),
        room=st.sampled_from([None, 1, 2]),
    )
    @settings(max_examples=10, deadline=None)
    def test_no_hard_or_soft_job_starts_after_its_arrival(self, tmp_path_factory, policy, work, world, room):
        """Whatever method, place, pause, ramp, jitter, forecast or outage: only a full zone delays it, in one piece."""
        folder = tmp_path_factory.getbasetemp()
        zones = [zone | {"room": room} for zone in places(folder)]
        made = run_scenario(
            mixed(
                folder, **world, zones=zones,
                workloads=[kind | work | {"count": 4, "homes": ["home"]} for kind in (HARD, SOFT, ELASTIC)],
                policies=[{"name": "p", **policy}], path="events", end=at(24 * 24).isoformat(),
            )
        )  # fmt: skip
        runs, bound = made.outcomes[0].runs, prompt(made)

        np.testing.assert_array_equal((runs.start_ns - made.jobs.arrival_ns)[bound], runs.room_ns[bound])
        np.testing.assert_array_equal((runs.end_ns - runs.start_ns)[bound], made.jobs.true_ns[bound])
        np.testing.assert_array_equal(runs.late_ns[bound], runs.room_ns[bound])
        assert room is not None or not runs.room_ns.any()

    def test_elastic_work_waits_as_before(self, tmp_path):
        """Beside hard and soft work the elastic jobs draw, plan and pay as they do alone."""
        alone = run_scenario(scenario(tmp_path, work=ELASTIC))
        beside = run_scenario(mixed(tmp_path, workloads=[ELASTIC, HARD, SOFT]))
        rows = beside.jobs.of_class(Elasticity.ELASTIC)

        np.testing.assert_array_equal(beside.outcomes[1].runs.start_ns[rows], alone.outcomes[1].runs.start_ns)
        assert (alone.outcomes[1].runs.start_ns > alone.jobs.arrival_ns).any()

    def test_a_full_zone_is_the_only_thing_that_holds_it(self, tmp_path):
        """With room for one, hard work waits for that room alone, goes before elastic work, and counts as late."""
        text = "id,arrival,duration,slack,class\n" + "".join(
            f"{name},{at(24).isoformat()},2h,{slack},{kind}\n"
            for name, slack, kind in (("e", "1h", "elastic"), ("h1", "9h", "hard"), ("h2", "9h", "hard"))
        )
        asked = trace(tmp_path, text)
        made = run_scenario(asked.model_copy(update={"zones": (asked.zones[0].model_copy(update={"room": 1}),)}))
        runs = made.outcomes[0].runs
        start_h = dict(zip(made.jobs.all_names(), (runs.start_ns - to_ns(at(24))) / 3.6e12, strict=True))
        bound = prompt(made)

        assert sorted([start_h["h1"], start_h["h2"]]) == [0, 2]
        assert start_h["e"] == 4
        np.testing.assert_array_equal(runs.start_ns[bound] - made.jobs.arrival_ns[bound], runs.room_ns[bound])
        assert sorted(runs.late_ns[bound] / 3.6e12) == [0, 2]
        assert any("no free executor on arrival: 2; they waited up to 2.0 h" in note for note in made.notes)

    @pytest.mark.parametrize("kind", ["hard", "elastic"])
    def test_it_takes_the_first_executor_that_is_free_in_any_place_it_may_go_to(self, tmp_path, kind):
        """With both zones full on arrival it runs in the one that frees first; elastic work keeps to its plan."""
        text = "id,arrival,duration,slack,class,zone\n" + "".join(
            f"{name},{at(24 * 21 + after).isoformat()},{length},0s,{of},home\n"
            for name, after, length, of in (("a", 0, "1h", "hard"), ("b", 0.25, "9h", "hard"), ("c", 0.5, "1h", kind))
        )
        zones = [zone | {"room": 1} for zone in places(tmp_path)[:2]]
        (tmp_path / "jobs.csv").write_text(text)
        work = {"file": str(tmp_path / "jobs.csv"), "power_w": 500}
        made = run_scenario(scenario(tmp_path, zones=zones, work=work, policies=[ANYWHERE]))
        runs = made.outcomes[0].runs

        assert [made.jobs.zones[k] for k in runs.zone[:2]] == ["near", "home"]
        assert made.jobs.zones[runs.zone[2]] == ("near" if kind == "hard" else "home")
        assert runs.room_ns[2] / 3.6e12 == (0.5 if kind == "hard" else 8.75)


class TestPlaces:
    def ran_in(self, folder, **work):
        made = run_scenario(
            mixed(folder, zones=places(folder), workloads=[SOFT | {"homes": ["home"], **work}], policies=[ANYWHERE])
        )
        runs = made.outcomes[0].runs
        np.testing.assert_array_equal(runs.start_ns, made.jobs.arrival_ns)
        return {made.jobs.zones[k] for k in runs.zone.tolist()}, made

    def test_soft_work_moves_inside_its_latency_budget_only(self, tmp_path):
        """The farther zone is cleaner; a budget of 40 ms reaches the near one, one of 1 ms reaches none."""
        assert self.ran_in(tmp_path)[0] == {"near"}
        assert self.ran_in(tmp_path, latency_budget_ms=1)[0] == {"home"}

    def test_soft_work_without_a_budget_is_said(self, tmp_path):
        """Nothing else bars the far zone, and the reader is told."""
        ran, made = self.ran_in(tmp_path, latency_budget_ms=None)

        assert ran == {"far"}
        assert "Soft jobs without a latency budget: 8; no zone is too far for them." in made.notes

    @pytest.mark.parametrize("kind", ["hard", "soft"])
    def test_data_that_would_have_to_travel_keep_it_home(self, tmp_path, kind):
        """Moving data takes time, and this work has none; it does not count as movable either."""
        ran, made = self.ran_in(tmp_path, data_gb=1, **{"class": kind})

        assert ran == {"home"}
        assert made.movable == 0

    def test_hard_work_is_routed_unless_its_regions_name_home_alone(self, tmp_path):
        """The planner compares places at once for hard work too; the allowed regions bind it."""
        assert self.ran_in(tmp_path, **{"class": "hard", "latency_budget_ms": None})[0] == {"far"}
        assert self.ran_in(tmp_path, **{"class": "hard", "regions": ["home"]})[0] == {"home"}


class TestTold:
    def test_the_slack_of_hard_work_is_not_used_and_said_once(self, tmp_path):
        """A stated slack is allowed; it changes nothing, not even what was possible."""
        pausing = {"interruptible": True, "length_spread": 0.5}
        kinds = [kind | pausing for kind in (HARD, SOFT, ELASTIC)]
        made = run_scenario(mixed(tmp_path, workloads=kinds, policies=[{"name": "p", "pauses": True}]))
        said = [note for note in made.notes if "slack" in note]
        bound = prompt(made)

        assert len(said) == 1
        assert said[0].endswith("8 hard and 8 soft of 24; the slack that 16 of them came with is not used.")
        for outcome in made.outcomes:
            np.testing.assert_allclose(outcome.paid.grams[bound], made.run_now.grams[bound])
            np.testing.assert_allclose(outcome.best.grams[bound], made.run_now.grams[bound])

    def test_without_a_stated_slack_there_is_nothing_to_say(self, tmp_path):
        """The usual slack of drawn work is not the user's."""
        made = run_scenario(scenario(tmp_path, work={"class": "hard", "count": 5}))

        assert not any("slack" in note for note in made.notes)
        assert made.jobs.classes == [Elasticity.HARD]

    def test_savings_by_class_are_a_table_where_classes_differ(self, tmp_path):
        """Hard and soft work saved nothing and waited for nothing; elastic work made the whole saving."""
        made = run_scenario(mixed(tmp_path))
        rows = {r["class"]: r for r in summary.by_class(made) if r["policy"] == "window"}
        total = next(r for r in summary.summaries(made) if r.policy == "window")

        assert list(rows) == ["hard", "soft", "elastic"]
        assert [rows[kind]["longest_delay_h"] for kind in ("hard", "soft")] == [0.0, 0.0]
        assert [rows[kind]["savings_pct"] for kind in ("hard", "soft")] == [0.0, 0.0]
        assert rows["elastic"]["savings_pct"] > total.savings_pct > 0
        assert sum(row["grams"] for row in rows.values()) == pytest.approx(total.grams)
        assert summary.by_class(run_scenario(scenario(tmp_path))) == []

    def test_each_run_carries_its_class(self, tmp_path):
        """Rows of the results name the class; work that may not wait has no slack there."""
        made = run_scenario(mixed(tmp_path))
        columns = results.columns(made)

        assert sorted(columns["class"]) == sorted(2 * (["hard"] * 8 + ["soft"] * 8 + ["elastic"] * 8))
        assert {float(slack) for slack, kind in zip(columns["slack_h"], columns["class"], strict=True)
                if kind != "elastic"} == {0.0}  # fmt: skip
        assert {name.split("/")[0] for name in made.jobs.all_names()} == {"hard", "soft", "elastic"}


HEAD = "id,arrival,duration,slack,class\n"
ROW = "a,2026-01-02T00:00Z,2h,6h,"


class TestTrace:
    @pytest.mark.parametrize("header", [HEAD, HEAD.replace("class", "elasticity")], ids=["class", "elasticity"])
    def test_a_column_names_the_class(self, tmp_path, header):
        """Blank cells take the scenario's; the header may use the planner's word."""
        rows = ROW + "hard\n" + "b" + ROW[1:] + "Soft\n" + "c" + ROW[1:] + "\n"
        jobs, _ = read_trace(trace(tmp_path, header + rows))

        assert [jobs.terms[k].elasticity for k in jobs.term] == ["hard", "soft", "elastic"]
        assert (jobs.latest_ns - jobs.arrival_ns).tolist() == [0, 0, 6 * 3_600_000_000_000]

    def test_an_unknown_class_names_row_column_and_what_is_allowed(self, tmp_path):
        """As any bad cell it ends the reading, or is set aside and listed."""
        message = "jobs.csv:3:5: class is 'hrad'; allowed: hard, soft, elastic"
        text = HEAD + ROW + "hard\n" + "b" + ROW[1:] + "hrad\n"
        with pytest.raises(MalformedFile, match=message):
            read_trace(trace(tmp_path, text))
        _, rejected = read_trace(trace(tmp_path, text, max_errors=1))

        assert [f"{r.where}: {r.why}" for r in rejected] == [message]

    def test_a_scenarios_class_fills_blanks(self, tmp_path):
        """What the trace leaves open comes from the scenario, and then has no slack to draw."""
        text = "id,arrival,duration\na,2026-01-02T00:00Z,1h\n"
        jobs, _ = read_trace(trace(tmp_path, text, **{"class": "soft"}))

        assert jobs.classes == [Elasticity.SOFT]
        assert jobs.stated_ns.tolist() == jobs.arrival_ns.tolist()


FILE = """\
name = "a mix"
start = "2026-01-20T00:00Z"
end = "2026-01-30T00:00Z"
zones = [{name = "X", file = "zone.csv"}]
[[workloads]]
class = "hard"
[[workloads]]
name = "from a file"
file = "jobs.csv"
max_errors = 1
[[policies]]
name = "run-now"
method = "run-now"
"""


class TestFile:
    def read(self, folder, old="", new=""):
        write_zone(folder)
        (folder / "s.toml").write_text(FILE.replace(old, new, 1))
        return read_scenario(folder / "s.toml")

    def test_drawn_and_recorded_work_stand_side_by_side(self, tmp_path):
        """Each kind keeps its class and its own names; bad rows of the trace are listed."""
        (tmp_path / "jobs.csv").write_text(HEAD + "a,2026-01-21T00:00Z,2h,6h,soft\nb,2026-01-21T00:00Z,2h,6h,hrad\n")
        made = run_scenario(self.read(tmp_path, 'class = "hard"', 'class = "hard"\ncount = 3'))

        assert sorted(made.jobs.all_names()) == ["from a file/a", "hard/X/0", "hard/X/1", "hard/X/2"]
        assert made.jobs.classes == [Elasticity.HARD, Elasticity.SOFT]
        assert [r.where for r in made.rejected] == ["jobs.csv:3:5"]

    @pytest.mark.parametrize(
        ("old", "new", "message", "hint"),
        [
            ('"hard"', '"hrad"', "s.toml:6: workloads.0.class is 'hrad'; allowed: hard, soft, elastic", "'hard'"),
            ('"hard"', "3", "s.toml:6: workloads.0.class is 3; allowed: hard, soft, elastic", ""),
            ("class", "clas", "s.toml:6: workloads.0.clas is no key of a scenario", "'class'"),
            ('"hard"', '"hard"\nelasticity = "soft"', "s.toml:7: workloads.0.elasticity is no key", "keep one of"),
            ('name = "from a file"', 'class = "hard"', "workload 'hard' is named twice; give each a name", ""),
            ("[[policies]]", "[work]\n[[policies]]", "work and workloads are both there; keep one of them", ""),
            ('name = "from a file"', 'name = "hard/X"', "workload 'hard/X' has a slash in its name", ""),
            ('class = "hard"', 'homes = ["Y"]', "workloads.homes names 'Y'; zones of the scenario: X", ""),
        ],
    )
    def test_what_is_wrong_is_named_with_its_line(self, tmp_path, old, new, message, hint):
        """Field, value, what is allowed, and where it stands."""
        with pytest.raises(InvalidInput) as caught:
            self.read(tmp_path, old, new)

        assert message in caught.value.message
        assert hint in (caught.value.hint or "")

    def test_an_empty_list_of_work_is_not_the_usual_work(self, tmp_path):
        """Whoever says that there is no work does not get five hundred jobs."""
        with pytest.raises(ValueError, match="workloads is empty; name a kind of work, or leave it out"):
            mixed(tmp_path, workloads=[])

    def test_work_that_is_too_long_for_the_scenario_is_named(self, tmp_path):
        """Among several kinds the reader sees which one to shorten."""
        long = self.read(
            tmp_path, 'name = "from a file"\nfile = "jobs.csv"\nmax_errors = 1', 'name = "z"\nslack = "90d"'
        )
        with pytest.raises(InvalidInput, match="the scenario lasts 10d, a job of 'z' with its slack up to 90d6h"):
            run_scenario(long)

    def test_one_table_where_a_list_is_due_says_how_to_write_one(self, tmp_path):
        """Single brackets are the likeliest slip."""
        only_one = "[workloads]\n" + FILE.partition("[[workloads]]\n")[2].partition("[[workloads]]")[0]
        policies = '[[policies]]\nname = "run-now"\nmethod = "run-now"\n'
        (tmp_path / "s.toml").write_text(FILE.partition("[[workloads]]")[0] + only_one + policies)
        with pytest.raises(InvalidInput, match="workloads is {'class': 'hard'}; allowed: a list") as caught:
            read_scenario(tmp_path / "s.toml")

        assert caught.value.hint == "in TOML write [[workloads]] before each entry"

    def test_yaml_names_its_line_too(self, tmp_path):
        """The line is the one that writes the refused value under its key."""
        text = "name: x\nstart: 2026-01-20T00:00Z\nend: 2026-01-30T00:00Z\nzones: [{name: X}]\nwork:\n  class: hrad\n"
        (tmp_path / "s.yaml").write_text(text + "policies:\n- {name: a, method: run-now}\n")
        with pytest.raises(InvalidInput, match=r"s.yaml:6: work.class is 'hrad'"):
            read_scenario(tmp_path / "s.yaml")
