"""Bootstrap intervals: images are resampled, or whole groups of those that belong together.

A resample is a count per image. The metrics need only sums over images, so nothing is sorted again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from defectory.domain import ParameterError
from defectory.metrics.intervals import Interval, wilson_interval
from defectory.metrics.pixels import (
    Maps,
    Masks,
    exact_tally,
    image_tally,
    require_max_fpr,
)
from defectory.metrics.ranking import (
    auroc,
    average_precision,
    checked,
    recall_at_false_reject_rate,
)
from defectory.metrics.rejections import (
    Ranking,
    Rejections,
    area_under_roc,
    average_of_precision,
    recall_at,
)
from defectory.metrics.resampling import BLOCK_NUMBERS, Counts, ImageGroups, Resamples
from defectory.metrics.tallies import PixelTally
from defectory.metrics.thinning import evenly_spaced

Statistic = Callable[[NDArray[np.float64], NDArray[np.bool_]], float]
"""(n,) scores and (n,) labels -> one number in [0, 1]."""

N_THRESHOLDS = 1024
"""Common thresholds of the pixel bootstrap, two columns each."""

BLOCK_IMAGES = 64
"""Images tallied before they are added to the resamples: 1 MiB an array."""

_OF_REJECTIONS: dict[Callable[..., float], Callable[[Rejections], NDArray[np.float64]]] = {
    auroc: area_under_roc,
    average_precision: average_of_precision,
    recall_at_false_reject_rate: recall_at,
}


@dataclass(frozen=True)
class PixelIntervals:
    """Intervals of the two pixel metrics, from the same resamples."""

    auroc: Interval
    aupro: Interval


def bootstrap_interval(
    statistic: Statistic,
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Interval of an image metric, from a bootstrap of the images or of their groups.

    Parameters
    ----------
    statistic : (scores, labels) -> float in [0, 1]
        `auroc`, `average_precision` and `recall_at_false_reject_rate` (at its default rate) are
        computed for many resamples at once. Any other function is called once a resample, with the
        images sorted by falling score.
    scores : (n,) real, higher = more anomalous
    labels : (n,) 0 or 1, or bool; unlabeled images must be left out
    groups : (n,) integers, or None
        Images of one number belong together (a part, a scene) and are drawn together, whatever their
        labels; an image of a number below 0 belongs to none. None: each image is its own group.
    n_resamples : int >= 1
        Raised, the ends of the interval vary less with the seed.
    confidence : (0, 1)
        Raised, the interval widens.
    seed : int >= 0

    Returns
    -------
    Interval; all nan where the statistic is undefined, [0, 1] where a class has only one group

    Raises
    ------
    ParameterError : scores, labels and groups do not fit, the statistic is not in [0, 1], or an argument
        is out of its range.

    Notes
    -----
    Source: Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8: the cluster
    bootstrap, which draws groups with replacement and keeps their images. Differs from it: each class
    keeps its number of groups where no group holds both (`ImageGroups`), and the ends are not
    percentiles of the resamples, which are too narrow with few groups or a metric near 1 (at exactly 1
    they have no width), but those of `wilson_interval`. `python -m benchmarks coverage` measures how
    often the interval holds a known AUROC.
    Cost: time O(n log n + n_resamples n), memory O(n) and about 100 MiB at most.
    Random: the seed drives the resamples.
    """
    _require_bootstrap(n_resamples, confidence, seed)
    values, truth = checked(scores, labels)
    drawn = ImageGroups(truth, groups)
    estimate = float(statistic(values, truth))
    if np.isnan(estimate):
        return Interval(estimate, np.nan, np.nan, confidence)
    if not 0 <= estimate <= 1:
        raise ParameterError(f"the statistic is {estimate:g}; intervals are for metrics in [0, 1]")
    ranking = Ranking(values)
    of_counts = _of_counts(statistic, ranking, values[ranking.order], truth[ranking.order])
    members = drawn.numbers[ranking.order]
    resamples = Resamples()
    for draws in drawn.draws(n_resamples, np.random.default_rng(seed)):
        resamples.add(draws, of_counts(draws[:, members]))
    return wilson_interval(estimate, resamples, drawn.n_rarer, confidence)


