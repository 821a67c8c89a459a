"""Flags of work that may run with more or fewer workers, and what they cannot stand beside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import typer

from gridtide.cli.errors import Usage
from gridtide.cli.options import JobOptions, MethodOptions, RegionOptions, conflict

if TYPE_CHECKING:
    from gridtide.cli.session import Session

__all__ = ["ScaleOptions", "refuse_beside"]

_LEVELS: Final = re.compile(r"(\d{1,4})\.\.(\d{1,4})")
_LONGEST_FILE: Final = 64 * 1024
_CUT: Final = 40


@dataclass(frozen=True, kw_only=True)
class ScaleOptions:
    """How many workers may share the work, and what more of them bring."""

    HEADING: ClassVar[str] = "Workers"

    scale: Annotated[
        str | None,
        typer.Option(
            "--scale",
            metavar="MIN..MAX",
            help="May run with this many workers, like 0..8; from 0 it may pause. --duration is then its length at "
            "one worker, --power that of each.",
        ),
    ] = None
    speedup: Annotated[
        str | None,
        typer.Option(
            "--speedup",
            metavar="LIST",
            help="Throughput of 1, 2, ... workers relative to one, like 1,1.9,2.7; or a file with these numbers. "
            "[default: linear]",
        ),
    ] = None
    parallel: Annotated[
        float | None,
        typer.Option(
            "--parallel", metavar="SHARE", help="Share of the work that runs on all workers, by Amdahl's law. [0..1]"
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse flags that contradict each other, and levels or shares out of bounds."""
        for flag, value in (("--speedup", self.speedup), ("--parallel", self.parallel)):
            if value is not None and self.scale is None:
                raise Usage(
                    f"{flag} is about workers, but there is no --scale", hint="add --scale MIN..MAX", field=flag
                )
        if self.speedup is not None and self.parallel is not None:
            raise conflict("--speedup", "--parallel", "both say what more workers bring")
        if self.parallel is not None and not 0 <= self.parallel <= 1:
            raise Usage(f"--parallel is {self.parallel:g}; allowed: from 0 to 1", field="--parallel")

    @cached_property
    def levels(self) -> tuple[int, int]:
        """Fewest and most workers."""
        from gridtide.planning.replicas import MOST  # noqa: PLC0415 - keeps --help light

        found = _LEVELS.fullmatch((self.scale or "").strip())
        least, most = (int(found[1]), int(found[2])) if found else (1, 0)
        if not least <= most or not 1 <= most <= MOST:
            raise Usage(
                f"--scale is {(self.scale or '')[:_CUT]!r}; allowed: MIN..MAX, whole numbers, like 0..8, up to {MOST}",
                field="--scale",
            )
        return least, most

    @cached_property
    def figures(self) -> tuple[float, ...]:
        """Throughput of 1, 2, ... workers relative to one."""
        from gridtide.planning.replicas import amdahl  # noqa: PLC0415 - keeps --help light

        most = self.levels[1]
        if self.speedup is None:
            return amdahl(most, 1.0 if self.parallel is None else self.parallel)
        figures = _numbers(self.speedup)
        if len(figures) < most:
            raise Usage(
                f"--speedup has {len(figures)} figures, but --scale goes up to {most}",
                hint="give one for each number of workers, that of one first",
                field="--speedup",
            )
        if figures[0] != 1.0:
            raise Usage(
                f"--speedup begins with {figures[0]:g}; allowed: 1, since it is relative to one worker",
                hint="divide all by the throughput of one worker",
                field="--speedup",
            )
        return figures[:most]

    @property
    def fastest(self) -> float | None:
        """Speed-up of the best number of workers; None where the work does not scale."""
        return None if self.scale is None else max(self.figures[max(self.levels[0], 1) - 1 :])

    @property
    def source(self) -> str:
        """Where the speed-up is from."""
        return "given" if self.speedup is not None else "assumed linear" if self.parallel is None else "amdahl"

    @property
    def in_words(self) -> str:
        """Speed-up for people, and where it is from."""
        most = self.levels[1]
        if self.source == "assumed linear":
            return "linear, which is assumed: --parallel or --speedup says better"
        by = "as given" if self.source == "given" else f"Amdahl's law, {100 * (self.parallel or 0):g} % parallel"
        return f"{self.figures[most - 1]:.3g} times one worker's with {most}; {by}"


def _numbers(text: str) -> tuple[float, ...]:
    """Figures of a list, or of the file of that name."""
    path = Path(text)
    words = text
    try:
        if path.is_file():
            with path.open(encoding="utf-8-sig") as file:
                words = file.read(_LONGEST_FILE)
    except (OSError, ValueError) as error:
        raise Usage(f"--speedup {text[:_CUT]!r} cannot be read: {type(error).__name__}", field="--speedup") from None
    figures = []
    for word in words.replace(",", " ").split():
        try:
            figure = float(word)
        except ValueError:
            figure = float("nan")
        if not 0.0 < figure < float("inf"):
            raise Usage(
                f"--speedup holds {word[:_CUT]!r}; allowed: numbers above zero, like 1,1.9,2.7, or a file of them",
                field="--speedup",
            )
        figures.append(figure)
    if not figures:
        raise Usage("--speedup is empty; allowed: numbers above zero, like 1,1.9,2.7", field="--speedup")
    return tuple(figures)


def refuse_beside(session: Session, job: JobOptions, how: MethodOptions, also: RegionOptions) -> None:
    """Refuse what makes no sense for work that scales, by name."""
    policies = session.settings.policies
    beside: Mapping[str, tuple[object, str]] = {
        "--also": (also.also or None, "the levels of several regions are not planned together"),
        "--pause": (job.interruptible or None, "--scale 0..MAX says that it may pause"),
        "--method": (how.method, "levels are chosen by one rule"),
        "--threshold": (how.threshold, "levels are chosen by the forecast, not by a bound"),
        "--percentile": (how.percentile, "levels are chosen by the forecast, not by a bound"),
        "--spike-lead": (how.spike_lead, "levels are lowered in a rise anyway"),
        "--price-series": (how.price_series, "levels are chosen by carbon alone"),
        "--carbon-price": (policies.carbon_price, "levels are chosen by carbon alone"),
        "--risk": (
            None if policies.risk == "expected" else policies.risk,
            "levels are chosen on the middle of the forecast",
        ),
    }
    for flag, (value, why) in beside.items():
        if value is not None:
            raise conflict("--scale", flag, why)
