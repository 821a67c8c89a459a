"""CAP: recorded quotas and ratios."""

import json

import pytest

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.simulation.reproduce import reproduce
from support import shared_dir


@pytest.mark.shared
def test_recorded_quotas_and_ratios_are_exact():
    """96 quotas agree to the executor, limits and ratios to nine digits."""
    report = reproduce("cap", data=shared_dir("runs"))

    assert report.largest_difference.tolerances <= 1.0
    quotas = report.sections[0]
    assert len(quotas.rows) == 96
    assert all(d.absolute == 0 for d in quotas.differences() if d.measure.column == "allowed")


def folder(tmp_path, content):
    (tmp_path / "cap").mkdir()
    (tmp_path / "cap/cap_kmin_vectors.json").write_text(content)
    return tmp_path


def test_one_quota_by_hand(tmp_path):
    """Between lowest and highest the quota lies between all and the minimum."""
    line = {"ci": 250.0, "L": 100, "U": 400, "min_execs": 2, "driver_pods": 0, "max_execs": 10}
    data = folder(tmp_path, json.dumps({"cap_vectors": [line], "k_min_search_alpha": [{"theta": 4, "k": 1}]}))

    quota, ratio = (section.rows[0] for section in reproduce("cap", data=data).sections)

    assert 2 <= quota["allowed"] < 10
    assert ratio["alpha_k"] == pytest.approx(2.0)


def test_a_zone_file_is_refused(tmp_path):
    """There is no zone in a formula; ignoring the file would look like using it."""
    with pytest.raises(InvalidInput, match="no zone file"):
        reproduce("cap", data=tmp_path, zone_files=[tmp_path / "x.csv"])


@pytest.mark.parametrize("content", ["", "{}", '{"cap_vectors": [{}], "k_min_search_alpha": []}'])
def test_another_shape_is_named(tmp_path, content):
    """Lines without their bounds cannot be computed."""
    with pytest.raises(MalformedFile, match="cap_kmin_vectors.json"):
        reproduce("cap", data=folder(tmp_path, content))


def vectors(tmp_path, **lists):
    (tmp_path / "cap").mkdir()
    (tmp_path / "cap/cap_kmin_vectors.json").write_text(json.dumps(lists))
    return tmp_path


LINE = {"ci": 107, "L": 100, "U": 110, "min_execs": 2, "driver_pods": 0, "max_execs": 6}


def test_bounds_within_a_tenth_follow_the_formula(tmp_path):
    """L' = 110 = U makes the ratio 1 and every threshold U: all run up to U, the least above it."""
    lines = [LINE, LINE | {"ci": 111}]

    below, above = reproduce("cap", data=vectors(tmp_path, cap_vectors=lines)).sections[0].rows

    assert (below["allowed"], above["allowed"]) == (6, 2)
    assert below["alpha"] == pytest.approx(1.0)
    assert below["thresholds_first3"] == pytest.approx([110.0] * 3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({key: LINE[key] for key in LINE if key != "U"}, "cap_vectors line 2 has no 'U'"),
        (LINE | {"L": 0}, "cap_vectors line 2: low is 0"),
        (LINE | {"ci": "green"}, "cap_vectors line 2: "),
    ],
)
def test_the_line_that_is_wrong_is_named(tmp_path, line, message):
    """Among many lines the reader finds it."""
    with pytest.raises(MalformedFile, match=message):
        reproduce("cap", data=vectors(tmp_path, cap_vectors=[LINE, line]))
