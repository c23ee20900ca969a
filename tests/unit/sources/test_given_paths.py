"""Which images are meant by several paths and patterns."""

from pathlib import Path

import numpy as np
import pytest

from defectory.domain import DataError
from defectory.sources.layouts import read_given, spell_out
from tests.pictures import disc, save


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for i, name in enumerate(("a/1.png", "a/2.png", "b/1.png", "[c].png")):
        save(tmp_path / name, disc(np.random.default_rng(i), 32))


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["a"], ["1.png", "2.png"]),
        (["a", "b"], ["a/1.png", "a/2.png", "b/1.png"]),
        (["b/1.png", "a"], ["b/1.png", "a/1.png", "a/2.png"]),
        (["a", "a/1.png", "a/../a/2.png"], ["1.png", "2.png"]),
        (["?/1.png"], ["a/1.png", "b/1.png"]),
        (["[c].png"], ["[c].png"]),
    ],
)
def test_images_of_all_paths_come_once_and_in_order(given, names):
    dataset = read_given([Path(path) for path in given])
    assert [sample.name for sample in dataset.samples] == names


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("given", [[], ["*.jpg"], ["nowhere"]])
def test_what_means_no_image_is_said(given):
    with pytest.raises(DataError, match="no "):
        read_given([Path(path) for path in given])


@pytest.mark.usefixtures("here")
def test_a_file_with_brackets_in_its_name_is_no_pattern():
    assert spell_out(Path("[c].png")) == [Path("[c].png")]
