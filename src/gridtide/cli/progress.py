"""Progress of long work on stderr: a bar on a terminal, sparse lines elsewhere, nothing with ``--quiet``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["counted", "working"]

_LINE_EVERY_S: Final = 5.0


@contextmanager
def counted(title: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """
    Count up to *total*; the yielded function is called once for each finished part with a word about it.

    Args:
        title: What is going on.
        total: Number of parts.
        quiet: Say nothing.
    """
    if quiet or not total:
        yield lambda _: None
        return
    if not sys.stderr.isatty():
        yield _lines(title, total)
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[word]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total, word="")
        yield lambda word: bar.update(task, advance=1, word=word)


@contextmanager
def working(title: str, *, quiet: bool = False) -> Iterator[None]:
    """
    Say that one piece of work of unknown length goes on: with its time on a terminal, as a line elsewhere.

    Args:
        title: What is going on.
        quiet: Say nothing.
    """
    if quiet:
        yield
        return
    if not sys.stderr.isatty():
        sys.stderr.write(f"{title} ...\n")
        yield
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task(title, total=None)
        yield


def _lines(title: str, total: int) -> Callable[[str], None]:
    done, said = 0, -_LINE_EVERY_S

    def tick(word: str) -> None:
        nonlocal done, said
        done += 1
        if done == total or time.monotonic() - said >= _LINE_EVERY_S:
            said = time.monotonic()
            sys.stderr.write(f"{title}: {done} of {total}, {word}\n")

    return tick
