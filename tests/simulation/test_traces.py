"""Traces: declared formats, bad rows set aside with their place, and rows B78 to B82 of the bad-input catalogue."""

import json
import tracemalloc

import numpy as np
import pytest

from gridtide.domain.errors import InvalidInput, MalformedFile, NaiveDatetime
from gridtide.domain.instants import to_ns
from gridtide.simulation import trace_rows
from gridtide.simulation.experiment import run_scenario
from gridtide.simulation.traces import read_trace
from simulation_scenarios import trace, write_zone
from support import at

HOUR_NS = 3_600_000_000_000
HEAD = "id,arrival,duration,slack,power_w,zone,interruptible\n"
GOOD = "a,2026-01-02T00:00Z,2h,6h,500,X,true\n"


class TestOwnCsv:
    def test_a_row_is_a_job(self, tmp_path):
        """Every column means what its name says."""
        jobs, rejected = read_trace(trace(tmp_path, HEAD + GOOD))

        assert rejected == ()
        assert (jobs.name(0), jobs.power_w[0], bool(jobs.interruptible[0])) == ("a", 500.0, True)
        assert jobs.arrival_ns[0] == to_ns(at(24))
        assert jobs.length_ns[0] == jobs.true_ns[0] == 2 * HOUR_NS
        assert jobs.latest_ns[0] == to_ns(at(30))

    def test_a_deadline_bounds_the_end(self, tmp_path):
        """The latest start is the deadline less the duration; seconds may be plain numbers."""
        text = "id,arrival,duration_s,deadline\na,2026-01-02T00:00Z,3600,2026-01-02T10:00Z\n"

        assert read_trace(trace(tmp_path, text))[0].latest_ns[0] == to_ns(at(33))

    def test_without_a_bound_the_scenarios_slack_counts(self, tmp_path):
        """What the trace leaves open comes from the scenario."""
        jobs, _ = read_trace(trace(tmp_path, "id,arrival,duration\na,2026-01-02T00:00Z,1h\n"))

        assert jobs.latest_ns[0] - jobs.arrival_ns[0] == 4 * HOUR_NS
        assert np.isnan(jobs.power_w[0])

    def test_an_old_trace_moves_by_whole_weeks(self, tmp_path):
        """Weekday and hour stay, and the result says that it was moved."""
        text = "id,arrival,duration\na,2019-05-06T07:30Z,1h\n"
        with pytest.raises(MalformedFile, match=r"jobs arrive from 2019-05-06T07:30:00Z .* none in 2026"):
            read_trace(trace(tmp_path, text))
        moved = trace(tmp_path, text, shift=True)

        assert read_trace(moved)[0].arrival_ns[0] == to_ns(at(24 * 4 + 7.5))
        assert "The trace was moved by whole weeks" in " ".join(run_scenario(moved).notes)


class TestDialectB78:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "id;arrival;duration\na;2026-01-02T00:00Z;1h\n",
                r"jobs.csv:1:1: column 'id;arrival;duration' is not known",
            ),
            ("id,arrival,duration,id\n", r"jobs.csv:1:4: column 'id' is there twice"),
            ("id,arrival\n", r"jobs.csv:1:1: the header has no column 'duration'"),
            ("id,arrival,duration,slack,deadline\n", r"deadline and slack are all there; keep one of them"),
            ("", r"jobs.csv:1:1: there is no header"),
            (HEAD + "a,2026-01-02T00:00Z,2h,6h,0,5,X,true\n", r"jobs.csv:2:8: the row has 8 cells, the header has 7"),
            (HEAD + "a,2026-01-02T00:00Z,2h,6h,5 W,X,true\n", r"jobs.csv:2:5: '5 W' is no number"),
            (HEAD + "a,2026-01-02T00:00Z,90,6h,5,X,true\n", r"jobs.csv:2:3: .*the unit is missing"),
            (HEAD + "a,2026-01-02T00:00Z,2h,6h,5,X,maybe\n", r"jobs.csv:2:7: interruptible is 'maybe'"),
            (HEAD + 'a,2026-01-02T00:00Z,"2h\n",6h,5,X,true\n', r"jobs.csv:2:1: a quoted cell goes on"),
            (
                HEAD + "a,2026-01-02T00:00Z,2h,6h,5,Y,true\n",
                r"jobs.csv:2: zone 'Y' is none of the zones: X",
            ),
        ],
    )
    def test_what_is_not_the_declared_dialect_is_refused(self, tmp_path, text, message):
        """Nothing is guessed; the message names row and column."""
        with pytest.raises(MalformedFile, match=message):
            read_trace(trace(tmp_path, text))

    def test_other_encodings_are_refused(self, tmp_path):
        """UTF-16 and Latin-1 are named, not misread."""
        with pytest.raises(MalformedFile, match="the file is UTF-16"):
            read_trace(trace(tmp_path, (HEAD + GOOD).encode("utf-16")))
        with pytest.raises(MalformedFile, match=r"jobs.csv:2:1: not UTF-8 text"):
            read_trace(trace(tmp_path, HEAD.encode() + GOOD.replace("a,", "\xe4,", 1).encode("latin-1")))

    def test_harmless_differences_are_read(self, tmp_path):
        """A byte order mark, CRLF, comments above the header and blank lines change nothing."""
        text = "\ufeff# from our cluster\r\n" + (HEAD + GOOD + "\n").replace("\n", "\r\n")

        assert read_trace(trace(tmp_path, text.encode()))[0].size == 1


