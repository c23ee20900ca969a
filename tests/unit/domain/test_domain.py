"""The base layer: label codes, the tree of errors, images in memory."""

import inspect

import numpy as np
import pytest

from defectory import domain
from defectory.domain import (
    ArrayImages,
    DataError,
    DefectoryError,
    Label,
    MissingExtraError,
    NoProgress,
    ParameterError,
    Region,
    Scores,
)
from defectory.domain import errors as errors_module
from defectory.domain.progress import CountedProgress

ERRORS = [e for _, e in inspect.getmembers(errors_module, inspect.isclass)]


def test_there_are_three_label_codes():
    assert {code.name: int(code) for code in Label} == {
        "UNLABELED": -1,
        "NORMAL": 0,
        "ANOMALOUS": 1,
    }


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_is_public_and_caught_by_the_base(error):
    assert issubclass(error, DefectoryError)
    assert error.__name__ in domain.__all__
    assert error.__name__ in errors_module.__doc__


def test_errors_are_what_the_language_calls_them_too():
    assert issubclass(MissingExtraError, ImportError)
    assert issubclass(ParameterError, ValueError)
    for name in ("ImageReadError", "MaskError", "ManifestError"):
        assert issubclass(getattr(domain, name), DataError)


def test_a_missing_extra_names_the_command():
    text = str(MissingExtraError("fitting", "train"))
    assert "fitting" in text
    assert text.endswith('pip install "defectory[train]"')
    assert "\n" not in text


def test_every_public_name_is_there():
    assert all(hasattr(domain, name) for name in domain.__all__)
    assert len(set(domain.__all__)) == len(domain.__all__)


RGB = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)


def test_images_are_read_in_the_order_asked_for():
    images = ArrayImages([RGB, RGB[::-1], RGB[:2, :3]])
    assert len(images) == 3
    found = images.read([2, 0, 2])
    for image, expected in zip(found, [RGB[:2, :3], RGB, RGB[:2, :3]], strict=True):
        np.testing.assert_array_equal(image, expected)
    assert images.read([]) == []


def test_a_stack_is_a_sequence_of_images():
    assert len(ArrayImages(np.stack([RGB, RGB]))) == 2
    assert len(ArrayImages([])) == 0


def test_gray_is_repeated():
    (image,) = ArrayImages([RGB[:, :, 0]]).read([0])
    assert image.shape == RGB.shape
    for channel in range(3):
        np.testing.assert_array_equal(image[:, :, channel], RGB[:, :, 0])


@pytest.mark.parametrize(
    "bad",
    [
        RGB.astype(np.float32),
        RGB.astype(np.int64),
        RGB[:, :, :2],
        np.dstack([RGB, RGB[:, :, :1]]),
        RGB[0, 0],
        RGB[None],
        RGB[:0],
    ],
)
def test_what_is_no_image_is_refused_by_its_number(bad):
    with pytest.raises(ParameterError, match=r"image 1 is .*expected uint8 \(h, w, 3\)"):
        ArrayImages([RGB, bad])


def test_equal_content_has_equal_fingerprints():
    wide = np.asfortranarray(RGB)
    images = ArrayImages([RGB, RGB.copy(), wide, RGB[::-1], RGB.reshape(6, 4, 3)])
    same, copy, other_layout, flipped, reshaped = map(images.fingerprint, range(5))
    assert same == copy == other_layout
    assert len({same, flipped, reshaped}) == 3


def test_scores_know_how_many_they_are():
    assert len(Scores(np.zeros(3, np.float32))) == 3


def test_results_cannot_be_changed():
    with pytest.raises(AttributeError):
        Region(0, 0, 1, 1, 1, 0, 0, 1.0).area_px = 2


def test_silence_accepts_whatever_it_is_told():
    progress = NoProgress()
    progress.start("reading", 3)
    progress.advance()
    progress.advance(2)


def test_counted_progress_tells_now_and_then():
    told = []
    often, rarely = CountedProgress(told.append, 0.0), CountedProgress(told.append, 3600.0)
    for progress in (often, rarely):
        progress.start("scoring", 3)
        for _ in range(3):
            progress.advance()
    assert (told, often.n_done, rarely.n_done) == ([1, 2, 3, 1], 3, 3)
