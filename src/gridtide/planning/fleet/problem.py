"""
Many jobs, several regions, and what they must share: the joint plan's question, as arrays.

Time runs in slots of one length. A job needs *length* slots of [release, deadline) in one region, in any slots if it
may pause, in a row if not. What jobs share is a list of limits: power per slot (a region's capacity, a site's
connection, a tenant's share) and energy in all (a quota). A limit counts the jobs of the regions and tenants it names.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from gridtide.domain.errors import InvalidInput
from gridtide.planning.fleet.arrays import flags, numbers, refuse, whole_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FleetJobs", "FleetProblem", "Limit", "Quota", "region_limits", "sample", "transfer_grams"]

_UNPLACED_FACTOR = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetJobs:
    """
    Jobs, one entry per job in every array; lists will do.

    Args:
        release: First slot a job may use, shape (n_jobs,).
        deadline: Slot by which it is finished, shape (n_jobs,).
        length: Slots it runs, shape (n_jobs,). [slots > 0]
        power_kw: While running, shape (n_jobs,). [kW]
        transfer_g: Emissions of moving it to each region; infinite where it may not go, shape (n_jobs, n_regions).
            [gCO2eq]
        contiguous: Whether it must not pause, shape (n_jobs,).
        tenant: Number of the tenant, shape (n_jobs,).

    Raises:
        InvalidInput: Shapes differ, a figure is none, or a job has no window or region; field and job are named.
    """

    release: NDArray[np.int64]
    deadline: NDArray[np.int64]
    length: NDArray[np.int64]
    power_kw: NDArray[np.float64]
    transfer_g: NDArray[np.float64]
    contiguous: NDArray[np.bool_]
    tenant: NDArray[np.int64]

    def __post_init__(self) -> None:
        for name in ("release", "deadline", "length", "tenant"):
            _replace(self, name, whole_numbers(name, getattr(self, name), ndim=1))
        _replace(self, "power_kw", numbers("power_kw", self.power_kw, ndim=1))
        _replace(self, "contiguous", flags("contiguous", self.contiguous, ndim=1))
        _replace(self, "transfer_g", numbers("transfer_g", self.transfer_g, ndim=2))
        size = self.release.size
        for name in ("deadline", "length", "power_kw", "contiguous", "tenant"):
            if getattr(self, name).shape != (size,):
                raise InvalidInput(f"{name} has shape {getattr(self, name).shape}; allowed: ({size},)", field=name)
        if self.transfer_g.shape[0] != size:
            raise InvalidInput(
                f"transfer_g has shape {self.transfer_g.shape}; allowed: ({size}, regions)", field="transfer_g"
            )
        refuse("length", self.length < 1, "at least 1")
        refuse("release", self.release < 0, "zero or more")
        refuse("deadline", self.deadline - self.release < self.length, "release plus length or later")
        refuse("power_kw", ~(np.isfinite(self.power_kw) & (self.power_kw >= 0)), "zero or more")
        refuse("transfer_g", (np.isnan(self.transfer_g) | (self.transfer_g < 0)).any(axis=1), "zero or more")
        refuse("transfer_g", ~np.isfinite(self.transfer_g).any(axis=1), "at least one region")

    @property
    def size(self) -> int:
        """Number of jobs."""
        return int(self.release.size)

    def some(self, rows: NDArray[np.int64]) -> FleetJobs:
        """These jobs only."""
        return replace(self, **{field.name: getattr(self, field.name)[rows] for field in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """
    Most power of some jobs at any time.

    Args:
        name: For messages.
        kw: Per slot, infinite where there is none, shape (n_slots,). [kW]
        regions: Whose jobs count; None for all.
        tenants: Whose jobs count; None for all.
    """

    name: str
    kw: NDArray[np.float64]
    regions: tuple[int, ...] | None = None
    tenants: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        _replace(self, "kw", numbers("kw", self.kw, ndim=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Most energy of some jobs in all; fields as in `Limit`. [kWh]"""

    name: str
    kwh: float
    regions: tuple[int, ...] | None = None
    tenants: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetProblem:
    """
    Jobs, regions and limits.

    Args:
        jobs: What is to run.
        values: Carbon intensity per region and slot, PUE included where it differs, shape (n_regions, n_slots).
            [gCO2eq/kWh]
        limits: Power limits.
        quotas: Energy limits.
        slot_hours: Length of a slot. [h]
        region_names: For messages; numbered when left out.

    Raises:
        InvalidInput: A value is missing, a job reaches outside the slots, or a limit is not one.
    """

    jobs: FleetJobs
    values: NDArray[np.float64]
    limits: tuple[Limit, ...] = ()
    quotas: tuple[Quota, ...] = ()
    slot_hours: float = 1.0
    region_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _replace(self, "values", numbers("values", self.values, ndim=2))
        if not np.isfinite(self.values).all():
            raise InvalidInput("values must be known in every region and slot", field="values")
        if self.jobs.transfer_g.shape[1] != self.n_regions:
            raise InvalidInput(
                f"transfer_g is for {self.jobs.transfer_g.shape[1]} regions, values for {self.n_regions}",
                field="transfer_g",
            )
        if not 0.0 < self.slot_hours < float("inf"):
            raise InvalidInput(f"slot_hours is {self.slot_hours}; allowed: above zero", field="slot_hours")
        refuse("deadline", self.jobs.deadline > self.n_slots, f"up to {self.n_slots}")
        for limit in self.limits:
            if limit.kw.shape != (self.n_slots,) or not (limit.kw >= 0).all():
                raise InvalidInput(f"limit {limit.name}: kw must be {self.n_slots} figures of zero or more", field="kw")
        for quota in self.quotas:
            if not quota.kwh >= 0:
                raise InvalidInput(f"quota {quota.name} is {quota.kwh}; allowed: zero or more", field="kwh")
        rules: list[Limit | Quota] = [*self.limits, *self.quotas]
        for rule in rules:
            unknown = [region for region in rule.regions or () if not 0 <= region < self.n_regions]
            if unknown:
                raise InvalidInput(
                    f"{rule.name} counts region {unknown[0]}; allowed: 0 to {self.n_regions - 1}", field="regions"
                )

    def region_name(self, region: int) -> str:
        """What messages call a region."""
        return self.region_names[region] if region < len(self.region_names) else f"region {region}"

    @property
    def n_regions(self) -> int:
        """Number of regions."""
        return int(self.values.shape[0])

    @property
    def n_slots(self) -> int:
        """Number of slots."""
        return int(self.values.shape[1])

    @property
    def slot_kwh(self) -> NDArray[np.float64]:
        """Energy of each job in one slot, shape (n_jobs,). [kWh]"""
        return self.jobs.power_kw * self.slot_hours

    @property
    def unplaced_g(self) -> NDArray[np.float64]:
        """What leaving a job out counts in the objective: more than any place could, shape (n_jobs,). [gCO2eq]"""
        worst = max(float(np.abs(self.values).max(initial=0.0)), 1.0)
        reach = np.where(np.isfinite(self.jobs.transfer_g), self.jobs.transfer_g, 0.0).max(axis=1, initial=0.0)
        return np.asarray(_UNPLACED_FACTOR * worst * self.slot_kwh * self.jobs.length + reach + 1.0)

    def held(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What limits and quotas hold, shape (n_limits, n_slots) and (n_quotas,), always finite. [kW, kWh]"""
        kw = np.array([limit.kw for limit in self.limits]).reshape(len(self.limits), self.n_slots)
        kwh = np.array([quota.kwh for quota in self.quotas], dtype=np.float64)
        most_kw, most_kwh = self.jobs.power_kw.sum(), (self.slot_kwh * self.jobs.length).sum()
        return np.where(np.isinf(kw), most_kw, kw), np.where(np.isinf(kwh), most_kwh, kwh)

    def kinds(self) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
        """
        Group tenants that the same limits count.

        Returns:
            Kind of each job, shape (n_jobs,); whether each limit counts each kind in each region, shape (n_limits,
            n_kinds, n_regions); the same for quotas.
        """
        rules: list[Limit | Quota] = [*self.limits, *self.quotas]
        tenants, place = np.unique(self.jobs.tenant, return_inverse=True)
        counted = np.zeros((tenants.size, len(rules)), dtype=np.bool_)
        in_region = np.zeros((len(rules), self.n_regions), dtype=np.bool_)
        for k, rule in enumerate(rules):
            counted[:, k] = True if rule.tenants is None else np.isin(tenants, rule.tenants)
            in_region[k] = True if rule.regions is None else np.isin(np.arange(self.n_regions), rule.regions)
        patterns, kind_of_tenant = np.unique(counted, axis=0, return_inverse=True)
        covers = patterns.T[:, :, None] & in_region[:, None, :]
        return kind_of_tenant.ravel()[place.ravel()], covers[: len(self.limits)], covers[len(self.limits) :]


def sample(problem: FleetProblem, n_jobs: int, *, seed: int) -> tuple[FleetProblem, float]:
    """
    A smaller problem with the same scarcity: some jobs drawn at random, limits cut to their part of the energy.

    Returns:
        The problem, and the part it is of the whole by energy. [0..1]
    """
    jobs = problem.jobs
    rows = np.sort(np.random.default_rng(seed).choice(jobs.size, size=min(n_jobs, jobs.size), replace=False))
    energy = jobs.power_kw * jobs.length
    part = float(energy[rows].sum() / energy.sum()) if energy[rows].sum() > 0 else rows.size / jobs.size
    limits = tuple(replace(limit, kw=limit.kw * part) for limit in problem.limits)
    quotas = tuple(replace(quota, kwh=quota.kwh * part) for quota in problem.quotas)
    return replace(problem, jobs=jobs.some(rows), limits=limits, quotas=quotas), part


def region_limits(capacity_kw: NDArray[np.float64]) -> tuple[Limit, ...]:
    """One limit per region, from capacities of shape (n_regions, n_slots). [kW]"""
    rows = numbers("capacity_kw", capacity_kw, ndim=2)
    return tuple(Limit(name=f"region {r}", kw=kw, regions=(r,)) for r, kw in enumerate(rows))


def transfer_grams(
    data_gb: NDArray[np.float64],
    home: NDArray[np.int64],
    release: NDArray[np.int64],
    values: NDArray[np.float64],
    *,
    kwh_per_gb: float,
) -> NDArray[np.float64]:
    """
    Emissions of moving each job's data from home to every region on release, half of the network at either end.

    Args:
        data_gb: Shape (n_jobs,). [GB]
        home: Region of the data, shape (n_jobs,).
        release: Slot of the move, shape (n_jobs,).
        values: Shape (n_regions, n_slots). [gCO2eq/kWh]
        kwh_per_gb: Energy of a gigabyte. [kWh/GB]

    Returns:
        Zero at home, shape (n_jobs, n_regions). [gCO2eq]

    Raises:
        InvalidInput: Shapes differ, or a figure is below zero or names no region or slot.
    """
    values = numbers("values", values, ndim=2)
    data_gb, home = numbers("data_gb", data_gb, ndim=1), whole_numbers("home", home, ndim=1)
    release = whole_numbers("release", release, ndim=1)
    for name, given in (("home", home), ("release", release)):
        if given.shape != data_gb.shape:
            raise InvalidInput(f"{name} has shape {given.shape}; allowed: {data_gb.shape}", field=name)
    if not 0.0 <= kwh_per_gb < float("inf"):
        raise InvalidInput(f"kwh_per_gb is {kwh_per_gb}; allowed: zero or more", field="kwh_per_gb")
    refuse("data_gb", ~(np.isfinite(data_gb) & (data_gb >= 0.0)), "zero or more")
    refuse("home", (home < 0) | (home >= values.shape[0]), f"0 to {values.shape[0] - 1}")
    refuse("release", (release < 0) | (release >= values.shape[1]), f"0 to {values.shape[1] - 1}")
    ends = 0.5 * (values[home, release][:, None] + values[:, release].T)
    grams = data_gb[:, None] * kwh_per_gb * ends
    grams[np.arange(home.size), home] = 0.0
    return np.asarray(grams)


def _replace(owner: object, field: str, value: object) -> None:
    """Set a field of a frozen value while it is being made."""
    object.__setattr__(owner, field, value)
