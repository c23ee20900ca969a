"""What further labels are expected to change in the decisions of a model."""

import numpy as np
from numpy.typing import NDArray

from defectory.labeling import Gain, expected_gain, threshold_spread
from defectory.workflows.calibrated import CalibratedDetector


def expect_gain(
    model: CalibratedDetector,
    scores: NDArray[np.float64],
    *,
    n_next: int = 10,
    flipped_by_last: float | None = None,
    n_last: int = 0,
) -> Gain | None:
    """Return what the next labels are expected to change; None where the model has no threshold.

    Parameters
    ----------
    model : whose threshold decides
    scores : (n,) float64, raw, n >= 1
    n_next : >= 1
    flipped_by_last, n_last : what the last update changed, and its labels; see `expected_gain`
    """
    threshold = model.threshold
    spread = threshold_spread(model.good_scores, threshold)
    return expected_gain(
        scores,
        threshold.value,
        spread,
        threshold.n_normals,
        n_next=n_next,
        flipped_by_last=flipped_by_last,
        n_last=n_last,
    )
