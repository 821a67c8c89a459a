"""
How long a job will take by its past runs, for ``--learn-duration`` and ``learn_duration``.

Reads the records without writing any; a disk that does not answer costs a few seconds, and then the declared duration
counts.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Final

from gridtide.api import wiring
from gridtide.domain.durations import format_duration
from gridtide.domain.errors import CarbonError
from gridtide.ledger.journal import Journal
from gridtide.planning.duration import RunTimes, learn

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridtide.config.settings import Settings

__all__ = ["run_times"]

_READ_S: Final = 5.0
_SECOND: Final = timedelta(seconds=1)


def run_times(
    settings: Settings,
    name: str,
    *,
    declared: timedelta,
    note: Callable[[str], None],
    warn: Callable[[str], None],
) -> RunTimes:
    """
    Lengths to plan with, to whole seconds; the declared one for both where no past run is known.

    Args:
        settings: Where the records are.
        name: Whose runs.
        declared: What the caller said.
        note: Hears what was found.
        warn: Hears why records could not be read.
    """
    past = _past(settings, name, warn)
    said = format_duration(declared)
    if not past:
        note(f"{name}: no past run that succeeded is recorded; the declared {said} counts")
        return RunTimes(typical=declared, safe=declared, runs=0)
    found = learn(past, declared=declared)
    typical = _SECOND * max(1, round(found.typical / _SECOND))
    safe = max(typical, _SECOND * ceil(found.safe / _SECOND))
    runs = "1 past run" if found.runs == 1 else f"{found.runs} past runs"
    lengths = f"typically {format_duration(typical)}, with room for {format_duration(safe)}"
    note(f"{name}: {lengths}, by {runs} and the declared {said}")
    return RunTimes(typical=typical, safe=safe, runs=found.runs)


def _past(settings: Settings, name: str, warn: Callable[[str], None]) -> list[timedelta]:
    """Lengths of past runs, read in a thread that may be left behind."""
    path = wiring.journal_path(settings)
    found: list[list[timedelta]] = []
    faults: list[str] = []

    def read() -> None:
        try:
            if path is None or not path.exists():
                found.append([])
                return
            with Journal(path) as journal:
                faults.extend(journal.notices)
                found.append(journal.run_times(name))
        except (CarbonError, OSError) as error:
            faults.append(str(error))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(_READ_S)
    if not found and not faults:
        faults.append(f"no answer within {_READ_S:g} s")
    for fault in tuple(faults):
        warn(f"reading past runs: {fault}")
    return found[0] if found else []
