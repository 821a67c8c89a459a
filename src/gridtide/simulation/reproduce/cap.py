"""
CAP: how many executors a carbon-aware quota allows, and the ratios that its limits guarantee.

Formulas only: every recorded line holds its own bounds, so there is no zone to add.

References:
    Lechowicz et al. (2025), doi:10.1145/3718958.3750478; Lorenz et al. (2009), doi:10.1007/s00453-008-9217-8.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.planning import online
from gridtide.planning.provisioning import Provisioning
from gridtide.simulation.reproduce.comparison import Measure, Report, Row, Section
from gridtide.simulation.reproduce.progress import silent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from gridtide.simulation.reproduce.progress import Progress

__all__ = ["quota_row", "ratio_row", "reproduce"]

_FOLDER: Final = "cap"
_FIRST: Final = 3
_CLOSE: Final = 1e-9
_RAISED_LOW: Final = 1.1
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


def reproduce(data: Path, zone_files: Sequence[Path] = (), *, progress: Progress = silent) -> Report:
    """
    Compute every recorded quota and ratio.

    Raises:
        MalformedFile: The recorded lines cannot be read.
        InvalidInput: A zone file is given.
    """
    if zone_files:
        raise InvalidInput("cap takes no zone file: every line holds its own bounds", field="zone_file")
    path = data / _FOLDER / "cap_kmin_vectors.json"
    progress(0, 1, path.name)
    try:
        recorded = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise MalformedFile(f"cannot read {path}: {error}", path=path.name) from None
    if not isinstance(recorded, dict) or not {"cap_vectors", "k_min_search_alpha"} & recorded.keys():
        raise MalformedFile(f"{path.name} has neither cap_vectors nor k_min_search_alpha", path=path.name)
    quotas = _rows(path, recorded, "cap_vectors", quota_row)
    ratios = _rows(path, recorded, "k_min_search_alpha", ratio_row)
    return Report(
        paper=_FOLDER,
        title="CAP provisioning (Lechowicz et al. 2025) and k-min search, recorded values in brackets",
        sections=(
            Section(
                title="Executors allowed",
                keys=_QUOTA_KEYS,
                measures=_QUOTA_MEASURES,
                rows=tuple(quotas),
                recorded=tuple(_flat(line) for line in recorded.get("cap_vectors", ())),
            ),
            Section(
                title="Guaranteed ratios of k-min search",
                keys=_RATIO_KEYS,
                measures=_RATIO_MEASURES,
                rows=tuple(ratios),
                recorded=tuple(_flat(line) for line in recorded.get("k_min_search_alpha", ())),
            ),
        ),
    )


def quota_row(line: dict[str, Any]) -> Row:
    """Quota and limits for the bounds of a recorded line."""
    rule = Provisioning(
        least=line["min_execs"], most=line["max_execs"], low=line["L"], high=line["U"], held=line.get("driver_pods", 0)
    )
    limits, ratio, allowed = rule.limits(), rule.ratio, rule.allowed(line["ci"])
    free = rule.most - rule.least - rule.held
    if ratio is None and free > 0:
        ratio, limits = _beyond_the_bounds(rule, free)
        below = limits < line["ci"]
        allowed = rule.least + int(below.argmax()) if below.any() else rule.most
    first = {f"threshold_{i + 1}": float(limit) for i, limit in enumerate(limits[:_FIRST])}
    return {
        **{key: line.get(key, 0) for key in _QUOTA_KEYS},
        "allowed": allowed,
        "alpha": ratio,
        **first,
        "thresholds_first3": limits[:_FIRST].tolist(),
        "threshold_last": float(limits[-1]) if limits.size else None,
    }


def _beyond_the_bounds(rule: Provisioning, free: int) -> tuple[float, NDArray[np.float64]]:
    """The published formula as it stands where the bounds lie within a tenth of each other; ours has no limit there."""
    from scipy.special import lambertw  # noqa: PLC0415 - scipy takes long to import

    ratio = 1.0 / (1.0 + float(lambertw((rule.low * _RAISED_LOW / rule.high - 1.0) / np.e).real))
    return ratio, np.asarray(
        rule.high * (1.0 - (1.0 - 1.0 / ratio) * (1.0 + 1.0 / (ratio * free)) ** np.arange(free)), np.float64
    )


def _rows(path: Path, recorded: dict[str, Any], name: str, row_of: Callable[[dict[str, Any]], Row]) -> list[Row]:
    """One row per line of a list in the file; errors name the line that is wrong."""
    lines = recorded.get(name, [])
    if not isinstance(lines, list):
        raise MalformedFile(f"{path.name}: {name} is no list", path=path.name)
    rows = []
    for number, line in enumerate(lines, start=1):
        place = f"{path.name}: {name} line {number}"
        try:
            rows.append(row_of(line))
        except KeyError as error:
            raise MalformedFile(f"{place} has no {error}", path=path.name) from None
        except (TypeError, ValueError) as error:
            raise MalformedFile(f"{place}: {error}", path=path.name) from None
    return rows


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
