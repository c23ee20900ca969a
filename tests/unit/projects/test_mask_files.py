"""Masks lie in files that their content names."""

import numpy as np
import pytest

from defectory.domain import MaskError
from defectory.projects.mask_files import keep_mask, mask_path, read_kept_mask


def test_a_mask_comes_back_and_the_same_one_is_kept_once(store):
    mask = np.random.default_rng(0).random((5, 9)) > 0.5
    name = keep_mask(store.folder, mask)
    assert keep_mask(store.folder, mask.copy()) == name
    assert [path.name for path in (store.folder / "masks").iterdir()] == [f"{name}.png"]
    np.testing.assert_array_equal(read_kept_mask(store.folder, name), mask)


def test_a_damaged_mask_is_told_of(store):
    name = keep_mask(store.folder, np.ones((2, 2), bool))
    mask_path(store.folder, name).write_bytes(b"no picture")
    with pytest.raises(MaskError, match="cannot be read"):
        read_kept_mask(store.folder, name)
