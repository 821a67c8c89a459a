"""
Traces from schedulers' JSON: Nomad allocations, Kubernetes jobs.

References:
    Nomad ``GET /v1/allocations?resources=true&task_states=true``: CreateTime [ns], TaskStates, AllocatedResources.
    Kubernetes batch/v1 Job: metadata.creationTimestamp, status.startTime and completionTime, container requests,
    nodeSelector ``topology.kubernetes.io/region``.
"""

from __future__ import annotations

import math
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import parse_instant, to_ns
from gridtide.domain.units import NS_PER_SECOND
from gridtide.grid.samples import malformed
from gridtide.simulation.trace_rows import TraceJob
from gridtide.simulation.trace_tables import power_of

if TYPE_CHECKING:
    from gridtide.simulation.trace_rows import TraceRows

__all__ = ["MHZ_PER_VCPU", "read_kubernetes", "read_nomad"]

MHZ_PER_VCPU: Final = 2500.0
"""What one vCPU is taken for where Nomad counts megahertz."""

_REGION_LABEL: Final = "topology.kubernetes.io/region"
_QUANTITY: Final = re.compile(r"(\d+(?:\.\d+)?)(m|[kKMGTP]i?)?")
_SCALE: Final = {
    None: 1.0, "m": 1e-3, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50,
}  # fmt: skip


def read_nomad(name: str, tree: Any, rows: TraceRows) -> None:
    """Allocations of Nomad: a list of them, or an object with a list under ``Allocations``."""
    found = tree.get("Allocations") if isinstance(tree, dict) else tree
    if not isinstance(found, list):
        raise malformed(
            name, "holds no list of allocations", hint="export /v1/allocations?resources=true&task_states=true"
        )
    for k, item in enumerate(found):
        rows.take(partial(_guarded, _allocation, f"{name}: [{k}]", item))


def read_kubernetes(name: str, tree: Any, rows: TraceRows) -> None:
    """Jobs of ``kubectl get jobs -o json``."""
    found = tree.get("items") if isinstance(tree, dict) else None
    if not isinstance(found, list):
        raise malformed(name, "holds no list under 'items'", hint="export with: kubectl get jobs -A -o json")
    for k, item in enumerate(found):
        read = partial(_job, by_region=rows.names_clusters())
        rows.take(partial(_guarded, read, f"{name}: items[{k}]", item))


def _guarded(read: Any, where: str, item: Any) -> TraceJob:
    """Read one object; a part of another type than agreed is a bad row, never a crash."""
    try:
        made: TraceJob = read(where, item)
    except InvalidInput:
        raise
    except (KeyError, TypeError, AttributeError, OverflowError, ValueError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise malformed(where, f"is not of the agreed shape: {what}"[:160]) from None
    return made


def _allocation(where: str, item: Any) -> TraceJob:
    states = item.get("TaskStates") or {}
    begun = [s["StartedAt"] for s in states.values() if s.get("StartedAt")]
    ended = [s["FinishedAt"] for s in states.values() if s.get("FinishedAt")]
    if not begun:
        raise malformed(where, f"allocation {str(item['ID'])[:40]} never ran (status {item.get('ClientStatus')})")
    if len(ended) < len(begun):
        raise malformed(where, f"allocation {str(item['ID'])[:40]} has not finished")
    true_ns = _between(where, min(begun), max(ended))
    mhz, memory_mb, cores = 0.0, 0.0, 0
    for task in ((item.get("AllocatedResources") or {}).get("Tasks") or {}).values():
        held = task["Cpu"]
        reserved = held.get("ReservedCores") or ()
        cores += len(reserved)
        mhz += 0 if reserved else float(held.get("CpuShares") or 0)
        memory_mb += float((task.get("Memory") or {}).get("MemoryMB") or 0)
    vcpus = cores + mhz / MHZ_PER_VCPU
    power_w = power_of(vcpus, memory_mb / 1000.0) if vcpus else math.nan
    name = f"{item['JobID']}/{item['ID']}"
    return TraceJob(where, name, int(item["CreateTime"]), true_ns, true_ns, None, power_w)


def _job(where: str, item: Any, *, by_region: bool) -> TraceJob:
    meta, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    name = f"{meta.get('namespace', 'default')}/{meta['name']}"
    if not status.get("startTime"):
        raise malformed(where, f"job {name[:80]} never ran")
    if not status.get("completionTime"):
        raise malformed(where, f"job {name[:80]} has not finished")
    true_ns = _between(where, status["startTime"], status["completionTime"])
    limit = spec.get("activeDeadlineSeconds")
    length_ns = true_ns if limit is None else max(true_ns, int(limit) * NS_PER_SECOND)
    vcpus = memory = 0.0
    for container in spec["template"]["spec"]["containers"]:
        asked = (container.get("resources") or {}).get("requests") or {}
        vcpus += _quantity(where, asked.get("cpu", "0"))
        memory += _quantity(where, asked.get("memory", "0"))
    pods = min(int(spec.get("parallelism") or 1), int(spec.get("completions") or spec.get("parallelism") or 1))
    power_w = pods * power_of(vcpus, memory / 1e9) if vcpus else math.nan
    selected = spec["template"]["spec"].get("nodeSelector") or {}
    home = str(selected.get(_REGION_LABEL, "")) if by_region else ""
    return TraceJob(where, name, _instant(where, meta["creationTimestamp"]), length_ns, true_ns, None, power_w, home)


def _between(where: str, start: Any, end: Any) -> int:
    length_ns = _instant(where, end) - _instant(where, start)
    if length_ns < 0:
        raise malformed(where, f"ends {str(end)[:40]}, before it starts {str(start)[:40]}")
    return length_ns


def _instant(where: str, text: Any) -> int:
    try:
        return to_ns(parse_instant(re.sub(r"(\.\d{6})\d+", r"\1", str(text))))
    except ValueError as error:
        raise malformed(where, str(error)) from None


def _quantity(where: str, text: Any) -> float:
    match = _QUANTITY.fullmatch(str(text))
    if match is None:
        raise malformed(where, f"{str(text)[:40]!r} is no Kubernetes quantity")
    return float(match[1]) * _SCALE[match[2]]
