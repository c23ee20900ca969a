"""What a fit says of data that teach little."""

import numpy as np
import pytest

from defectory.sources import read_dataset
from defectory.workflows.fitting.weaknesses import weak_labels, weak_variety
from tests.pictures import disc, save, scratched


@pytest.fixture
def parts(tmp_path):
    def make(n_good, n_bad=0, n_copies=0):
        rng = np.random.default_rng(0)
        for i in range(n_good):
            save(tmp_path / f"good/{i}.png", disc(rng, 32))
        for i in range(n_bad):
            save(tmp_path / f"bad/{i}.png", scratched(disc(rng, 32), rng)[0])
        for i in range(n_copies):
            save(tmp_path / f"good/c{i}.png", np.full((32, 32, 3), 9))
        return read_dataset(tmp_path)

    return make


def test_labels_that_look_swapped_are_said(parts):
    (note,) = weak_labels(parts(2, 6))
    assert "swapped" in note


def test_usual_data_are_not_remarked_on(parts):
    dataset = parts(6, 2)
    assert weak_labels(dataset) == ()
    assert list(weak_variety(dataset, np.arange(6, dtype=np.float32))) == []


def test_copies_are_said_where_they_are_the_half(parts):
    (note,) = weak_variety(parts(2, 0, 6), np.arange(8, dtype=np.float32))
    assert "only 3 of the 8 images" in note


def test_images_that_a_detector_cannot_tell_apart_are_said(parts):
    (note,) = weak_variety(parts(6), np.zeros(6, np.float32))
    assert "look the same" in note
