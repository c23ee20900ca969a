"""Thresholds on one-dimensional scores: partial matching, percentiles. Higher = more anomalous.

Source: Yoon et al. 2023 (SPADE), partial matching: the threshold is the one whose exceeding unlabeled
scores look most like the scores of the labeled ones, by the Wasserstein distance W1. SPADE's released code
has fixed percentiles in its place.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from defectory.domain import ParameterError

Float = NDArray[np.float64]

# Elements of one block of (m, candidates): bounds memory, however many scores there are.
_BLOCK_ELEMENTS = 2**18


def match_upper(labeled: ArrayLike, unlabeled: ArrayLike) -> float:
    """Return eta^p: the unlabeled scores above it are most like those of the labeled anomalies.

    All thresholds that leave different, non-empty sets above them are tried. Among equally good ones the
    highest is taken: it labels fewest. It lies midway between two scores, or just below all of them.

    Parameters
    ----------
    labeled : (m,) float, finite, m >= 1
    unlabeled : (n,) float, finite, n >= 1

    Raises
    ------
    ParameterError : either is empty or not finite.

    Notes
    -----
    Cost: time O(m n), memory bounded.
    """
    ranked = _checked(unlabeled, "unlabeled scores")
    starts, distances = upper_distances(labeled, unlabeled)
    best = len(starts) - 1 - int(distances[::-1].argmin())
    start = int(starts[best])
    if start == 0:
        return float(np.nextafter(ranked[0], -np.inf))
    return float(ranked[start - 1] + (ranked[start] - ranked[start - 1]) / 2)


def match_lower(labeled: ArrayLike, unlabeled: ArrayLike) -> float:
    """Return eta^n: the unlabeled scores below it are most like those of the labeled normals.

    The mirror image of `match_upper`; among equally good thresholds the lowest is taken.
    """
    return -match_upper(-np.asarray(labeled, np.float64), -np.asarray(unlabeled, np.float64))


def upper_distances(labeled: ArrayLike, unlabeled: ArrayLike) -> tuple[NDArray[np.intp], Float]:
    """Return W1 between the labeled scores and every upper part of the unlabeled ones.

    Parameters
    ----------
    labeled : (m,) float, finite, m >= 1
    unlabeled : (n,) float, finite, n >= 1

    Returns
    -------
    starts : (k,) intp, increasing
        part j holds the sorted unlabeled scores from rank starts[j] on; equal scores are never parted
    distances : (k,) float64
        exact, for sets of different sizes

    Notes
    -----
    W1 is the integral of |F^-1 - G^-1| over the quantile levels. Labeled score i owns the levels i/m to
    (i+1)/m. The scores of a part of size s that lie on either side of it are contiguous there, so each
    (i, part) pair costs three look-ups in one table of cumulated scores. Levels are counted in units of
    1 / (m s), which keeps them whole numbers.
    """
    atoms = _checked(labeled, "labeled scores")
    ranked = _checked(unlabeled, "unlabeled scores")
    # Distances do not feel a common offset, but the rounding of cumulated scores does.
    center = ranked.mean()
    atoms, ranked = atoms - center, ranked - center
    starts = np.flatnonzero(np.diff(ranked, prepend=-np.inf) > 0)
    n_below = np.searchsorted(ranked, atoms)
    distances = np.empty(len(starts))
    for part in _blocks(len(starts), len(atoms)):
        distances[part] = _distances_of(atoms, ranked, n_below, starts[part])
    return starts, distances


def _distances_of(
    atoms: Float, ranked: Float, n_below: NDArray[np.intp], starts: NDArray[np.intp]
) -> Float:
    m = len(atoms)
    cumulated = np.concatenate([[0.0], np.cumsum(ranked), [0.0]])
    padded = np.append(ranked, 0.0)  # where a level is exactly 1, no score lies beyond it

    def integral(level: NDArray[np.intp]) -> Float:
        """Return m times the sum of a part's scores up to `level`, a whole number of m-ths of a score."""
        rank, rest = np.divmod(level, m)
        rank = rank + starts
        total: Float = m * (cumulated[rank] - cumulated[starts]) + rest * padded[rank]
        return total

    sizes = len(ranked) - starts  # (c,)
    first = np.arange(m)[:, None] * sizes  # (m, c), in m-ths of a score
    last = first + sizes
    crossing = np.clip((n_below[:, None] - starts) * m, first, last)
    edges = integral(np.arange(m + 1)[:, None] * sizes)
    below = atoms[:, None] * (2 * crossing - first - last)
    areas = below + edges[:-1] + edges[1:] - 2 * integral(crossing)
    distances: Float = np.maximum(areas, 0.0).sum(axis=0) / (m * sizes)
    return distances


def percentile_thresholds(scores: ArrayLike) -> tuple[float, float]:
    """Return (eta^n, eta^p), the 5th and 99th percentile of the unlabeled scores, labels unseen.

    Source: the released code of SPADE, which labels the least likely 1 % anomalous and the most likely
    5 % normal, whatever the data.
    """
    lower, upper = np.percentile(_checked(scores, "scores"), (5.0, 99.0))
    return float(lower), float(upper)


def _blocks(n_candidates: int, m: int) -> Iterator[slice]:
    step = max(1, _BLOCK_ELEMENTS // m)
    for start in range(0, n_candidates, step):
        yield slice(start, start + step)


def _checked(values: ArrayLike, name: str) -> Float:
    ranked = np.sort(np.asarray(values, np.float64).ravel())
    if len(ranked) == 0:
        raise ParameterError(f"there are no {name} to match; give at least one")
    if not np.isfinite(ranked).all():
        raise ParameterError(f"the {name} hold nan or infinity")
    return ranked
