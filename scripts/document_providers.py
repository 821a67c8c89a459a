"""
Write docs/reference/providers.md from what the providers say about themselves.

Usage: ``python scripts/document_providers.py [--check]``; with ``--check`` nothing is written, and a stale page is
exit 1.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from gridtide.domain.durations import format_duration
from gridtide.domain.signal import Scope, SignalKind
from gridtide.grid.mix import ENTSOE, FACTOR_SETS
from gridtide.grid.points import BANDS, Reject
from gridtide.grid.provider import Product, ProviderInfo
from gridtide.grid.providers.registry import ProviderSpec, all_providers

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "providers.md"

HEAD = """\
# Grid data sources

<!-- written by scripts/document_providers.py from the providers themselves; do not edit by hand -->

Every source stands behind one port, so one can replace another of the same kind.
Signals of different kind or scope are never compared with each other.
`relative` signals rank from clean (low) to dirty (high) inside one zone; they say nothing about grams.
Values are in gCO2eq/kWh (gCO2/kWh where a source counts CO2 only), `relative` ones in percent, prices in EUR/MWh.
"""
REASONS = {
    Reject.NULL: "null, or missing in some points; missing in all is an error that names the field",
    Reject.TYPE: "text, a boolean, a list or an object where a number was agreed",
    Reject.NONFINITE: "NaN, infinite, or too large for a number",
    Reject.NEGATIVE: "below zero where the kind cannot be",
    Reject.RANGE: "outside the band of its kind",
    Reject.TIME: "no time that can be read: naive, local, in another unit, or outside 2000 to 2099",
    Reject.REVERSED: "ends before it starts",
    Reject.LENGTH: "a step longer than a day, which would stretch one value over unknown time",
    Reject.FUTURE: "said to be measured a day from now or later",
    Reject.ZONE: "about another zone",
    Reject.INCOMPLETE: "computed from a mix that has not come in completely",
    Reject.CONTRADICTION: "one of several for the same time that contradict each other",
    Reject.OVERLAP: "reached into the next step and was cut there",
}


def page() -> str:
    """Return the whole page."""
    specs = list(all_providers().values())
    parts = [HEAD, "## What each gives\n", _signals(specs), "## Limits, credit and keys\n", _limits(specs)]
    parts += ["## Names of keys in the environment\n", _keys(specs), "## Options\n", _options(specs)]
    parts += ["## Factor sets for sources that publish a generation mix\n", _factors()]
    parts += ["## Values that are not used\n", _rejects()]
    return "\n".join(parts)


def _signals(specs: list[ProviderSpec]) -> str:
    rows = []
    for spec in specs:
        info = spec.info
        kinds = ", ".join(info.kinds)
        products = ", ".join(product for product in Product if product in info.products)
        horizon = _span(info.horizon) if info.horizon else "none"
        scope = _scope(info)
        rows.append(
            (
                f"`{info.name}`",
                info.title,
                kinds,
                products,
                scope,
                info.perimeter,
                _span(info.period),
                _span(info.lag),
                horizon,
            )
        )
    head = ("Name", "Source", "Kinds", "Products", "Scope", "Perimeter", "New values every", "Lag", "Forecast horizon")
    return _table(head, rows)


def _scope(info: ProviderInfo) -> str:
    if info.kinds == (SignalKind.PRICE,):
        return "none"
    return "declared or unknown" if info.scope is Scope.UNKNOWN else info.scope


def _limits(specs: list[ProviderSpec]) -> str:
    rows = []
    for spec in specs:
        info = spec.info
        budget = f"{info.calls_per_window} in {_span(info.budget_window)}"
        keys = ", ".join(f"`{name}`" for name in info.credentials) or "none"
        rows.append(
            (f"`{info.name}`", f"<{info.base_url}>", budget, _span(info.max_span), keys, info.licence, info.attribution)
        )
    return _table(("Name", "Address", "Calls", "Longest history request", "Keys", "Licence", "Credit"), rows)


def _keys(specs: list[ProviderSpec]) -> str:
    rows = [
        (f"`{spec.name}`", f"`{c.parameter}`", ", ".join(f"`{v}`" for v in c.variables), "yes" if c.required else "no")
        for spec in specs
        for c in spec.credentials
    ]
    return _table(("Name", "Parameter", "Read from", "Required"), rows)


def _options(specs: list[ProviderSpec]) -> str:
    rows = [(f"`{spec.name}`", ", ".join(f"`{option}`" for option in spec.options)) for spec in specs if spec.options]
    return _table(("Name", "Options"), rows)


def _factors() -> str:
    fuels = list(FACTOR_SETS["ipcc2014"].factors)
    rows = [(fuel, *(f"{chosen.factors[fuel]:g}" for chosen in FACTOR_SETS.values())) for fuel in fuels]
    pumped = (f"{chosen.factors['pumped_storage']:g}" for chosen in ENTSOE.values())
    rows.append(("pumped_storage (`entsoe` only)", *pumped))
    sources = "".join(f"\n`{name}` ({chosen.scope}): {chosen.source}." for name, chosen in FACTOR_SETS.items())
    left_out = "\nStorage, imports and negative output are left out of both sums."
    return _table(("Fuel [gCO2eq/kWh]", *(f"`{name}`" for name in FACTOR_SETS)), rows) + sources + left_out + "\n"


def _rejects() -> str:
    bands = [(kind, f"{low:g}", f"{high:g}") for kind, (low, high) in BANDS.items()]
    reasons = [(f"`{reason}`", REASONS[reason]) for reason in Reject]
    return _table(("Kind", "From", "To"), bands) + "\n" + _table(("Reason in the log", "The value is"), reasons)


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def _span(duration: timedelta) -> str:
    return format_duration(duration) if duration else "0"


def main() -> int:
    """Write or check the page."""
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{PAGE} is stale: run python scripts/document_providers.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
