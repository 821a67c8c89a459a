"""A long history is fetched in pieces, survives an interruption, and invents nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from gridtide.api.clocks import SystemClock
from gridtide.domain.errors import CarbonError, InvalidInput, MalformedFile
from gridtide.domain.instants import to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Scope, Signal, SignalKind
from gridtide.grid.fetch import Fetcher
from gridtide.grid.files import read_series
from gridtide.grid.importing import import_history, plan_import
from gridtide.grid.providers.registry import make
from gridtide.testing.clock import FakeClock
from gridtide.testing.faults import Fault
from gridtide.testing.server import FakeGridServer

START = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = Interval(START, START + timedelta(days=40))
HALF_HOUR = timedelta(minutes=30)
UK = Signal(SignalKind.AVERAGE, provider="uk", zone="GB", scope=Scope.DIRECT)
VALUES = [float(100 + k % 97) for k in range(48 * 45)]
TRUTH = Series.steps(UK, START, HALF_HOUR, VALUES)


@pytest.fixture
def world():
    clock = FakeClock(START + timedelta(days=45))
    with FakeGridServer({"uk": TRUTH}, clock=clock) as server:
        yield clock, server


def plan(tmp_path):
    return plan_import(make("uk"), "GB", SignalKind.AVERAGE, WINDOW, tmp_path / "gb.csv")


async def run(world, job):
    clock, server = world
    async with Fetcher(clock, base_urls={"uk": server.base_url("uk")}, most_retries=0) as fetcher:
        return [piece async for piece in import_history(job, fetcher, clock)]


async def test_forty_days_come_in_three_pieces(world, tmp_path):
    """The provider allows fourteen days a call; the file holds every half hour once, with its credit."""
    pieces = await run(world, plan(tmp_path))
    text = (tmp_path / "gb.csv").read_text()
    series = read_series(tmp_path / "gb.csv").series

    assert [p.values for p in pieces] == [672, 672, 576]
    assert series.size == 40 * 48
    assert series.values.tolist() == VALUES[: 40 * 48]
    assert "credit: " in text
    assert "complete through" not in text


async def test_an_interrupted_import_goes_on(world, tmp_path):
    """After a failure in the second piece the next call asks for the rest only, and the file is whole."""
    _, server = world
    first = plan(tmp_path)
    server.fault("uk", Fault.status(500), after=1)
    with pytest.raises(CarbonError):
        await run(world, first)
    server.faults.clear()
    again = plan(tmp_path)

    assert again.resume_at == START + timedelta(days=14)
    assert [p.values for p in await run(world, again)] == [672, 576]
    assert read_series(tmp_path / "gb.csv").series.values.tolist() == VALUES[: 40 * 48]


async def test_a_piece_cut_off_in_mid_write_is_fetched_again(world, tmp_path):
    """Rows without their closing mark are not trusted."""
    job = plan(tmp_path)
    await run(world, job)
    whole = (tmp_path / "gb.csv").read_text().splitlines()
    (tmp_path / "gb.csv").unlink()
    mark = "# complete through 2026-01-15T00:00:00Z"
    job.part.write_text("\n".join([*whole[: 4 + 672], mark, *whole[4 + 672 : 4 + 700]]) + "\n")
    again = plan(tmp_path)
    await run(world, again)

    assert again.resume_at == START + timedelta(days=14)
    assert read_series(tmp_path / "gb.csv").series.size == 40 * 48


async def test_a_gap_in_history_stays_a_gap(tmp_path):
    """Half hours the provider does not know are not in the file (invariant I4)."""
    clock = FakeClock(START + timedelta(days=45))
    holed = [None if 100 <= k < 104 else v for k, v in enumerate(VALUES)]
    with FakeGridServer({"uk": Series.steps(UK, START, HALF_HOUR, holed)}, clock=clock) as server:
        await run((clock, server), plan(tmp_path))
    series = read_series(tmp_path / "gb.csv").series

    assert series.size == 40 * 48 - 4
    assert to_ns(series.gaps[0].start) == to_ns(START + 100 * HALF_HOUR)


class TestRefusals:
    def test_a_finished_file_is_not_overwritten(self, tmp_path):
        """The message names the file."""
        (tmp_path / "gb.csv").write_text("mine")
        with pytest.raises(InvalidInput, match=r"gb.csv exists already"):
            plan(tmp_path)

    def test_another_imports_part_is_not_mixed_in(self, tmp_path):
        """A part file of another zone or span is refused, not continued."""
        (tmp_path / "gb.csv.part").write_text("# eia CISO average 2020\n")
        with pytest.raises(MalformedFile, match="belongs to another import"):
            plan(tmp_path)

    def test_a_kind_the_source_does_not_give_is_refused(self, tmp_path):
        """The message lists what it gives."""
        with pytest.raises(InvalidInput, match="provider uk gives no marginal signal; it gives average"):
            plan_import(make("uk"), "GB", SignalKind.MARGINAL, WINDOW, tmp_path / "x.csv")

    def test_the_system_clock_is_aware(self):
        """The command's own clock gives instants that a window can be built from."""
        assert SystemClock().now().tzinfo is not None
