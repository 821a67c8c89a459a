"""``gridtide reproduce``: a paper's table computed again, beside the recorded one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from gridtide.cli.errors import Usage
from gridtide.cli.output import Output

__all__ = ["command"]

_DATA_VARIABLE: Final = "GRIDTIDE_REPRODUCE_DATA"


def command(
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="Which paper; an unknown name lists them all.")],
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help=f"Folder with data/ and one folder of recorded tables per paper. [env: {_DATA_VARIABLE}]",
        ),
    ] = None,
    zone_file: Annotated[
        list[Path] | None,
        typer.Option("--zone-file", metavar="FILE", help="One more zone, in the shape of the paper's own files."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compute a paper's table again and show it beside the recorded one, the largest difference last."""
    from gridtide.simulation import reproduce as reproductions  # noqa: PLC0415 - keeps --help light

    folder = data or Path(os.environ.get(_DATA_VARIABLE) or "")
    if folder == Path() and paper in reproductions.PAPERS:
        raise Usage("no data folder is given", hint=f"add --data DIR, or set {_DATA_VARIABLE}", field="data")
    voice = Output("reproduce", as_json=as_json)
    if paper in reproductions.PAPERS:
        voice.note(f"computing {paper}; many zones take some minutes")
    report = reproductions.reproduce(paper, data=folder, zone_files=zone_file or ())
    voice.answer(report.to_json(), report.lines())