class TestLocalTimesB79:
    TEXT = "id,arrival,duration\na,2026-01-20T12:00,1h\n"

    def test_local_times_need_a_zone(self, tmp_path):
        """Without tz the file cannot be read at all, however many errors are tolerated."""
        with pytest.raises(NaiveDatetime, match="has no offset"):
            read_trace(trace(tmp_path, self.TEXT, max_errors=99))

    def test_with_a_zone_they_are_instants(self, tmp_path):
        """Berlin's noon is 11:00 UTC in January."""
        jobs, _ = read_trace(trace(tmp_path, self.TEXT, tz="Europe/Berlin"))

        assert jobs.arrival_ns[0] == to_ns(at(24 * 19 + 11))

    def test_slurm_times_are_local(self, tmp_path):
        """Slurm writes local times without an offset."""
        with pytest.raises(NaiveDatetime, match="has no offset"):
            read_trace(trace(tmp_path, TestSlurm.TEXT, "jobs.txt", format="sacct"))


class TestFileKindsB80:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"PK\x03\x04" + b"\0" * 100, "is a zip archive, not a trace"),
            (b"PAR1" + b"\0" * 100, "is a Parquet file, not a trace"),
            (b"\x1f\x8b" + b"\0" * 100, "is a gzip file, not a trace"),
        ],
    )
    def test_containers_are_not_opened(self, tmp_path, content, message):
        """An archive is refused by its first bytes, so that no bomb unfolds."""
        with pytest.raises(MalformedFile, match=message):
            read_trace(trace(tmp_path, content))

    def test_what_is_no_regular_file_is_refused(self, tmp_path):
        """A link to a device is not read."""
        made = trace(tmp_path, HEAD)
        made.work.file.unlink()
        made.work.file.symlink_to("/dev/zero")
        with pytest.raises(MalformedFile, match="is not a regular file"):
            read_trace(made)

    def test_a_huge_file_is_refused_before_it_is_read(self, tmp_path):
        """A sparse file of 50 GB costs nothing to refuse."""
        made = trace(tmp_path, HEAD)
        with made.work.file.open("wb") as stream:
            stream.truncate(50 * 1024**3)
        with pytest.raises(MalformedFile, match=r"53687091200 bytes long; allowed: at most"):
            read_trace(made)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{", r"jobs.json:1:2: not JSON"),
            ("[" * 100_000, "not usable JSON: nested too deeply"),
            ('{"kind": "List"}', "holds no list under 'items'"),
        ],
    )
    def test_json_of_another_shape_is_refused(self, tmp_path, text, message):
        """A deep or cut file, or one of another command, ends in one sentence."""
        with pytest.raises(MalformedFile, match=message):
            read_trace(trace(tmp_path, text, "jobs.json", format="kubernetes"))


