"""What tests of the grid room share: a real Redis server where there is one."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "start_redis.py"


def _start_redis() -> ModuleType:
    spec = importlib.util.spec_from_file_location("start_redis", _SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("start_redis", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def redis_process() -> Iterator[Any]:
    """One Redis server for the whole run; tests that stop or freeze it bring it back."""
    script = _start_redis()
    binary = script.find_server()
    if binary is None:
        pytest.skip("no redis-server on the PATH; set REDIS_SERVER or install it to run this test")
    with script.RedisProcess(binary) as server:
        yield server
