"""Choose few points that cover many: greedy k-center, and its sharded form for endless streams.

Source: Gonzalez 1985 (farthest-first traversal, within twice the optimal radius); Roth et al. 2022
(PatchCore) use it on all patches at once, with time O(n m) and all of n in memory. Differs from PatchCore:
`StreamingCoreset` sees patches shard by shard and keeps a bounded number of candidates, in the manner of
Malkomes et al. 2015 (sharded k-center, within four times the optimum if every shard keeps as many
points as the result). We keep fewer a shard, so instead of the factor the radius that was really reached is
measured and returned.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.domain import ParameterError

Points = NDArray[np.float32]

# Points that are thinned together where coresets are merged.
_MOST_MERGED = 65_536
# Of half a squared norm: what float32 products of up to a thousand terms leave between equal points.
_ROUNDING = 16 * float(np.finfo(np.float32).eps)


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
    """Return a greedy k-center subset: each choice is the point farthest from all chosen before.

    Parameters
    ----------
    points : (n, d) float32
    n_selected : >= 1
        at most n are chosen; fewer where the rest coincide with chosen ones, to float32 rounding
    seed : of the first choice

    Notes
    -----
    Cost: time O(n m d), memory one copy of the points. Random: the first point.
    """
    n = len(points)
    if n_selected < 1 or n == 0:
        raise ParameterError(f"cannot choose {n_selected} of {n} points")
    # Distances do not feel an offset that all points share, but their rounding does.
    centered = points - points.mean(axis=0)
    half_norms = 0.5 * np.einsum("nd,nd->n", centered, centered)
    noise = _ROUNDING * half_norms
    chosen = [int(np.random.default_rng(seed).integers(n))]
    gap = np.full(n, np.inf, np.float32)  # half the squared distance to the nearest chosen point
    while True:
        latest = chosen[-1]
        to_latest = half_norms - centered @ centered[latest] + half_norms[latest]
        np.minimum(gap, to_latest, out=gap)
        gap[gap <= noise] = 0.0
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
        self._gathered: list[_Tagged] = []
        self._candidates: list[_Tagged] = []
        self._radius = 0.0

    def add(self, points: Points, tag: int = 0) -> None:
        """Take (n, d) float32 points of the stream; `tag` says where they come from."""
        self._gathered.append((points, np.full(len(points), tag, np.intp)))
        if _count(self._gathered) >= self._shard_size:
            self._thin_shard()

    def finish(self) -> Coreset:
        """Return the coreset; `radius` bounds the distance of every point of the stream to it.

        `indices` are the tags of the chosen points.
        """
        points, tags = _concatenate([*self._candidates, *self._gathered])
        last = select_coreset(points, self._n_selected, seed=self._seed)
        return Coreset(last.points, tags[last.indices], self._radius + last.radius)

    def _thin_shard(self) -> None:
        thinned, radius = self._thin(self._gathered, self._shard_keep)
        self._gathered = []
        self._candidates.append(thinned)
        self._radius = max(self._radius, radius)
        if _count(self._candidates) > self._max_candidates:
            merged, radius = self._thin(self._candidates, self._max_candidates // 2)
            self._candidates = [merged]
            self._radius += radius

    def _thin(self, parts: "list[_Tagged]", n_kept: int) -> "tuple[_Tagged, float]":
        points, tags = _concatenate(parts)
        kept = select_coreset(points, n_kept, seed=self._seed)
        return (kept.points, tags[kept.indices]), kept.radius


def merge_coresets(parts: Sequence[Coreset], n_selected: int, *, seed: int = 0) -> Coreset:
    """Return a coreset of what several coresets were chosen from: a k-center of k-centers.

    Source: Malkomes et al. 2015, within four times the optimal radius where each part holds as many points as
    the result. As each part's radius is known, `radius` states what was reached.

    Parameters
    ----------
    parts : one or more, of one width
    n_selected : >= 1
    seed : of the first choice

    Notes
    -----
    Many parts are thinned on the way, which adds to the radius. Which points are chosen depends on the order
    of the parts. Points no more than asked for stay as they are.
    """
    found = parts[0]
    for i, part in enumerate(parts[1:], 1):
        found = Coreset(
            np.concatenate([found.points, part.points]),
            np.concatenate([found.indices, part.indices]),
            max(found.radius, part.radius),
        )
        if len(found.points) > _MOST_MERGED and i < len(parts) - 1:
            found = _thinned(found, _MOST_MERGED // 2, seed)
    return found if len(found.points) <= n_selected else _thinned(found, n_selected, seed)


def _thinned(coreset: Coreset, n_selected: int, seed: int) -> Coreset:
    chosen = select_coreset(coreset.points, n_selected, seed=seed)
    return Coreset(chosen.points, coreset.indices[chosen.indices], coreset.radius + chosen.radius)


_Tagged = tuple[Points, NDArray[np.intp]]


def _count(parts: list[_Tagged]) -> int:
    return sum(len(points) for points, _ in parts)


def _concatenate(parts: list[_Tagged]) -> _Tagged:
    if not parts:
        raise ParameterError("cannot choose from an empty stream")
    return np.concatenate([p for p, _ in parts]), np.concatenate([t for _, t in parts])
