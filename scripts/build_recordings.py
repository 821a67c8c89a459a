"""
Rebuild the recorded series under ``src/gridtide/grid/series_data`` from the reference folder, in our own format.

Usage: ``python scripts/build_recordings.py REFERENCE_DATA_FOLDER [PACKAGE_FOLDER]``.
Only recordings that may be shipped with credit are read; `SOURCES.md` beside them says whose they are. Running it
twice changes nothing.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

PACKAGE = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).resolve().parent.parent / "src" / "gridtide"
TARGET = PACKAGE / "grid" / "series_data"
HOUR = timedelta(hours=1)
AREAS = {
    "AZPS": "US-SW-AZPS",
    "BPAT": "US-NW-BPAT",
    "CISO": "US-CAL-CISO",
    "ERCO": "US-TEX-ERCO",
    "MISO": "US-MIDW-MISO",
    "NYIS": "US-NY-NYIS",
    "PJM": "US-MIDA-PJM",
    "SOCO": "US-SE-SOCO",
}
# Hours (ending, UTC) in which PJM reported part of its fuels only: a tenth of the hours around them, then back.
PARTIAL = {"PJM": {f"2022-10-01T{h:02}:00Z" for h in (5, 6, 7, 8)} | {"2022-10-02T04:00Z"}}
GAP = -1


def main() -> None:
    reference = Path(sys.argv[1])
    TARGET.mkdir(parents=True, exist_ok=True)
    build_us_year(reference)
    samples = reference / "samples"
    write("gb_2023-12-03.csv", "NESO Carbon Intensity API, CC BY 4.0", gb_steps(samples))
    write("gb-13_2026-10-03.csv", "NESO Carbon Intensity API, CC BY 4.0", london_steps(samples))
    write("de_2024-03-22.csv", "Energy-Charts.info, Fraunhofer ISE, CC BY 4.0", german_steps(samples))


def build_us_year(reference: Path) -> None:
    """Eight areas, hourly; the source labels the hour's end, we keep its start; what is unknown stays unknown."""
    arrays: dict[str, np.ndarray] = {"areas": np.array(list(AREAS.values()))}
    for scope in ("lifecycle", "direct"):
        with gzip.open(reference / f"sample_series_us_eia_2022_{scope}.csv.gz", "rt", encoding="utf-8") as stream:
            table = list(csv.DictReader(stream))
        ends = [datetime.fromisoformat(row["utc_hour_ending"]) for row in table]
        assert all(b - a == HOUR for a, b in zip(ends[:-1], ends[1:], strict=True))
        arrays[scope] = np.array([[value(row, area) for row in table] for area in AREAS], dtype=np.int16)
        arrays["first_start"] = np.array(int((ends[0] - HOUR).timestamp()))
    path = TARGET / "us_eia_2022.npz"
    np.savez_compressed(path, **arrays)
    gaps = {area: int((arrays["lifecycle"][i] == GAP).sum()) for i, area in enumerate(AREAS)}
    print(f"{path.name}: {arrays['lifecycle'].shape}, gaps {gaps}, {path.stat().st_size} bytes")


def value(row: dict[str, str], area: str) -> int:
    text = row[area]
    return int(text) if text and row["utc_hour_ending"] not in PARTIAL.get(area, ()) else GAP


def gb_steps(samples: Path) -> list[tuple[datetime, datetime, float, str]]:
    """Half-hours; the actual value where there is one, else the forecast."""
    steps = []
    for entry in read_json(samples / "sample_uk_national_2023-12-03.json")["data"]:
        actual, forecast = entry["intensity"]["actual"], entry["intensity"]["forecast"]
        known = (forecast, "forecast") if actual is None else (actual, "measured")
        steps.append((instant(entry["from"]), instant(entry["to"]), *known))
    return steps


def london_steps(samples: Path) -> list[tuple[datetime, datetime, float, str]]:
    entries = read_json(samples / "sample_uk_london_2026-10-03.json")["data"]
    return [(instant(e["from"]), instant(e["to"]), e["forecast"], "forecast") for e in entries]


def german_steps(samples: Path) -> list[tuple[datetime, datetime, float, str]]:
    """Quarter-hours; measured where there is a value, else the forecast, else nothing."""
    tree = read_json(samples / "sample_energycharts_de.json")
    steps = []
    for second, measured, forecast in zip(tree["unix_seconds"], tree["co2eq"], tree["co2eq_forecast"], strict=True):
        known = (forecast, "forecast") if measured is None else (measured, "measured")
        if known[0] is not None:
            start = datetime.fromtimestamp(second, UTC)
            steps.append((start, start + timedelta(minutes=15), *known))
    return steps


def read_json(path: Path) -> dict:
    return json.loads(path.read_text("utf-8"))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def write(name: str, credit: str, steps: list[tuple[datetime, datetime, float, str]]) -> None:
    with (TARGET / name).open("w", encoding="utf-8", newline="") as stream:
        stream.write(f"# {credit}\n")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("start", "end", "value", "quality"))
        writer.writerows((text(start), text(end), number, quality) for start, end, number, quality in steps)
    print(f"{name}: {len(steps)} steps, {(TARGET / name).stat().st_size} bytes")


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%MZ")


if __name__ == "__main__":
    main()
