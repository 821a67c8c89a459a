"""Something slow, for a bounded time: what a source or a disk does not answer in time is gone without."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gridtide.cli.session import Session

__all__ = ["spare_s", "within"]

_READ_S: Final = 13.0
_LEAST_S: Final = 1.0
_MARGIN_S: Final = 2.0

Answer = TypeVar("Answer")


def within(seconds: float, call: Callable[[], Answer]) -> Answer | None:
    """
    What *call* returns, or None when it takes longer; it is left behind in a thread that does not hold up the exit.

    What it raises in time is raised here.
    """
    done: list[Answer] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            done.append(call())
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
            raised.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    return done[0] if done else None


def spare_s(session: Session, latest: datetime | None) -> float:
    """How long something may take before work with that latest start is let go; never longer than a slow source. [s]"""
    if latest is None:
        return _READ_S
    speed = getattr(session.clock, "speed", 1.0) or 1.0  # a clock that stands still holds nothing up
    left_s = (latest - session.clock.now()).total_seconds() / speed - _MARGIN_S
    return max(_LEAST_S, min(_READ_S, left_s))
