"""A bundle decides the same whatever runs its networks, and wherever it was fitted."""

import numpy as np
import pytest

from defectory.artifacts import load_bundle, save_bundle
from defectory.backbones.onnxruntime_sessions import why_no_gpu
from defectory.backbones.providers import running_on
from defectory.detectors import find_detector
from defectory.domain import ArrayImages
from tests.bundles import bundle_of
from tests.pictures import disc, scratched

# Of the largest score or map value; what `docs/how-to/providers.md` says.
RELATIVE = 1e-4
PROVIDERS = (
    "openvino",
    pytest.param("cuda", marks=pytest.mark.skipif(bool(why_no_gpu()), reason=why_no_gpu())),
)


@pytest.fixture(scope="module")
def judged():
    rng = np.random.default_rng(5)
    good = [disc(rng, 64) for _ in range(3)]
    return ArrayImages(good + [scratched(disc(rng, 64), rng)[0] for _ in range(3)])


def reloaded(bundle, provider, folder):
    """The bundle as it comes from disk; its networks run on the provider."""
    save_bundle(bundle, folder / f"{provider}.defectory")
    with running_on(provider):
        found = load_bundle(folder / f"{provider}.defectory")
    assert found.detector.backbone_.provider == provider
    return found.detector


def assert_same(one, two, threshold):
    pairs = [(one.image_scores, two.image_scores)]
    pairs += zip(one.anomaly_maps, two.anomaly_maps, strict=True)
    for expected, found in pairs:
        largest = np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=0, atol=RELATIVE * largest)
    decided = [scores.image_scores > threshold for scores in (one, two)]
    assert np.array_equal(*decided)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("name", ["gaussian", "patch-memory", "auto"])
def test_it_decides_the_same(name, provider, fitted, judged, tmp_path):
    bundle = fitted(name)
    usual = bundle.detector.score(judged)
    found = reloaded(bundle, provider, tmp_path).score(judged)
    assert_same(usual, found, np.median(usual.image_scores))


@pytest.mark.parametrize("name", ["gaussian", "patch-memory"])
def test_it_may_be_fitted_with_one_and_used_with_another(name, fitted, pictures, judged, tmp_path):
    settings = fitted(name).detector.config()
    with running_on("openvino"):
        detector = find_detector(name)(**settings).fit(pictures)
    assert detector.backbone_.provider == "openvino"
    usual = detector.score(judged)
    found = reloaded(bundle_of(detector), "cpu", tmp_path).score(judged)
    assert_same(usual, found, np.median(usual.image_scores))
    # what is learned is kept in float16, where a rounding that flips is a thousandth
    known = fitted(name).detector.held_out_.scores
    np.testing.assert_allclose(
        detector.held_out_.scores, known, rtol=0, atol=3e-3 * np.abs(known).max()
    )