class TestBadRowsB81:
    @pytest.mark.parametrize(
        ("row", "why"),
        [
            ("b,2026-01-02T00:00Z,-2h,6h,5,X,", "duration '-2h' cannot be used: it is negative"),
            ("b,2026-01-02T00:00Z,0s,6h,5,X,", "it is zero"),
            ("b,2026-01-02T00:00Z,2h,6h,,X,", "power_w is blank, and no power_w is given"),
            ("b,2026-01-02T00:00Z,2h,6h,-5,X,", "power_w is -5; allowed: from 0 to 1e9"),
            ("b,2026-13-02T00:00Z,2h,6h,5,X,", "is not an ISO 8601 time"),
            ("b,,2h,6h,5,X,", "is not an ISO 8601 time"),
            (",2026-01-02T00:00Z,2h,6h,5,X,", "the id has 0 characters"),
            ("a,2026-01-03T00:00Z,2h,6h,5,X,", "id 'a' is there already, at jobs.csv:2"),
        ],
    )
    def test_a_bad_row_is_named_and_can_be_left_out(self, tmp_path, row, why):
        """Alone it ends the reading with its place; tolerated, it is listed and the rest is used."""
        with pytest.raises(MalformedFile, match=r"jobs.csv:3.*" + why.replace("(", r"\(")) as caught:
            read_trace(trace(tmp_path, HEAD + GOOD + row + "\n"))
        jobs, rejected = read_trace(trace(tmp_path, HEAD + GOOD + row + "\n", max_errors=1))

        assert "max_errors" in caught.value.hint
        assert jobs.size == 1
        assert [r.where.split(":")[1] for r in rejected] == ["3"]
        assert why in rejected[0].why

    def test_a_deadline_before_the_job_could_end_is_named(self, tmp_path):
        """A job that ends too late even at once is a mistake of the trace."""
        text = "id,arrival,duration,deadline\na,2026-01-02T00:00Z,2h,2026-01-02T01:00Z\n"
        with pytest.raises(MalformedFile, match="jobs.csv:2: the deadline is too early"):
            read_trace(trace(tmp_path, text))

    def test_more_bad_rows_than_tolerated_end_the_reading(self, tmp_path):
        """The message counts them and shows the first."""
        bad = "".join(f"b{k},2026-01-02T00:00Z,-1h,6h,5,X,\n" for k in range(5))
        with pytest.raises(MalformedFile, match="4 rows cannot be used, the first: jobs.csv:3:3"):
            read_trace(trace(tmp_path, HEAD + GOOD + bad, max_errors=3))

    def test_a_scenarios_power_fills_blanks(self, tmp_path):
        """A blank power is not an error where the scenario knows one."""
        text = HEAD + "b,2026-01-02T00:00Z,2h,6h,,X,\n"

        assert read_trace(trace(tmp_path, text, power_w=70))[0].power_w[0] == 70.0

    def test_an_unsorted_trace_is_sorted(self, tmp_path):
        """Rows may come in any order; jobs come by arrival."""
        rows = [f"j{k},2026-01-{d:02}T00:00Z,1h,6h,5,X,\n" for k, d in enumerate((9, 3, 20, 5))]
        jobs, _ = read_trace(trace(tmp_path, HEAD + "".join(rows)))

        assert jobs.all_names() == ["j1", "j3", "j0", "j2"]

    def test_no_row_at_all_is_an_error(self, tmp_path):
        """A trace of refused rows only is not an empty simulation."""
        with pytest.raises(MalformedFile, match=r"no row can be used \(1 refused"):
            read_trace(trace(tmp_path, HEAD + "b,2026-01-02T00:00Z,-2h,6h,5,X,\n", max_errors=9))

    @pytest.mark.slow
    def test_rows_are_streamed(self, tmp_path):
        """Memory grows by the columns only: under 400 bytes for each of many rows."""
        count = 20_000
        rows = "".join(f"job-{k},2026-01-02T00:00Z,1h,6h,5,X,\n" for k in range(count))
        made = trace(tmp_path, HEAD + rows)
        read_trace(trace(tmp_path, HEAD + GOOD, "warm.csv"))
        tracemalloc.start()
        jobs, _ = read_trace(made)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert jobs.size == count
        assert peak / count < 600

    def test_there_is_a_most(self, tmp_path, monkeypatch):
        """More rows than the bound are refused whatever is tolerated."""
        monkeypatch.setattr(trace_rows, "MOST_ROWS", 2)
        rows = "".join(f"j{k},2026-01-02T00:00Z,1h,6h,5,X,\n" for k in range(3))
        with pytest.raises(MalformedFile, match="more than 2 rows"):
            read_trace(trace(tmp_path, HEAD + rows))


def test_replayed_work_is_labelled_b82(tmp_path):
    """A result on past data says so first, with source and dates; nothing in it is live."""
    notes = run_scenario(trace(tmp_path, HEAD + GOOD)).notes

    assert notes[0].startswith("Past values are replayed in virtual time, nothing here is live: X (file, 2026-01-01 to")


