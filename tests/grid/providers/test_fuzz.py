"""A short run of the parser fuzzer; ``scripts/fuzz_parsers.py --executions 1000000`` is the long one."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from gridtide.grid.providers.registry import all_providers
from support import ROOT

EXECUTIONS = 400


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_parsers", ROOT / "scripts" / "fuzz_parsers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_parsers"] = module
    spec.loader.exec_module(module)
    return module


FUZZER = _load()


@pytest.mark.parametrize("name", list(all_providers()))
def test_mutated_replies_give_a_series_or_an_error_of_ours(name: str) -> None:
    """Nothing else, and never for long."""
    seeds = [seed for seed in FUZZER.SEEDS if seed.provider == name]
    tally = FUZZER.fuzz(name, seeds, executions=EXECUTIONS, seed=2)

    assert seeds
    assert tally.broken == []
    assert (tally.executions, tally.slow) == (EXECUTIONS, 0)
    assert tally.outcomes["MalformedPayload"] > 0
    assert tally.outcomes["read"] > 0


def test_a_parser_that_breaks_is_found() -> None:
    """The fuzzer counts what is not ours, and what is slow."""
    tally = FUZZER.Tally()

    def broken(_replies: object) -> None:
        raise TypeError("unhashable type")

    FUZZER._run(broken, (), tally, None)

    assert tally.broken == ["BROKEN TypeError: unhashable type"]
