"""The bundle in the wrong place, and images that it knows."""

from dataclasses import replace

import numpy as np
import pytest

from defectory.domain import CONTENT_DIGITS, ArrayImages, ParameterError
from defectory.storage import FileKind
from defectory.workflows.calibrated import CalibratedDetector, refuse_swapped
from tests.bundles import DATA, bundle_of


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    path = tmp_path / "parts.defectory"
    path.write_bytes(b"bundle")
    kind = FileKind("a bundle", lambda path: path.read_bytes() == b"bundle")
    monkeypatch.setattr("defectory.workflows.calibrated.BUNDLE_FILE", kind)
    return path


def test_a_bundle_behind_the_images_is_said(bundle, tmp_path):
    with pytest.raises(
        ParameterError, match=r"new is no bundle, but .*parts\.defectory is: BUNDLE"
    ):
        refuse_swapped(tmp_path / "new", [bundle])


def test_a_bundle_in_its_place_or_none_at_all_is_left_to_others(bundle, tmp_path):
    refuse_swapped(bundle, [tmp_path])
    refuse_swapped(bundle, [bundle])
    refuse_swapped(tmp_path / "nowhere", [tmp_path])


@pytest.mark.parametrize(
    ("most", "said"),
    [
        (None, "2 of 5 images were"),
        (5, "2 of 5 images were"),
        (3, "2 of 3 images (of 5, one in 2 looked at) were"),
    ],
)
def test_images_that_were_learned_from_are_counted_or_a_sample_of_them(most, said):
    images = ArrayImages([np.full((4, 4, 3), i, np.uint8) for i in range(5)])
    known = tuple(images.fingerprint(i)[:CONTENT_DIGITS] for i in (0, 4))
    model = CalibratedDetector(
        bundle_of(None, scores=[1.0], data=replace(DATA, image_hashes=known))
    )
    [note] = model.note_known(images, "; end", most=most)
    assert note.startswith(said)
    assert note.endswith("; end")
    assert not model.note_known(ArrayImages([np.ones((4, 4, 3), np.uint8)]), "; end")
