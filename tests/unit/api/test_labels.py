"""Labels, masks and groups in every form that people have them, and what is said of the rest."""

import re
from math import nan
from pathlib import Path

import numpy as np
import pytest

from defectory.api.datasets import as_dataset
from defectory.api.labels import read_groups, read_labels, read_masks
from defectory.api.wording import in_python
from defectory.domain import (
    ArrayImages,
    DataError,
    DefectoryError,
    Label,
    MaskError,
    ParameterError,
    number_groups,
    own_groups,
)
from tests.pictures import save
from tests.unit.api.conftest import Column


class DataFrame(list):
    """Is a table by its name, as that of pandas."""


MASK = np.eye(8, dtype=np.bool_)
IMAGE = np.zeros((8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        (None, [-1, -1, -1]), ([0, 1, None], [0, 1, -1]), ([False, True, nan], [0, 1, -1]),
        (["good", "defect", None], [0, 1, -1]), (["OK", "NOK", "n/a"], [0, 1, -1]),
        (["Gut", "Ausschuss", nan], [0, 1, -1]), ((0.0, 1.0, nan), [0, 1, -1]),
        ([Label.NORMAL, Label.ANOMALOUS, Label.UNLABELED], [0, 1, -1]),
        (np.array([0, 1, -1]), [0, 1, -1]), (np.array([True, False, True]), [1, 0, 1]),
        (np.array([[0], [1], [1]]).ravel(), [0, 1, 1]), (Column([0, 1, None]), [0, 1, -1]),
        (np.array(["ok", "bad", "ok"]), [0, 1, 0]),
        ([np.array(0), np.array(1.0), np.array(nan)], [0, 1, -1]),  # a tensor of torch gives such
        ([-1, -1, 1], [-1, -1, 1]),
        ([Label.ANOMALOUS, Label.ANOMALOUS, Label.UNLABELED], [1, 1, -1]),
    ],
)  # fmt: skip
def test_labels_may_be_codes_booleans_or_words(given, codes):
    found = read_labels(given, 3)
    assert found.dtype == np.int8
    assert found.tolist() == codes


def test_words_of_ones_own_are_understood():
    assert read_labels(["fein", "krumm"], 2, ["fein"], ["krumm"]).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([0, 1], "labels: 2 for 3 images; give one an image"),
        (0, "labels is 0; give a sequence with one for each image"),
        (np.array(0), "labels is array(0); give a sequence"),
        ("good", "labels is 'good'; give a sequence"),
        ({0: 1}, "labels is {0: 1}; give a sequence"),
        (np.zeros((3, 1)), "labels has the shape (3, 1); give labels.ravel()"),
        ([0, 7, 1], "1 of 3 labels are not understood"),
        (["good", "hm?", "ugly"], "2 of 3 labels are not understood"),
        ([1, 1, -1], "as scikit-learn marks inliers and outliers; here 0 is good, 1 defective"),
        (np.array([1, -1, 1]), "as scikit-learn marks inliers"),
        (np.array([1.0, -1.0, 1.0]), "as scikit-learn marks inliers"),
        (DataFrame([0, 1, 0]), "labels is a DataFrame; give one column of it"),
    ],
)  # fmt: skip
def test_labels_that_mean_nothing_are_one_line(given, says):
    with pytest.raises(DefectoryError, match=re.escape(says)) as caught:
        read_labels(given, 3)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "mask", [MASK, MASK[:, :, None], MASK.astype(np.uint8) * 255, MASK.astype(int), MASK.astype(float)]
)  # fmt: skip
def test_a_mask_is_true_where_the_array_is_not_zero(mask):
    ((found, none), stack) = read_masks([mask, None], 2), read_masks(np.stack([mask] * 2), 2)
    assert none is None
    for one in (found, *stack):
        np.testing.assert_array_equal(one, MASK)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([MASK], "masks: 1 for 2 images"),
        ([MASK, np.zeros((8, 8, 3))], "mask 1 has the shape (8, 8, 3); give (h, w), such as mask[:, :, 0]"),
        ([MASK * 0.3, None], "mask 0 is of float64 with other values than 0 and 1; give bool"),
        ([MASK * nan, None], "mask 0 is of float64 with other values than 0 and 1; give bool"),
        ([3, None], "mask 0 is of type int; give a path, an array (h, w) or None"),
        ([MASK.astype(str), None], "mask 0 is of <U5; give bool"),
        ("m.png", "masks is 'm.png'; give a sequence"),
    ],
)  # fmt: skip
def test_masks_that_are_none_are_one_line(given, says):
    with pytest.raises(ParameterError, match=re.escape(says)):
        read_masks(given, 2)


def test_a_mask_source_has_to_be_as_long_as_the_images():
    class Masks:
        def __len__(self):
            return 2

        def read(self, index):
            return MASK if index else None

    dataset = as_dataset([IMAGE, IMAGE + 1], [0, 1], Masks())
    assert [sample.mask_path for sample in dataset.samples] == [None, Path("masks[1]")]
    np.testing.assert_array_equal(dataset.masks().read(1), MASK)
    with pytest.raises(ParameterError, match="masks: 2 for 3 images"):
        read_masks(Masks(), 3)


def test_groups_are_text_and_missing_ones_unknown():
    assert read_groups(None, 2) == [None, None]
    assert read_groups(["a", 7, nan], 3) == ["a", "7", None]
    assert read_groups(Column(["a", None]), 2) == ["a", None]
    with pytest.raises(ParameterError, match="group 1 is of type list; give text or a number"):
        read_groups(["a", []], 2)
    with pytest.raises(ParameterError, match="groups: 1 for 2 images"):
        read_groups(["a"], 2)


