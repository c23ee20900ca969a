"""What is taken for images, how many there are, and what is said of anything else."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from defectory.api.images import CheckedImages, name_images, read_images
from defectory.domain import ArrayImages, DataError, ParameterError
from tests.pictures import save
from tests.unit.api.conftest import Column

GRAY = np.zeros((8, 6), np.uint8)
RGB = np.zeros((8, 6, 3), np.uint8)


def ramp(dtype, low, high):
    return np.linspace(low, high, RGB.size).reshape(RGB.shape).astype(dtype)


@pytest.mark.parametrize(
    ("given", "n"),
    [
        (RGB, 1), (GRAY, 1), (RGB[:, :, :1], 1), (np.stack([RGB] * 5), 5), (np.stack([GRAY] * 5), 5),
        ([RGB, GRAY], 2), ((RGB,), 1), (np.stack([GRAY] * 5)[..., None], 5), ([RGB[:, :, :1]], 1),
        (Column([RGB, RGB]), 2), (ArrayImages([RGB, RGB]), 2),
    ],
)  # fmt: skip
def test_arrays_are_as_many_images_as_a_person_counts(given, n):
    found = read_images(given)
    assert len(found) == n
    assert {image.ndim for image in found.read(range(n))} == {3}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "there are no images; give at least one"),
        (np.zeros((0, 8, 6, 3), np.uint8), "there are no images; give at least one"),
        (ArrayImages([]), "there are no images; give at least one"),
        (None, "images is of type NoneType; give a path, a list of paths, an array (n, h, w, 3)"),
        (5, "images is of type int; give a path"),
        ({"a.png": 1}, "images is of type dict; give a path"),
        ({"a.png"}, "images is of type set; give a path"),
        (b"a.png", "images is of type bytes; give a path"),
        (iter([RGB]), "give a path, a list of paths"),
        ([[[0, 0, 0]]], "image 0 is of type list; give a path or an array"),
        ([Image.new("P", (4, 4))], "image 0 is a PIL image; give np.asarray(image.convert('RGB'))"),
        (Image.new("P", (4, 4)), "image 0 is a PIL image; give np.asarray(image.convert('RGB'))"),
        ([RGB, "a.png"], "image 0 is of type ndarray among paths; give only paths or only arrays"),
        (np.zeros(8, np.uint8), "images has the shape (8,); give (n, h, w, 3) or (n, h, w), or (h, w, 3)"),
        (np.zeros((2, 2, 8, 6, 3), np.uint8), "images has the shape (2, 2, 8, 6, 3); give (n, h, w, 3)"),
        (np.zeros((5, 3, 8, 6), np.uint8), "channels come last here: give np.moveaxis(images, 1, -1)"),
        (np.zeros((3, 8, 6), np.uint8), "for one color image channels come last here: give "
         "np.moveaxis(images, 0, -1); for three gray images give list(images)"),
        ([np.zeros((3, 8, 6), np.uint8)], "channels come last here: give np.moveaxis(image, 0, -1)"),
        (np.zeros((8, 6, 4), np.uint8), "image 0 has 4 channels; give the three of RGB: image[:, :, :3]"),
        ([RGB, np.zeros((8, 6, 2), np.uint8)], "image 1 has the shape (8, 6, 2); give (h, w, 3) or (h, w)"),
        ([np.zeros((0, 6, 3), np.uint8)], "image 0 has the shape (0, 6, 3), which holds no pixels"),
        (ramp(np.float32, 0, 1), "image 0 is of float32 with values from 0 to 1; give uint8: "
         "(255 * image).round().astype(np.uint8)"),
        (ramp(np.float64, 0, 255), "float64 with values from 0 to 255; give uint8: "
         "image.round().astype(np.uint8)"),
        (ramp(np.float64, -2, 2), "values from -2 to 2; give uint8 from 0 to 255, scaled alike for all"),
        (np.full((8, 6, 3), np.nan), "image 0 is of float64 and holds nan or infinity; give uint8"),
        (ramp(np.int64, 0, 255), "image 0 is of int64 with values from 0 to 255; give uint8: image.round()"),
        (ramp(np.uint16, 0, 65535), "give uint8: (image // 257).astype(np.uint8), if 65535 is white"),
        (RGB == 0, "image 0 is of bool; give np.uint8(255) * image"),
        (RGB.astype(complex), "image 0 is of complex128; give uint8"),
    ],
)  # fmt: skip
def test_anything_else_is_one_line_that_says_what_to_do(given, says):
    with pytest.raises(ParameterError, match=re.escape(says)) as caught:
        read_images(given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "advice",
    [
        "(255 * image).round().astype(np.uint8)", "(image // 257).astype(np.uint8)",
        "np.uint8(255) * image", "np.moveaxis(image, 0, -1)",
    ],
)  # fmt: skip
def test_the_advice_is_code_that_helps(advice):
    image = {
        "(255": ramp(np.float32, 0, 1), "(ima": ramp(np.uint16, 0, 65535),
        "np.u": RGB == 0, "np.m": np.moveaxis(RGB, -1, 0),
    }[advice[:4]]  # fmt: skip
    with pytest.raises(ParameterError, match=re.escape(advice)):
        read_images([image])
    assert len(read_images([eval(advice, {"np": np, "image": image})])) == 1


@pytest.mark.parametrize("wrap", [list, tuple, np.array, Column])
def test_paths_may_come_in_anything_that_has_an_order(wrap, tmp_path):
    paths = [str(save(tmp_path / name, RGB)) for name in ("b.png", "a.png")]
    assert read_images(wrap(paths)) == [Path(path) for path in paths]
    assert name_images(wrap(paths)).names == tuple(paths)


def test_files_that_are_not_there_are_said_at_once(tmp_path):
    save(tmp_path / "a.png", RGB)
    with pytest.raises(DataError, match=r"^image 1: no such file: .*b\.png$"):
        read_images([tmp_path / "a.png", tmp_path / "b.png"])
    with pytest.raises(DataError, match=r"image 0 is a folder, .*; give the folder itself, or the"):
        read_images([tmp_path])


def test_a_path_is_one_image_or_all_of_a_folder(tmp_path):
    for name in ("a.png", "b.png"):
        save(tmp_path / "new" / name, RGB)
    assert name_images(tmp_path / "new" / "a.png").names == ("a.png",)
    assert name_images(str(tmp_path / "new")).names == ("a.png", "b.png")


def test_listed_paths_may_begin_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = save(tmp_path / "a.png", RGB)
    assert read_images(["~/a.png"]) == [path]


@pytest.mark.parametrize("image", [GRAY, RGB.astype(float), np.zeros((8, 6, 4), np.uint8)])
def test_a_source_of_the_caller_is_held_to_its_contract(image):
    class Source:
        def __len__(self):
            return 1

        def read(self, indices):
            return [image]

        def fingerprint(self, index):
            return "f"

    source = read_images(Source())
    assert isinstance(source, CheckedImages)
    assert source.fingerprint(0) == "f"
    with pytest.raises(ParameterError, match="image 0"):
        source.read([0])
    with pytest.raises(ParameterError, match="gives 1 images for 2 indices"):
        source.read([0, 0])
