"""
Moving the jobs of one time together, by a small program, where most is lost against the bound.

At the prices of the linear program every gram above the bound sits somewhere: in a job that does not have its cheapest
place, or in a priced slot that is not used. The hours with most of both are taken up first; the jobs there may change
their slots, a few of them their region too, and all others stand still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.planning.fleet import program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.planning.fleet.plan import Placement
    from gridtide.planning.fleet.prices import Sweeper
    from gridtide.planning.fleet.program import Program, Solution
    from gridtide.planning.fleet.relaxation import Relaxation

__all__ = ["Group", "State", "Walk"]

_HALF_WINDOW: Final = 0.35
_FADING: Final = 0.25
_SCALE: Final = 0.01


class Group(NamedTuple):
    """
    Jobs to be moved together.

    Attributes:
        inside: Jobs that may change their slots, shape (n_jobs,).
        movers: Those of them that may change their region too.
    """

    inside: NDArray[np.bool_]
    movers: NDArray[np.int64]


class State:
    """
    Where every job is, how much power it draws there in each slot, and where the grams above the bound go.

    Args:
        sweeper: Of the problem.
        relaxation: Of the problem.
        region: -1 for a job without a place, shape (n_jobs,).
        use_kw: Shape (n_jobs, n_slots). [kW]
        share: Part of each job that has its place, shape (n_jobs,).
    """

    def __init__(
        self,
        sweeper: Sweeper,
        relaxation: Relaxation,
        region: NDArray[np.int64],
        use_kw: NDArray[np.float64],
        share: NDArray[np.float64],
    ) -> None:
        self.sweeper, self.relaxation = sweeper, relaxation
        self.region, self.use_kw = region, use_kw
        problem, jobs = sweeper.problem, sweeper.problem.jobs
        placed = np.flatnonzero(region >= 0)
        at, energy = region[placed], use_kw[placed] * problem.slot_hours
        fixed = share[placed] * jobs.transfer_g[placed, at] + (1.0 - share[placed]) * problem.unplaced_g[placed]
        cost, priced = problem.unplaced_g.copy(), problem.unplaced_g.copy()
        cost[placed] = (energy * problem.values[at]).sum(axis=1) + fixed
        priced[placed] = (energy * sweeper.priced(relaxation.prices)[sweeper.kind[placed], at]).sum(axis=1) + fixed
        self.value_g = float(cost.sum())
        self.loss_g = np.maximum(priced - relaxation.best_g, 0.0)

    @classmethod
    def of_regions(
        cls, sweeper: Sweeper, relaxation: Relaxation, regions: NDArray[np.bool_], *, seconds: float
    ) -> State:
        """The best split of slots for jobs whose regions are settled, shape (n_jobs, n_regions)."""
        built = program.build(sweeper, regions)
        solution = program.solve(sweeper, built, seconds=seconds)
        region = np.where(regions.any(axis=1), regions.argmax(axis=1), -1)
        return cls(sweeper, relaxation, region, program.use_kw(sweeper, built, solution), solution.share.sum(axis=1))

    @classmethod
    def of_placement(cls, sweeper: Sweeper, relaxation: Relaxation, placement: Placement) -> State:
        """The state of a finished placement."""
        use = np.zeros((placement.region.size, sweeper.problem.n_slots))
        for job, slots in enumerate(placement.slots):
            use[job, slots] = sweeper.problem.jobs.power_kw[job]
        return cls(sweeper, relaxation, placement.region, use, (placement.region >= 0).astype(np.float64))

    @property
    def regions(self) -> NDArray[np.bool_]:
        """The settled pair of each job, shape (n_jobs, n_regions)."""
        return np.asarray(self.region[:, None] == np.arange(self.sweeper.problem.n_regions))

    def lost_g(self) -> NDArray[np.float64]:
        """Grams above the bound by slot: losses of jobs over their windows, and priced room nobody uses."""
        problem, jobs = self.sweeper.problem, self.sweeper.problem.jobs
        rate = self.loss_g / (jobs.deadline - jobs.release)
        steps = np.bincount(jobs.release, rate, minlength=problem.n_slots + 1)
        steps -= np.bincount(jobs.deadline, rate, minlength=problem.n_slots + 1)
        idle = self.relaxation.prices.slot * self.free_kw(np.zeros(jobs.size, dtype=bool))
        return np.asarray(np.cumsum(steps)[:-1] + idle.sum(axis=0) * problem.slot_hours)

    def free_kw(self, without: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What the limits hold besides placed jobs that are not *without*, shape (n_limits, n_slots). [kW]"""
        stay = np.flatnonzero((self.region >= 0) & ~without)
        counted = self.sweeper.covers[:, self.sweeper.kind[stay], self.region[stay]]
        return np.asarray(np.maximum(self.sweeper.held_kw - counted @ self.use_kw[stay], 0.0))

    def free_kwh(self, without: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The same for quotas, shape (n_quotas,). [kWh]"""
        stay = np.flatnonzero((self.region >= 0) & ~without)
        counted = self.sweeper.quota_covers[:, self.sweeper.kind[stay], self.region[stay]]
        used = counted @ self.use_kw[stay].sum(axis=1) * self.sweeper.problem.slot_hours
        return np.asarray(np.maximum(self.sweeper.held_kwh - used, 0.0))

    def moved(
        self, group: Group, wide: NDArray[np.bool_], *, whole_slots: bool, seconds: float, nodes: int, gap: float
    ) -> tuple[Program, Solution] | None:
        """Best move of *group* into pairs of *wide*, or None when none was found in time."""
        allowed = self.regions & group.inside[:, None]
        allowed[group.movers] |= wide[group.movers] | (self.region[group.movers] < 0)[:, None]
        built = program.build(
            self.sweeper, allowed, free_kw=self.free_kw(group.inside), free_kwh=self.free_kwh(group.inside)
        )
        found = program.solve_whole(self.sweeper, built, whole_slots=whole_slots, seconds=seconds, nodes=nodes, gap=gap)
        return None if found is None else (built, found)


class Walk:
    """
    Names groups one after the other, where most is lost first and not twice in a row.

    Args:
        sweeper: Of the problem.
        wide: Pairs that are worth a thought, shape (n_jobs, n_regions).
        size: Movers of a group.
        rng: Draws them: those that lose much and have a good place elsewhere, first.
    """

    def __init__(self, sweeper: Sweeper, wide: NDArray[np.bool_], *, size: int, rng: np.random.Generator) -> None:
        jobs = sweeper.problem.jobs
        self._wide, self._size, self._rng, self._jobs = wide, size, rng, jobs
        self._half = max(1, round(_HALF_WINDOW * float((jobs.deadline - jobs.release).mean())))
        self._visits = np.zeros(sweeper.problem.n_slots)
        self._middle = 0.5 * (jobs.release + jobs.deadline)

    def next_group(self, state: State) -> Group | None:
        """The next group for *state*, or None when no job near its worst hour could move."""
        half, jobs = self._half, self._jobs
        around = np.convolve(state.lost_g(), np.ones(2 * half + 1))[half : half + self._visits.size]
        centre = int((around * _FADING**self._visits).argmax())
        self._visits[max(0, centre - half) : centre + half + 1] += 1
        inside = (jobs.release <= centre + half) & (jobs.deadline > centre - half)
        candidates = np.flatnonzero(inside & ((self._wide.sum(axis=1) > 1) | (state.region < 0)))
        if not candidates.size:
            return None
        elsewhere = np.where(self._wide & ~state.regions, state.relaxation.extra_g, np.inf)[candidates].min(axis=1)
        scale = _SCALE * state.relaxation.mean_g + 1e-12
        weight = (scale + state.loss_g[candidates]) / (scale + np.where(np.isfinite(elsewhere), elsewhere, scale))
        weight /= 1.0 + np.abs(self._middle[candidates] - centre) / half
        size = min(self._size, candidates.size)
        return Group(inside, self._rng.choice(candidates, size=size, replace=False, p=weight / weight.sum()))
