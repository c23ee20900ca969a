"""What every detector must keep, one function a check. Equal means equal bit for bit throughout."""

import json
import random
import socket
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

from defectory.artifacts import load_bundle, save_bundle
from defectory.backbones.feature_cache import FeatureCache
from defectory.domain import ArrayImages, ImageReadError, Label, NotFittedError
from defectory.machine import at_most_cores, count_readers
from defectory.metrics import auroc
from tests.bundles import bundle_of
from tests.conformance.subjects import (
    DEFECT_PX,
    PLACES,
    SIZE_PX,
    CutOffImages,
    Masks,
    TellingImages,
    assert_same_scores,
    assert_sound,
    defective,
    mixed,
    products,
)

CELL_PX = 16
"""A map may be off by one cell of the feature grid, in pixels of the resized image."""


def check_init_only_stores(subject, tmp_path):
    sentinels = {name: object() for name in subject.parameters}
    assert vars(subject.detector_class(**sentinels)) == sentinels


def check_config_is_json_and_makes_an_equal_detector(subject, tmp_path):
    config = subject.make(seed=7).config()
    read = json.loads(json.dumps(config, allow_nan=False))
    assert read == config
    assert subject.detector_class(**read).config() == config
    assert set(config) == set(subject.parameters) - {"cache"}


def check_fit_returns_self(subject, tmp_path):
    detector = subject.make()
    assert detector.fit(ArrayImages(products(3))) is detector


def check_unfitted_is_an_error(subject, tmp_path):
    with pytest.raises(NotFittedError, match="fit"):
        subject.make().score(ArrayImages(products(1)))


def check_a_failed_fit_leaves_it_unfitted(subject, tmp_path):
    detector = subject.make()
    with pytest.raises(ImageReadError, match="image 3 is cut off"):
        detector.fit(CutOffImages(products(4)))
    with pytest.raises(NotFittedError, match="fit"):
        detector.score(ArrayImages(products(1)))


def check_inputs_stay_as_they_are(subject, tmp_path):
    arrays, labels = products(4), np.array([0, -1, 0, 1])
    before = [a.copy() for a in arrays], labels.copy()
    for array in (*arrays, labels):
        array.flags.writeable = False
    detector = subject.make().fit(ArrayImages(arrays), labels)
    config = detector.config()
    detector.score(ArrayImages(arrays))
    for array, copy in zip(arrays, before[0], strict=True):
        np.testing.assert_array_equal(array, copy)
    np.testing.assert_array_equal(labels, before[1])
    assert detector.config() == config == subject.make().config()


def check_scoring_changes_nothing(subject, tmp_path):
    detector = subject.fitted
    names, arrays = set(vars(detector)), {k: v.copy() for k, v in detector.arrays().items()}
    first = detector.score(ArrayImages(defective()))
    assert_same_scores(detector.score(ArrayImages(defective())), first)
    assert set(vars(detector)) == names
    for name, array in detector.arrays().items():
        np.testing.assert_array_equal(array, arrays[name], err_msg=name)


def check_scores_are_sound(subject, tmp_path):
    localizes = subject.capabilities.localizes
    for images in (products(1), products(9), defective(), mixed(), []):
        scores = subject.fitted.score(ArrayImages(images))
        assert_sound(scores, len(images), localizes=localizes)


def check_defects_score_higher_and_scores_vary(subject, tmp_path):
    good = subject.fitted.score(ArrayImages(products(6, seed=1))).image_scores
    bad = subject.fitted.score(ArrayImages(defective())).image_scores
    assert bad.min() > good.max()
    assert good.std() > 1e-3 * abs(good.mean())
    assert len(np.unique(good)) == len(good)


def check_the_peak_lies_in_the_defect(subject, tmp_path):
    if not subject.capabilities.localizes:
        pytest.skip("gives no maps, and says so")
    size_px = 128
    detector = subject.make(size_px=size_px).fit(ArrayImages(products(8)))
    margin = CELL_PX * SIZE_PX / size_px
    scores = detector.score(ArrayImages(defective()))
    for heat, (y, x) in zip(scores.anomaly_maps, PLACES, strict=True):
        peak = (np.array(np.unravel_index(heat.argmax(), heat.shape)) + 0.5) / heat.shape * SIZE_PX
        center = np.array([y, x]) + DEFECT_PX / 2
        assert np.abs(peak - center).max() <= DEFECT_PX / 2 + margin / 2, (peak, center)


