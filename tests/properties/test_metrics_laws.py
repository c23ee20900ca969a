import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from defectory.metrics import (
    aupro,
    auroc,
    average_precision,
    bootstrap_interval,
    pixel_metrics,
    recall_at_false_reject_rate,
    roc_curve,
)


@st.composite
def scored_labels(draw):
    """Scores of few levels, so that ties abound, and labels of both classes."""
    labels = draw(
        st.lists(st.booleans(), min_size=2, max_size=40).filter(lambda x: 0 < sum(x) < len(x))
    )
    levels = st.integers(-draw(st.integers(1, 100)), 20)
    scores = draw(st.lists(levels, min_size=len(labels), max_size=len(labels)))
    return np.array(scores, dtype=np.float64), np.array(labels)


@st.composite
def mapped_masks(draw):
    """One to four images of differing sizes, with defective and normal pixels somewhere."""
    maps, masks = [], []
    for _ in range(draw(st.integers(1, 4))):
        shape = draw(st.tuples(st.integers(1, 6), st.integers(2, 6)))
        levels = st.integers(-3, 3).map(np.float32)
        maps.append(draw(arrays.arrays(np.float32, shape, elements=levels)))
        masks.append(draw(arrays.arrays(np.bool_, shape)))
    masks[0][0, :2] = [True, False]
    return maps, masks


@given(scored_labels())
def test_ties_are_those_of_scikit_learn(sample):
    scores, labels = sample

    assert auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert average_precision(scores, labels) == pytest.approx(
        average_precision_score(labels, scores), abs=1e-12
    )


@given(scored_labels(), st.sampled_from([np.arctan, lambda s: np.exp(s / 30), lambda s: 7 * s - 3]))
def test_increasing_transforms_change_nothing(sample, transform):
    scores, labels = sample

    for statistic in (auroc, average_precision, recall_at_false_reject_rate):
        assert statistic(transform(scores), labels) == statistic(scores, labels)


@given(scored_labels())
def test_negated_scores_give_the_rest_to_one(sample):
    scores, labels = sample

    assert auroc(-scores, labels) == pytest.approx(1 - auroc(scores, labels), abs=1e-12)


@given(scored_labels(), st.randoms(use_true_random=False))
def test_the_order_of_images_does_not_matter(sample, random):
    scores, labels = sample
    order = list(range(labels.size))
    random.shuffle(order)

    for statistic in (auroc, average_precision, recall_at_false_reject_rate):
        assert statistic(scores[order], labels[order]) == statistic(scores, labels)


@given(scored_labels(), st.floats(0, 1), st.floats(0, 1))
def test_recall_grows_with_the_allowed_rate(sample, one_rate, other_rate):
    low, high = sorted([one_rate, other_rate])

    assert recall_at_false_reject_rate(*sample, low) <= recall_at_false_reject_rate(*sample, high)
    assert recall_at_false_reject_rate(*sample, 1.0) == 1.0


@given(scored_labels(), st.one_of(st.none(), st.integers(2, 10)))
def test_a_roc_curve_climbs_from_corner_to_corner(sample, max_points):
    curve = roc_curve(*sample, max_points=max_points)

    for rising in (curve.false_reject_rates, curve.recalls):
        assert rising[0] == 0.0
        assert rising[-1] == 1.0
        assert (np.diff(rising) >= 0).all()
    assert (np.diff(curve.thresholds) < 0).all()


@settings(max_examples=30)
@given(scored_labels(), st.integers(0, 2**32))
def test_an_interval_lies_in_the_range_of_the_metric(sample, seed):
    interval = bootstrap_interval(auroc, *sample, n_resamples=20, seed=seed)

    assert 0.0 <= interval.low <= interval.high <= 1.0


@given(mapped_masks(), st.floats(0.001, 1.0))
def test_pixel_metrics_lie_between_zero_and_one(images, max_fpr):
    result = pixel_metrics(*images, max_fpr)

    assert 0.0 <= result.auroc <= 1.0
    assert 0.0 <= result.aupro <= 1.0


@given(mapped_masks(), st.floats(0.001, 1.0))
def test_perfect_maps_give_one(images, max_fpr):
    _, masks = images
    result = pixel_metrics([mask.astype(np.float32) for mask in masks], masks, max_fpr)

    assert (result.auroc, result.aupro) == pytest.approx((1.0, 1.0), abs=1e-12)


@given(mapped_masks(), st.randoms(use_true_random=False))
def test_the_order_of_pixel_images_does_not_matter(images, random):
    maps, masks = images
    order = list(range(len(maps)))
    random.shuffle(order)

    mixed = pixel_metrics([maps[i] for i in order], [masks[i] for i in order])

    expected = pixel_metrics(maps, masks)
    assert mixed.auroc == pytest.approx(expected.auroc, abs=1e-12)
    assert mixed.aupro == pytest.approx(expected.aupro, abs=1e-12)


@given(mapped_masks())
def test_mirrored_images_are_as_good(images):
    maps, masks = images

    mirrored = pixel_metrics([m[::-1, ::-1] for m in maps], [m[::-1, ::-1] for m in masks])

    expected = pixel_metrics(maps, masks)
    assert _agree(mirrored, expected)


@given(mapped_masks())
def test_increasing_transforms_of_maps_change_nothing(images):
    maps, masks = images

    assert _agree(pixel_metrics([np.arctan(m) for m in maps], masks), pixel_metrics(maps, masks))


@given(mapped_masks())
def test_negated_maps_give_the_rest_of_pixel_auroc_to_one(images):
    maps, masks = images
    negated = pixel_metrics([-m for m in maps], masks)

    assert negated.auroc == pytest.approx(1 - pixel_metrics(maps, masks).auroc, abs=1e-12)


@given(mapped_masks())
def test_aupro_over_all_rates_is_pixel_auroc_where_every_region_has_one_size(images):
    """With one pixel a region the mean over regions is the mean over pixels."""
    maps, masks = images
    grids = []
    for mask in masks:
        alone = np.zeros_like(mask)  # what is left cannot touch, not even at a corner
        alone[::2, ::2] = mask[::2, ::2]
        grids.append(alone)

    result = pixel_metrics(maps, grids, 1.0)

    assert result.aupro == pytest.approx(result.auroc, abs=1e-12)
    assert not math.isnan(aupro(maps, grids))


def _agree(one, other):
    """Return whether two results agree but for rounding."""
    return (one.auroc, one.aupro) == pytest.approx((other.auroc, other.aupro), abs=1e-12)
