"""
The k lowest values of any stretch of an array, for many questions at once, in log n steps each.

Values are replaced by their rank (the earlier first of equals) and split bit by bit, highest bit first, keeping order:
a wavelet matrix. At each bit the count of zeros in a stretch says on which side its k-th lowest lies, and a running
sum gives the total of what is passed by. Nothing depends on how long the stretch is or how large k.

References:
    Claude, Navarro, Ordóñez, "The wavelet matrix: An efficient wavelet tree for large alphabets",
    Information Systems 47 (2015), doi:10.1016/j.is.2014.06.002.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Lowest", "Ranks"]


class Lowest(NamedTuple):
    """
    Answers, shape (n_questions,).

    Attributes:
        total: Sum of the k lowest values.
        level: Value of the k-th lowest.
        first: Index of the first of the k lowest.
        last: Index of the last of them.
        at: Index of the k-th lowest itself.
    """

    total: NDArray[np.float64]
    level: NDArray[np.float64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    at: NDArray[np.int64]


class Ranks:
    """
    An index over *values* for questions about their lowest.

    Args:
        values: Shape (n,), n at least 1.
    """

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.order = values.argsort(kind="stable")
        self.sorted = values[self.order]
        self.rank = np.empty_like(self.order)
        self.rank[self.order] = np.arange(values.size)
        bits = max(1, int(values.size - 1).bit_length())
        self.zeros: list[NDArray[np.int64]] = []
        self.sums: list[NDArray[np.float64]] = []
        current = self.rank
        for bit in range(bits - 1, -1, -1):
            is_zero = (current >> bit) & 1 == 0
            self.zeros.append(np.concatenate(([0], np.cumsum(is_zero))))
            current = np.concatenate((current[is_zero], current[~is_zero]))
            self.sums.append(np.concatenate(([0.0], np.cumsum(self.sorted[current]))))
        self.lowest_ahead = [self.rank]
        while 2 << len(self.lowest_ahead) - 1 <= values.size:
            half = 1 << len(self.lowest_ahead) - 1
            below = self.lowest_ahead[-1]
            self.lowest_ahead.append(np.minimum(below[:-half], below[half:]))

    def lowest(self, begin: NDArray[np.int64], end: NDArray[np.int64], count: NDArray[np.int64]) -> Lowest:
        """
        The *count* lowest of each stretch [begin, end).

        Args:
            begin: First index, shape (n_questions,).
            end: Index after the last, shape (n_questions,).
            count: How many, from 1 to end - begin, shape (n_questions,).
        """
        low, high, left = begin, end, count
        total, rank = np.zeros(begin.shape), np.zeros(begin.shape, dtype=np.int64)
        for level, (zeros, sums) in enumerate(zip(self.zeros, self.sums, strict=True)):
            low_zeros, high_zeros = zeros[low], zeros[high]
            below = high_zeros - low_zeros
            up = left > below
            total += np.where(up, sums[high_zeros] - sums[low_zeros], 0.0)
            left = left - np.where(up, below, 0)
            rank |= up.astype(np.int64) << (len(self.zeros) - 1 - level)
            low = np.where(up, zeros[-1] + low - low_zeros, low_zeros)
            high = np.where(up, zeros[-1] + high - high_zeros, high_zeros)
        level_value = self.sorted[rank]
        steps = min(int((end - begin).max(initial=1)).bit_length(), len(self.lowest_ahead))
        first, last = self._first(begin, end, rank, steps), self._last(begin, end, rank, steps)
        return Lowest(total + level_value, level_value, first, last, self.order[rank])

    def _first(
        self, begin: NDArray[np.int64], end: NDArray[np.int64], rank: NDArray[np.int64], steps: int
    ) -> NDArray[np.int64]:
        """First index from *begin* whose rank is at most *rank*; there is one before *end*."""
        at = begin.copy()
        for step in range(steps - 1, -1, -1):
            table, width = self.lowest_ahead[step], 1 << step
            fits = at + width <= end
            skip = fits & (table[np.where(fits, at, 0)] > rank)
            at += np.where(skip, width, 0)
        return at

    def _last(
        self, begin: NDArray[np.int64], end: NDArray[np.int64], rank: NDArray[np.int64], steps: int
    ) -> NDArray[np.int64]:
        """Last index before *end* whose rank is at most *rank*; there is one from *begin* on."""
        at = end - 1
        for step in range(steps - 1, -1, -1):
            table, width = self.lowest_ahead[step], 1 << step
            from_here = at - width + 1
            fits = from_here >= begin
            skip = fits & (table[np.where(fits, from_here, 0)] > rank)
            at -= np.where(skip, width, 0)
        return at
