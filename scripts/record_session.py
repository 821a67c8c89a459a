"""
Record a terminal session from real runs into docs/tutorials/recorded-session.md.

Usage: ``python scripts/record_session.py``. Everything runs offline on recorded data with a fast clock, in an empty
home; what the page shows is what the commands printed, stderr included where a person would see it.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "tutorials" / "recorded-session.md"
SOURCE = "--provider replay"
JOB = "--duration 2h --finish-by 2022-06-16T00:00Z --power 350"
WORK = "sh -c 'echo training; sleep 1; echo done'"
STEPS = [
    (
        "Which region is cleanest?",
        f"gridtide compare {SOURCE} --at 2022-06-15T04:00Z US-CAL-CISO US-TEX-ERCO US-NY-NYIS US-NW-BPAT",
    ),
    ("What is ahead in California?", f"gridtide forecast {SOURCE} --at 2022-06-15T04:00Z --zone US-CAL-CISO"),
    (
        "When would a two-hour job run, and what would that avoid?",
        f"gridtide plan {SOURCE} --at 2022-06-15T04:00Z --zone US-CAL-CISO {JOB}",
    ),
    (
        "Run it. The clock goes 7200 times as fast, so that ten hours of waiting take five seconds.",
        f"gridtide run {SOURCE} --at 2022-06-15T04:00Z --clock-speed 7200 --zone US-CAL-CISO {JOB} -- {WORK}",
    ),
    ("Why did it wait, and what was saved?", "gridtide explain"),
]


def record() -> str:
    """Run every step in one empty home and return the page."""
    lines = [
        "# A recorded session",
        "",
        "Made by `python scripts/record_session.py` from real runs, offline, on recorded data.",
        "Planned figures are on the forecast of the decision, realised ones on the values that came true.",
    ]
    with tempfile.TemporaryDirectory() as home:
        places = dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), home)
        environment = {**os.environ, **places, "NO_COLOR": "1", "COLUMNS": "100", "TZ": "UTC"}
        for title, command in STEPS:
            line = command.replace("gridtide", f"{shlex.quote(sys.executable)} -m gridtide", 1)
            done = subprocess.run(  # noqa: S602 - our own commands, shown as a person types them
                line, shell=True, env=environment, cwd=home, text=True, check=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            lines += ["", f"## {title}", "", "```text", f"$ {command}", *done.stdout.rstrip().splitlines(), "```"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(record(), "utf-8")
    print(f"wrote {PAGE.name}")
