"""What a bundle must keep."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from defectory.artifacts import load_bundle, save_bundle
from defectory.detectors import Detector
from defectory.domain import ArrayImages
from defectory.testing.assertions import assert_same_scores
from defectory.testing.bundles import bundle_of
from defectory.testing.pictures import defective, mixed, products
from defectory.testing.subjects import DetectorSubject


def check_a_saved_bundle_scores_the_same(subject: DetectorSubject) -> None:
    """A bundle scores to the last bit as what was saved, and saved again gives the same bytes."""
    _assert_survives(subject, subject.fitted)


def check_a_bundle_with_tiles_scores_the_same(subject: DetectorSubject) -> None:
    """So does a bundle whose images are read in tiles."""
    if "n_tiles" not in subject.parameters:
        pytest.skip("has no tiles")
    _assert_survives(subject, subject.tiled)


def _assert_survives(subject: DetectorSubject, detector: Detector) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "a.defectory"), Path(folder, "b.defectory")
        bundle = bundle_of(detector)
        save_bundle(bundle, first)
        loaded = load_bundle(first).detector
        assert type(loaded) is subject.detector_class
        assert loaded.config() == detector.config()
        images = ArrayImages(products(2, seed=1) + defective() + mixed())
        assert_same_scores(loaded.score(images), detector.score(images))
        save_bundle(replace(bundle, detector=loaded), second)
        assert first.read_bytes() == second.read_bytes()
