"""
Published results, computed again: each paper's table beside ours.

A paper is one module with a function ``reproduce(data, zone_files) -> Report``; `PAPERS` names them, and nothing is
imported before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import InvalidInput
from gridtide.simulation.reproduce.progress import silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridtide.simulation.reproduce.comparison import Report
    from gridtide.simulation.reproduce.progress import Progress

__all__ = ["NEEDS", "PAPERS", "reproduce"]

_NOWHERE: Final = "no-data-folder"
PAPERS: Final[dict[str, str]] = {
    "forecasting": "gridtide.simulation.reproduce.forecasting",
    "cap": "gridtide.simulation.reproduce.cap",
    "carbonscaler": "gridtide.simulation.reproduce.carbonscaler",
    "gaia": "gridtide.simulation.reproduce.gaia",
    "joint": "gridtide.simulation.reproduce.joint",
    "lets-wait-awhile": "gridtide.simulation.reproduce.lets_wait_awhile",
    "policies": "gridtide.simulation.reproduce.policies",
}

NEEDS: Final[dict[str, str]] = {
    "forecasting": "data/electricitymaps/ZONE_*.csv.gz, or only --zone-file FILE",
    "cap": "cap/cap_kmin_vectors.json",
    "carbonscaler": "carbonscaler/carbonscaler_vectors.json and data/carbonscaler/PROFILE.csv",
    "gaia": "data/gaia/ZONE_*_lca.csv.gz and a job trace data/gaia/NAME.csv",
    "joint": "spatial/params.json, spatial/jobs.csv and spatial/ci_*.csv",
    "lets-wait-awhile": "data/lets-wait-awhile/COUNTRY_ci.csv, or only --zone-file FILE",
    "policies": "data/lets-wait-awhile/COUNTRY_ci.csv, or only --zone-file FILE",
}
"""What the folder must hold at least; recorded tables beside it are compared with where they are."""


def reproduce(
    paper: str, *, data: Path | None, zone_files: Sequence[Path] = (), progress: Progress | None = None
) -> Report:
    """
    Compute the table of *paper* from the files in *data* and lay the recorded values beside it.

    Args:
        paper: A name from `PAPERS`.
        data: Folder with the inputs under ``data/`` and the recorded tables in one folder per paper; None where
            *zone_files* are all there is, for the papers that need no more.
        zone_files: More zones, in the shape of the paper's own carbon intensity files.
        progress: Told how far it is.

    Raises:
        InvalidInput: There is no such paper or folder, or the paper needs more than zone files.
        MalformedFile: A file is missing or not what it says; the message names row and column.
    """
    if paper not in PAPERS:
        raise InvalidInput(f"paper {paper[:40]!r} is unknown; allowed: {', '.join(sorted(PAPERS))}", field="paper")
    if data is None and not (zone_files and "only --zone-file" in NEEDS[paper]):
        raise InvalidInput(f"{paper} needs a folder with {NEEDS[paper]}", hint="give it: --data DIR", field="data")
    if data is not None and not data.is_dir():
        raise InvalidInput(f"{data} is no folder", hint=f"{paper} needs one with {NEEDS[paper]}", field="data")
    module = import_module(PAPERS[paper])
    folder = data if data is not None else Path(_NOWHERE)
    report: Report = module.reproduce(folder, tuple(zone_files), progress=progress or silent)
    return report
