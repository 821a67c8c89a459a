"""Records hold our values exactly."""

from __future__ import annotations

import dataclasses
import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import MalformedFile
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality, Signal, SignalKind
from gridtide.domain.workload import Elasticity, OnNoData, Workload
from gridtide.ledger import codec
from gridtide.planning.plan import PlanOptions
from gridtide.planning.question import Question, answer
from support import DEMO, HOUR, T0, at, hourly


class Shelf(dict):
    """Keeps packed series by digest, as the journal does."""

    def keep(self, series):
        packed = codec.pack_series(series)
        self[codec.digest_of(packed)] = packed
        return codec.digest_of(packed)

    def find(self, digest):
        return codec.unpack_series(self[digest])


def there_and_back(value):
    shelf = Shelf()
    return codec.loads(codec.dumps(value, keep=shelf.keep), find=shelf.find)


FULL = Workload(
    id="nightly 'etl'\u2603",
    duration=timedelta(hours=2, microseconds=1),
    elasticity=Elasticity.SOFT,
    release=T0,
    deadline=at(9.123456),
    power_profile_w=(0.1, 1e-320, 3.0),
    residency=frozenset({"DE", "FR"}),
    regions=("DE", "FR"),
    on_no_data=OnNoData.WAIT,
)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(FULL, id="a workload with everything"),
        pytest.param(PlanOptions(percentile=25.0, history=hourly(1, 2, 3)), id="options with a series"),
        pytest.param(Question(workload=FULL, now=T0, series=hourly(1, None, 3)), id="a question on a series with a gap"),
        pytest.param((0.0, -0.0, 0.1 + 0.2, 5e-324, math.inf, -math.inf), id="floats at the edges"),
        pytest.param((None, True, 1, 1.0, "1", "", ()), id="things that look alike"),
        pytest.param("lone \udcff surrogate", id="a name that is no UTF-8"),
        pytest.param(FreshnessStep.STALE, id="an enum"),
    ],
)  # fmt: skip
def test_what_comes_out_equals_what_went_in(value):
    """Every value of a record survives, type and sign included."""
    back = there_and_back(value)

    assert back == value
    assert repr(back) == repr(value)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.floats(0, 1e9)), min_size=1, max_size=30),
    quality=st.sampled_from(Quality),
)
def test_a_decision_survives_bit_for_bit(values, quality):
    """A decision on any series equals the one read back, with every float the same."""
    series = hourly(*values, signal=dataclasses.replace(DEMO, quality=quality))
    job = Workload(id="x", duration=HOUR, release=T0, deadline=at(9), power_w=333.3)
    question = Question(workload=job, now=T0, series=series, step=FreshnessStep.LIVE)
    decision = answer(question)

    assert there_and_back(question) == question
    assert repr(there_and_back(decision)) == repr(decision)


def test_a_series_of_lines_survives():
    """Linear steps keep their end values and their labels."""
    signal = Signal(SignalKind.MARGINAL, provider="demo", zone="X", issued_at=T0, attribution="Demo \u00a9")
    line = Series.line(signal, [T0, at(1), at(3)], [-1.5, 2.5, 0.1])

    assert codec.unpack_series(codec.pack_series(line)) == line
    assert codec.unpack_series(codec.pack_series(line)).shape is line.shape


def test_the_same_content_has_the_same_digest():
    """Two readings with equal values and labels are kept once."""
    assert codec.pack_series(hourly(1, 2)) == codec.pack_series(hourly(1, 2))
    assert codec.pack_series(hourly(1, 2)) != codec.pack_series(hourly(1, 3))


def test_a_record_of_a_neighbouring_version_is_read():
    """A field we do not know is left out, a field that is missing takes its default."""
    text = codec.dumps(Workload(id="x", duration=HOUR), keep=Shelf().keep)
    newer = text.replace('"id":"x"', '"id":"x","colour":"green"').replace('"pue":1.0,', "")

    assert codec.loads(newer, find=Shelf().find) == Workload(id="x", duration=HOUR)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"$is":"Secret"}',
        '{"$enum":"Action.fly"}',
        '{"$at":"yesterday"}',
        '{"$series":"beef"}',
        '{"plain":"dict"}',
        '{"$is":"Workload","id":"x"}',
        "[" * 100_000,
    ],
    ids=["empty", "cut", "class", "enum", "time", "series", "dict", "incomplete", "deep"],
)
def test_what_is_not_ours_is_refused(text):
    """Damaged or foreign text raises one error that says so."""
    with pytest.raises(MalformedFile, match="record"):
        codec.loads(text, find=Shelf().find)


@pytest.mark.parametrize("packed", [b"", b"no zlib", codec.zlib.compress(b"[]"), codec.zlib.compress(b'{"signal":1}')])
def test_a_damaged_series_is_refused(packed):
    """Bytes that are no series raise one error that says so."""
    with pytest.raises(MalformedFile, match="series"):
        codec.unpack_series(packed)


def test_a_series_that_unfolds_without_end_is_refused():
    """A small file cannot fill the memory."""
    bomb = codec.zlib.compress(b" " * (codec.LARGEST_SERIES + 1))

    with pytest.raises(MalformedFile, match="larger than"):
        codec.unpack_series(bomb)


def test_a_value_without_a_place_is_refused():
    """Only known values get into a record."""
    with pytest.raises(TypeError, match="set has no place"):
        codec.dumps({1, 2}, keep=Shelf().keep)
