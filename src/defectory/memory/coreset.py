"""Choose few points that cover many: greedy k-centre, and its sharded form for endless streams.

Source: Gonzalez 1985 (farthest-first traversal, within twice the optimal radius); Roth et al. 2022
(PatchCore) use it on all patches at once, with time O(n m) and all of n in memory. Differs from PatchCore:
`StreamingCoreset` sees patches shard by shard and keeps a bounded number of candidates, in the manner of
Malkomes et al. 2015 (sharded k-centre, within four times the optimum if every shard keeps as many
points as the result). We keep fewer a shard, so instead of the factor the radius that was really reached is
measured and returned.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.domain import ParameterError

Points = NDArray[np.float32]


@dataclass(frozen=True)
class Coreset:
    """Chosen points.

    Attributes
    ----------
    points : (m, d) float32
    indices : (m,) intp, unique rows of the given points; in the order of choice
    radius : no given point is farther than this from its nearest chosen one
    """

    points: Points
    indices: NDArray[np.intp]
    radius: float


def select_coreset(points: Points, n_selected: int, *, seed: int = 0) -> Coreset:
    """Return a greedy k-centre subset: each choice is the point farthest from all chosen before.

    Parameters
    ----------
    points : (n, d) float32
    n_selected : >= 1
        at most n are chosen; fewer where the rest coincide with chosen ones
    seed : of the first choice

    Notes
    -----
    Cost: time O(n m d), memory O(n) besides the points. Random: the first point.
    """
    n = len(points)
    if n_selected < 1 or n == 0:
        raise ParameterError(f"cannot choose {n_selected} of {n} points")
    half_norms = 0.5 * np.einsum("nd,nd->n", points, points)
    chosen = [int(np.random.default_rng(seed).integers(n))]
    gap = np.full(n, np.inf, np.float32)  # half the squared distance to the nearest chosen point
    while True:
        latest = chosen[-1]
        to_latest = half_norms - points @ points[latest] + half_norms[latest]
        np.minimum(gap, to_latest, out=gap)
        gap[latest] = 0.0
        farthest = int(gap.argmax())
        if len(chosen) >= min(n_selected, n) or gap[farthest] <= 0.0:
            break
        chosen.append(farthest)
    indices = np.array(chosen, np.intp)
    radius = float(np.sqrt(2.0 * max(0.0, float(gap[farthest]))))
    return Coreset(points[indices], indices, radius)


class StreamingCoreset:
    """A coreset of a stream of any length, in bounded memory.

    Parameters
    ----------
    n_selected : size of the result
    shard_size : points that are gathered before a shard is thinned
    shard_keep : points a shard is thinned to
    max_candidates : candidates beyond this are thinned to half of it
    seed : of the first choices
    """

    def __init__(
        self,
        n_selected: int,
        *,
        shard_size: int = 8192,
        shard_keep: int = 512,
        max_candidates: int = 32768,
        seed: int = 0,
    ) -> None:
        if not 0 < shard_keep < shard_size <= max_candidates or n_selected < 1:
            raise ParameterError(
                "need 0 < shard_keep < shard_size <= max_candidates, n_selected > 0"
            )
        self._n_selected = n_selected
        self._shard_size = shard_size
        self._shard_keep = shard_keep
        self._max_candidates = max_candidates
        self._seed = seed
        self._gathered: list[Points] = []
        self._n_gathered = 0
        self._candidates: list[Points] = []
        self._radius = 0.0

    def add(self, points: Points) -> None:
        """Take (n, d) float32 points of the stream."""
        self._gathered.append(points)
        self._n_gathered += len(points)
        if self._n_gathered >= self._shard_size:
            self._thin_shard()

    def finish(self) -> Coreset:
        """Return the coreset; `radius` bounds the distance of every point of the stream to it.

        `indices` count the candidates that were left, not the stream.
        """
        if not self._candidates:
            # everything fits one shard: no thinning before the choice
            return select_coreset(np.concatenate(self._gathered), self._n_selected, seed=self._seed)
        candidates = np.concatenate([*self._candidates, *self._gathered])
        last = select_coreset(candidates, self._n_selected, seed=self._seed)
        return Coreset(last.points, last.indices, self._radius + last.radius)

    def _thin_shard(self) -> None:
        shard = np.concatenate(self._gathered)
        thinned = select_coreset(shard, self._shard_keep, seed=self._seed)
        self._gathered, self._n_gathered = [], 0
        self._candidates.append(thinned.points)
        self._radius = max(self._radius, thinned.radius)
        if sum(map(len, self._candidates)) > self._max_candidates:
            merged = select_coreset(
                np.concatenate(self._candidates), self._max_candidates // 2, seed=self._seed
            )
            self._candidates = [merged.points]
            self._radius += merged.radius
