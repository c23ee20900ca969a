"""What several checks assert. Equal means equal bit for bit throughout."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defectory.detectors import Detector
from defectory.domain import ArrayImages, Scores
from defectory.testing.pictures import defective, products


def assert_same_scores(found: Scores, expected: Scores) -> None:
    """Scores and maps are equal."""
    np.testing.assert_array_equal(found.image_scores, expected.image_scores)
    assert (found.anomaly_maps is None) == (expected.anomaly_maps is None)
    for a, b in zip(found.anomaly_maps or [], expected.anomaly_maps or [], strict=True):
        np.testing.assert_array_equal(a, b)


def assert_sound(scores: Scores, n: int, *, localizes: bool) -> None:
    """The scores of n images have the right shapes and dtypes, and are finite."""
    assert len(scores) == n
    assert scores.image_scores.shape == (n,)
    assert scores.image_scores.dtype == np.float32
    assert np.isfinite(scores.image_scores).all()
    assert (scores.anomaly_maps is not None) == localizes
    if scores.anomaly_maps is not None:
        assert len(scores.anomaly_maps) == n
        for heat in scores.anomaly_maps:
            assert heat.ndim == 2
            assert heat.dtype == np.float32
            assert np.isfinite(heat).all()


def assert_same_state(found: Detector, expected: Detector) -> None:
    """Two fits learned the same, and score the same."""
    arrays = expected.arrays()
    assert list(found.arrays()) == list(arrays)
    for name, array in found.arrays().items():
        if name != "memory.names":  # by these a bundle knows images again, whatever they are
            np.testing.assert_array_equal(array, arrays[name], err_msg=name)
    for name in ("scores", "peaks"):
        one, other = (getattr(detector.held_out_, name) for detector in (found, expected))
        np.testing.assert_array_equal(one, other, err_msg=name)
    assert found.head_ == expected.head_
    images = ArrayImages(products(1, seed=1) + defective()[:1])
    assert_same_scores(found.score(images), expected.score(images))


def take(scores: Scores, indices: Sequence[int] | NDArray[np.intp]) -> Scores:
    """Return the scores of some of the images."""
    maps = scores.anomaly_maps and [scores.anomaly_maps[i] for i in indices]
    return Scores(scores.image_scores[list(indices)], maps)
