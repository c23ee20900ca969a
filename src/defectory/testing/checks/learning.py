"""What a detector must have learned."""

import numpy as np
import pytest
from numpy.typing import NDArray

from defectory.detectors import Detector
from defectory.domain import CONTENT_DIGITS, ArrayImages
from defectory.metrics import auroc
from defectory.testing.assertions import assert_same_state, assert_sound
from defectory.testing.pictures import (
    DEFECT_PX,
    PLACES,
    SIZE_PX,
    defective,
    mixed,
    products,
    twice,
)
from defectory.testing.subjects import DetectorSubject

CELL_PX = 16
"""A map may be off by one cell of the feature grid, in pixels of the resized image."""


def check_defects_score_higher_and_scores_vary(subject: DetectorSubject) -> None:
    """Every defect scores higher than every new good product, and no two of these alike."""
    good = subject.fitted.score(ArrayImages(products(6, seed=1))).image_scores
    bad = subject.fitted.score(ArrayImages(defective())).image_scores
    assert bad.min() > good.max()
    assert good.std() > 1e-3 * abs(good.mean())
    assert len(np.unique(good)) == len(good)


def check_the_peak_lies_in_the_defect(subject: DetectorSubject) -> None:
    """The highest value of a map lies in the defect, or at most a cell beside it."""
    _skip_without_maps(subject)
    size_px = 128
    detector = subject.make(size_px=size_px).fit(ArrayImages(products(8)))
    margin = CELL_PX * SIZE_PX / size_px
    scores = detector.score(ArrayImages(defective()))
    for heat, (y, x) in zip(scores.anomaly_maps or [], PLACES, strict=True):
        peak = (np.array(np.unravel_index(heat.argmax(), heat.shape)) + 0.5) / heat.shape * SIZE_PX
        center = np.array([y, x]) + DEFECT_PX / 2
        assert np.abs(peak - center).max() <= DEFECT_PX / 2 + margin / 2, (peak, center)


def check_trained_beats_untrained(subject: DetectorSubject) -> None:
    """Fitted on noise it knows nothing of the product: it must tell less of its defects."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (12, SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    untrained = subject.make().fit(ArrayImages(noise))
    test, labels = ArrayImages(products(6, seed=1) + defective()), [0] * 6 + [1] * 4
    trained_scores, noise_scores = (
        detector.score(test).image_scores.astype(float) for detector in (subject.fitted, untrained)
    )
    assert auroc(trained_scores, labels) == 1.0 >= auroc(noise_scores, labels)
    assert _separation(trained_scores) > 1.5 * _separation(noise_scores)


def check_few_images_already_tell_defects(subject: DetectorSubject) -> None:
    """Four good products are enough to tell a large defect."""
    detector = subject.make().fit(ArrayImages(products(4)))
    good = detector.score(ArrayImages(products(6, seed=1))).image_scores
    bad = detector.score(ArrayImages(defective())).image_scores
    assert bad.min() > good.max()


def check_labeled_anomalies_are_not_taken_for_normal(subject: DetectorSubject) -> None:
    """A method that does not learn from labeled anomalies leaves them out."""
    if subject.capabilities.uses_labeled_anomalies:
        pytest.skip("learns from labeled anomalies, and says so")
    normal, odd = products(6), defective()
    images = [normal[0], odd[0], normal[1], odd[1], *normal[2:], odd[2]]
    labels = [0, 1, -1, 1, 0, 0, -1, 0, 1]
    assert_same_state(
        subject.make().fit(ArrayImages(images), labels), subject.make().fit(ArrayImages(normal))
    )


def check_held_out_scores_look_like_scores_of_new_normals(subject: DetectorSubject) -> None:
    """A threshold is fitted on them: they lie where scores of new good products lie."""
    detector = subject.fitted
    held_out = detector.held_out_
    assert 6 <= len(held_out) <= 12
    assert held_out.scores.dtype == held_out.peaks.dtype == np.float32
    assert len(held_out.peaks) == (len(held_out) if detector.capabilities.localizes else 0)
    new = detector.score(ArrayImages(products(12, seed=4))).image_scores
    center, spread = held_out.scores.mean(), held_out.scores.std()
    assert abs(new.mean() - center) < 3 * spread, (new, held_out.scores)


def check_groups_are_left_out_together(subject: DetectorSubject) -> None:
    """Of pictures that occur twice, both are held out, and neither is scored by a model that knows the other.

    Where a model without the image knows its twin, held-out scores lie far below those of new products.
    Models that hold out a few images from all they learn need only hold out both.
    """
    images, pairs = ArrayImages(twice(10)), np.tile(np.arange(10), 2)
    detector = subject.make().fit(images, groups=pairs)
    held_out = detector.held_out_
    numbers = {images.fingerprint(i)[:CONTENT_DIGITS]: pairs[i] for i in range(len(images))}
    own = np.array([numbers[content] for content in held_out.contents])
    assert (np.unique(own, return_counts=True)[1] == 2).all(), own
    np.testing.assert_array_equal(held_out.groups[:, None] == held_out.groups, own[:, None] == own)
    if len(held_out) == len(images):
        ignorant = subject.make().fit(images)
        assert _rise_of_new_products(ignorant) > _rise_of_new_products(detector) + 0.5


def check_any_sizes_gray_and_few_images_can_be_learned_from(subject: DetectorSubject) -> None:
    """Images of any sizes, gray ones and two alone can be learned from."""
    for images in (mixed(), products(2)):
        detector = subject.make().fit(ArrayImages(images))
        scores = detector.score(ArrayImages(mixed() + defective()))
        assert_sound(scores, 10, localizes=subject.capabilities.localizes)


def check_constant_images_do_no_harm(subject: DetectorSubject) -> None:
    """Images of one color give finite scores, learned from or scored."""
    localizes = subject.capabilities.localizes
    gray = [np.full((40, 50, 3), value, np.uint8) for value in (0, 128, 128, 255)]
    for images in (gray, [gray[1]] * 4):
        detector = subject.make().fit(ArrayImages(images))
        assert_sound(detector.score(ArrayImages(gray + products(1))), 5, localizes=localizes)
        assert np.isfinite(detector.held_out_.scores).all()
    assert_sound(subject.fitted.score(ArrayImages(gray)), 4, localizes=localizes)


def check_tiles_give_finer_maps(subject: DetectorSubject) -> None:
    """Where images can be read in 2 x 2 tiles, maps are twice as fine."""
    if "n_tiles" not in subject.parameters:
        pytest.skip("has no tiles")
    _skip_without_maps(subject)
    tiled, plain = (d.score(ArrayImages(defective())) for d in (subject.tiled, subject.fitted))
    assert_sound(tiled, 4, localizes=True)
    for fine, coarse in zip(tiled.anomaly_maps or [], plain.anomaly_maps or [], strict=True):
        assert fine.shape == tuple(2 * side for side in coarse.shape)


def _skip_without_maps(subject: DetectorSubject) -> None:
    if not subject.capabilities.localizes:
        pytest.skip("gives no maps, and says so")


def _rise_of_new_products(detector: Detector) -> float:
    """Return how many deviations new good products lie above held-out ones."""
    new = detector.score(ArrayImages(products(24, seed=4))).image_scores
    return float((np.median(new) - np.median(detector.held_out_.scores)) / new.std())


def _separation(scores: NDArray[np.floating]) -> float:
    """Return how many deviations of the six good ones the four defective ones lie above them."""
    return float((scores[6:].mean() - scores[:6].mean()) / scores[:6].std())
