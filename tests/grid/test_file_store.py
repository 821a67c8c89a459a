"""Cache entries in files: private, bounded, strict, and never a reason to fail."""

from __future__ import annotations

import logging
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Scope, Signal, SignalKind
from gridtide.grid.cache import CacheKey, Entry
from gridtide.grid.file_store import FileStore
from gridtide.grid.provider import Product
from gridtide.testing import FakeClock
from support import HOUR, T0

SIGNAL = Signal(SignalKind.AVERAGE, "demo", "X", scope=Scope.DIRECT)


def key(zone: str = "X") -> CacheKey:
    return CacheKey("demo", zone, Product.FORECAST, SignalKind.AVERAGE, Scope.DIRECT)


def entry(*values: float, zone: str = "X") -> Entry:
    series = Series.steps(SIGNAL.with_(zone=zone), T0, HOUR, values or (1.0, 2.0))
    return Entry(series, Interval(T0, T0 + 2 * HOUR), T0)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.entry"))


async def test_files_are_for_their_owner_only(tmp_path):
    """Neither folder nor file can be read by others."""
    store = FileStore(tmp_path / "cache", FakeClock(T0))
    await store.put(key(), entry())

    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in files(tmp_path / "cache")] == [0o600]


async def test_an_entry_survives_the_process(tmp_path):
    """That is what it is for."""
    await FileStore(tmp_path / "cache", FakeClock(T0)).put(key(), entry())

    assert await FileStore(tmp_path / "cache", FakeClock(T0)).get(key()) == entry()


async def test_an_entry_that_is_of_no_use_any_more_is_a_miss(tmp_path):
    """A forecast is kept for a day."""
    clock = FakeClock(T0)
    store = FileStore(tmp_path / "cache", clock)
    await store.put(key(), entry())
    clock.advance(hours=25)

    assert await store.get(key()) is None


async def test_the_number_of_files_is_bounded(tmp_path):
    """The oldest go first, forgotten drafts too."""
    store = FileStore(tmp_path / "cache", FakeClock(T0), most_files=5)
    (tmp_path / "cache" / "old.123.draft").write_bytes(b"half")
    os.utime(tmp_path / "cache" / "old.123.draft", (0, 0))
    for k in range(10):
        await store.put(key(f"Z{k}"), entry(zone=f"Z{k}"))

    assert len(list((tmp_path / "cache").iterdir())) == 5
    assert await store.get(key("Z9")) is not None


async def test_a_huge_entry_is_not_kept(tmp_path):
    """The folder does not fill a disk."""
    store = FileStore(tmp_path / "cache", FakeClock(T0), most_bytes=1000)
    await store.put(key(), entry(*[1.0] * 1000))

    assert files(tmp_path / "cache") == []


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"\x80\x04\x95", b"{" * 10_000, b"\xff" * 100],
    ids=["empty", "null", "pickle", "nested", "binary"],
)
async def test_a_spoiled_file_is_a_miss(tmp_path, data):
    """Whoever wrote it, it is fetched again."""
    store = FileStore(tmp_path / "cache", FakeClock(T0))
    await store.put(key(), entry())
    files(tmp_path / "cache")[0].write_bytes(data)

    assert await store.get(key()) is None


async def test_b15_a_link_is_not_followed(tmp_path):
    """Neither for reading nor for writing."""
    target = tmp_path / "target"
    target.write_text("untouched")
    store = FileStore(tmp_path / "cache", FakeClock(T0))
    await store.put(key(), entry())
    path = files(tmp_path / "cache")[0]
    path.unlink()
    path.symlink_to(target)

    assert await store.get(key()) is None
    await store.put(key(), entry(3.0))
    assert target.read_text() == "untouched"
    assert await store.get(key()) == entry(3.0)


@pytest.mark.parametrize("trap", ["file", "link", "open"])
async def test_b15_a_folder_that_cannot_be_trusted_is_an_empty_store_with_one_warning(tmp_path, trap, caplog):
    """Work goes on in memory."""
    folder, other = tmp_path / "cache", tmp_path / "other"
    if trap == "file":
        folder.write_text("")
    elif trap == "link":
        other.mkdir()
        folder.symlink_to(other)
    else:
        folder.mkdir()
        folder.chmod(0o777)
    caplog.set_level(logging.WARNING)
    store = FileStore(folder, FakeClock(T0))
    await store.put(key(), entry())

    assert await store.get(key()) is None
    assert await store.claim(key(), 10.0)
    assert [record.getMessage() for record in caplog.records] == [
        f"cache folder {folder}: {store.problem}; answers are kept in memory only"
    ]


async def test_a_folder_that_goes_away_is_no_fault(tmp_path):
    """Somebody cleans up while a command runs."""
    store = FileStore(tmp_path / "cache", FakeClock(T0))
    (tmp_path / "cache").rmdir()
    await store.put(key(), entry())

    assert await store.get(key()) is None
    assert await store.claim(key(), 10.0)


async def test_a_claim_of_the_dead_runs_out(tmp_path):
    """A process that was killed while it fetched keeps nobody waiting."""
    clock = FakeClock(T0)
    assert await FileStore(tmp_path / "cache", clock).claim(key(), 10.0)
    store = FileStore(tmp_path / "cache", clock)

    assert not await store.claim(key(), 10.0)
    clock.advance(timedelta(seconds=11))
    assert await store.claim(key(), 10.0)


async def test_a_claim_from_the_future_is_not_believed(tmp_path):
    """A clock that was set back must not block for years."""
    clock = FakeClock(T0)
    await FileStore(tmp_path / "cache", clock).claim(key(), 10.0)
    past = FileStore(tmp_path / "cache", FakeClock(T0 - timedelta(days=365)))

    assert await past.claim(key(), 10.0)