def test_an_unknown_zone_for_the_trace_is_refused(tmp_path):
    """The scenario's own mistake names its key."""
    with pytest.raises(InvalidInput, match=r"work.zone is 'Y'; zones of the scenario: X"):
        read_trace(trace(tmp_path, HEAD + GOOD, zone="Y"))


class TestSlurm:
    TEXT = (
        "JobID|Submit|Start|End|ElapsedRaw|Timelimit|AllocCPUS|AllocTRES|State\n"
        "12|2026-01-20T12:00:00|2026-01-20T13:00:00|2026-01-20T15:00:00|7200|04:00:00|8|cpu=8,mem=16G,node=1|COMPLETED\n"
        "12.batch|2026-01-20T12:00:00|2026-01-20T13:00:00|2026-01-20T15:00:00|7200||8||COMPLETED\n"
        "13_4|2026-01-21T00:00:00|2026-01-21T00:00:01|2026-01-21T01:00:01|3600|UNLIMITED|1||COMPLETED\n"
    )

    def read(self, folder, text=TEXT, **work):
        return read_trace(trace(folder, text, "jobs.txt", format="sacct", tz="UTC", **work))

    def test_limit_is_declared_and_elapsed_is_true(self, tmp_path):
        """Slurm's time limit is what a planner would know; what it ran is what is paid for."""
        jobs, rejected = self.read(tmp_path)

        assert rejected == ()
        assert jobs.all_names() == ["12", "13_4"]
        assert jobs.arrival_ns[0] == to_ns(at(24 * 19 + 12))
        assert (jobs.length_ns / HOUR_NS).tolist() == [4.0, 1.0]
        assert (jobs.true_ns / HOUR_NS).tolist() == [2.0, 1.0]

    def test_power_comes_from_what_it_held(self, tmp_path):
        """Eight processors and 16 GB draw more than eight times one processor."""
        jobs, _ = self.read(tmp_path)

        assert jobs.power_w[0] == pytest.approx(8 * jobs.power_w[1] + 16 * 0.392, rel=0.01)

    @pytest.mark.parametrize(
        ("row", "why"),
        [
            ("14|2026-01-21T00:00:00|Unknown|Unknown|0||1||CANCELLED by 0", "job 14 never ran (state CANCELLED by 0)"),
            (
                "15|2026-01-21T00:00:00|2026-01-21T02:00:00|2026-01-21T01:00:00|1||1||FAILED",
                "job 15 ends before it starts",
            ),
            ("16|2026-01-21T00:00:00|2026-01-21T00:00:00|2026-01-21T00:00:00|0||1||FAILED", "the duration is 0 h"),
            (
                "17|2026-01-21T00:00:00|2026-01-21T00:00:00|2026-01-21T01:00:00|soon||1||FAILED",
                "'soon' is no time span",
            ),
            ("18|x", "the row has 2 fields, the header has 9"),
        ],
    )
    def test_a_job_that_says_nothing_is_left_out(self, tmp_path, row, why):
        """Cancelled, impossible and cut rows are listed with their reason."""
        jobs, rejected = self.read(tmp_path, self.TEXT + row + "\n", max_errors=1)

        assert jobs.size == 2
        assert why in rejected[0].why

    def test_fields_that_are_needed_are_named(self, tmp_path):
        """The hint is the command that exports them."""
        with pytest.raises(MalformedFile, match="the header has no field 'Submit'") as caught:
            self.read(tmp_path, "JobID|Start\n")
        assert "sacct --parsable2" in caught.value.hint


