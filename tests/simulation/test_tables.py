"""Tables from users: the declared dialect is read, everything else is named by row and column."""

import gzip

import pytest

from gridtide.domain.errors import MalformedFile
from gridtide.simulation.tables import read_table


def write(tmp_path, content, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_byte_order_mark_and_carriage_returns_are_read(tmp_path):
    """What spreadsheet programs write is fine."""
    table = read_table(write(tmp_path, b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n"))

    assert table.numbers("a").tolist() == [1.0, 3.0]


def test_gzip_is_read_by_its_name(tmp_path):
    """A name ending in .gz is inflated."""
    table = read_table(write(tmp_path, gzip.compress(b"a\n1\n"), "table.csv.gz"))

    assert table.counts("a").tolist() == [1]


def test_quoted_newlines_stay_in_their_cell(tmp_path):
    """A quoted cell may hold a line break."""
    assert read_table(write(tmp_path, 'a,b\n"x\ny",1\n')).text("a") == ["x\ny"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("a;b\n1;2\n", "no column 'a'", id="semicolons"),
        pytest.param('a,b\n"1,5",2\n', r"table.csv:2:1 a is '1,5'", id="decimal comma"),
        pytest.param("a,a\n1,2\n", "column 'a' twice", id="duplicate header"),
        pytest.param("b\n1\n", "no column 'a'", id="missing column"),
        pytest.param("a,b\n1,2,\n", "table.csv:2 has 3 cells", id="trailing blank cell"),
        pytest.param("# note\na,b\n1,2\n", "no column 'a'|has 2 cells", id="comment"),
        pytest.param("a,b\n1,\n,2\n", r"table.csv:3:1 a is ''", id="empty cell"),
        pytest.param("a,b\nnan,1\n", r"a is 'nan'", id="not finite"),
        pytest.param('a,b\n"1,2\n', r"table.csv:2 ", id="open quote"),
        pytest.param(b"a,b\n1,2\n\xff,3\n", "table.csv:3 is not UTF-8", id="other encoding"),
    ],
)
def test_another_dialect_is_refused_by_place(tmp_path, content, message):
    """Nothing is sniffed or guessed."""
    with pytest.raises(MalformedFile, match=message):
        read_table(write(tmp_path, content), required=("a",)).numbers("a")


def test_a_truncated_gzip_file_is_refused(tmp_path):
    """Half a file is no file."""
    with pytest.raises(MalformedFile, match="no complete gzip"):
        read_table(write(tmp_path, gzip.compress(b"a\n" + b"1\n" * 5000)[:-20], "table.csv.gz"))


def test_a_negative_count_is_refused(tmp_path):
    """A duration below its least value is named, not clipped."""
    with pytest.raises(MalformedFile, match="a whole number from 1"):
        read_table(write(tmp_path, "a\n4\n0\n")).counts("a", least=1)


def test_a_count_that_no_sum_could_hold_is_refused(tmp_path):
    """It is named as it stands, not wrapped round to another number."""
    with pytest.raises(
        MalformedFile, match="table.csv:2:1 a is '99999999999999999980'; allowed: a whole number from 0 to"
    ):
        read_table(write(tmp_path, "a\n99999999999999999980\n")).counts("a")


@pytest.mark.parametrize("cell", ["yesterday", "2020-13-01", ""])
def test_a_time_that_is_none_is_refused(tmp_path, cell):
    """Times are ISO 8601."""
    with pytest.raises(MalformedFile, match="an ISO 8601 time"):
        read_table(write(tmp_path, f"a,b\n{cell},1\n")).wall_clock_seconds("a")


def test_unsorted_times_are_refused(tmp_path):
    """A series runs forward, and no time stands twice."""
    with pytest.raises(MalformedFile, match="table.csv:3:1"):
        read_table(write(tmp_path, "a\n2020-01-01 01:00\n2020-01-01 00:00\n")).wall_clock_seconds("a")


def test_times_with_an_offset_become_utc(tmp_path):
    """One o'clock in summer Berlin is 23:00 the day before."""
    table = read_table(write(tmp_path, "a\n1970-01-02T01:00+02:00\n"))

    assert table.wall_clock_seconds("a").tolist() == [23 * 3600]


def test_a_missing_file_is_named(tmp_path):
    """The message holds the path."""
    with pytest.raises(MalformedFile, match="nowhere.csv"):
        read_table(tmp_path / "nowhere.csv")
