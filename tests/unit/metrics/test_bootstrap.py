import math

import numpy as np
import pytest

from defectory.domain import ParameterError
from defectory.metrics import (
    Interval,
    auroc,
    average_precision,
    bootstrap_interval,
    f1_score,
    pixel_intervals,
    pixel_metrics,
    recall_at_false_reject_rate,
    resampling,
)
from defectory.metrics import bootstrap as bootstrap_module

STATISTICS = [auroc, average_precision, recall_at_false_reject_rate]
TRUE_AUROC = (
    0.8556  # of N(0, 1) against N(1.5, 1): the normal distribution function at 1.5 / sqrt 2
)


def _sample(rng, n_normal=80, n_anomalous=40, levels=None):
    labels = np.arange(n_normal + n_anomalous) >= n_normal
    scores = rng.standard_normal(labels.size) + 1.5 * labels
    return (np.round(scores * levels) if levels else scores), labels


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("levels", [None, 1])
def test_resampling_by_counts_equals_resampling_the_images(statistic, levels):
    scores, labels = _sample(np.random.default_rng(0), levels=levels)

    fast = bootstrap_interval(statistic, scores, labels, n_resamples=200)
    slow = bootstrap_interval(lambda s, y: statistic(s, y), scores, labels, n_resamples=200)

    assert fast == Interval(
        *(pytest.approx(v, abs=1e-12) for v in (slow.estimate, slow.low, slow.high)), 0.95
    )


@pytest.mark.parametrize("statistic", [*STATISTICS, lambda s, y: f1_score(y, s >= 1.0)])
def test_the_estimate_is_exact_and_lies_inside(statistic):
    scores, labels = _sample(np.random.default_rng(1))

    interval = bootstrap_interval(statistic, scores, labels)

    assert interval.estimate == statistic(scores, labels)
    assert interval.low < interval.estimate < interval.high
    assert interval.confidence == 0.95


def test_higher_confidence_is_wider_and_more_images_are_narrower():
    rng = np.random.default_rng(2)
    few, many = _sample(rng), _sample(rng, 2000, 1000)

    def width(sample, confidence):
        interval = bootstrap_interval(auroc, *sample, confidence=confidence)
        return interval.high - interval.low

    assert width(few, 0.8) < width(few, 0.95) < width(few, 0.99)
    assert width(many, 0.95) < width(few, 0.95) / 3


def test_coverage_is_about_as_promised():
    """Of 200 data sets with a known AUROC the 90 % interval holds it in about 90 %."""
    rng = np.random.default_rng(3)
    intervals = [
        bootstrap_interval(auroc, *_sample(rng), n_resamples=300, confidence=0.9, seed=i)
        for i in range(200)
    ]

    coverage = np.mean([i.low <= TRUE_AUROC <= i.high for i in intervals])

    assert 0.83 <= coverage <= 0.96


def test_the_width_matches_the_spread_over_fresh_data_sets():
    rng = np.random.default_rng(4)
    fresh = np.std([auroc(*_sample(rng)) for _ in range(400)])
    interval = bootstrap_interval(auroc, *_sample(rng))

    assert (interval.high - interval.low) / (2 * 1.96) == pytest.approx(fresh, rel=0.35)


def test_every_class_keeps_its_size():
    seen = []

    def spy(scores, labels):
        seen.append((int(labels.sum()), labels.size))
        return 0.5

    bootstrap_interval(spy, *_sample(np.random.default_rng(5), 7, 3), n_resamples=20)

    assert seen == [(3, 10)] * 21


def test_the_size_of_the_blocks_does_not_change_how_many_resamples_there_are(monkeypatch):
    calls = []
    monkeypatch.setattr(resampling, "BLOCK_NUMBERS", 25)

    bootstrap_interval(
        lambda s, y: calls.append(1) or 0.5, *_sample(np.random.default_rng(5), 7, 3), n_resamples=9
    )

    assert len(calls) == 10


def test_one_class_is_nan_and_a_statistic_that_needs_only_one_is_served():
    interval = bootstrap_interval(auroc, [1.0, 2.0], [0, 0])
    mean = bootstrap_interval(lambda s, y: float(s.mean()), np.linspace(0, 1, 50), np.zeros(50))

    assert math.isnan(interval.estimate)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert 0.3 < mean.low < 0.5 < mean.high < 0.7