@pytest.mark.parametrize("none", ["", " \t", None, nan, -1, -7, np.int64(-1), -1.0, np.array(-1)])
def test_empty_text_and_numbers_below_0_are_no_group(none):
    assert read_groups([none, none, "a", 0, "-1"], 5) == [None, None, "a", "0", "-1"]


def test_numbers_of_groups_mean_what_they_mean_to_a_detector():
    numbers = np.array([4, -1, 4, -1, 0])
    found = own_groups(5, number_groups(read_groups(numbers, 5)))
    partners = found[:, None] == found[None, :]
    expected = own_groups(5, numbers)
    np.testing.assert_array_equal(partners, expected[:, None] == expected[None, :])


def test_what_is_known_of_arrays_stays_beside_them():
    images = [IMAGE, IMAGE + 1, IMAGE + 2]
    dataset = as_dataset(images, ["good", "bad", None], [None, MASK, None], ["p", "p", "q"])
    assert dataset.labels.tolist() == [0, 1, -1]
    assert [sample.group for sample in dataset.samples] == ["p", "p", "q"]
    part = dataset.filter(lambda sample: sample.group == "p" and sample.label == Label.ANOMALOUS)
    assert [sample.name for sample in part.samples] == ["images[1]"]
    np.testing.assert_array_equal(part.images().read([0])[0], images[1])
    np.testing.assert_array_equal(part.masks().read(0), MASK)
    assert part.images().fingerprint(0) == ArrayImages(images).fingerprint(1)


def test_the_fingerprint_of_arrays_knows_pixels_labels_and_masks():
    base = ([IMAGE, IMAGE + 1], [0, 1], [None, MASK])
    others = [
        ([IMAGE, IMAGE + 2], [0, 1], [None, MASK]),
        ([IMAGE, IMAGE + 1], [None, 1], [None, MASK]),
        ([IMAGE, IMAGE + 1], [0, 1], [None, ~MASK]),
        ([IMAGE, IMAGE + 1], [0, 1], None),
    ]
    prints = {as_dataset(*given).fingerprint() for given in (base, base, *others)}
    assert len(prints) == 5


@pytest.mark.parametrize("in_files", [(False, False), (True, False), (False, True), (True, True)])
def test_files_and_arrays_go_together_and_masks_must_fit(in_files, tmp_path):
    images = [IMAGE + i for i in range(2)]
    masks = [None, MASK]
    small = [None, MASK[:4, :4]]
    if in_files[0]:
        images = [save(tmp_path / f"{i}.png", image) for i, image in enumerate(images)]
    if in_files[1]:
        masks, small = (
            [None, save(tmp_path / "m" / name, mask[1] * 255)]
            for name, mask in (("m.png", masks), ("s.png", small))
        )
    dataset = as_dataset(images, [0, 1], masks)
    np.testing.assert_array_equal(dataset.images().read([1])[0], IMAGE + 1)
    np.testing.assert_array_equal(dataset.masks().read(1), MASK)
    with pytest.raises(MaskError, match=r"4 x 4 px but its image .* 8 x 8 px"):
        as_dataset(images, [0, 1], small).masks().read(1)


def test_a_folder_says_itself_what_its_images_are(tmp_path):
    save(tmp_path / "a.png", IMAGE)
    for name in ("labels", "masks", "groups"):
        with pytest.raises(ParameterError, match=f"^{name} go with a list of images"):
            as_dataset(tmp_path, **{name: [0]})


def test_advice_of_the_command_line_is_given_in_python(tmp_path):
    for folder in ("good", "Charge 7"):
        save(tmp_path / folder / "a.png", IMAGE)
    with pytest.raises(DataError) as caught:
        as_dataset(tmp_path)
    assert "--" not in str(caught.value)
    assert "good_words=['Charge 7'] or bad_words=['Charge 7']" in str(caught.value)
    dataset = as_dataset(tmp_path, bad_words=["Charge 7"])
    assert sorted(dataset.labels.tolist()) == [0, 1]


def test_advice_on_groups_is_given_in_python():
    each = "each image is a part of its own"
    assert in_python(f"say better with --group-by RULE, or 'none' where {each}") == (
        f"say better with groups=, or range(n) where {each}"
    )
    assert in_python("--group-by '^[^_]*' agrees") == (
        "groups= of what re.search('^[^_]*', name) finds agrees"
    )


def test_masks_need_labels_and_no_file_counts_twice(tmp_path):
    with pytest.raises(ParameterError, match="masks need labels"):
        as_dataset([IMAGE], None, [MASK])
    path = save(tmp_path / "a.png", IMAGE)
    with pytest.raises(
        DataError, match=r"images 0 and 1 are the same file, .*a\.png; give it once"
    ):
        as_dataset([path, path.parent / "." / "a.png"])


def test_a_mask_that_marks_a_good_part_is_a_contradiction():
    with pytest.raises(ParameterError, match="image 1 is labeled normal, but its mask marks a def"):
        as_dataset([IMAGE, IMAGE + 1], [0, 0], [~MASK & MASK, MASK])


def test_names_of_files_are_relative_to_the_folder_that_they_share(tmp_path):
    paths = [save(tmp_path / place, IMAGE + i) for i, place in enumerate(("a/1.png", "b/1.png"))]
    dataset = as_dataset(paths)
    assert dataset.root == tmp_path
    assert [sample.name for sample in dataset.samples] == ["a/1.png", "b/1.png"]
