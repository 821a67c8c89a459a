"""
CAP: how many executors a carbon-aware quota allows, and the ratios that its limits guarantee.

Formulas only: every recorded line holds its own bounds, so there is no zone to add.

References:
    Lechowicz et al. (2025), doi:10.1145/3718958.3750478; Lorenz et al. (2009), doi:10.1007/s00453-008-9217-8.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.planning import online
from gridtide.planning.provisioning import Provisioning
from gridtide.simulation.reproduce.comparison import Measure, Report, Row, Section, match_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["quota_row", "ratio_row", "reproduce"]

_FOLDER: Final = "cap"
_FIRST: Final = 3
_CLOSE: Final = 1e-9
_QUOTA_KEYS: Final = ("ci", "L", "U", "min_execs", "driver_pods", "max_execs")
_QUOTA_MEASURES: Final = (
    Measure("allowed", "allowed", 0.0),
    Measure("alpha", "alpha", _CLOSE, relative=True),
    *(Measure(f"threshold_{i}", f"threshold_{i}", _CLOSE, relative=True) for i in range(1, _FIRST + 1)),
    Measure("threshold_last", "threshold_last", _CLOSE, relative=True),
)
_RATIO_KEYS: Final = ("theta", "k")
_RATIO_MEASURES: Final = tuple(
    Measure(name, name, _CLOSE, relative=True) for name in ("alpha_k", "alpha_inf_lambertw", "one_min_sqrt_theta")
)


def reproduce(data: Path, zone_files: Sequence[Path] = ()) -> Report:
    """
    Compute every recorded quota and ratio.

    Raises:
        MalformedFile: The recorded lines cannot be read.
        InvalidInput: A zone file is given.
    """
    if zone_files:
        raise InvalidInput("cap takes no zone file: every line holds its own bounds", field="zone_file")
    path = data / _FOLDER / "cap_kmin_vectors.json"
    try:
        recorded = json.loads(path.read_text("utf-8"))
        quotas = [quota_row(line) for line in recorded["cap_vectors"]]
        ratios = [ratio_row(line) for line in recorded["k_min_search_alpha"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MalformedFile(f"cannot read {path.name}: {error}", path=path.name) from None
    return Report(
        paper=_FOLDER,
        title="CAP provisioning (Lechowicz et al. 2025) and k-min search, recorded values in brackets",
        sections=(
            Section(
                title="Executors allowed",
                keys=_QUOTA_KEYS,
                measures=_QUOTA_MEASURES,
                rows=tuple(quotas),
                recorded=match_rows(quotas, [_flat(line) for line in recorded["cap_vectors"]], _QUOTA_KEYS),
            ),
            Section(
                title="Guaranteed ratios of k-min search",
                keys=_RATIO_KEYS,
                measures=_RATIO_MEASURES,
                rows=tuple(ratios),
                recorded=match_rows(ratios, [_flat(line) for line in recorded["k_min_search_alpha"]], _RATIO_KEYS),
            ),
        ),
    )


def quota_row(line: dict[str, Any]) -> Row:
    """Quota and limits for the bounds of a recorded line."""
    rule = Provisioning(
        least=line["min_execs"], most=line["max_execs"], low=line["L"], high=line["U"], held=line["driver_pods"]
    )
    limits = rule.limits().tolist()
    first = {f"threshold_{i + 1}": limit for i, limit in enumerate(limits[:_FIRST])}
    return {
        **{key: line[key] for key in _QUOTA_KEYS},
        "allowed": rule.allowed(line["ci"]),
        "alpha": rule.ratio,
        **first,
        "thresholds_first3": limits[:_FIRST],
        "threshold_last": limits[-1] if limits else None,
    }


def ratio_row(line: dict[str, Any]) -> Row:
    """Ratios for the spread of a recorded line."""
    theta, k = float(line["theta"]), int(line["k"])
    return {
        "theta": line["theta"],
        "k": k,
        "alpha_k": float(online.k_min_ratio(k, 1.0, theta)),
        "alpha_inf_lambertw": online.k_min_ratio_bound(1.0, theta),
        "one_min_sqrt_theta": online.one_min_limit(1.0, theta),
    }


def _flat(line: dict[str, Any]) -> dict[str, str]:
    first = {f"threshold_{i + 1}": value for i, value in enumerate(line.get("thresholds_first3", ()))}
    return {name: "" if value is None else str(value) for name, value in {**line, **first}.items()}