class TestNomad:
    def allocation(self, **changes):
        alloc = {
            "ID": "f00",
            "JobID": "etl/dispatch-1",
            "CreateTime": to_ns(at(30)),
            "ClientStatus": "complete",
            "TaskStates": {
                "main": {"StartedAt": "2026-01-02T07:00:00.123456789Z", "FinishedAt": "2026-01-02T09:00:00.123456789Z"}
            },
            "AllocatedResources": {"Tasks": {"main": {"Cpu": {"CpuShares": 5000}, "Memory": {"MemoryMB": 2000}}}},
        }
        return alloc | changes

    def read(self, folder, tree, **work):
        return read_trace(trace(folder, json.dumps(tree), "allocs.json", format="nomad", **work))

    def test_an_allocation_is_a_job(self, tmp_path):
        """Created, started, finished; megahertz are counted as processors."""
        jobs, _ = self.read(tmp_path, [self.allocation()])

        assert jobs.name(0) == "etl/dispatch-1/f00"
        assert jobs.arrival_ns[0] == to_ns(at(30))
        assert jobs.true_ns[0] == 2 * HOUR_NS
        assert 1 < jobs.power_w[0] < 20

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"TaskStates": None}, "allocation f00 never ran"),
            ({"TaskStates": {"m": {"StartedAt": "2026-01-02T07:00:00Z", "FinishedAt": None}}}, "has not finished"),
            (
                {"TaskStates": {"m": {"StartedAt": "2026-01-02T07:00:00Z", "FinishedAt": "2026-01-02T06:00:00Z"}}},
                "before it starts",
            ),
            ({"CreateTime": "x"}, "is not of the agreed shape"),
            ({"CreateTime": 10**30}, "the arrival is out of range"),
            ({"TaskStates": [1]}, "is not of the agreed shape"),
        ],
    )
    def test_what_did_not_run_is_left_out(self, tmp_path, changes, why):
        """Each is listed by its place in the file."""
        _, rejected = self.read(tmp_path, [self.allocation(ID="ok"), self.allocation(**changes)], max_errors=1)

        assert rejected[0].where == "allocs.json: [1]"
        assert why in rejected[0].why


class TestKubernetes:
    def job(self, **changes):
        item = {
            "metadata": {"name": "etl", "namespace": "data", "creationTimestamp": "2026-01-02T06:00:00Z"},
            "spec": {
                "parallelism": 2,
                "completions": 2,
                "activeDeadlineSeconds": 14400,
                "template": {
                    "spec": {
                        "containers": [{"resources": {"requests": {"cpu": "500m", "memory": "2Gi"}}}, {"name": "x"}]
                    }
                },
            },
            "status": {"startTime": "2026-01-02T06:00:10Z", "completionTime": "2026-01-02T07:00:10Z"},
        }
        return item | changes

    def read(self, folder, items, **work):
        tree = {"apiVersion": "v1", "kind": "List", "items": items}
        return read_trace(trace(folder, json.dumps(tree), "jobs.json", format="kubernetes", **work))

    def test_a_finished_job_is_a_job(self, tmp_path):
        """The active deadline is declared, completion is true, two pods draw twice."""
        jobs, _ = self.read(
            tmp_path,
            [
                self.job(),
                self.job(
                    metadata=self.job()["metadata"] | {"name": "one"}, spec=self.job()["spec"] | {"parallelism": 1}
                ),
            ],
        )

        assert jobs.all_names() == ["data/etl", "data/one"]
        assert jobs.length_ns[0] == 4 * HOUR_NS
        assert jobs.true_ns[0] == HOUR_NS
        assert jobs.power_w[0] == pytest.approx(2 * jobs.power_w[1])

    def test_the_selected_region_names_the_home(self, tmp_path):
        """A node selector on a region counts where zones list regions; without any list it is passed over."""
        item = self.job()
        item["spec"]["template"]["spec"]["nodeSelector"] = {"topology.kubernetes.io/region": "west"}
        path = write_zone(tmp_path)
        zones = [{"name": "X", "file": str(path)}, {"name": "Y", "file": str(path)}]
        plain = trace(tmp_path, json.dumps({"items": [item]}), "jobs.json", format="kubernetes")
        listed = plain.model_validate(
            plain.model_dump(exclude={"zones"}) | {"zones": [zones[0], zones[1] | {"aliases": ["west"]}]}
        )

        assert read_trace(plain)[0].zone.tolist() == [0]
        assert read_trace(listed)[0].zone.tolist() == [1]

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"status": {}}, "job data/etl never ran"),
            ({"status": {"startTime": "2026-01-02T06:00:10Z"}}, "job data/etl has not finished"),
            ({"metadata": {}}, "is not of the agreed shape: no 'name'"),
            ({"spec": None}, "is not of the agreed shape"),
        ],
    )
    def test_what_did_not_run_is_left_out(self, tmp_path, changes, why):
        """Each is listed by its place in the file."""
        good = self.job(metadata=self.job()["metadata"] | {"name": "good"})
        _, rejected = self.read(tmp_path, [good, self.job(**changes)], max_errors=1)

        assert rejected[0].where == "jobs.json: items[1]"
        assert why in rejected[0].why