def test_a_resample_without_a_value_makes_the_interval_nan():
    interval = bootstrap_interval(
        lambda s, y: math.nan if (s == s[0]).any() and len(set(s)) < s.size else 1.0,
        *_sample(np.random.default_rng(6)),
        n_resamples=50,
    )

    assert interval.estimate == 1.0
    assert math.isnan(interval.low)


def _images(seed=0, n=24):
    rng = np.random.default_rng(seed)
    masks = [np.zeros((16, 20), dtype=bool) for _ in range(n)]
    for mask in masks[: n // 2]:
        y, x = rng.integers(0, 10, size=2)
        mask[y : y + 4, x : x + rng.integers(3, 8)] = True
    maps = [
        (rng.standard_normal(m.shape) + rng.normal(1.5, 0.5) * m).astype(np.float32) for m in masks
    ]
    return maps, masks


def test_pixel_estimates_are_exact_and_lie_inside():
    maps, masks = _images()

    result = pixel_intervals(maps, masks, max_fpr=0.2)

    exact = pixel_metrics(maps, masks, 0.2)
    assert result.auroc.estimate == exact.auroc
    assert result.aupro.estimate == exact.aupro
    assert result.auroc.low < result.auroc.estimate < result.auroc.high
    assert result.aupro.low < result.aupro.estimate < result.aupro.high


def test_pixel_intervals_do_not_depend_on_the_blocks_of_images(monkeypatch):
    maps, masks = _images()
    whole = pixel_intervals(maps, masks)

    monkeypatch.setattr(bootstrap_module, "BLOCK_IMAGES", 5)

    parts = pixel_intervals(maps, masks)
    assert parts.aupro.low == pytest.approx(whole.aupro.low, abs=1e-12)
    assert parts.auroc.high == pytest.approx(whole.auroc.high, abs=1e-12)


def test_pixel_intervals_hold_whole_images_together():
    """Every image repeated 4 times is 4 times the data: the interval narrows by half."""
    maps, masks = _images()

    once = pixel_intervals(maps, masks).auroc
    repeated = pixel_intervals(maps * 4, masks * 4).auroc

    assert repeated.estimate == pytest.approx(once.estimate)
    ratio = (repeated.high - repeated.low) / (once.high - once.low)
    assert ratio == pytest.approx(0.5, abs=0.1)


def test_perfect_scores_and_maps_leave_room_for_a_miss():
    """12 of 12: the lower end is that of Wilson for 11 images, at the quantile of 11 degrees of freedom."""
    _, masks = _images()
    labels = [mask.any() for mask in masks]

    pixels = pixel_intervals([m.astype(np.float32) for m in masks], masks)
    image = bootstrap_interval(auroc, labels, labels)

    for interval in (pixels.auroc, pixels.aupro, image):
        assert (interval.estimate, interval.high) == pytest.approx((1, 1))
        assert interval.low == pytest.approx(11 / (11 + 2.20099**2), abs=1e-4)


def test_a_class_of_one_group_says_nothing():
    scores, labels = [0.1, 0.2, 0.3, 0.9, 0.8], [0, 0, 0, 1, 1]

    one_image = bootstrap_interval(auroc, scores[:4], labels[:4])
    one_part = bootstrap_interval(auroc, scores, labels, groups=[0, 1, 2, 3, 3])

    assert (one_image.low, one_image.high) == (0.0, 1.0)
    assert (one_part.low, one_part.high) == (0.0, 1.0)


def test_a_statistic_that_is_no_share_is_refused():
    with pytest.raises(
        ParameterError, match=r"the statistic is 24\.5; intervals are for metrics in \[0, 1\]"
    ):
        bootstrap_interval(lambda s, y: float(s.mean()), np.arange(50.0), np.zeros(50))


def _parts(rng, n_parts=40, n_pictures=5, is_mixed=False):
    """Scores of pictures whose part explains half of their variance, their labels, their parts."""
    parts = np.repeat(np.arange(n_parts), n_pictures)
    labels = np.arange(parts.size) % 2 == 0 if is_mixed else parts % 2 == 0
    scores = rng.standard_normal(n_parts)[parts] + rng.standard_normal(parts.size)
    return scores + 1.5 * np.sqrt(2) * labels, labels, parts


@pytest.mark.parametrize(("n_pictures", "is_mixed"), [(5, False), (20, True)])
def test_groups_cover_a_known_auroc_where_images_do_not(n_pictures, is_mixed):
    """Of 200 data sets; where parts hold both classes, part of their effect cancels."""
    rng = np.random.default_rng(8)
    hits = {"groups": 0, "images": 0}
    for seed in range(200):
        scores, labels, parts = _parts(rng, n_pictures=n_pictures, is_mixed=is_mixed)
        for name, groups in (("groups", parts), ("images", None)):
            found = bootstrap_interval(
                auroc, scores, labels, groups=groups, n_resamples=200, seed=seed
            )
            hits[name] += found.low <= TRUE_AUROC <= found.high

    assert 0.92 <= hits["groups"] / 200 <= 0.98
    assert hits["images"] < hits["groups"] - 10


def test_a_part_alone_of_its_kind_is_as_uncertain_as_any():
    """14 parts whose worn places stand out, as of ball screws, and one that looks worn but is good."""
    parts = np.repeat(np.arange(15), 10)
    labels = (np.arange(150) % 2 == 1) & (parts < 14)
    scores = labels + np.where(parts == 14, 0.9, 0.0) + np.linspace(0, 0.2, 150)

    by_part = bootstrap_interval(auroc, scores, labels, groups=parts)
    by_image = bootstrap_interval(auroc, scores, labels)

    assert by_part.high - by_part.low > 2 * (by_image.high - by_image.low)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_copies_of_images_in_their_groups_change_nothing(statistic):
    """Every picture five times says no more than once, where it is known to be the same part's."""
    scores, labels = _sample(np.random.default_rng(9))
    parts = np.arange(labels.size)

    once = bootstrap_interval(statistic, scores, labels)
    copied = bootstrap_interval(
        statistic, np.tile(scores, 5), np.tile(labels, 5), groups=np.tile(parts, 5)
    )

    assert (copied.low, copied.high) == pytest.approx((once.low, once.high), abs=1e-9)


def test_pixel_intervals_of_copies_in_their_groups_are_those_of_the_images():
    maps, masks = _images()

    once = pixel_intervals(maps, masks)
    copied = pixel_intervals(maps * 4, masks * 4, groups=np.tile(np.arange(len(maps)), 4))

    for one, other in ((once.auroc, copied.auroc), (once.aupro, copied.aupro)):
        assert (other.low, other.high) == pytest.approx((one.low, one.high), abs=1e-6)


def test_images_of_no_group_are_groups_of_their_own():
    scores, labels = _sample(np.random.default_rng(10))

    alone = bootstrap_interval(auroc, scores, labels, groups=np.full(labels.size, -1))

    each = bootstrap_interval(auroc, scores, labels)
    assert (alone.low, alone.high) == pytest.approx((each.low, each.high), abs=0.01)


def test_groups_that_do_not_fit_are_refused():
    with pytest.raises(ParameterError, match="groups of shape"):
        bootstrap_interval(auroc, [0.0, 1.0], [0, 1], groups=[0, 0, 1])
    with pytest.raises(ParameterError, match="groups of shape"):
        pixel_intervals([np.zeros((2, 2), np.float32)], [np.eye(2, dtype=bool)], groups=["a"])


@pytest.mark.parametrize("fill", [True, False])
def test_pixel_intervals_without_defects_or_normals_are_nan(fill):
    result = pixel_intervals([np.zeros((3, 3), np.float32)] * 2, [np.full((3, 3), fill)] * 2)

    assert math.isnan(result.auroc.estimate)
    assert math.isnan(result.aupro.low)


@pytest.mark.parametrize("run", ["images", "pixels"])
def test_the_seed_decides_and_the_global_state_is_untouched(run):
    def interval(seed):
        if run == "pixels":
            return pixel_intervals(*_images(), n_resamples=50, seed=seed)
        sample = _sample(np.random.default_rng(7))
        return bootstrap_interval(auroc, *sample, n_resamples=50, seed=seed)

    before = np.random.get_state()[1].copy()  # noqa: NPY002 (what must not change)
    first = interval(1)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002

    assert interval(1) == first
    assert interval(2) != first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_resamples": 0}, "n_resamples is 0"),
        ({"confidence": 1.0}, r"confidence is 1\.0"),
        ({"confidence": 95}, "confidence is 95"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ParameterError, match=message):
        bootstrap_interval(auroc, [0.0, 1.0], [0, 1], **arguments)
    with pytest.raises(ParameterError, match=message):
        pixel_intervals([np.zeros((2, 2), np.float32)], [np.eye(2, dtype=bool)], **arguments)
