"""The tables of an experiment as rows, the same for JSON, files and the report."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from gridtide.domain.instants import isoformat
from gridtide.simulation import moves, summary

if TYPE_CHECKING:
    from gridtide.simulation.experiment import Experiment

__all__ = ["BASELINE", "signals", "tables"]

BASELINE: Final = "run-now"
"""What every saving is counted against: the same job, with the same power, started when it arrived, at home."""


def tables(experiment: Experiment) -> dict[str, list[dict[str, Any]]]:
    """Every table by its name."""
    return {
        "summary": [asdict(row) for row in summary.summaries(experiment)],
        "by_class": summary.by_class(experiment),
        "by_slack": summary.by_slack(experiment),
        "delays": summary.delays(experiment),
        "pareto": summary.pareto(experiment),
        "moves": moves.moves(experiment),
        "own_footprint": [asdict(row) for row in summary.own_footprint(experiment)],
    }


def signals(experiment: Experiment) -> list[dict[str, Any]]:
    """Which values each zone was simulated on."""
    return [
        {
            "zone": zone,
            "provider": series.signal.provider,
            "kind": str(series.signal.kind),
            "scope": str(series.signal.scope),
            "unit": series.signal.unit,
            "method": series.signal.method,
            "start": isoformat(series.start),
            "end": isoformat(series.end),
        }
        for zone, series in experiment.truth.items()
    ]
