"""Patch memory's distances against brute force over every pair."""

import numpy as np
import pytest

from defectory.detectors.grids import top_mean
from defectory.detectors.patch_memory import PatchMemory
from defectory.domain import ArrayImages
from tests.pictures import disc


def _images(n, seed):
    rng = np.random.default_rng(seed)
    return ArrayImages([disc(rng, 80) for _ in range(n)])


def _patches(detector, images):
    """(n, p, d + 2) float64, embedded as the detector does."""
    features = detector.backbone_.extract(images, detector.view)
    embedded = [detector.bank_.embed(detector._stack(f)) for f in features]
    return np.array(embedded, float)


def _slow_grid(patches, bank, k, side):
    gaps = np.linalg.norm(patches[:, None] - bank[None].astype(float), axis=2)
    return np.sort(gaps, axis=1)[:, :k].mean(axis=1).reshape(side, side)


@pytest.mark.parametrize("k", [1, 3])
def test_scores_and_held_out_scores(k):
    images, new = _images(5, seed=0), _images(3, seed=1)
    detector = PatchMemory(size_px=64, n_bank=40, n_neighbors=k).fit(images)
    bank, side = detector.bank_.index_.bank, detector.grid_side
    assert bank.shape == (40, len(detector.bank_.projection_[0]) + 2)
    found = detector.score(new).image_scores
    for score, patches in zip(found, _patches(detector, new), strict=True):
        truth = top_mean(_slow_grid(patches, bank, k, side), detector.top_ratio)
        np.testing.assert_allclose(score, truth, rtol=1e-4)

    training = _patches(detector, images)
    # a bank row comes from the image that holds this very patch
    gaps = np.linalg.norm(training[:, :, None] - bank.astype(float), axis=3).min(axis=1)
    owner = gaps.argmin(axis=0)
    np.testing.assert_allclose(gaps.min(axis=0), 0, atol=1e-6)
    for i, patches in enumerate(training):
        truth = top_mean(_slow_grid(patches, bank[owner != i], k, side), detector.top_ratio)
        np.testing.assert_allclose(detector.held_out_.scores[i], truth, rtol=1e-4)


def test_the_covering_radius_holds():
    images = _images(5, seed=0)
    detector = PatchMemory(size_px=64, n_bank=40).fit(images)
    patches = _patches(detector, images).reshape(-1, detector.bank_.index_.bank.shape[1])
    gaps = np.linalg.norm(patches[:, None] - detector.bank_.index_.bank[None].astype(float), axis=2)
    nearest = gaps.min(axis=1)
    assert nearest.max() <= detector.bank_.coverage_radius_ * (1 + 1e-4)
    assert nearest.max() >= detector.bank_.coverage_radius_ * (1 - 1e-4)  # one shard: it is reached
