"""
Energy of a piece of work: from its shape on a machine, a power profile, or a meter.

Every model gives energy for a time at the plug of the site: IT energy times PUE. The uncertainty of a modelled
figure is kept beside it, so that a saving is never quoted finer than the model allows.

References:
    Cloud Carbon Footprint methodology, compute and memory coefficients (2024).
    codecarbon 3.3.2, fall-back powers for unknown processors (4 W a thread, 3 W per 8 GB).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gridtide.accounting import coefficients
from gridtide.domain.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Energy",
    "Machine",
    "PowerSource",
    "constant",
    "machine_power_w",
    "measured",
    "profile",
    "relative_error_of",
    "tdp_power_w",
]

_W_PER_KW: Final = 1000.0
_MODEL_ERROR: Final = 0.35
_TDP_ERROR: Final = 0.5
_METER_ERROR: Final = 0.05
_UNKNOWN_THREAD_W: Final = 4.0
_UNKNOWN_W_PER_GB: Final = 3.0 / 8.0


class PowerSource(StrEnum):
    """Where a power figure comes from."""

    GIVEN = "given"
    COEFFICIENTS = "coefficients"
    TDP = "tdp"
    METER = "meter"


@dataclass(frozen=True, slots=True)
class Energy:
    """
    Energy at the plug with the share by which it may be off. [kWh]

    Args:
        kwh: Best estimate.
        relative_error: Half-width of the uncertainty, as a share of *kwh*. [0..1]
        source: Where it comes from.
    """

    kwh: float
    relative_error: float
    source: PowerSource

    @property
    def low_kwh(self) -> float:
        """Lower end. [kWh]"""
        return self.kwh * (1 - self.relative_error)

    @property
    def high_kwh(self) -> float:
        """Upper end. [kWh]"""
        return self.kwh * (1 + self.relative_error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """
    What a workload occupies.

    Args:
        vcpus: Virtual processors.
        memory_gb: Memory. [GB]
        gpus: Number of accelerators.
        gpu: Item of the coefficient table, for example ``NVIDIA_T4``.
        utilisation: Mean load of processors and accelerators. [0..1]
        provider: ``aws``, ``gcp`` or ``azure``; the three differ in watts per vCPU.
        region: For the PUE of the site.
        processor: Item of the coefficient table when the processor is known, for example ``EPYC 2nd Gen``.
    """

    vcpus: float
    memory_gb: float = 0.0
    gpus: int = 0
    gpu: str = ""
    utilisation: float = 0.5
    provider: str = "aws"
    region: str = ""
    processor: str = ""

    def __post_init__(self) -> None:
        for name in ("vcpus", "memory_gb", "gpus"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise InvalidInput(f"{name} is {value}; allowed: zero or more", field=name)
        if not 0 <= self.utilisation <= 1:
            raise InvalidInput(f"utilisation is {self.utilisation}; allowed: from 0 to 1", field="utilisation")
        if self.gpus and not self.gpu:
            raise InvalidInput("gpus are counted but gpu is empty; name the model", field="gpu")


def machine_power_w(machine: Machine) -> float:
    """
    Mean power of *machine* before PUE: processors between idle and full, memory, accelerators. [W]

    Raises:
        InvalidInput: An item is not in the coefficient table; the message lists those that are.
    """

    def between(category: str, scope: str, item: str) -> float:
        low = coefficients.power_coefficient(category, scope, item, "min_watts")
        high = coefficients.power_coefficient(category, scope, item, "max_watts")
        return low + machine.utilisation * (high - low)

    if machine.processor:
        per_vcpu = between("processor", "all", machine.processor)
    else:
        per_vcpu = between("compute", machine.provider, "vCPU")
    memory_kwh = coefficients.power_coefficient("memory", machine.provider, "RAM", "energy")
    accelerators = machine.gpus * between("gpu", "all", machine.gpu) if machine.gpus else 0.0
    return machine.vcpus * per_vcpu + machine.memory_gb * memory_kwh * _W_PER_KW + accelerators


def tdp_power_w(processor: str, *, threads: int, memory_gb: float = 0.0, utilisation: float = 0.5) -> float:
    """Power of an own server from its processor's TDP, or 4 W a thread when the processor is unknown. [W]"""
    tdp = coefficients.cpu_tdp_w(processor)
    full = tdp if tdp is not None else _UNKNOWN_THREAD_W * threads
    return full * utilisation + memory_gb * _UNKNOWN_W_PER_GB


def constant(
    power_w: float, duration: timedelta, *, pue: float = 1.0, source: PowerSource = PowerSource.GIVEN
) -> Energy:
    """Energy of a constant power over *duration*."""
    _check_power(power_w)
    return Energy(power_w * _hours(duration) / _W_PER_KW * pue, relative_error_of(source), source)


def profile(powers_w: Sequence[float], duration: timedelta, *, pue: float = 1.0) -> Energy:
    """Energy of a power that changes over equal parts of *duration*."""
    if not powers_w:
        raise InvalidInput("the power profile is empty", field="power_profile")
    for power in powers_w:
        _check_power(power)
    return constant(sum(powers_w) / len(powers_w), duration, pue=pue)


def measured(kwh: float, *, pue: float = 1.0) -> Energy:
    """Energy read from a meter at the machine."""
    if not 0 <= kwh < float("inf"):
        raise InvalidInput(f"energy is {kwh} kWh; allowed: zero or more", field="energy_kwh")
    return Energy(kwh * pue, _METER_ERROR, PowerSource.METER)


def _hours(duration: timedelta) -> float:
    return duration / timedelta(hours=1)


def _check_power(power_w: float) -> None:
    if not 0 <= power_w <= 1e9:
        raise InvalidInput(f"power is {power_w} W; allowed: from 0 to 1e9", field="power_w")


def relative_error_of(source: PowerSource) -> float:
    """Half-width of the uncertainty of a figure from *source*, as a share of it. [0..1]"""
    return {PowerSource.COEFFICIENTS: _MODEL_ERROR, PowerSource.TDP: _TDP_ERROR, PowerSource.METER: _METER_ERROR}.get(
        source, 0.0
    )
