"""
Run the fault catalogue and print its figures: ``python -m gridtide.testing.faultrun [F02 E6 ...] [--json]``.

The exit code is 0 when every bar held, 1 otherwise. Runs that need a Redis server of one's own (F21, F22, E8 with
processes) are started by ``scripts/fault_report.py``.
"""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from gridtide.testing.faultruns import clocks, network, outage, payload, politeness, quota, sources, stale_replay
from gridtide.testing.faultruns.figure import Figure, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["RUNS", "figures", "main"]

RUNS: Final[dict[str, Callable[[], list[Figure]]]] = {
    "F01": network.f01, "F02": network.f02, "F03": network.f03, "F04": network.f04, "F05": politeness.f05,
    "F06": politeness.f06, "F07": payload.f07, "F08": payload.f08, "F09": payload.f09, "F10": politeness.f10,
    "F11": payload.f11, "F12": payload.f12, "F13": clocks.f13, "F14": clocks.f14, "F15": sources.f15,
    "F16": sources.f16, "F17": sources.f17, "F18": payload.f18, "F19": outage.f19, "F20": politeness.f20,
    "E6": stale_replay.e6, "E8": quota.e8,
}  # fmt: skip


def figures(names: Iterable[str] = ()) -> Iterator[Figure]:
    """Figures of the named runs, or of all of them, as they come."""
    for name in names or RUNS:
        yield from RUNS[name]()


def main(arguments: list[str]) -> int:
    """Print a table, or one JSON object."""
    names = [argument.upper() for argument in arguments if not argument.startswith("--")]
    unknown = [name for name in names if name not in RUNS]
    if unknown:
        sys.stderr.write(f"unknown run {unknown[0]}; there are {', '.join(RUNS)}\n")
        return 2
    log = logging.getLogger("gridtide")
    usual = log.level
    log.setLevel(logging.ERROR)
    try:
        found = list(figures(names))
    finally:
        log.setLevel(usual)
    if "--json" in arguments:
        document = {"schema": "gridtide.faultrun/1", "figures": [asdict(figure) for figure in found]}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write(table(found) + "\n")
    return 0 if all(figure.held for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
