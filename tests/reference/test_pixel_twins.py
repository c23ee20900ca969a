import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from defectory.metrics import aupro, pixel_auroc, pixel_intervals, pixel_metrics
from defectory.metrics import pixels as pixels_module
from defectory.metrics.bootstrap import N_THRESHOLDS, _common, _resampled_tally
from defectory.metrics.intervals import wilson_interval
from defectory.metrics.pixels import exact_tally
from defectory.metrics.resampling import ImageGroups, Resamples
from defectory.metrics.tallies import region_shares
from tests.reference.pixel_twins import regions_of, slow_aupro, slow_pixel_auroc


def _images(seed, n=4, levels=None, shift=0.7):
    """Maps and masks of differing sizes; with `levels`, scores tie heavily."""
    rng = np.random.default_rng(seed)
    maps, masks = [], []
    for i in range(n):
        shape = tuple(rng.integers(3, 10, size=2))
        mask = rng.random(shape) < (0.25 if i % 2 else 0.0)
        values = rng.standard_normal(shape) + shift * mask
        if levels:
            values = np.round(values * levels / 4)
        maps.append(values.astype(np.float32))
        masks.append(mask)
    masks[1][0, 0] = True
    return maps, masks


@pytest.mark.parametrize("levels", [None, 2, 8])
@pytest.mark.parametrize("seed", range(6))
def test_pixel_auroc_matches_all_pairs_and_scikit_learn(seed, levels):
    maps, masks = _images(seed, levels=levels)

    fast = pixel_auroc(maps, masks)

    assert fast == pytest.approx(slow_pixel_auroc(maps, masks), abs=1e-12)
    truth = np.concatenate([mask.ravel() for mask in masks])
    scores = np.concatenate([m.ravel() for m in maps])
    assert fast == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


@pytest.mark.parametrize("levels", [None, 2, 8])
@pytest.mark.parametrize("max_fpr", [0.01, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(6))
def test_aupro_matches_a_loop_over_all_thresholds(seed, levels, max_fpr):
    maps, masks = _images(seed, levels=levels)

    assert aupro(maps, masks, max_fpr) == pytest.approx(slow_aupro(maps, masks, max_fpr), abs=1e-12)


def test_flood_fill_joins_diagonal_neighbors():
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0]], dtype=bool)

    assert sorted(int(region.sum()) for region in regions_of(mask)) == [2, 2]


def test_region_shares_match_flood_fill_at_all_small_sizes():
    """The library that labels regions errs on some odd sizes when it is handed a bool mask."""
    rng = np.random.default_rng(0)
    for height, width in np.ndindex(9, 9):
        for density in (0.1, 0.3, 0.5, 0.8):
            mask = rng.random((height + 1, width + 1)) < density
            expected = np.zeros(mask.shape)
            regions = regions_of(mask)
            for region in regions:
                expected[region] = 1 / region.sum()

            shares, n_regions = region_shares(mask)

            assert n_regions == len(regions)
            np.testing.assert_array_equal(shares, expected[mask])


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_the_chunk_size_changes_nothing(monkeypatch, chunk):
    maps, masks = _images(3, levels=8)
    whole = pixel_metrics(maps, masks)

    monkeypatch.setattr(pixels_module, "CHUNK_PIXELS", chunk)

    assert pixel_metrics(maps, masks) == whole


def _many_images(seed, n=40, shift=1.5):
    rng = np.random.default_rng(seed)
    masks = [np.zeros((24, 24), dtype=bool) for _ in range(n)]
    for mask in masks[: n // 2]:
        y, x = rng.integers(0, 14, size=2)
        mask[y : y + rng.integers(3, 10), x : x + rng.integers(3, 10)] = True
    maps = [
        (rng.standard_normal(m.shape) + rng.normal(shift, 0.5) * m).astype(np.float32)
        for m in masks
    ]
    return maps, masks


@pytest.mark.parametrize(("levels", "shift"), [(None, 1.5), (None, 4.0), (4, 1.5)])
def test_resampled_pixel_metrics_match_the_exact_ones_of_repeated_images(levels, shift):
    maps, masks = _many_images(0, n=200, shift=shift)
    if levels:
        maps = [np.round(m * levels) / np.float32(levels) for m in maps]
    thresholds, exact = exact_tally(maps, masks)
    common = _common(thresholds, exact)
    defective = np.array([mask.any() for mask in masks])
    counts = next(ImageGroups(defective).draws(20, np.random.default_rng(5)))
    tolerance = 1e-12 if levels else 1e-4
    # Without ties the common thresholds must be fewer than all, or nothing is approximated here.
    assert (thresholds.size <= N_THRESHOLDS) == (levels is not None)

    tally = _resampled_tally(maps, masks, common, counts.astype(np.int32))

    for row, fast_auroc, fast_aupro in zip(counts, tally.auroc(), tally.aupro(0.3), strict=True):
        drawn = np.repeat(np.arange(len(maps)), row)
        again = pixel_metrics([maps[i] for i in drawn], [masks[i] for i in drawn])
        assert fast_auroc == pytest.approx(again.auroc, abs=tolerance)
        assert fast_aupro == pytest.approx(again.aupro, abs=tolerance)


@pytest.mark.parametrize("n_a_part", [1, 2])
def test_pixel_intervals_are_those_of_exactly_resampled_metrics(n_a_part):
    maps, masks = _many_images(1, n=12)
    parts = np.arange(12) // n_a_part
    groups = ImageGroups(np.array([mask.any() for mask in masks]), parts)
    resamples = Resamples()
    for draws in groups.draws(200, np.random.default_rng(0)):
        exact = []
        for row in draws[:, parts]:
            drawn = np.repeat(np.arange(len(maps)), row)
            exact.append(aupro([maps[i] for i in drawn], [masks[i] for i in drawn]))
        resamples.add(draws, np.array(exact))
    expected = wilson_interval(aupro(maps, masks), resamples, groups.n_rarer, 0.95)

    interval = pixel_intervals(maps, masks, groups=parts, n_resamples=200).aupro

    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-4)
