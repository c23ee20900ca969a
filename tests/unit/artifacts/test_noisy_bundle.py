"""What was learned of the camera's noise travels with the bundle."""

import numpy as np
import pytest

from defectory.artifacts import load_bundle, save_bundle
from defectory.detectors import detector_names, find_detector
from defectory.domain import ArrayImages, BundleError
from tests.bundles import bundle_of
from tests.detectors import SLOW, every_detector
from tests.pictures import disc
from tests.unit.artifacts.conftest import SMALL

NAMES = sorted(name for name in detector_names() if hasattr(find_detector(name), "noise_"))


@pytest.fixture(scope="module")
def noisy_pictures():
    rng = np.random.default_rng(0)
    clean = [disc(rng, 64) for _ in range(8)]
    return ArrayImages(
        [np.clip(p + rng.normal(0, 25, p.shape), 0, 255).astype(np.uint8) for p in clean]
    )


def fit(name, pictures, **settings):
    return find_detector(name)(size_px=64, **SMALL.get(name, {}), **settings).fit(pictures)


def test_the_detectors_on_frozen_features_take_noise_off():
    assert NAMES == ["auto", "gaussian", "mapl", "memseg", "patch-memory"]


@pytest.mark.parametrize("name", every_detector(NAMES, slow=("mapl", SLOW)))
def test_a_loaded_bundle_takes_off_the_same(name, noisy_pictures, tmp_path):
    detector = fit(name, noisy_pictures)
    assert detector.noise_ > 5
    save_bundle(bundle_of(detector), tmp_path / "a")
    loaded = load_bundle(tmp_path / "a").detector
    assert loaded.noise_ == detector.noise_
    np.testing.assert_array_equal(
        loaded.score(noisy_pictures).image_scores, detector.score(noisy_pictures).image_scores
    )


@pytest.mark.parametrize("name", every_detector(NAMES, slow=("mapl", SLOW)))
def test_clean_pictures_leave_nothing_in_the_bundle(name, fitted):
    detector = fitted(name).detector
    assert detector.noise_ == 0
    assert "noise" not in detector.arrays()


def test_it_can_be_turned_off_and_is_measured_anew_by_each_fit(noisy_pictures, pictures):
    detector = fit("gaussian", noisy_pictures)
    plain = fit("gaussian", noisy_pictures, denoise=False)
    assert plain.noise_ == 0
    assert (
        plain.score(noisy_pictures).image_scores != detector.score(noisy_pictures).image_scores
    ).any()
    assert detector.fit(pictures).noise_ == 0


def test_an_impossible_noise_is_refused(noisy_pictures, tmp_path):
    detector = fit("gaussian", noisy_pictures)
    detector.noise_ = -3.0
    save_bundle(bundle_of(detector), tmp_path / "a")
    with pytest.raises(BundleError, match="noise"):
        load_bundle(tmp_path / "a")
