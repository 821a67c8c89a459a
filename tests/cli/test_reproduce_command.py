"""``gridtide reproduce``: what it asks for, and what it says meanwhile."""

import json

import pytest

from gridtide.simulation.reproduce import PAPERS


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    monkeypatch.delenv("GRIDTIDE_REPRODUCE_DATA", raising=False)


def test_without_data_it_says_what_is_needed(run):
    """The message names the files, the hint the flag; it is a mistake of the call."""
    result = run("reproduce", "gaia")

    assert result.code == 2
    assert "gaia needs one with data/gaia/ZONE_*_lca.csv.gz and a job trace" in result.err
    assert "add --data DIR" in result.err


def test_an_unknown_paper_is_a_mistake_of_the_call(run):
    """Exit code 2 and the names there are."""
    result = run("reproduce", "lets-hurry", "--json")

    assert result.code == 2
    assert "carbonscaler, forecasting, gaia" in json.loads(result.out)["error"]["message"]


def test_the_help_names_every_paper(run):
    """Nobody has to guess a name to learn the others."""
    text = " ".join(run("reproduce", "--help").out.replace("│", " ").split())

    assert all(paper in text for paper in PAPERS)


def test_a_zone_file_is_enough_where_the_paper_needs_no_more(run, tmp_path):
    """Without any folder the file is looked at, and what is wrong with it is said with line and column."""
    path = tmp_path / "XX_2023.csv"
    path.write_text("datetime_utc,ci_direct,ci_lca\n2023-01-01 00:00,1,lots\n")

    result = run("reproduce", "forecasting", "--zone-file", str(path))

    assert result.code == 65
    assert "XX_2023.csv:2:3 ci_lca is 'lots'; allowed: a finite number" in result.err


def test_progress_goes_to_stderr_and_not_to_programs(run, tmp_path):
    """One object on stdout, nothing else; people see how far it is."""
    (tmp_path / "cap").mkdir()
    (tmp_path / "cap/cap_kmin_vectors.json").write_text(json.dumps({"k_min_search_alpha": [{"theta": 4, "k": 1}]}))

    people = run("reproduce", "cap", "--data", str(tmp_path))
    programs = run("reproduce", "cap", "--data", str(tmp_path), "--json")

    assert "cap: 0 of 1 done" in people.err
    assert "0 of 1" not in programs.err
    assert json.loads(programs.out)["rows"][0]["one_min_sqrt_theta"] == 2.0
