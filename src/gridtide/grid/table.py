"""
Our own tables, read with the standard library so that a first answer needs no heavy import.

They are plain UTF-8 CSV with one header line, built by ``scripts/build_tables.py``; `SOURCES.md` beside them says
where each figure comes from and what its licence asks for.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["TABLES", "rows"]

TABLES: Final = Path(__file__).with_name("tables")


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """All rows of the table called *name*, read once; callers must not change them."""
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream))
