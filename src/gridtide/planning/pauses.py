"""
Pieces for work whose pauses cost something, that must run for a while, or may only be cut so often.

Dynamic programming over (time, work left, running or not, pieces used) on a grid of cells. Where the release, the
bounds, the lengths and the steps share a cell that is not too fine, the answer is exact: an optimal piece begins and
ends on such a cell. Otherwise cells of a round length are used and the edges are moved to where they pay best
afterwards. Either way the answer is never worse than the best run without a pause.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridtide.domain.decision import Reason
from gridtide.domain.units import NS_PER_SECOND
from gridtide.planning.choice import Choice, tie_width
from gridtide.planning.pieces import PausePrice, cost_of_pieces
from gridtide.planning.settle import settle
from gridtide.planning.shape import PowerShape
from gridtide.planning.window import lowest_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.domain.series import Series

__all__ = ["lowest_pieces"]

_MOST_STATES_EXACT = 6_000_000
_MOST_STATES_ROUND = 1_000_000
_ROUND_CELLS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)


def lowest_pieces(series: Series, release_ns: int, end_ns: int, shape: PowerShape, price: PausePrice) -> Choice | None:
    """
    Cheapest pieces in [release, end) that do the work of *shape*, with every resume paid for.

    Args:
        series: What is known.
        release_ns: Earliest start. [ns]
        end_ns: Must be finished by. [ns]
        shape: Running time without a pause, and power over it.
        price: What pauses cost, and how many there may be.

    Returns:
        The choice, or None when no run, whole or in pieces, lies inside the known part.
    """
    whole = lowest_window(series, release_ns, end_ns - shape.length_ns, shape.length_ns, shape=shape)
    if not series.curves or price.most_pieces == 1 or 2 * price.min_run_ns > shape.length_ns + price.resume_ns:
        return whole
    end_ns = min(end_ns, series.curves[-1].end_ns)
    grid = _grid(series, release_ns, end_ns, shape, price)
    spans = _Search(series, grid, shape).spans()
    if spans is not None and not grid.exact:
        spans = settle(series, spans, (release_ns, end_ns), shape, price)
    if spans is None:
        return whole
    cost, hours = cost_of_pieces(series, spans, shape, price)
    if whole is not None and whole.cost - cost <= tie_width(series.curves[0], cost):
        return whole
    reason = Reason.LOWER_LATER if spans[0][0] > release_ns else Reason.LOWEST_NOW
    return Choice(spans[0][0], spans[-1][1], cost, cost / hours, reason, tuple(spans))


class _Grid(NamedTuple):
    """Cells of time and work."""

    origin_ns: int
    cell_ns: int
    cells: int
    work: int
    resume: int
    least: int
    layers: int
    limited: bool
    exact: bool


def _grid(series: Series, release_ns: int, end_ns: int, shape: PowerShape, price: PausePrice) -> _Grid:
    inside = (series.ends_ns > release_ns) & (series.starts_ns < end_ns)
    edges = np.concatenate((series.starts_ns[inside], series.ends_ns[inside])) - release_ns
    edges = edges[(edges > 0) & (edges < end_ns - release_ns)]
    shared = gcd(int(np.gcd.reduce(edges, initial=0)), end_ns - release_ns, price.resume_ns, price.min_run_ns)
    exact = _cells(release_ns, end_ns, gcd(shared, *shape.edges_ns), shape, price, exact=True)
    if _states(exact) <= _MOST_STATES_EXACT:
        return exact
    anchor_ns = series.curves[0].start_ns
    for cell_s in _ROUND_CELLS_S:
        cell_ns = cell_s * NS_PER_SECOND
        origin_ns = release_ns + (anchor_ns - release_ns) % cell_ns
        grid = _cells(origin_ns, end_ns, cell_ns, shape, price, exact=False)
        if _states(grid) <= _MOST_STATES_ROUND:
            break
    return grid


def _cells(origin_ns: int, end_ns: int, cell_ns: int, shape: PowerShape, price: PausePrice, *, exact: bool) -> _Grid:
    layers = price.most_pieces or 1
    return _Grid(
        origin_ns,
        cell_ns,
        cells=(end_ns - origin_ns) // cell_ns,
        work=-(-shape.length_ns // cell_ns),
        resume=-(-price.resume_ns // cell_ns),
        least=max(1, -(-price.min_run_ns // cell_ns)),
        layers=layers,
        limited=price.most_pieces is not None,
        exact=exact,
    )


def _states(grid: _Grid) -> int:
    return grid.cells * (grid.work + grid.resume + 1) * grid.layers


class _Search:
    """
    One dynamic programme.

    ``on`` and ``off`` hold the least cost of being running or paused at an edge, shape (n_layers, n_states) over pieces
    used and cells of work left. What led to each state is kept as one bit, so that the pieces can be read back.
    """

    def __init__(self, series: Series, grid: _Grid, shape: PowerShape) -> None:
        self.grid = grid
        self.cost, self.known = _cell_costs(series, grid)
        self.level = _levels(grid, shape)
        self.tie = tie_width(series.curves[0], float(self.cost.max(initial=0.0)) * grid.work)
        states = (grid.layers, grid.work + grid.resume + 1)
        self.on, self.off = np.full(states, np.inf), np.full(states, np.inf)
        self.paused = np.zeros((grid.cells + 1, *states), dtype=bool)
        self.started = np.zeros((grid.cells + 1, *states), dtype=bool)
        self.first = np.zeros(grid.cells + 1, dtype=bool)
        self.pending: dict[int, NDArray[np.float64]] = {}

    def spans(self) -> list[tuple[int, int]] | None:
        """Pieces of the cheapest way, or None when there is none."""
        best, at = np.inf, None
        for t in range(self.grid.cells + 1):
            self._arrive(t)
            layer = int(self.on[:, 0].argmin())
            if self.on[layer, 0] < best - self.tie:
                best, at = float(self.on[layer, 0]), (t, layer)
            self._start(t)
            self._pause(t)
        return None if at is None else self._read_back(*at)

    def _arrive(self, t: int) -> None:
        """Running at edge t: went on from t - 1, or started *least* cells ago."""
        moved = np.full_like(self.on, np.inf)
        if t and self.known[t - 1]:
            np.add(self.on[:, 1:], self.cost[t - 1] * self.level[1:], out=moved[:, :-1])
        self.on = moved
        begun = self.pending.pop(t, None)
        if begun is not None:
            better = begun < self.on - self.tie
            self.started[t] = better
            self.on = np.where(better, begun, self.on)

    def _start(self, t: int) -> None:
        """Begin a piece at edge t; it runs *least* cells before anything else may happen."""
        grid = self.grid
        arrival = t + grid.least
        if arrival > grid.cells or not self.known[t:arrival].all():
            return
        price = self._least_run(t)
        begun = np.full_like(self.on, np.inf)
        source, target = (self.off[:-1], begun[1:]) if grid.limited else (self.off, begun)
        low, ahead = max(1, grid.least - grid.resume), grid.resume - grid.least
        if low <= grid.work:
            from_left = source[:, low : grid.work + 1]
            target[:, low + ahead : grid.work + 1 + ahead] = from_left + price[low + grid.resume :]
        left = grid.work - grid.least
        if price[grid.work] <= begun[0, left]:
            begun[0, left], self.first[arrival] = price[grid.work], True
        self.pending[arrival] = begun

    def _least_run(self, t: int) -> NDArray[np.float64]:
        """Cost of *least* cells from edge t, by work left at their start."""
        least, level = self.grid.least, self.level
        price = np.full(level.size, np.inf)
        price[least:] = 0.0
        for i in range(least):
            price[least:] += self.cost[t + i] * level[least - i : level.size - i]
        return price

    def _pause(self, t: int) -> None:
        better = self.on < self.off - self.tie
        self.paused[t] = better
        self.off = np.where(better, self.on, self.off)

    def _read_back(self, t: int, layer: int) -> list[tuple[int, int]]:
        grid, left = self.grid, 0
        spans = list[tuple[int, int]]()
        stop = t
        while True:
            while not self.started[t, layer, left]:
                t, left = t - 1, left + 1
            begin = t - grid.least
            spans.append((grid.origin_ns + begin * grid.cell_ns, grid.origin_ns + stop * grid.cell_ns))
            if self.first[t] and layer == 0 and left == grid.work - grid.least:
                return spans[::-1]
            left += grid.least - grid.resume
            layer -= grid.limited
            t = begin - 1
            while not self.paused[t, layer, left]:
                t -= 1
            stop = t


def _cell_costs(series: Series, grid: _Grid) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Integral over each cell, and whether all of it is known, shape (n_cells,)."""
    edges = grid.origin_ns + grid.cell_ns * np.arange(grid.cells + 1, dtype=np.int64)
    cost, known = np.zeros(grid.cells), np.zeros(grid.cells, dtype=bool)
    for curve in series.curves:
        i = int(np.searchsorted(edges, curve.start_ns, side="left"))
        j = int(np.searchsorted(edges, curve.end_ns, side="right")) - 1
        if j > i:
            cost[i:j] = np.diff(curve.integrals_at(edges[i : j + 1]))
            known[i:j] = True
    return cost, known


def _levels(grid: _Grid, shape: PowerShape) -> NDArray[np.float64]:
    """Relative power by cells of work left; a resume repeats the work done before the pause."""
    done = np.maximum(grid.work - np.arange(grid.work + grid.resume + 1), 0)
    k = np.searchsorted(shape.edges_ns, (done + 0.5) * grid.cell_ns, side="right") - 1
    return np.asarray(shape.levels)[np.minimum(k, len(shape.levels) - 1)]
