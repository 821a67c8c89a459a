"""
Write schemas/: one JSON Schema for each answer of the command line, and one for the configuration file.

Usage: ``python scripts/build_schemas.py [--check]``; with ``--check`` nothing is written, and a stale file is exit 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gridtide.cli.answer_schema import VERSION, answer_schema
from gridtide.cli.shapes import ANSWERS
from gridtide.config.schema import settings_schema

FOLDER = Path(__file__).resolve().parent.parent / "schemas"


def schemas() -> dict[str, str]:
    """Text of every file by name."""
    found = {f"{name}.{VERSION}.schema.json": answer_schema(name) for name in ANSWERS}
    found["settings.schema.json"] = settings_schema()
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in found.items()}


def main(*, check: bool) -> int:
    """Write or compare; returns the exit code."""
    wanted = schemas()
    there = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    stale = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
    if check:
        print("\n".join(f"stale: schemas/{name}" for name in stale) or "schemas are up to date")
        return 1 if stale else 0
    for name in stale:
        if name in wanted:
            (FOLDER / name).write_text(wanted[name], "utf-8")
        else:
            (FOLDER / name).unlink()
        print(f"wrote schemas/{name}" if name in wanted else f"removed schemas/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
