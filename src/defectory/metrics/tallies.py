"""Pixels and regions passed at every threshold, and the areas that follow from those counts alone.

Every number here is a sum over images. So the tally of a bootstrap resample is a weighted sum of
the tallies of its images, and the exact metric and its interval share this code.
"""

from typing import NamedTuple

import cc3d
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class PixelTally(NamedTuple):
    """What passes at t falling thresholds; leading axes are images or resamples.

    Each threshold has two columns, score > threshold and then score >= threshold. Between the two
    the pixels that tie with it pass together. Where the score of every defective pixel is a
    threshold, only normal pixels pass from one threshold to the next, and the curves are exact.

    Attributes
    ----------
    normals, defects : (..., 2 t) float64, pixels passed
    overlaps : (..., 2 t) float64, shares of region area passed, summed over the regions
    n_normals, n_defects, n_regions : (...) float64, totals
    """

    normals: Floats
    defects: Floats
    overlaps: Floats
    n_normals: Floats
    n_defects: Floats
    n_regions: Floats

    def auroc(self) -> Floats:
        """Return (...) areas under recall; nan where there are no normal or no defective pixels."""
        return self._area(self.defects, self.n_defects, 1.0)

    def aupro(self, max_fpr: float) -> Floats:
        """Return (...) mean overlaps for false-positive rates up to `max_fpr`; nan as above."""
        return self._area(self.overlaps, self.n_regions, max_fpr)

    def _area(self, passed: Floats, total: Floats, limit: float) -> Floats:
        rates = self.normals / np.maximum(self.n_normals, 1)[..., None]
        heights = passed / np.maximum(total, 1)[..., None]
        # Sums of region shares round; unclipped, a perfect map may exceed 1 in the last digit.
        area = np.clip(_mean_height(_with_ends(rates), _with_ends(heights), limit), 0.0, 1.0)
        return np.where((self.n_normals > 0) & (total > 0), area, np.nan)


def counts_at(thresholds: NDArray[np.float32], ascending: NDArray[np.float32]) -> Counts:
    """Return (2 t,) int64, how many sorted values are > and >= each threshold, alternating."""
    passed = np.empty((thresholds.size, 2), dtype=np.int64)
    passed[:, 0] = np.searchsorted(ascending, thresholds, side="right")
    passed[:, 1] = np.searchsorted(ascending, thresholds, side="left")
    np.subtract(ascending.size, passed, out=passed)
    return passed.ravel()


def defect_sums_at(
    thresholds: NDArray[np.float32], ascending: NDArray[np.float32], shares: Floats
) -> tuple[Floats, Floats]:
    """Return (2 t,) counts as in `counts_at`, and (2 t,) sums of the shares of the same pixels."""
    passed = counts_at(thresholds, ascending)
    sums = np.concatenate([[0.0], np.cumsum(shares[::-1])])
    return passed.astype(np.float64), sums[passed]


def region_shares(mask: NDArray[np.bool_]) -> tuple[Floats, int]:
    """Return (d,) shares of the defective pixels in their 8-connected regions, and n_regions.

    A share is 1 / region size. The pixels come in the order of `scores[mask]`.
    """
    # Not as bool: cc3d 4.1.1 mislabels bool images of odd height or width (8-connected).
    regions = cc3d.connected_components(mask.astype(np.uint8), connectivity=8)
    sizes = np.bincount(regions.ravel(), minlength=1)
    return 1.0 / sizes[regions[mask]], sizes.size - 1


def _with_ends(curve: Floats) -> Floats:
    """Return the curve from 0, where nothing passes, to 1, where everything does."""
    end = np.zeros((*curve.shape[:-1], 1))
    return np.concatenate([end, curve, end + 1.0], axis=-1)


def _mean_height(rates: Floats, heights: Floats, limit: float) -> Floats:
    """Return the mean height of the polyline over [0, limit], cutting the step that crosses it."""
    widths = np.diff(rates)
    kept = limit - rates[..., :-1]  # share of each step that lies below the limit
    np.divide(kept, widths, out=kept, where=widths > 0)
    np.clip(kept, 0.0, 1.0, out=kept)
    middles = np.diff(heights)
    middles *= kept / 2
    middles += heights[..., :-1]
    widths *= kept
    return np.asarray((middles * widths).sum(axis=-1) / limit)
