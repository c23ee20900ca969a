"""What must not matter and must not change: order, threads, random states, hidden truth."""

import random
import socket
import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from defectory.backbones.feature_cache import FeatureCache
from defectory.domain import ArrayImages, Label
from defectory.machine import at_most_cores, count_readers
from defectory.testing.assertions import assert_same_scores, assert_same_state, take
from defectory.testing.pictures import ArrayMasks, TellingImages, defective, products
from defectory.testing.subjects import DetectorSubject


def check_inputs_stay_as_they_are(subject: DetectorSubject) -> None:
    """Images and labels are read only, and settings stay what they were."""
    arrays, labels = products(4), np.array([0, -1, 0, 1])
    before = [a.copy() for a in arrays], labels.copy()
    for array in (*arrays, labels):
        array.flags.writeable = False
    detector = subject.make().fit(ArrayImages(arrays), labels)
    config = detector.config()
    detector.score(ArrayImages(arrays))
    for found, copy in zip(arrays, before[0], strict=True):
        np.testing.assert_array_equal(found, copy)
    np.testing.assert_array_equal(labels, before[1])
    assert detector.config() == config == subject.make().config()


def check_scoring_changes_nothing(subject: DetectorSubject) -> None:
    """`score` learns nothing and leaves nothing behind."""
    detector = subject.fitted
    names, arrays = set(vars(detector)), {k: v.copy() for k, v in detector.arrays().items()}
    first = detector.score(ArrayImages(defective()))
    assert_same_scores(detector.score(ArrayImages(defective())), first)
    assert set(vars(detector)) == names
    for name, array in detector.arrays().items():
        np.testing.assert_array_equal(array, arrays[name], err_msg=name)


def check_companions_and_order_do_not_matter(subject: DetectorSubject) -> None:
    """An image has one score, alone or among others, to the last bit."""
    images = products(7, seed=1) + defective()
    together = subject.fitted.score(ArrayImages(images))
    order = np.random.default_rng(0).permutation(len(images))
    shuffled = subject.fitted.score(ArrayImages([images[i] for i in order]))
    assert_same_scores(shuffled, take(together, order))
    for i in (0, 5, 9):
        assert_same_scores(subject.fitted.score(ArrayImages([images[i]])), take(together, [i]))


def check_same_seed_same_result_whatever_the_threads(subject: DetectorSubject) -> None:
    """A fit again gives the same to the last bit, with three threads as with one."""
    with at_most_cores(3):
        assert count_readers() == 3
        again = subject.make().fit(ArrayImages(products(12)))
    assert_same_state(again, subject.fitted)


def check_global_random_state_is_untouched_and_unused(subject: DetectorSubject) -> None:
    """Draws come from the detector's own seed, not from the states of `random` and NumPy."""
    np.random.seed(1)  # noqa: NPY002 - the very state that must not matter
    random.seed(1)
    before = np.random.get_state()[1].copy(), random.getstate()  # type: ignore[index]  # noqa: NPY002
    again = subject.make().fit(ArrayImages(products(12)))
    again.score(ArrayImages(products(1)))
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])  # type: ignore[index]  # noqa: NPY002
    assert random.getstate() == before[1]
    assert_same_state(again, subject.fitted)


def check_hidden_truth_changes_nothing(subject: DetectorSubject) -> None:
    """The images know what they are, and masks of the unlabeled exist: neither may be looked at."""
    images = products(6) + defective()[:2]
    truth = np.array([0] * 6 + [1] * 2)
    unlabeled = np.full(8, Label.UNLABELED)
    plain = subject.make().fit(ArrayImages(images))
    for told, labels in ((truth, unlabeled), (1 - truth, list(unlabeled))):
        source = TellingImages(images, told)
        masks = ArrayMasks(
            [np.full(image.shape[:2], bool(t)) for image, t in zip(images, told, strict=True)]
        )
        assert_same_state(subject.make().fit(source, labels, masks), plain)


def check_a_refit_equals_a_fresh_fit(subject: DetectorSubject) -> None:
    """A second fit keeps nothing of the first."""
    detector = subject.make(size_px=96).fit(ArrayImages(defective()))
    detector.score(ArrayImages(products(1)))
    if "size_px" in subject.parameters:
        detector.size_px = subject.make().size_px  # type: ignore[attr-defined]
    assert_same_state(detector.fit(ArrayImages(products(12))), subject.fitted)


def check_no_network_is_needed(subject: DetectorSubject) -> None:
    """No connection is tried, not even one that may fail."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a detector wanted the network")

    with (
        patch.object(socket, "socket", refuse),
        patch.object(socket, "create_connection", refuse),
        patch.object(socket, "getaddrinfo", refuse),
    ):
        again = subject.make().fit(ArrayImages(products(12)))
        assert_same_state(again, subject.fitted)


def check_a_cache_gives_the_same_again(subject: DetectorSubject) -> None:
    """A fit from features on disk gives the same as the one that wrote them."""
    if "cache" not in subject.parameters:
        pytest.skip("reads no features")
    with tempfile.TemporaryDirectory() as folder:
        first, second = (
            subject.make(cache=FeatureCache(Path(folder))).fit(ArrayImages(products(6)))
            for _ in range(2)
        )
    assert_same_state(first, second)
