"""What a backbone must keep."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defectory.artifacts import load_bundle, save_bundle
from defectory.backbones import Backbone, Features, View, WeightCard, load_backbone
from defectory.detectors import find_detector
from defectory.domain import ArrayImages
from defectory.testing.assertions import assert_same_scores
from defectory.testing.bundles import bundle_of
from defectory.testing.pictures import defective, disc, products
from defectory.testing.subjects import BackboneSubject

_COARSEST_PX = 32
"""Sides that a backbone is shown are multiples of it."""


def check_converting_again_gives_the_same(subject: BackboneSubject) -> None:
    """The converter gives the same bytes and card each time: cached features are named by them."""
    model, card = subject.convert()
    assert isinstance(model, bytes)
    assert model == subject.model
    assert card == subject.card


def check_the_card_survives_a_bundle(subject: BackboneSubject) -> None:
    """The weight card is data that JSON keeps, and says where the weights are from and their license."""
    card = subject.card
    assert WeightCard.from_dict(json.loads(json.dumps(card.to_dict(), allow_nan=False))) == card
    assert card.source
    assert card.license


def check_it_is_found_by_its_name(subject: BackboneSubject) -> None:
    """The entry point is named as the card is, and gives this backbone."""
    names = tuple(stage.name for stage in subject.card.stages)
    found = load_backbone(subject.name, names)
    assert replace(found.card, provider=None, weights_sha256="") == replace(
        subject.card, provider=None, weights_sha256=""
    )


def check_stages_have_the_shapes_of_the_card(subject: BackboneSubject) -> None:
    """Every stage gives (side / stride, side / stride, channels) for sides that are multiples of 32."""
    for side_px in (64, 96, 256):
        for stage, features in zip(
            subject.card.stages, _run(subject, View(side_px)).values(), strict=True
        ):
            n_cells = side_px // stage.stride_px
            assert features.shape == (n_cells, n_cells, stage.n_channels), stage


def check_stages_run_from_fine_to_coarse(subject: BackboneSubject) -> None:
    """Strides do not fall from stage to stage, and each divides 32."""
    strides = [stage.stride_px for stage in subject.card.stages]
    assert strides == sorted(strides)
    assert all(_COARSEST_PX % stride == 0 for stride in strides), strides


def check_features_are_finite_and_tell_images_apart(subject: BackboneSubject) -> None:
    """Black, white and noise give finite features, and different images different ones."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for image in (noise, np.zeros_like(noise), np.full_like(noise, 255)):
        for name, features in _run(subject, View(64), image).items():
            assert np.isfinite(features).all(), name
    for name, features in _run(subject, View(64)).items():
        assert np.abs(features - _run(subject, View(64), noise)[name]).max() > 0, name


def check_features_repeat_whatever_the_threads(subject: BackboneSubject) -> None:
    """An image's features do not depend on its companions or on threads, to the last bit."""
    images, view = products(6), View(64)
    alone = [_run(subject, view, image) for image in images]
    for n_threads in (1, 3):
        found = _backbone(subject, n_threads).extract(ArrayImages(images), view)
        for features, expected in zip(found, alone, strict=True):
            for name, array in features.items():
                np.testing.assert_array_equal(array, expected[name], err_msg=name)


def check_tiles_see_what_the_whole_image_shows(subject: BackboneSubject) -> None:
    """Two by two tiles of 64 px, each with its surroundings, give the features of the whole 128 px."""
    whole = _run(subject, View(128))
    for name, features in _run(subject, View(64, n_tiles=2)).items():
        np.testing.assert_allclose(features, whole[name], rtol=1e-3, atol=1e-3, err_msg=name)


def check_a_detector_learns_from_it(subject: BackboneSubject) -> None:
    """`gaussian` tells defects by its features, and a bundle with it scores the same."""
    make = find_detector("gaussian")
    detector = make(backbone=subject.name, size_px=96)  # type: ignore[call-arg]
    detector.fit(ArrayImages(products(12)))
    good = detector.score(ArrayImages(products(6, seed=1))).image_scores
    images = ArrayImages(defective())
    bad = detector.score(images)
    assert bad.image_scores.min() > good.max()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.defectory")
        save_bundle(bundle_of(detector), path)
        assert_same_scores(load_bundle(path).detector.score(images), bad)


def _backbone(subject: BackboneSubject, n_threads: int | None = None) -> Backbone:
    names = [stage.name for stage in subject.card.stages]
    return Backbone(subject.model, subject.card, names, n_threads=n_threads)


def _run(subject: BackboneSubject, view: View, image: NDArray[np.uint8] | None = None) -> Features:
    chosen = disc(np.random.default_rng(0)) if image is None else image
    return _backbone(subject).run(chosen, view)