def pixel_intervals(
    maps: Maps,
    masks: Masks,
    *,
    groups: ArrayLike | None = None,
    max_fpr: float = 0.3,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> PixelIntervals:
    """Intervals of pixel AUROC and AUPRO, whole images or whole groups of them being resampled.

    Parameters
    ----------
    maps, masks, max_fpr : as in `pixel_metrics`
        Each map is asked for at most three times.
    groups, n_resamples, confidence, seed : as in `bootstrap_interval`
        Images with and without defective pixels are the two classes.

    Returns
    -------
    PixelIntervals; nan where there are no defective or no normal pixels, also in a single resample

    Raises
    ------
    ParameterError : maps, masks and groups do not fit, or an argument is out of its range.

    Notes
    -----
    The estimates are exact, as from `pixel_metrics`. The intervals are those of `bootstrap_interval`;
    resamples come from histograms of every image over 1,024 common thresholds: scores of defective
    pixels, spaced evenly along both curves. They are exact too where defective pixels have no more
    distinct scores than that; otherwise a resample was off by less than 1e-4 in all trials.
    Cost: time that of `pixel_metrics` and O(n n_resamples); memory that of `pixel_metrics`, and for
    1,000 resamples about 130 MiB + 12 KiB an image.
    Random: the seed drives the resamples.
    """
    require_max_fpr(max_fpr)
    _require_bootstrap(n_resamples, confidence, seed)
    thresholds, exact = exact_tally(maps, masks)
    defective = np.array([np.any(masks[index]) for index in range(len(masks))], dtype=np.bool_)
    drawn = ImageGroups(defective, groups)
    draws = np.concatenate(list(drawn.draws(n_resamples, np.random.default_rng(seed))))
    counts = draws[:, drawn.numbers].astype(np.int32)
    resampled = _resampled_tally(maps, masks, _common(thresholds, exact), counts)
    areas = [(block.auroc(), block.aupro(max_fpr)) for block in _row_blocks(resampled)]
    intervals = []
    for estimate, blocks in zip(
        (exact.auroc(), exact.aupro(max_fpr)), zip(*areas, strict=True), strict=True
    ):
        resamples = Resamples()
        resamples.add(draws, np.concatenate(blocks))
        intervals.append(wilson_interval(float(estimate), resamples, drawn.n_rarer, confidence))
    return PixelIntervals(*intervals)


def _of_counts(
    statistic: Statistic,
    ranking: Ranking,
    values: NDArray[np.float64],
    truth: NDArray[np.bool_],
) -> Callable[[Counts], NDArray[np.float64]]:
    """Return what gives the (b,) statistics of (b, n) counts of the images, which are ranked."""
    of_rejections = _OF_REJECTIONS.get(statistic)
    if of_rejections is None:
        return lambda counts: np.array(
            [statistic(np.repeat(values, row), np.repeat(truth, row)) for row in counts], np.float64
        )
    return lambda counts: of_rejections(
        Rejections(ranking.rejected(counts * ~truth), ranking.rejected(counts * truth))
    )


def _require_bootstrap(n_resamples: int, confidence: float, seed: int) -> None:
    if n_resamples < 1:
        raise ParameterError(f"n_resamples is {n_resamples}; expected at least 1")
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence is {confidence}; expected a share in (0, 1)")
    if seed < 0:
        raise ParameterError(f"seed is {seed}; expected an integer of at least 0")


def _common(thresholds: NDArray[np.float32], tally: PixelTally) -> NDArray[np.float32]:
    """Return at most N_THRESHOLDS of the thresholds, evenly spaced along both curves."""
    if thresholds.size <= N_THRESHOLDS:
        return thresholds
    # All three only grow, so their sum measures the way along the curves.
    way = (
        tally.normals[1::2] / np.maximum(tally.n_normals, 1)
        + tally.defects[1::2] / tally.n_defects
        + tally.overlaps[1::2] / tally.n_regions
    )
    return thresholds[evenly_spaced(way, N_THRESHOLDS)]


def _resampled_tally(
    maps: Maps, masks: Masks, thresholds: NDArray[np.float32], counts: NDArray[np.int32]
) -> PixelTally:
    """Return the tallies of all resamples: (r, n) counts times the tallies of the n images."""
    columns = np.zeros((3, len(counts), 2 * thresholds.size))
    totals = np.zeros((3, len(counts)))
    resampled = PixelTally(*columns, *totals)
    for start in range(0, len(maps), BLOCK_IMAGES):
        images = range(start, min(start + BLOCK_IMAGES, len(maps)))
        tallies = [image_tally(maps, masks, index, thresholds) for index in images]
        weights = counts[:, images.start : images.stop].astype(np.float64)
        for field, parts in zip(resampled, zip(*tallies, strict=True), strict=True):
            field += weights @ np.array(parts)
    return resampled


def _row_blocks(tally: PixelTally) -> Iterator[PixelTally]:
    """Yield the tally some resamples at a time, so that the areas take little memory."""
    rows = max(1, BLOCK_NUMBERS // max(1, tally.normals.shape[-1]))
    for start in range(0, len(tally.normals), rows):
        yield PixelTally(*(field[start : start + rows] for field in tally))
