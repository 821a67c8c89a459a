"""A real Redis that breaks, and real processes that are killed: values stay right, budgets are kept."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from gridtide.testing.faultruns.figure import Figure, table
from support import ROOT

pytest.importorskip("redis")
shared_store = pytest.importorskip("gridtide.testing.faultruns.shared_store")
pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]


def start_redis() -> ModuleType:
    spec = importlib.util.spec_from_file_location("start_redis", ROOT / "scripts" / "start_redis.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("start_redis", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def redis() -> Iterator[Any]:
    script = start_redis()
    binary = script.find_server()
    if binary is None:
        pytest.skip("no redis-server on the PATH; set REDIS_SERVER or install it to run this test")
    with script.RedisProcess(binary) as server:
        yield server


def assert_answered(figures: list[Figure]) -> None:
    """How long it took is for the report, which runs on a machine of its own."""
    assert figures
    assert all(figure.measured["answered"] == "True" for figure in figures), "\n" + table(figures)


def test_broken_store_changes_nothing(redis: Any) -> None:
    """Down, flushed, frozen, slow, full, read-only, spoiled or restarted: every read is answered."""
    assert_answered(shared_store.f21(redis))


def test_holder_of_a_claim_that_hangs_holds_up_nobody(redis: Any) -> None:
    """Another process waits for it briefly and then fetches itself."""
    assert_answered(shared_store.f22(redis))


def test_killed_processes_stay_within_the_published_limits(redis: Any) -> None:
    """Eight processes, killed and started again, count as one at the provider."""
    figures = shared_store.e8_processes(redis, restarts=2)

    assert figures
    assert all(figure.held for figure in figures), "\n" + table(figures)
