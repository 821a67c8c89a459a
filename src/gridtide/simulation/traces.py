"""
Jobs of a scenario from a trace: our CSV, or what Slurm, Nomad and Kubernetes export.

The format is declared, never guessed. A trace is past work on past data in virtual time: nothing of it is live, and
every result says so. Where an export has no power it is computed from the processors and memory the job held.
"""

from __future__ import annotations

import json
import os
from typing import IO, TYPE_CHECKING, Any, Final

from gridtide.grid import files
from gridtide.grid.samples import malformed
from gridtide.simulation import trace_exports, trace_tables
from gridtide.simulation.trace_rows import Rejected, TraceRows

if TYPE_CHECKING:
    from pathlib import Path

    from gridtide.simulation.job_table import JobTable
    from gridtide.simulation.scenario import Scenario

__all__ = ["Rejected", "read_trace"]

_MOST_BYTES: Final = 4 * 1024**3
_MOST_JSON_BYTES: Final = 256 * 1024**2
_MAGIC: Final = {
    b"PK\x03\x04": ("a zip archive", "unpack it first; archives are not opened"),
    b"PAR1": ("a Parquet file", "write the trace as CSV; Parquet is read for series only"),
    b"\x1f\x8b": ("a gzip file", "unpack it first; archives are not opened"),
}


def read_trace(scenario: Scenario) -> tuple[JobTable, tuple[Rejected, ...]]:
    """
    Read the trace that *scenario* names.

    Returns:
        The jobs by arrival, and the rows that were left out.

    Raises:
        MalformedFile: Not readable as declared, or more bad rows than tolerated; the message names row and column.
        NaiveDatetime: Local times, and the scenario names no time zone.
    """
    work = scenario.work
    assert work.file is not None  # noqa: S101 - the caller asked for a trace
    rows = TraceRows(scenario)
    with files.open_regular(work.file, _MOST_BYTES) as stream:
        _refuse_containers(work.file.name, stream)
        if work.format == "csv":
            trace_tables.read_csv(work.file.name, stream, rows, tz=work.tz)
        elif work.format == "sacct":
            trace_tables.read_sacct(work.file.name, stream, rows, tz=work.tz)
        else:
            tree = _tree(work.file, stream)
            read = trace_exports.read_nomad if work.format == "nomad" else trace_exports.read_kubernetes
            read(work.file.name, tree, rows)
    return rows.table(), tuple(rows.rejected)


def _refuse_containers(name: str, stream: IO[bytes]) -> None:
    start = stream.read(4)
    stream.seek(0)
    for magic, (kind, hint) in _MAGIC.items():
        if start.startswith(magic):
            raise malformed(name, f"is {kind}, not a trace", hint=hint)


def _tree(path: Path, stream: IO[bytes]) -> Any:
    size = os.fstat(stream.fileno()).st_size
    if size > _MOST_JSON_BYTES:
        raise malformed(path.name, f"is {size} bytes long; allowed for JSON: at most {_MOST_JSON_BYTES}")
    try:
        return json.loads(stream.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise malformed(path.name, f"byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise malformed(f"{path.name}:{error.lineno}:{error.colno}", f"not JSON: {error.msg}") from None
    except (RecursionError, ValueError):
        raise malformed(path.name, "not usable JSON: nested too deeply, or a number of too many digits") from None
