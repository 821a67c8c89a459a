"""Taking times on a shared machine: processor time, medians or the best of several rounds, and the rows of a table."""

from __future__ import annotations

import argparse
import gc
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path


def median_us(call, *, budget_s: float = 0.4) -> float:
    """Median processor time of one call. [us]"""
    call()
    begin = time.process_time()
    call()
    once = max(time.process_time() - begin, 1e-7)
    loops = max(1, min(2000, int(budget_s / 15 / once)))
    samples = []
    gc.disable()
    for _ in range(15):
        begin = time.process_time()
        for _ in range(loops):
            call()
        samples.append((time.process_time() - begin) / loops)
    gc.enable()
    return statistics.median(samples) * 1e6


def best_s(call, *, rounds: int = 3) -> float:
    """Least processor time of one call among a few. [s]"""
    return min(_seconds(call) for _ in range(rounds))


def median_s(call, *, rounds: int = 5) -> float:
    """Median processor time of one call. [s]"""
    return statistics.median(_seconds(call) for _ in range(rounds))


def _seconds(call) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


def run_s(command, **options) -> tuple[float, str]:
    """Processor time of a program of its own, children included, and what it printed; its errors end the benchmark."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"the peer failed:\n{done.stderr[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def parser_for(doc: str, *, peer: str = "", interpreter: bool = False) -> argparse.ArgumentParser:
    """The flags that scripts share: input, output, and where a peer is."""
    parser = argparse.ArgumentParser(description=doc.strip().splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder laid out as the reference runs")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    if peer:
        parser.add_argument("--peer", type=Path, metavar="DIR", help=peer)
    if interpreter:
        parser.add_argument("--peer-python", default=sys.executable, metavar="PROGRAM", help="interpreter for the peer")
    return parser


def machine() -> str:
    """What ran this, without naming it."""
    return f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}"


def show(name: str, rows: list[dict[str, object]], *, as_json: bool, notes: tuple[str, ...] = ()) -> None:
    """Print rows of equal columns as a table, or all as one JSON object."""
    if as_json:
        print(json.dumps({"schema": f"gridtide.{name}/1", "machine": machine(), "rows": rows, "notes": notes}))
        return
    print(f"{machine()}; processor time unless a column says otherwise")
    heads = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_cell(row.get(head)) for head in heads] for row in rows]
    widths = [max(len(line[k]) for line in [heads, *cells]) for k in range(len(heads))]
    for line in [heads, *cells]:
        first, *rest = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join([first.strip().ljust(widths[0]), *rest]).rstrip())
    for note in notes:
        print(note)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
