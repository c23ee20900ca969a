"""The bundle in the wrong place."""

import pytest

from defectory.domain import ParameterError
from defectory.storage import FileKind
from defectory.workflows.calibrated import refuse_swapped


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
