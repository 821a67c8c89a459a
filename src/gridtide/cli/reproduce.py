"""``gridtide reproduce``: a paper's table computed again, beside the recorded one."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridtide.cli.errors import Usage
from gridtide.cli.output import Output

if TYPE_CHECKING:
    from gridtide.simulation.reproduce.progress import Progress

__all__ = ["command"]

_DATA_VARIABLE: Final = "GRIDTIDE_REPRODUCE_DATA"
_LINE_EVERY_S: Final = 5.0


def _offers(incomplete: str) -> list[str]:
    from gridtide.simulation.reproduce import PAPERS  # noqa: PLC0415 - keeps --help light

    return [name for name in sorted(PAPERS) if name.startswith(incomplete)]


def command(
    paper: Annotated[
        str,
        typer.Argument(
            metavar="PAPER",
            autocompletion=_offers,
            help="cap, carbonscaler, forecasting, gaia, joint, lets-wait-awhile, or policies: all on one footing.",
        ),
    ],
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

    if paper not in reproductions.PAPERS:
        known = ", ".join(sorted(reproductions.PAPERS))
        raise Usage(f"paper {paper[:40]!r} is unknown; allowed: {known}", field="paper")
    named = os.environ.get(_DATA_VARIABLE)
    folder = data or (Path(named) if named else None)
    needs = reproductions.NEEDS[paper]
    if folder is None and not (zone_file and "only --zone-file" in needs):
        raise Usage(
            f"no data folder is given; {paper} needs one with {needs}",
            hint=f"add --data DIR, or set {_DATA_VARIABLE}; docs/explanation/papers.md names the sources",
            field="data",
        )
    voice = Output("reproduce", as_json=as_json)
    with _progress(paper, voice) as tell:
        report = reproductions.reproduce(paper, data=folder, zone_files=zone_file or (), progress=tell)
    voice.answer(report.to_json(), report.lines(voice.width))


@contextmanager
def _progress(paper: str, voice: Output) -> Iterator[Progress]:
    """A bar on a terminal's stderr, a line now and then elsewhere, nothing for programs."""
    if not sys.stderr.isatty():
        yield _lines(paper, voice)
        return
    from rich.console import Console  # noqa: PLC0415 - only for people
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(paper, total=None)
        yield lambda done, total, word: bar.update(
            task, completed=done, total=total, description=f"{paper}: {word[:30]}"
        )


def _lines(paper: str, voice: Output) -> Progress:
    said = -_LINE_EVERY_S

    def tell(done: int, total: int, word: str, /) -> None:
        nonlocal said
        if time.monotonic() - said >= _LINE_EVERY_S:
            said = time.monotonic()
            voice.note(f"{paper}: {done} of {total} done, now {word}")

    return tell
