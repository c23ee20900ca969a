import numpy as np
import pytest

from defectory.detectors.arrays import check_array
from defectory.detectors.gaussian import Gaussian
from defectory.detectors.grids import top_mean
from defectory.detectors.patch_memory import PatchMemory
from defectory.domain import ArrayImages, DataError, ParameterError

FROZEN = (Gaussian, PatchMemory)


def _images(n):
    return ArrayImages(np.random.default_rng(0).integers(0, 256, (n, 40, 40, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("ratio", "expected"), [(0.001, 99.0), (0.01, 99.0), (0.02, 98.5), (0.5, 74.5), (1.0, 49.5)]
)
def test_top_mean_takes_the_highest_share_and_at_least_one(ratio, expected):
    cells = np.random.default_rng(0).permutation(100).astype(np.float32).reshape(10, 10)
    before = cells.copy()
    assert top_mean(cells, ratio) == expected
    np.testing.assert_array_equal(cells, before)


def test_check_array_gives_the_array_or_says_what_is_wrong():
    arrays = {"a": np.zeros((2, 3), np.float32)}
    assert check_array(arrays, "a", (2, None)) is arrays["a"]
    with pytest.raises(ParameterError, match="'b' is missing"):
        check_array(arrays, "b", (2, 3))
    for shape in [(3, 3), (2,), (2, 3, 1), (None, 4)]:
        with pytest.raises(ParameterError, match=r"'a' is \(2, 3\); expected"):
            check_array(arrays, "a", shape)


@pytest.mark.parametrize("detector", FROZEN)
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("size_px", 0), ("size_px", 100), ("size_px", -32), ("n_tiles", 0), ("n_tiles", 17),
        ("blur_px", 0.0), ("blur_px", -1.0), ("top_ratio", 0.0), ("top_ratio", 1.1),
        ("top_ratio", float("nan")), ("backbone", "no-such"), ("seed", -1), ("seed", 0.5),
        ("blur_px", float("nan")), ("blur_px", float("inf")), ("size_px", float("nan")),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused_by_fit(detector, setting, value):
    with pytest.raises(ParameterError):
        detector(**{"size_px": 64, setting: value}).fit(_images(2))


@pytest.mark.parametrize(
    ("detector", "setting", "value"),
    [
        (Gaussian, "shrinkage", 0.0), (Gaussian, "shrinkage", 1.1), (Gaussian, "image_weight", -0.1),
        (PatchMemory, "n_bank", 0), (PatchMemory, "n_dims", 0), (PatchMemory, "n_neighbors", 0),
        (PatchMemory, "position_weight", -0.1), (PatchMemory, "position_weight", float("nan")),
        (Gaussian, "image_weight", float("inf")), (Gaussian, "image_weight", float("nan")),
    ],
)  # fmt: skip
def test_own_settings_out_of_range_are_refused_by_fit(detector, setting, value):
    with pytest.raises(ParameterError):
        detector(**{"size_px": 64, setting: value}).fit(_images(2))


@pytest.mark.parametrize("detector", FROZEN)
@pytest.mark.parametrize(
    ("n", "labels", "n_usable"), [(0, None, 0), (1, None, 1), (3, [0, 1, 1], 1), (2, [1, 1], 0)]
)
def test_fewer_than_two_normals_are_an_error(detector, n, labels, n_usable):
    with pytest.raises(DataError, match=f"{n_usable} of {n} images.*at least 2"):
        detector(size_px=64).fit(_images(n) if n else ArrayImages([]), labels)


@pytest.mark.parametrize("detector", FROZEN)
@pytest.mark.parametrize("labels", [[0, 0], [0, 0, 2], [[0, 0, 0]], [0, 0, -2], [0.5, 0, 0]])
def test_labels_that_do_not_fit_are_refused(detector, labels):
    with pytest.raises(ParameterError, match="labels of shape"):
        detector(size_px=64).fit(_images(3), labels)


@pytest.mark.parametrize("detector", FROZEN)
def test_restore_refuses_arrays_that_do_not_fit(detector):
    fitted = detector(size_px=64).fit(_images(2))
    arrays = fitted.arrays()
    for name in arrays:
        rest = {key: array for key, array in arrays.items() if key != name}
        with pytest.raises(ParameterError, match=f"{name!r} is missing"):
            detector(size_px=64).restore(rest, fitted.backbone_)
        with pytest.raises((ParameterError, ValueError)):
            detector(size_px=64).restore({**rest, name: arrays[name][None]}, fitted.backbone_)


def test_a_field_of_another_size_does_not_fit():
    fitted = Gaussian(size_px=64).fit(_images(2))
    with pytest.raises(ParameterError, match="expected"):
        Gaussian(size_px=96).restore(fitted.arrays(), fitted.backbone_)


def test_a_spread_must_be_positive():
    fitted = Gaussian(size_px=64).fit(_images(2))
    names = ("cell_spread", "part_standards", "channel_spread", "map_units", "shrinkage")
    for name in names:
        spoiled = np.zeros_like(fitted.arrays()[name])
        with pytest.raises(ParameterError, match="not positive"):
            Gaussian(size_px=64).restore({**fitted.arrays(), name: spoiled}, fitted.backbone_)
