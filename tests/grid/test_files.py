"""A user's own series: what is read, what is a gap, and what is refused at which place."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import CarbonError, InvalidInput, MalformedFile, NaiveDatetime, UnitMismatch
from gridtide.domain.series import StepShape
from gridtide.domain.signal import SignalKind
from gridtide.grid.files import read_series

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def write(tmp_path, text, name="mix.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def hours(*values, header="time,value"):
    rows = [f"{(T0 + i * HOUR).isoformat()},{v}" for i, v in enumerate(values)]
    return "\n".join([header, *rows]) + "\n"


def refused(tmp_path, text, match, *, error=MalformedFile, name="mix.csv", **options):
    with pytest.raises(error, match=match) as caught:
        read_series(write(tmp_path, text, name), **options)
    return caught.value


class TestSteps:
    def test_a_row_holds_until_the_next_one_and_the_last_for_the_usual_step(self, tmp_path):
        """Three hourly rows make three hours."""
        read = read_series(write(tmp_path, hours(100, 200, 300)))

        assert [(s, e, v) for s, e, v, _ in read.series] == [
            (T0, T0 + HOUR, 100.0),
            (T0 + HOUR, T0 + 2 * HOUR, 200.0),
            (T0 + 2 * HOUR, T0 + 3 * HOUR, 300.0),
        ]
        assert read.warnings == ()

    @pytest.mark.parametrize("blank", ["", "nan", "NaN", "  "])
    def test_a_blank_value_is_a_gap_and_never_zero(self, tmp_path, blank):
        """Where nothing is known there is no step; zero beside it is a value."""
        series = read_series(write(tmp_path, hours(100, blank, 0))).series

        assert series.values.tolist() == [100.0, 0.0]
        assert [str(gap) for gap in series.gaps] == ["2026-01-01T01:00:00Z/2026-01-01T02:00:00Z"]

    def test_a_missing_row_in_a_regular_file_is_a_gap_with_a_warning(self, tmp_path):
        """Nobody measured the missing hours, so the row before does not stretch over them."""
        kept = [i for i in range(12) if i not in {5, 6}]
        text = "time,value\n" + "".join(f"{(T0 + i * HOUR).isoformat()},{i}\n" for i in kept)
        read = read_series(write(tmp_path, text))

        assert [str(gap) for gap in read.series.gaps] == ["2026-01-01T05:00:00Z/2026-01-01T07:00:00Z"]
        assert "1 gap(s) where rows are missing, the first from 2026-01-01T05:00:00Z" in read.warnings[0]

    def test_irregular_rows_hold_until_the_next_one_with_a_warning(self, tmp_path):
        """Half-hours and hours mixed are unequal steps, not gaps."""
        text = "time,value\n2026-01-01T00:00Z,1\n2026-01-01T00:30Z,2\n2026-01-01T01:30Z,3\n2026-01-01T02:00Z,4\n2026-01-01T04:00Z,5\n"
        read = read_series(write(tmp_path, text))

        assert not read.series.gaps
        assert read.series.end == T0 + timedelta(hours=4, minutes=30)
        assert read.warnings == ("steps differ in length (30, 60, 120 minutes ...); each row holds until the next one",)

    def test_linear_rows_are_joined_and_the_last_one_ends_the_series(self, tmp_path):
        """Half way between 100 and 200 stands 150; a blank breaks the line on both sides."""
        series = read_series(write(tmp_path, hours(100, 200, "", 50, 70)), step_shape="linear").series

        assert series.shape is StepShape.LINEAR
        assert series.value_at(T0 + 0.5 * HOUR) == 150.0
        assert series.end == T0 + 4 * HOUR
        assert [str(gap) for gap in series.gaps] == ["2026-01-01T01:00:00Z/2026-01-01T03:00:00Z"]

    def test_rows_with_their_own_end_need_no_pace(self, tmp_path):
        """Columns start,end,value say it all, in any column order, gaps included."""
        text = "value,start,end\n5,2026-01-01T00:00Z,2026-01-01T00:15Z\n7,2026-01-01T02:00Z,2026-01-01T03:00Z\n"
        series = read_series(write(tmp_path, text)).series

        assert [(s, e, v) for s, e, v, _ in series] == [
            (T0, T0 + timedelta(minutes=15), 5.0),
            (T0 + 2 * HOUR, T0 + 3 * HOUR, 7.0),
        ]

    def test_equal_duplicates_are_dropped_with_a_warning(self, tmp_path):
        """The same row twice says the same once."""
        text = "time,value\n2026-01-01T00:00Z,1\n2026-01-01T00:00Z,1\n2026-01-01T01:00Z,2\n"
        read = read_series(write(tmp_path, text))

        assert read.series.values.tolist() == [1.0, 2.0]
        assert read.warnings == ("mix.csv:3:2: 1 repeated equal row(s) dropped",)

    @given(st.lists(st.one_of(st.none(), st.floats(0, 2000)), min_size=2, max_size=40))
    @settings(max_examples=60, deadline=None)
    def test_what_is_written_is_what_is_read(self, tmp_path_factory, values):
        """Every known value comes back exactly, and nothing comes from a blank."""
        path = tmp_path_factory.mktemp("own") / "own.csv"
        path.write_text(hours(*("" if v is None else repr(v) for v in values)))
        known = [v for v in values if v is not None]
        if not known:
            with pytest.raises(MalformedFile, match="every value is blank"):
                read_series(path)
            return

        assert read_series(path).series.values.tolist() == known


class TestUnits:
    def test_values_are_converted_once(self, tmp_path):
        """870 lb/MWh are 394.6254 g/kWh."""
        series = read_series(write(tmp_path, hours(870, 870)), unit="lb/MWh").series

        assert round(float(series.values[0]), 4) == 394.6254

    def test_a_percentage_is_no_carbon_intensity(self, tmp_path):
        """B76: an index read as grams is refused; as a relative signal it is fine."""
        refused(tmp_path, hours(10, 90), "not a carbon intensity", error=UnitMismatch, unit="percent")

        relative = read_series(write(tmp_path, hours(10, 90)), kind=SignalKind.RELATIVE, unit="percent").series
        assert relative.signal.unit == "percent"

    def test_a_marginal_rate_or_price_may_be_negative(self, tmp_path):
        """Only an average below zero is impossible."""
        series = read_series(write(tmp_path, hours(-5, 5)), kind=SignalKind.PRICE).series

        assert series.values.tolist() == [-5.0, 5.0]


class TestDialectB78:
    def test_bom_crlf_comments_and_trailing_blanks_are_fine(self, tmp_path):
        """What spreadsheets add does no harm."""
        text = b"\xef\xbb\xbf# from a meter\r\n#\r\n\r\ntime,value\r\n2026-01-01T00:00Z, 1 \r\n2026-01-01T01:00Z,2\r\n\r\n\r\n"

        assert read_series(write(tmp_path, text)).series.values.tolist() == [1.0, 2.0]

    @pytest.mark.parametrize(
        ("text", "place", "problem"),
        [
            ("time;value\n2026-01-01T00:00Z;1\n", "1:1", "no column 'time'"),
            (hours("1,5", "2,5"), "2:3", "the row has 3 cells, the header has 2"),
            ("time,value,value\n", "1:3", "column 'value' is there twice"),
            ("time,intensity\n2026-01-01T00:00Z,1\n", "1:1", "no column 'value'"),
            (hours(1, "x"), "3:2", "value 'x' is no number"),
            (hours(1, "1_000"), "3:2", "value '1_000' is no number"),
            (hours(1, "0x10"), "3:2", "value '0x10' is no number"),
            (hours(1, "inf"), "3:2", "value 'inf' is no number"),
            (hours(1, "1e400"), "3:2", "infinite or too large"),
            (hours(1, "-3"), "3:2", "below zero"),
            (hours(1, 2) + "# late comment\n" + hours(3).splitlines()[1] + "\n", "4:2", "the row has 1 cells"),
            ("time,value\n2026-01-01T00:00Z,1\n\n2026-01-01T01:00Z,1\n", "3:1", "the row is empty"),
            ('time,value\n"2026-01-01T00:00Z\n",1\n', "2:1", "goes on in the next line"),
            ("", "1:1", "there is no header"),
            ("# only a comment\n", "1:1", "there is no header"),
            (b"time,value\n2026-01-01T00:00Z,\xff\n", "2:2", "not UTF-8"),
            ("time,value\n2026-01-01T00:00Z,1\n".encode("utf-16"), "1:1", "the file is UTF-16"),
            (b"time,value\n2026-01-01T00:00Z,1\0\n", "2:1", "NUL byte"),
            ("time,value\nyesterday,1\n", "2:1", "'yesterday' is not an ISO 8601 time"),
            ("time,value\n1711065600,1\n", "2:1", "not"),
            ("time,value\n2026-02-29T00:00Z,1\n", "2:1", "2026-02-29"),
            ("time,value\n2016-12-31T23:59:60Z,1\n", "2:1", "23:59:60"),
            ("time,value\n0001-01-01T00:00Z,1\n", "2:1", "year 1 is out of range"),
            ("time,value\n2026-01-01T01:00Z,1\n2026-01-01T00:00Z,1\n", "3:2", "comes after"),
            ("time,value\n2026-01-01T00:00Z,1\n2026-01-01T00:00Z,2\n", "3:2", "twice with different values"),
            ("start,end,value\n2026-01-01T01:00Z,2026-01-01T00:00Z,1\n", "2:3", "ends at or before its start"),
            (
                "start,end,value\n2026-01-01T00:00Z,2026-01-01T02:00Z,1\n2026-01-01T01:00Z,2026-01-01T03:00Z,1\n",
                "3:3",
                "before the row above it ends",
            ),
            ("time,value\n" + "9" * 70_000, "2:1", "longer than 65536 bytes"),
        ],
    )
    def test_anything_else_is_refused_at_its_row_and_column(self, tmp_path, text, place, problem):
        """The message starts with file:row:column and says what is wrong."""
        error = refused(tmp_path, text, "^mix.csv:")

        assert error.message.startswith(f"mix.csv:{place}: ")
        assert problem in error.message

    def test_one_row_alone_has_no_length(self, tmp_path):
        """Nothing tells how long a single row holds."""
        refused(tmp_path, hours(5), "one row only")

    def test_unused_columns_are_named(self, tmp_path):
        """A third column is not silently meaningful."""
        read = read_series(write(tmp_path, "time,value,unit\n2026-01-01T00:00Z,1,kg\n2026-01-01T01:00Z,2,kg\n"))

        assert read.warnings == ("mix.csv:1: column(s) unit not used",)

    def test_own_export_is_read_without_a_word(self, tmp_path):
        """The column of qualities that `gridtide data import` writes is no surprise."""
        text = "start,end,value,quality\n2026-01-01T00:00Z,2026-01-01T01:00Z,7,measured\n"

        assert read_series(write(tmp_path, text)).warnings == ()


def local_day(day, count, minutes=60, skip=()):
    """Rows of wall times of one day, as a meter with a local clock writes them."""
    rows, wall = [], datetime.fromisoformat(day)
    for i in range(count):
        rows.append((wall + i * timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M"))
    return [row for row in rows if row[11:] not in skip]


class TestLocalTimeB79:
    def test_a_time_without_offset_needs_a_zone(self, tmp_path):
        """A naive time is refused at its place, with the flag that helps."""
        error = refused(tmp_path, "time,value\n2026-01-01T00:00,1\n", "mix.csv:2:1", error=NaiveDatetime)

        assert "--tz" in error.hint

    def test_the_repeated_hour_is_read_twice(self, tmp_path):
        """The 25-hour day in London has 25 rows; order tells summer from winter time."""
        day = local_day("2026-10-25T00:00", 2) + local_day("2026-10-25T01:00", 23)
        rows = local_day("2026-10-24T00:00", 24) + day + local_day("2026-10-26T00:00", 24)
        text = "time,value\n" + "".join(f"{t},{i}\n" for i, t in enumerate(rows))
        read = read_series(write(tmp_path, text), tz="Europe/London")

        assert read.warnings == ()
        assert not read.series.gaps
        assert read.series.end - read.series.start == timedelta(hours=73)

    def test_a_24_row_day_of_25_hours_is_called_out(self, tmp_path):
        """Somebody dropped the repeated hour: a gap and two warnings."""
        rows = [t for d in ("2026-10-24", "2026-10-25", "2026-10-26") for t in local_day(f"{d}T00:00", 24)]
        text = "time,value\n" + "".join(f"{t},1\n" for t in rows)
        read = read_series(write(tmp_path, text), tz="Europe/London")

        assert "2026-10-25 has 25 hours in Europe/London, so 25 rows, but 24 are there" in read.warnings
        assert [str(gap) for gap in read.series.gaps] == ["2026-10-25T01:00:00Z/2026-10-25T02:00:00Z"]

    def test_an_hour_that_spring_skips_is_refused(self, tmp_path):
        """01:30 on 29 March does not exist in London; the next valid time is named."""
        error = refused(tmp_path, "time,value\n2026-03-29T01:30,1\n", "does not exist", tz="Europe/London")

        assert error.hint == "the next valid time is 2026-03-29T02:30:00"

    def test_a_23_hour_day_is_complete_without_the_skipped_hour(self, tmp_path):
        """23 rows are right on that day."""
        day = local_day("2026-03-29T00:00", 24, skip={"01:00"})
        rows = local_day("2026-03-28T00:00", 24) + day + local_day("2026-03-30T00:00", 24)
        text = "time,value\n" + "".join(f"{t},1\n" for t in rows)
        read = read_series(write(tmp_path, text), tz="Europe/London")

        assert read.warnings == ()
        assert not read.series.gaps

    def test_mixed_times_are_refused(self, tmp_path):
        """A file keeps to one way of writing times."""
        text = "time,value\n2026-01-01T00:00,1\n2026-01-01T01:00Z,1\n"

        refused(tmp_path, text, "with and without an offset are mixed", tz="Europe/London")

    @pytest.mark.parametrize("tz", ["CET", "UTC+2", "Mars/Base", "", "../../etc/passwd", "Europe"])
    def test_only_iana_names_are_time_zones(self, tmp_path, tz):
        """An abbreviation or a path is not a time zone."""
        refused(tmp_path, hours(1, 2), "allowed: an IANA name", error=InvalidInput, tz=tz)

    def test_a_leap_day_exists_in_leap_years_only(self, tmp_path):
        """29 February 2028 is a day like any other."""
        text = "time,value\n2028-02-29T23:00Z,1\n2028-03-01T00:00Z,2\n"

        assert read_series(write(tmp_path, text)).series.size == 2


class TestJson:
    @pytest.mark.parametrize(
        "tree",
        [
            [{"time": "2026-01-01T00:00Z", "value": 1}, {"time": "2026-01-01T01:00Z", "value": 2.5}],
            {"points": [{"time": "2026-01-01T00:00Z", "value": 1}, {"time": "2026-01-01T01:00Z", "value": 2.5}]},
            {
                "points": [
                    {"start": "2026-01-01T00:00Z", "end": "2026-01-01T01:00Z", "value": 1},
                    {"start": "2026-01-01T01:00Z", "end": "2026-01-01T02:00Z", "value": 2.5},
                ]
            },
        ],
        ids=["list", "points", "spans"],
    )
    def test_three_shapes_mean_the_same(self, tmp_path, tree):
        """A list, points with times, points with spans."""
        series = read_series(write(tmp_path, json.dumps(tree), "own.json")).series

        assert [(s, e, v) for s, e, v, _ in series] == [
            (T0, T0 + HOUR, 1.0),
            (T0 + HOUR, T0 + 2 * HOUR, 2.5),
        ]

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("[", "not JSON"),
            ('{"a": 1}', "holds no list of points"),
            ("[1]", r"points\[0\]: is int, not an object"),
            ('[{"time": "2026-01-01T00:00Z"}]', r"points\[0\]: has no 'value'; a gap is written as null"),
            ('[{"time": "2026-01-01T00:00Z", "value": true}]', r"points\[0\].value: is 'True'"),
            ('[{"time": "2026-01-01T00:00Z", "value": "5"}]', r"points\[0\].value: is '5'"),
            ('[{"time": "2026-01-01T00:00Z", "value": Infinity}]', "infinite"),
            ('[{"time": "2026-01-01T00:00Z", "value": 1e400}]', "infinite"),
            ('[{"time": 17, "value": 1}]', r"points\[0\].time: is '17', not a text"),
            ('[{"time": "2026-01-01T00:00Z", "value": 1' + "0" * 400 + "}]", "infinite"),
            ("[" * 100_000, "nested too deeply|not JSON"),
            ("[" + "9" * 5000 + "]", "too many digits"),
        ],
    )
    def test_other_shapes_are_refused_at_their_path(self, tmp_path, text, problem):
        """The message names the point."""
        refused(tmp_path, text, problem, name="own.json")

    def test_null_is_a_gap(self, tmp_path):
        """Null and NaN are unknown, zero is zero."""
        points = [{"time": (T0 + i * HOUR).isoformat(), "value": v} for i, v in enumerate([0, None, float("nan"), 3])]
        series = read_series(write(tmp_path, json.dumps(points), "own.json")).series

        assert series.values.tolist() == [0.0, 3.0]


class TestParquet:
    def test_timestamps_and_texts_are_read(self, tmp_path):
        """Both give the series the CSV form gives; null is a gap."""
        times = [T0 + i * HOUR for i in range(3)]
        pl.DataFrame({"time": times, "value": [1, None, 3]}).write_parquet(tmp_path / "a.parquet")
        pl.DataFrame({"time": [t.isoformat() for t in times], "value": [1.0, None, 3.0]}).write_parquet(
            tmp_path / "b.parquet"
        )
        first, second = (read_series(tmp_path / name).series for name in ("a.parquet", "b.parquet"))

        assert first.values.tolist() == second.values.tolist() == [1.0, 3.0]
        assert first.starts_ns.tolist() == second.starts_ns.tolist()

    def test_naive_timestamps_need_a_zone(self, tmp_path):
        """As in the CSV form."""
        path = tmp_path / "a.parquet"
        pl.DataFrame({"time": [datetime(2026, 7, 1), datetime(2026, 7, 1, 1)], "value": [1, 2]}).write_parquet(path)  # noqa: DTZ001 - naive on purpose
        with pytest.raises(NaiveDatetime):
            read_series(path)

        assert read_series(path, tz="Europe/London").series.start == datetime(2026, 6, 30, 23, tzinfo=UTC)

    def test_a_truncated_file_is_refused(self, tmp_path):
        """Half a Parquet file is none."""
        path = tmp_path / "a.parquet"
        pl.DataFrame({"time": [T0 + i * HOUR for i in range(500)], "value": list(range(500))}).write_parquet(path)
        whole = path.read_bytes()
        for size in (0, 3, len(whole) // 2, len(whole) - 4):
            path.write_bytes(whole[:size])
            with pytest.raises(MalformedFile, match="not a whole Parquet file"):
                read_series(path)

    def test_other_columns_are_refused(self, tmp_path):
        """Names and types are declared."""
        pl.DataFrame({"when": ["x"], "value": [1]}).write_parquet(tmp_path / "a.parquet")
        pl.DataFrame({"time": ["2026-01-01T00:00Z"], "value": ["1"]}).write_parquet(tmp_path / "b.parquet")
        with pytest.raises(MalformedFile, match="no column 'time'"):
            read_series(tmp_path / "a.parquet")
        with pytest.raises(MalformedFile, match="not numbers"):
            read_series(tmp_path / "b.parquet")


class TestFileKindsB80:
    def test_what_is_no_regular_file_is_refused(self, tmp_path):
        """A directory, a FIFO, a symlink loop, a missing file, an odd name: no hang and no traceback."""
        (tmp_path / "folder.csv").mkdir()
        os.mkfifo(tmp_path / "pipe.csv")
        (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
        cases = {
            "folder.csv": "is a directory",
            "pipe.csv": "is not a regular file",
            "loop.csv": "cannot be opened",
            "none.csv": "cannot be opened",
            "x\0.csv": "cannot be opened",
            "x" * 300 + ".csv": "cannot be opened",
        }
        for name, problem in cases.items():
            with pytest.raises(MalformedFile, match=problem):
                read_series(tmp_path / name)

    def test_a_huge_file_is_refused_before_it_is_read(self, tmp_path):
        """A sparse file of 50 GB costs nothing to refuse."""
        path = tmp_path / "huge.csv"
        with path.open("wb") as stream:
            stream.truncate(50 * 1024**3)

        with pytest.raises(MalformedFile, match=r"53687091200 bytes long; allowed: at most 536870912"):
            read_series(path)

    def test_an_unknown_ending_is_refused(self, tmp_path):
        """The format is declared by the ending, never sniffed."""
        refused(tmp_path, hours(1, 2), "format '.xls' is not known", name="mix.xls")

    def test_an_unknown_step_shape_is_refused(self, tmp_path):
        """Only two shapes exist."""
        refused(tmp_path, hours(1, 2), "allowed: constant, linear", error=InvalidInput, step_shape="cubic")

    @given(st.binary(max_size=200))
    @settings(max_examples=100, deadline=None)
    def test_no_bytes_break_it(self, tmp_path_factory, raw):
        """Any content is read or refused with our own error."""
        folder = tmp_path_factory.mktemp("any")
        for name, head in (("a.csv", b"time,value\n2026-01-01T00:00Z,1\n"), ("a.json", b""), ("b.json", b'[{"time":')):
            path = folder / name
            path.write_bytes(head + raw)
            try:
                read_series(path)
            except CarbonError:
                continue
