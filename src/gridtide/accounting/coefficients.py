"""The published coefficients we ship, read once: watts, memory, PUE, transfer energy, round trips, prices."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

from gridtide.domain.errors import InvalidInput

__all__ = [
    "cpu_tdp_w",
    "items",
    "measured_round_trip_ms",
    "power_coefficient",
    "pue_of",
    "tdp_names",
    "tdp_title",
    "transfer_price_usd_per_gb",
]


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files("gridtide.accounting").joinpath("tables", name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def _power() -> dict[tuple[str, str, str, str], float]:
    return {
        (r["category"], r["scope"], r["item"].lower(), r["parameter"]): float(r["value"])
        for r in _rows("power_coefficients.csv")
    }


def power_coefficient(category: str, scope: str, item: str, parameter: str) -> float:
    """
    One figure of the power table, in the unit the table gives for it.

    Raises:
        InvalidInput: There is no such row; the message lists the items of that category.
    """
    value = _power().get((category, scope, item.lower(), parameter))
    if value is None:
        known = ", ".join(items(category, scope))
        raise InvalidInput(f"no {category} figure for {item!r} ({scope}); known: {known}", field=category)
    return value


def items(category: str, scope: str) -> tuple[str, ...]:
    """Names in one category of the power table, in lower case."""
    return tuple(sorted({i for c, s, i, _ in _power() if c == category and s == scope}))


def pue_of(provider: str, region: str = "") -> float | None:
    """Power usage effectiveness of a cloud region, else of its provider's fleet, else None."""
    for item in (region.lower(), "fleet"):
        value = _power().get(("pue", provider.lower(), item, "pue"))
        if value is not None:
            return value
    return None


@cache
def _tdp() -> dict[str, tuple[str, float]]:
    return {r["name"].lower(): (r["name"], float(r["tdp_w"])) for r in _rows("cpu_tdp.csv")}


def tdp_names() -> tuple[str, ...]:
    """Names in the table of server processors, in lower case."""
    return tuple(_tdp())


def tdp_title(name: str) -> str:
    """Name of a processor in the table as its maker writes it."""
    return _tdp()[name.strip().lower()][0]


def cpu_tdp_w(name: str) -> float | None:
    """Thermal design power of a server processor by its full name, or None when it is not in the table. [W]"""
    found = _tdp().get(name.strip().lower())
    return None if found is None else found[1]


@cache
def _round_trips() -> dict[tuple[str, str], float]:
    return {(r["from"], r["to"]): float(r["round_trip_ms"]) for r in _rows("gcp_latency.csv")}


def measured_round_trip_ms(origin: str, destination: str) -> float | None:
    """Measured round trip between two GCP regions, or None when the pair was not measured. [ms]"""
    if origin == destination:
        return 0.0
    return _round_trips().get((origin, destination), _round_trips().get((destination, origin)))


@cache
def _prices() -> dict[tuple[str, str, str], float]:
    return {(r["provider"], r["from"], r["to"]): float(r["usd_per_gb"]) for r in _rows("transfer_price.csv")}


def transfer_price_usd_per_gb(provider: str, origin: str, destination: str) -> float | None:
    """Listed price of moving data between two regions of one cloud, or None when unknown. [USD/GB]"""
    return 0.0 if origin == destination else _prices().get((provider.lower(), origin, destination))
