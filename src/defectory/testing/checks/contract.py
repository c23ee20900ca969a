"""The shape of a detector: constructor, settings, errors, what scores look like."""

import json

import numpy as np
import pytest

from defectory.domain import ArrayImages, ImageReadError, NotFittedError
from defectory.testing.assertions import assert_sound
from defectory.testing.pictures import CutOffImages, defective, mixed, products
from defectory.testing.subjects import DetectorSubject


def check_init_only_stores(subject: DetectorSubject) -> None:
    """The constructor keeps its keywords under their names, and does nothing else."""
    sentinels = {name: object() for name in subject.parameters}
    assert vars(subject.detector_class(**sentinels)) == sentinels


def check_config_is_json_and_makes_an_equal_detector(subject: DetectorSubject) -> None:
    """`config` gives all keywords but `cache`, and survives JSON."""
    config = subject.make(seed=7).config()
    read = json.loads(json.dumps(config, allow_nan=False))
    assert read == config
    assert subject.detector_class(**read).config() == config
    assert set(config) == set(subject.parameters) - {"cache"}


def check_fit_returns_self(subject: DetectorSubject) -> None:
    """`fit` returns the detector itself."""
    assert subject.fitted is subject.returned


def check_unfitted_is_an_error(subject: DetectorSubject) -> None:
    """`score` before `fit` raises NotFittedError."""
    with pytest.raises(NotFittedError, match="fit"):
        subject.make().score(ArrayImages(products(1)))


def check_a_failed_fit_leaves_it_unfitted(subject: DetectorSubject) -> None:
    """An image that cannot be read ends the fit with its own error, and half a fit is none."""
    detector = subject.make()
    with pytest.raises(ImageReadError, match="image 3 is cut off"):
        detector.fit(CutOffImages(products(4)))
    with pytest.raises(NotFittedError, match="fit"):
        detector.score(ArrayImages(products(1)))


def check_scores_are_sound(subject: DetectorSubject) -> None:
    """Scores are finite float32, one an image; maps are there if and only if it localizes."""
    localizes = subject.capabilities.localizes
    for images in (products(1), products(9), defective(), mixed(), []):
        scores = subject.fitted.score(ArrayImages(images))
        assert_sound(scores, len(images), localizes=localizes)


def check_memory_estimate_grows_with_the_images(subject: DetectorSubject) -> None:
    """`estimate_fit_bytes` is finite and never falls as images are added."""
    sizes = [subject.make().estimate_fit_bytes(n) for n in (2, 20, 200, 2000, 20000)]
    assert all(np.isfinite(size) and size > 2**20 for size in sizes)
    assert sizes == sorted(sizes)


def check_reading_is_timed(subject: DetectorSubject) -> None:
    """`time_reading` gives seconds an image before a fit, and does not fit."""
    detector = subject.make()
    seconds = detector.time_reading(ArrayImages(products(3)))
    assert 0 < seconds < 60
    with pytest.raises(NotFittedError, match="fit"):
        detector.score(ArrayImages(products(1)))