def check_trained_beats_untrained(subject, tmp_path):
    """Fitted on noise it knows nothing of the product: it must tell less of its defects."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (12, SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    untrained = subject.make().fit(ArrayImages(noise))
    test, labels = ArrayImages(products(6, seed=1) + defective()), [0] * 6 + [1] * 4
    trained_scores, noise_scores = (
        detector.score(test).image_scores.astype(float) for detector in (subject.fitted, untrained)
    )
    assert auroc(trained_scores, labels) == 1.0 >= auroc(noise_scores, labels)
    assert _separation(trained_scores) > 1.5 * _separation(noise_scores)


def check_companions_and_order_do_not_matter(subject, tmp_path):
    images = products(7, seed=1) + defective()
    together = subject.fitted.score(ArrayImages(images))
    order = np.random.default_rng(0).permutation(len(images))
    shuffled = subject.fitted.score(ArrayImages([images[i] for i in order]))
    assert_same_scores(shuffled, _take(together, order))
    for i in (0, 5, 9):
        assert_same_scores(subject.fitted.score(ArrayImages([images[i]])), _take(together, [i]))


def check_same_seed_same_result_whatever_the_threads(subject, tmp_path):
    for n_threads in (1, 3):
        with at_most_cores(n_threads):
            assert count_readers() == n_threads
            again = subject.make().fit(ArrayImages(products(12)))
        _assert_same_state(again, subject.fitted)


def check_global_random_state_is_untouched_and_unused(subject, tmp_path):
    np.random.seed(1)  # noqa: NPY002 - the very state that must not matter
    random.seed(1)
    before = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    again = subject.make().fit(ArrayImages(products(12)))
    again.score(ArrayImages(products(1)))
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
    assert random.getstate() == before[1]
    _assert_same_state(again, subject.fitted)


def check_hidden_truth_changes_nothing(subject, tmp_path):
    """The images know what they are, and masks of the unlabeled exist: neither may be looked at."""
    images = products(6) + defective()[:2]
    truth = np.array([0] * 6 + [1] * 2)
    unlabeled = np.full(8, Label.UNLABELED)
    plain = subject.make().fit(ArrayImages(images))
    for told in (truth, 1 - truth):
        source = TellingImages(images, told)
        masks = Masks(
            [np.full(image.shape[:2], bool(t)) for image, t in zip(images, told, strict=True)]
        )
        _assert_same_state(subject.make().fit(source, unlabeled, masks), plain)
    _assert_same_state(subject.make().fit(ArrayImages(images), list(unlabeled)), plain)


def check_labeled_anomalies_are_not_taken_for_normal(subject, tmp_path):
    if subject.capabilities.uses_labeled_anomalies:
        pytest.skip("learns from labeled anomalies, and says so")
    normal, odd = products(6), defective()
    images = [normal[0], odd[0], normal[1], odd[1], *normal[2:], odd[2]]
    labels = [0, 1, -1, 1, 0, 0, -1, 0, 1]
    _assert_same_state(
        subject.make().fit(ArrayImages(images), labels), subject.make().fit(ArrayImages(normal))
    )


def check_a_saved_bundle_scores_the_same(subject, tmp_path):
    bundle = bundle_of(subject.fitted)
    save_bundle(bundle, tmp_path / "a.defectory")
    loaded = load_bundle(tmp_path / "a.defectory").detector
    assert type(loaded) is subject.detector_class
    assert loaded.config() == subject.fitted.config()
    images = ArrayImages(products(2, seed=1) + defective() + mixed())
    assert_same_scores(loaded.score(images), subject.fitted.score(images))
    save_bundle(replace(bundle, detector=loaded), tmp_path / "b.defectory")
    assert (tmp_path / "a.defectory").read_bytes() == (tmp_path / "b.defectory").read_bytes()


def check_a_refit_equals_a_fresh_fit(subject, tmp_path):
    detector = subject.make(size_px=96).fit(ArrayImages(defective()))
    detector.score(ArrayImages(products(1)))
    if "size_px" in subject.parameters:
        detector.size_px = subject.make().size_px
    _assert_same_state(detector.fit(ArrayImages(products(12))), subject.fitted)


def check_no_network_is_needed(subject, tmp_path):
    def refuse(*_, **__):
        raise AssertionError("a detector wanted the network")

    names = ("socket", "create_connection", "getaddrinfo")
    with patch.multiple(socket, **dict.fromkeys(names, refuse)):
        again = subject.make().fit(ArrayImages(products(12)))
        _assert_same_state(again, subject.fitted)


def check_any_sizes_grey_and_few_images_can_be_learned_from(subject, tmp_path):
    for images in (mixed(), products(2), products(20)):
        detector = subject.make().fit(ArrayImages(images))
        scores = detector.score(ArrayImages(mixed() + defective()))
        assert_sound(scores, 10, localizes=subject.capabilities.localizes)


def check_few_images_already_tell_defects(subject, tmp_path):
    detector = subject.make().fit(ArrayImages(products(4)))
    good = detector.score(ArrayImages(products(6, seed=1))).image_scores
    bad = detector.score(ArrayImages(defective())).image_scores
    assert bad.min() > good.max()


def check_tiles_give_finer_maps(subject, tmp_path):
    if "n_tiles" not in subject.parameters:
        pytest.skip("has no tiles")
    detector = subject.make(n_tiles=2).fit(ArrayImages(products(4)))
    scores = detector.score(ArrayImages(defective()))
    assert_sound(scores, 4, localizes=subject.capabilities.localizes)
    assert detector.map_size_px == 2 * subject.fitted.map_size_px
    for heat in scores.anomaly_maps or []:
        assert heat.shape == (detector.map_size_px,) * 2
    save_bundle(bundle_of(detector), tmp_path / "tiles.defectory")
    loaded = load_bundle(tmp_path / "tiles.defectory").detector
    assert_same_scores(loaded.score(ArrayImages(defective())), scores)


def check_constant_images_do_no_harm(subject, tmp_path):
    grey = [np.full((40, 50, 3), value, np.uint8) for value in (0, 128, 128, 255)]
    for images in (grey, [grey[1]] * 4):
        detector = subject.make().fit(ArrayImages(images))
        assert_sound(
            detector.score(ArrayImages(grey + products(1))),
            5,
            localizes=subject.capabilities.localizes,
        )
        assert np.isfinite(detector.held_out_scores_).all()
    assert_sound(
        subject.fitted.score(ArrayImages(grey)), 4, localizes=subject.capabilities.localizes
    )


def check_a_cache_gives_the_same_again(subject, tmp_path):
    if "cache" not in subject.parameters:
        pytest.skip("reads no features")
    first, second = (
        subject.make(cache=FeatureCache(tmp_path / "features")).fit(ArrayImages(products(6)))
        for _ in range(2)
    )
    _assert_same_state(first, second)


def check_held_out_scores_look_like_scores_of_new_normals(subject, tmp_path):
    detector = subject.fitted
    assert detector.held_out_scores_.shape == detector.held_out_peaks_.shape
    assert 6 <= len(detector.held_out_scores_) <= 12
    assert detector.held_out_scores_.dtype == detector.held_out_peaks_.dtype == np.float32
    new = detector.score(ArrayImages(products(12, seed=4))).image_scores
    center, spread = detector.held_out_scores_.mean(), detector.held_out_scores_.std()
    assert abs(new.mean() - center) < 3 * spread, (new, detector.held_out_scores_)


def check_memory_estimate_grows_with_the_images(subject, tmp_path):
    sizes = [subject.make().estimate_fit_bytes(n) for n in (2, 20, 200, 2000, 20000)]
    assert all(np.isfinite(size) and size > 2**20 for size in sizes)
    assert sizes == sorted(sizes)


CHECKS = tuple(check for name, check in list(globals().items()) if name.startswith("check_"))


def _assert_same_state(found, expected):
    arrays = expected.arrays()
    assert list(found.arrays()) == list(arrays)
    for name, array in found.arrays().items():
        if name != "memory.names":  # by these a bundle knows images again, whatever they are
            np.testing.assert_array_equal(array, arrays[name], err_msg=name)
    np.testing.assert_array_equal(found.held_out_scores_, expected.held_out_scores_)
    np.testing.assert_array_equal(found.held_out_peaks_, expected.held_out_peaks_)
    assert found.head_ == expected.head_
    images = ArrayImages(products(1, seed=1) + defective()[:1])
    assert_same_scores(found.score(images), expected.score(images))


def _take(scores, indices):
    maps = scores.anomaly_maps and [scores.anomaly_maps[i] for i in indices]
    return type(scores)(scores.image_scores[list(indices)], maps)


def _separation(scores):
    """How many deviations of the six good ones the four defective ones lie above them."""
    return (scores[6:].mean() - scores[:6].mean()) / scores[:6].std()
