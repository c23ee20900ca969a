"""How well anomaly maps find defective pixels and defect regions: exact, and in bounded memory.

Both curves, recall and region overlap against the false-positive rate, rise only at the scores of
defective pixels, which are few. So only those are ranked as a whole; normal pixels are merely
counted against them, a chunk at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.domain import ParameterError
from defectory.metrics.tallies import PixelTally, counts_at, defect_sums_at, region_shares

CHUNK_PIXELS = 1 << 24
"""Normal pixels sorted at a time: 64 MiB."""

Maps = Sequence[NDArray[np.float32]]
Masks = Sequence[NDArray[np.bool_]]


@dataclass(frozen=True)
class PixelMetrics:
    """What one sort gives.

    Attributes
    ----------
    auroc : [0, 1], nan where there are no defective or no normal pixels
    aupro : [0, 1], nan in the same cases
    """

    auroc: float
    aupro: float


def pixel_auroc(maps: Maps, masks: Masks) -> float:
    """Probability that a defective pixel scores above a normal one, over all images together.

    Parameters, errors, memory : as in `pixel_metrics`, which gives AUPRO for the same price.

    Returns
    -------
    float in [0, 1]; nan where there are no defective or no normal pixels
    """
    return pixel_metrics(maps, masks).auroc


def aupro(maps: Maps, masks: Masks, max_fpr: float = 0.3) -> float:
    """Share of a defect region that is found, mean over false-positive rates up to `max_fpr`.

    Parameters, errors, memory : as in `pixel_metrics`, which gives AUROC for the same price.

    Returns
    -------
    float in [0, 1]; nan where there are no defective or no normal pixels
    """
    return pixel_metrics(maps, masks, max_fpr).aupro


def pixel_metrics(maps: Maps, masks: Masks, max_fpr: float = 0.3) -> PixelMetrics:
    """Pixel AUROC and AUPRO from one sort.

    Parameters
    ----------
    maps : n arrays (h, w) float32, higher = more anomalous; no NaN
        Sizes may differ from image to image. May read lazily: each is asked for at most twice.
    masks : n arrays (h, w) bool, each of the size of its map
        A normal image has an all-False mask. An anomalous image whose mask is missing or empty
        must be left out by the caller: here it would pass for normal.
    max_fpr : (0, 1]
        AUPRO averages over false-positive rates in [0, max_fpr].

    Returns
    -------
    PixelMetrics

    Raises
    ------
    ParameterError : lengths, shapes or dtypes do not fit, a map holds NaN, or `max_fpr` is out of
        its range.

    Notes
    -----
    Source: Bergmann et al., "The MVTec Anomaly Detection Dataset", IJCV 2021, per-region overlap.
    Regions are 8-connected; false positives are counted over the normal pixels of all images,
    defective images included. Differs from it: every distinct score is a threshold, pixels that tie
    pass together, and the curve is interpolated linearly at `max_fpr`, so nothing depends on a
    grid of thresholds.
    Cost: time O(p log p) for p pixels; memory about 70 MiB + 170 bytes a defective pixel, whatever
    the number of normal pixels.
    """
    require_max_fpr(max_fpr)
    _, tally = exact_tally(maps, masks)
    return PixelMetrics(auroc=float(tally.auroc()), aupro=float(tally.aupro(max_fpr)))


def require_max_fpr(max_fpr: float) -> None:
    """Raise ParameterError unless 0 < max_fpr <= 1."""
    if not 0 < max_fpr <= 1:
        raise ParameterError(f"max_fpr is {max_fpr}; expected a false-positive rate in (0, 1]")


def exact_tally(maps: Maps, masks: Masks) -> tuple[NDArray[np.float32], PixelTally]:
    """Return the distinct scores of defective pixels, (t,) falling, and the tally at them."""
    if len(maps) != len(masks):
        raise ParameterError(f"{len(maps)} maps and {len(masks)} masks; expected one mask per map")
    values, shares, n_regions = _all_defects(maps, masks)
    distinct = np.append(values[1:] != values[:-1], True)[: values.size]
    thresholds = values[distinct][::-1]
    normals, n_normals = np.zeros(2 * thresholds.size), 0
    for chunk in _sorted_chunks(maps, masks):
        normals += counts_at(thresholds, chunk)
        n_normals += chunk.size
    defects, overlaps = defect_sums_at(thresholds, values, shares)
    totals = np.array([n_normals, values.size, n_regions], dtype=np.float64)
    return thresholds, PixelTally(normals, defects, overlaps, *totals)


def image_tally(
    maps: Maps, masks: Masks, index: int, thresholds: NDArray[np.float32]
) -> PixelTally:
    """Return the tally of one image at the given thresholds, (t,) falling."""
    scores, mask = read_pair(maps, masks, index)
    shares, n_regions = region_shares(mask)
    values, shares = _sorted_by_score(scores[mask], shares)
    defects, overlaps = defect_sums_at(thresholds, values, shares)
    normals = np.sort(scores[~mask])
    passed = counts_at(thresholds, normals).astype(np.float64)
    totals = np.array([normals.size, values.size, n_regions], dtype=np.float64)
    return PixelTally(passed, defects, overlaps, *totals)


def read_pair(
    maps: Maps, masks: Masks, index: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return map and mask of one image, of one shape and without NaN; raise ParameterError."""
    scores, mask = np.asarray(maps[index]), np.asarray(masks[index])
    if scores.dtype != np.float32 or mask.dtype != np.bool_:
        raise ParameterError(
            f"map {index} is {scores.dtype} and its mask {mask.dtype}; expected float32 and bool"
        )
    if scores.ndim != 2 or scores.shape != mask.shape or not scores.size:
        raise ParameterError(
            f"map {index} has shape {scores.shape} and its mask {mask.shape}; "
            "expected one (h, w) with at least one pixel, resize the map to the mask"
        )
    if np.isnan(scores.max()):  # max passes NaN on, and needs no array of its own
        raise ParameterError(f"map {index} holds NaN; every pixel needs a score")
    return scores, mask


def _all_defects(maps: Maps, masks: Masks) -> tuple[NDArray[np.float32], NDArray[np.float64], int]:
    """Return (d,) rising scores of defective pixels, (d,) shares of their regions, n_regions."""
    values = [np.empty(0, dtype=np.float32)]
    shares = [np.empty(0)]
    n_regions = 0
    for index in range(len(masks)):
        if not np.any(masks[index]):
            continue
        scores, mask = read_pair(maps, masks, index)
        mask_shares, n_mask_regions = region_shares(mask)
        values.append(scores[mask])
        shares.append(mask_shares)
        n_regions += n_mask_regions
    return *_sorted_by_score(np.concatenate(values), np.concatenate(shares)), n_regions


def _sorted_by_score(
    values: NDArray[np.float32], shares: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    order = np.argsort(values)
    return values[order], shares[order]


def _sorted_chunks(maps: Maps, masks: Masks) -> Iterator[NDArray[np.float32]]:
    """Yield the scores of all normal pixels, CHUNK_PIXELS at a time, sorted in one array."""
    buffer = np.empty(CHUNK_PIXELS, dtype=np.float32)
    filled = 0
    for index in range(len(maps)):
        scores, mask = read_pair(maps, masks, index)
        normals = scores[~mask]
        while normals.size:
            part, normals = np.split(normals, [buffer.size - filled])
            buffer[filled : filled + part.size] = part
            filled += part.size
            if filled == buffer.size:
                buffer.sort()
                yield buffer
                filled = 0
    rest = buffer[:filled]
    rest.sort()
    yield rest
