"""Images measured and described by one normality model, each as if the model had not learned from it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.evidence.cells import Cells
from defectory.detectors.evidence.descriptors import Described
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.detectors.grids import cell_means
from defectory.detectors.measurements import Measurements
from defectory.domain import Label

Float = NDArray[np.float32]
# Share of an image's cells that are taken for the defect where only the image is known to be defective.
_ODDEST_RATIO = 0.1
# A cell is defective where so much of it lies under the mask; of a mask with smaller parts only, the fullest.
# It is normal where no more than the last lies there: edges of a defect are neither.
_COVERED, _BARE = 0.15, 0.02


@dataclass(frozen=True)
class Study:
    """What is known of n images.

    Attributes
    ----------
    indices : (n,) places among the images of the fit
    codes : (n,) codes of Label
    coverage : (n, p) float32, share of each cell under the mask; nan where there is no mask
    measured : by the normality model, n images
    described : (n, p, w) int8, see `CellDescriptor.describe`
    """

    indices: NDArray[np.intp]
    codes: NDArray[np.int8]
    coverage: Float
    measured: Measurements
    described: Described

    def __len__(self) -> int:
        return len(self.codes)

    def cells(self, normality: GaussianNormality) -> Cells:
        """Return what a classifier sees of each cell."""
        return Cells.of(normality, self.measured, self.described)

    def take(self, rows: NDArray[np.integer]) -> "Study":
        """Return some of the images."""
        return Study(
            self.indices[rows],
            self.codes[rows],
            self.coverage[rows],
            self.measured.take(rows),
            self.described[rows],
        )

    def join(self, other: "Study") -> "Study":
        """Return the images of both."""
        return Study(
            np.concatenate([self.indices, other.indices]),
            np.concatenate([self.codes, other.codes]),
            np.concatenate([self.coverage, other.coverage]),
            Measurements.join([self.measured, other.measured]),
            np.concatenate([self.described, other.described]),
        )

    @property
    def has_mask(self) -> NDArray[np.bool_]:
        """(n,) bool: labeled defects with a mask that marks something."""
        return np.asarray(np.isfinite(self.coverage[:, 0]))

    def marked_cells(self) -> NDArray[np.bool_]:
        """Return (n, p), the cells under masks."""
        least = np.minimum(_COVERED, np.max(self.coverage, axis=1, keepdims=True))
        return np.asarray(self.has_mask[:, None] & (self.coverage >= least))

    def bare_cells(self) -> NDArray[np.bool_]:
        """Return (n, p), the cells that masks leave out, of images with a mask."""
        is_bare = self.has_mask[:, None] & (self.coverage <= _BARE)
        return np.asarray(is_bare & ~self.marked_cells())

    def defective_cells(
        self, normality: GaussianNormality, is_suspect: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Return (n, p), the cells that teach what a defective image is.

        The oddest tenth of labeled defects and suspects (an anomalous image has at least one anomalous cell;
        the normality model says which are likely), and those under a mask. Under a mask alone there is much
        that looks good: taught by that alone, images are told worse than without masks.
        """
        odd = _oddest(normality.standardized_cells(self.measured)[:, :, 0].T)
        found = odd | self.marked_cells()
        is_defective = (self.codes == Label.ANOMALOUS) | is_suspect
        return np.asarray(found & is_defective[:, None])


def _oddest(values: Float) -> NDArray[np.bool_]:
    """Return which of each row's values are among its highest tenth."""
    n = max(1, round(_ODDEST_RATIO * values.shape[1]))
    limits = np.partition(values, values.shape[1] - n, axis=1)[:, -n]
    return np.asarray(values >= limits[:, None])


def cover(mask: NDArray[np.bool_] | None, side: int) -> Float:
    """Return (side * side,) float32, the share of each cell under the mask; nan where it is missing or empty.

    An empty mask of a defective image says no more than none.
    """
    if mask is None or not mask.any():
        return np.full(side * side, np.nan, np.float32)
    return cell_means(mask, side).ravel().astype(np.float32)
