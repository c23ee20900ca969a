"""Images left out with their groups against models that are fitted anew without them."""

import numpy as np
import pytest

from defectory.detectors import gaussian_left_out as module
from defectory.detectors.gaussian import Gaussian
from defectory.detectors.gaussian_left_out import calibrate_normality
from defectory.detectors.gaussian_normality import GaussianNormality, Measurements
from defectory.detectors.grids import top_mean
from defectory.detectors.patch_memory import PatchMemory
from defectory.domain import CONTENT_DIGITS, ArrayImages
from defectory.testing.pictures import twice

N = 12
PAIRS = np.tile(np.arange(N), 2)
"""Of pictures that occur twice."""
FIVE = np.tile(np.arange(N) % 5, 2)
"""As many groups as folds; twins are of one."""


@pytest.fixture(scope="module")
def images():
    return ArrayImages(twice(N))


@pytest.fixture(scope="module")
def features(images):
    detector = Gaussian(size_px=64)
    return list(detector._load_backbone().extract(images, detector.view))


def _make():
    return GaussianNormality(64)


class Reading:
    """Gives features in batches, and remembers of which images."""

    def __init__(self, features):
        self.features, self.read = features, []

    def __call__(self, rows, stage):
        self.read.append(rows.tolist())
        return ([self.features[i] for i in rows[k : k + 5]] for k in range(0, len(rows), 5))


def _slow_calibration(features, held_out, groups):
    """Return scores and maps of images, each by a model fitted without its group."""
    parts = []
    for i in held_out:
        others = [features[k] for k in np.flatnonzero(groups != groups[i])]
        model = _make().learn(iter([others]))
        model.round()
        parts.append(model.measure(model.sample([features[i]])))
    return _make().learn(iter([features])).calibrate(Measurements.join(parts))


@pytest.mark.parametrize(
    "held_out",
    [
        pytest.param(np.arange(2 * N), marks=pytest.mark.thorough, id="all"),
        pytest.param(np.array([20, 3, 0, 11, 15]), id="some"),
    ],
)
def test_large_groups_are_scored_by_models_fitted_without_them(features, held_out, monkeypatch):
    monkeypatch.setattr(module, "MOST_TOGETHER", 3)
    read, normals = Reading(features), np.arange(2 * N)
    fitted = _make().learn(iter([features]))
    found = calibrate_normality(fitted, _make, read, normals, held_out, FIVE)
    for part, expected in zip(found, _slow_calibration(features, held_out, FIVE), strict=True):
        np.testing.assert_allclose(part, expected, rtol=2e-3, atol=2e-3)
    for learned, scored in zip(read.read[::2], read.read[1::2], strict=True):
        assert not set(FIVE[learned]) & set(FIVE[scored])
        assert set(FIVE[learned]) | set(FIVE[scored]) == set(FIVE.tolist())


def test_more_groups_than_folds_share_them(features, monkeypatch):
    monkeypatch.setattr(module, "MOST_TOGETHER", 1)
    read, normals = Reading(features), np.arange(2 * N)
    calibrate_normality(_make().learn(iter([features])), _make, read, normals, normals, PAIRS)
    assert len(read.read) == 2 * 5
    for learned, scored in zip(read.read[::2], read.read[1::2], strict=True):
        assert sorted([*learned, *scored]) == normals.tolist()
        assert not set(PAIRS[learned]) & set(PAIRS[scored])


def test_small_groups_are_left_out_in_closed_form_as_by_models_without_them(features):
    """But for the shrinkage target, which is kept."""
    order = np.argsort(PAIRS, kind="stable")
    model, listed = _make().learn(iter([features])), [features[i] for i in order]
    found = model.measure_left_out(model.sample(listed), PAIRS[order])
    alone = model.measure_left_out(model.sample(listed), np.arange(2 * N))
    for row in (0, 7, 2 * N - 1):
        others = [features[k] for k in np.flatnonzero(~np.isin(PAIRS, PAIRS[order[row]]))]
        twin = _make().learn(iter([others]))
        expected = twin.measure(twin.sample([listed[row]]))
        for part in ("cells", "lines"):
            ours, theirs = getattr(found, part)[:, row], getattr(expected, part)[:, 0]
            np.testing.assert_allclose(ours, theirs, rtol=0.08)
            assert getattr(alone, part)[:, row].mean() < 0.6 * theirs.mean()
        assert found.image[row] == pytest.approx(expected.image[0], rel=0.15)
        assert alone.image[row] < 0.6 * expected.image[0]


@pytest.mark.parametrize("k", [1, 3])
def test_patches_of_the_group_are_not_among_the_nearest(images, k):
    """Those that are left of the memory are searched one by one."""
    detector = PatchMemory(size_px=64, n_bank=60, n_neighbors=k).fit(images, groups=PAIRS)
    bank = detector.bank_
    grids = [detector._stack(f) for f in detector.backbone_.extract(images, detector.view)]
    embedded = np.array([bank.embed(grid) for grid in grids], float)
    rows = bank.index_.bank.astype(float)
    gaps = np.linalg.norm(embedded[:, :, None] - rows, axis=3).min(axis=1)
    groups = PAIRS[gaps.argmin(axis=0)]  # a row of the memory is a patch of one of the images
    np.testing.assert_allclose(gaps.min(axis=0), 0, atol=1e-5)
    contents = [images.fingerprint(i)[:CONTENT_DIGITS] for i in range(2 * N)]
    for content, score in zip(detector.held_out_.contents, detector.held_out_.scores, strict=True):
        i = contents.index(content)
        others = rows[groups != PAIRS[i]]
        away = np.sort(np.linalg.norm(embedded[i][:, None] - others, axis=2), axis=1)[:, :k]
        side = detector.grid_side
        expected = top_mean(away.mean(axis=1).reshape(side, side), detector.top_ratio)
        assert score == pytest.approx(expected, rel=1e-3)
