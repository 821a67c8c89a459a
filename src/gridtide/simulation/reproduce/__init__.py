"""
Published results, computed again: each paper's table beside ours.

A paper is one module with a function ``reproduce(data, zone_files) -> Report``; `PAPERS` names them, and nothing is
imported before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gridtide.simulation.reproduce.comparison import Report

__all__ = ["PAPERS", "reproduce"]

PAPERS: Final[dict[str, str]] = {
    "forecasting": "gridtide.simulation.reproduce.forecasting",
    "cap": "gridtide.simulation.reproduce.cap",
    "carbonscaler": "gridtide.simulation.reproduce.carbonscaler",
    "gaia": "gridtide.simulation.reproduce.gaia",
    "joint": "gridtide.simulation.reproduce.joint",
    "lets-wait-awhile": "gridtide.simulation.reproduce.lets_wait_awhile",
}


def reproduce(paper: str, *, data: Path, zone_files: Sequence[Path] = ()) -> Report:
    """
    Compute the table of *paper* from the files in *data* and lay the recorded values beside it.

    Args:
        paper: A name from `PAPERS`.
        data: Folder with the inputs under ``data/`` and the recorded tables in one folder per paper.
        zone_files: More zones, in the shape of the paper's own carbon intensity files.

    Raises:
        InvalidInput: There is no such paper or folder.
        MalformedFile: A file is missing or not what it says; the message names row and column.
    """
    if paper not in PAPERS:
        raise InvalidInput(f"paper {paper[:40]!r} is unknown; allowed: {', '.join(sorted(PAPERS))}", field="paper")
    if not data.is_dir():
        raise InvalidInput(f"{data} is no folder", hint="give the folder with the inputs: --data DIR", field="data")
    report: Report = import_module(PAPERS[paper]).reproduce(data, tuple(zone_files))
    return report
