"""The report says what each class of work saved, and that hard and soft work waited for no grid."""

import pytest

from gridtide.reporting.facts import SimulationFacts
from gridtide.reporting.simulation import simulation_page


def row(kind, saving, **changes):
    return {
        "policy": "window", "class": kind, "jobs": 30, "paid_jobs": 30, "savings_pct": saving,
        "oracle_savings_pct": saving, "grams": None if saving is None else 100.0 - saving, "run_now_grams": 100.0, "mean_delay_h": 0.0,
        "longest_delay_h": 0.0, "waited_for_room_h": 0.0, "late_jobs": 0, "moved_jobs": 0,
    } | changes  # fmt: skip


def page(*rows):
    """A page of one policy whose work is of these classes."""
    total = {
        "policy": "window", "zone": "X", "savings_pct": 10.0, "oracle_savings_pct": 12.0, "grams": 90.0,
        "run_now_grams": 100.0, "mean_delay_h": 3.0, "pct_of_oracle_savings": 80.0, "jobs": 90, "late_jobs": 0,
        "planned_mean_g_per_kwh": None, "mean_g_per_kwh": 90.0, "run_now_mean_g_per_kwh": 100.0,
    }  # fmt: skip
    empty = dict.fromkeys(("by_slack", "delays", "pareto", "moves", "own_footprint"), ())
    delays = [{"policy": "window", "started_pct": share, "delay_h": 1.0} for share in range(0, 101, 5)]
    return simulation_page(
        SimulationFacts(
            name="classes", facts=(), policies=["run-now", "window"], at_once=frozenset({"run-now"}), signals=(),
            tables=empty | {"summary": [total], "by_class": rows, "delays": delays}, notes=(), credits=(),
            own_power_w=15.0,
        )
    )  # fmt: skip


def test_the_first_sentences_say_who_saved_how():
    """Elastic work by waiting too, soft work by place alone, hard work nothing."""
    made = page(row("hard", 0.0), row("soft", 8.0, moved_jobs=9), row("elastic", 20.0))

    assert made.lead[1] == (
        "30 elastic jobs saved 20.0 %. Hard and soft work started when it arrived: "
        "30 hard jobs saved nothing; 30 soft jobs saved 8.0 % by place alone."
    )


def test_a_wait_for_room_is_said_as_such():
    """Where executors were scarce the sentence does not claim a start on arrival, nor a place as the cause."""
    made = page(row("hard", -3.0, late_jobs=4, longest_delay_h=2.0), row("elastic", 20.0))

    assert made.lead[1] == (
        "30 elastic jobs saved 20.0 %. Hard work started when it arrived, but for 4 jobs that waited for a free "
        "executor: 30 hard jobs lost 3.0 %."
    )


def test_a_single_job_is_one_job():
    """Numbers and nouns agree."""
    made = page(row("hard", -3.0, jobs=1, late_jobs=1), row("elastic", 20.0, jobs=1))

    assert made.lead[1] == (
        "1 elastic job saved 20.0 %. Hard work started when it arrived, but for 1 job that waited for a free "
        "executor: 1 hard job lost 3.0 %."
    )


def test_the_table_has_a_row_for_each_policy_and_class():
    """Run-now at home is left out: it is what the others are counted against."""
    made = page(row("hard", 0.0, policy="run-now"), row("hard", 0.0), row("elastic", 20.0))
    figure = next(f for f in made.figures if f.key == "classes")

    assert [cells[:3] for cells in figure.table.rows] == [("window", "hard", 30), ("window", "elastic", 30)]
    assert "jobs moved" not in figure.table.headers


@pytest.mark.parametrize("rows", [(), (row("hard", None), row("elastic", None))], ids=["one-class", "unknown"])
def test_nothing_is_said_where_there_is_nothing_to_say(rows):
    """One class needs no table, and unknown savings no sentence."""
    made = page(*rows)

    assert len(made.lead) == 1
    assert any(f.key == "classes" for f in made.figures) == bool(rows)
