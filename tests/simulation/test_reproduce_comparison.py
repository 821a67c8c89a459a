"""A table beside ours: how it is laid out, matched and told."""

import json

import pytest

from gridtide.domain.errors import InvalidInput
from gridtide.simulation.reproduce.comparison import Measure, Report, Section, match_rows, named_files, with_recorded


def report(rows, recorded=None, **more):
    section = Section(
        title="A table",
        keys=("country", "deadline_rule"),
        measures=(Measure("savings_pct", "savings_pct", 0.01), Measure("savings_pct", "published_savings_pct", 0.01)),
        rows=tuple(rows),
        recorded=recorded or (None,) * len(rows),
        **more,
    )
    return Report(
        paper="p",
        title="A paper with a long title that does not fit into one line of a usual terminal, at all",
        sections=(section,),
    )


ROW = {"country": "gb", "deadline_rule": "next_workday", "savings_pct": 6.5}


def test_no_line_is_wider_than_a_terminal():
    """Many columns go on in further blocks that repeat the keys."""
    names = [f"a_rather_long_name_{k}" for k in range(12)]
    row = ROW | dict.fromkeys(names, 12345.6789)

    lines = list(report([row], also=tuple(names)).lines(80))

    assert max(len(line) for line in lines) <= 80
    assert sum(line.startswith("country") for line in lines) > 1
    assert " ".join(lines).count("12345.7") == 12


def test_every_recorded_value_stands_beside_ours_once():
    """The column itself is not repeated for its second recorded value."""
    lines = list(report([ROW], ({"savings_pct": "6.4", "published_savings_pct": "6.56"},)).lines())

    assert lines[-4].split() == ["gb", "next_workday", "6.5000", "(6.4000)", "(6.5600)"]
    assert " ".join(lines[-2:]).startswith("Largest difference: savings_pct of gb next_workday: ours 6.5, recorded 6.4")


def test_a_figure_that_does_not_exist_is_null():
    """JSON has no NaN, and a dash says the same to people."""
    made = report([ROW | {"savings_pct": float("nan")}])

    assert json.loads(json.dumps(made.to_json(), allow_nan=False))["rows"][0]["savings_pct"] is None
    assert any(line.split() == ["gb", "next_workday", "-"] for line in made.lines())


def test_a_table_for_people_is_not_in_the_rows_for_programs():
    """And the other way round."""
    people, programs = report([ROW], only="text"), report([ROW], only="json")

    assert people.to_json()["rows"] == []
    assert len(programs.to_json()["rows"]) == 1
    assert "A table" in list(people.lines())
    assert "A table" not in list(programs.lines())


def test_recorded_rows_of_one_identity_complete_each_other():
    """Numbers match by value; an empty cell takes nothing away; the later row has the last word."""
    recorded = [{"k": "0.10", "a": "1", "b": "2"}, {"k": "0.1", "a": "3", "b": ""}]

    assert match_rows([{"k": 0.1}], recorded, ("k",)) == ({"k": "0.1", "a": "3", "b": "2"},)
    assert with_recorded([{"k": 0.1}], recorded, ("k",), ("b", "c")) == [{"k": 0.1, "b": 2.0, "c": None}]


def test_an_added_file_stands_in_for_the_folders(tmp_path):
    """The same file may be named twice; two different ones of one zone may not."""
    one, two = tmp_path / "gb.csv", tmp_path / "x" / "gb.csv"

    assert named_files([one], [two, two], lambda path: path.stem) == {"gb": two}
    with pytest.raises(InvalidInput, match="both zone 'gb'"):
        named_files([], [one, two], lambda path: path.stem)
