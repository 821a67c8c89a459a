"""
Print the figures of every fault run as a Markdown table, those that need a Redis server included.

    python scripts/fault_report.py [--out FILE] [--restarts 20] [--spacing 30]

Takes some minutes. Without ``redis-server`` the runs F21, F22 and E8 with processes are left out, and said so.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from start_redis import RedisProcess, find_server

from gridtide.testing import faultrun
from gridtide.testing.faultruns import shared_store
from gridtide.testing.faultruns.figure import Figure, table


def main() -> int:
    """Run everything; 0 when every bar held."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the table there as well")
    parser.add_argument("--restarts", type=int, default=20, help="of eight processes in E8")
    parser.add_argument("--spacing", type=float, default=30.0, help="least seconds between two restarts")
    options = parser.parse_args()
    logging.getLogger("gridtide").setLevel(logging.ERROR)
    figures: list[Figure] = []
    for name in faultrun.RUNS:
        figures += faultrun.figures([name])
        print(name, file=sys.stderr, flush=True)
    binary = find_server()
    if binary is None:
        print("no redis-server on the PATH: F21, F22 and E8 with processes are left out", file=sys.stderr)
    else:
        with RedisProcess(binary) as redis:
            figures += shared_store.f21(redis)
            figures += shared_store.f22(redis)
            figures += shared_store.e8_processes(redis, restarts=options.restarts, spacing_s=options.spacing)
    text = table(figures)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", "utf-8")
    return 0 if all(figure.held for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
