"""
What a waiting command shows: one living line on a terminal, a few plain ones anywhere else.

Plain lines come when the plan changes and every half hour, so that a log stays readable and a pipeline that ends silent
jobs sees a sign of life. Nothing here may fail: a terminal that went away must not keep a job from starting.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gridtide.cli import wording
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.durations import format_duration

if TYPE_CHECKING:
    from gridtide.cli.output import Output
    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Reading

__all__ = ["Countdown"]

_SIGN_OF_LIFE_S: Final = 1800.0
_GONE: Final = (OSError, ValueError)


class Countdown:
    """
    Shows a wait.

    Args:
        say: The command's voice; silent with ``--quiet`` and ``--json``.
        name: What waits.
        timezone: Zone to show times in.
    """

    def __init__(self, say: Output, *, name: str, timezone: str) -> None:
        self._say = say
        self._name = name
        self._timezone = timezone
        self._decision: Decision | None = None
        self._reading: Reading | None = None
        self._told_s: float | None = None
        self._live = self._terminal()

    def planned(self, decision: Decision, reading: Reading | None, *, now: datetime) -> None:
        """Take the plan to show; a changed start is told."""
        changed = self._decision is None or decision.start != self._decision.start
        self._decision, self._reading = decision, reading
        if changed and self._live is None:
            self._tell(now)
        self.tick(now)

    def tick(self, now: datetime) -> None:
        """Bring the display up to date; call it about once a second."""
        if self._decision is None:
            return
        if self._live is not None:
            with suppress(*_GONE):
                self._live.update(self._line(now), refresh=True)
        elif self._told_s is not None and _elapsed_s() >= self._told_s + _SIGN_OF_LIFE_S:
            self._tell(now)

    def close(self) -> None:
        """Take the living line away and be silent, so that the terminal belongs to the command."""
        self._decision = None
        live, self._live = self._live, None
        if live is not None:
            with suppress(*_GONE):
                live.stop()

    def note(self, text: str) -> None:
        """Say something beside the countdown."""
        with suppress(*_GONE):
            self._say.note(text)

    def _tell(self, now: datetime) -> None:
        self._told_s = _elapsed_s()
        self.note(self._line(now))

    def _line(self, now: datetime) -> str:
        decision = self._decision
        if decision is None or decision.start is None:
            return f"{self._name}: waiting"
        why = wording.REASONS.get(decision.reason, str(decision.reason))
        left = timedelta(seconds=max(0, round((decision.start - now).total_seconds())))
        parts = [f"{self._name}: {self._when(decision.start, left)}", f"{why}{self._gain()}"]
        reading = self._reading
        if reading is not None and reading.step not in {FreshnessStep.LIVE, FreshnessStep.CACHED}:
            parts.append(f"{reading.step} data: {reading.reason or 'nothing better is known'}"[:120])
        if decision.latest_start is not None and decision.latest_start != decision.start:
            parts.append(f"at the latest {wording.when(decision.latest_start, self._timezone)}")
        return "; ".join(parts)

    def _when(self, start: datetime, left: timedelta) -> str:
        if left <= timedelta(0):
            return "starting"
        if self._live is None and left >= timedelta(minutes=2):
            left = timedelta(minutes=round(left / timedelta(minutes=1)))
        return f"starts {wording.when(start, self._timezone)}, in {format_duration(left)}"

    def _gain(self) -> str:
        decision = self._decision
        now = None if decision is None else decision.baseline("run-now")
        if decision is None or now is None or now.mean is None or decision.mean is None or decision.signal is None:
            return ""
        return f" ({decision.mean:.0f} instead of {wording.amount(now.mean, decision.signal.unit)})"

    def _terminal(self) -> Any:
        """Living display of a terminal that can have one, or None."""
        stream = sys.stderr
        if self._say.as_json or self._say.quiet or os.environ.get("TERM") == "dumb" or not stream.isatty():
            return None
        from rich.console import Console  # noqa: PLC0415 - only where there is a terminal
        from rich.live import Live  # noqa: PLC0415

        live = Live("", console=Console(file=stream, highlight=False, markup=False), auto_refresh=False, transient=True)
        with suppress(*_GONE):
            live.start()
        return live


def _elapsed_s() -> float:
    """Real time, however fast the command's own clock runs. [s]"""
    return asyncio.get_running_loop().time()
