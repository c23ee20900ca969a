"""The benchmark of products seen before: who is a sibling, what is left out, what is shown."""

import numpy as np
import pytest

from benchmarks import siblings
from benchmarks.sibling_tables import siblings as tables
from defectory.detectors.gaussian_field import GaussianField
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.detectors.moments import RunningMoments

CELLS, SIDE_PX = 4, 32
N_PRODUCTS, N_PICTURES = 30, 3


def _field(samples):
    running = RunningMoments()
    running.add(samples)
    return GaussianField.of(running.moments(), 0.02)


@pytest.fixture
def pictures():
    """(p, n, 1, d) of 30 products, three pictures of each next to each other."""
    rng = np.random.default_rng(0)
    products = np.repeat(rng.normal(size=(CELLS, N_PRODUCTS, 1, 24)), N_PICTURES, axis=1)
    noise = 0.3 * rng.normal(size=products.shape)
    return (products + noise).astype(np.float32)


def test_siblings_are_the_pictures_of_one_product(pictures):
    alike = siblings.likeness(_field(pictures[:, :, 0]), pictures, pictures)
    found = siblings.siblings(alike, drop_self=True)

    others = [set(group[:2].tolist()) for group in found]
    product = np.arange(len(others)) // N_PICTURES
    assert all(
        group == set(np.flatnonzero(product == own).tolist()) - {row}
        for row, (group, own) in enumerate(zip(others, product, strict=True))
    )


def test_nobody_is_a_sibling_of_itself_unless_it_is_in_both_sets():
    alike = np.eye(3, dtype=np.float32)
    assert [len(group) for group in siblings.siblings(alike, drop_self=True)] == [0, 0, 0]
    assert [group.tolist() for group in siblings.siblings(alike)] == [[0], [1], [2]]


def test_the_nearest_siblings_come_first_and_are_not_too_many():
    alike = np.linspace(0.11, 0.9, 40, dtype=np.float32)[None]
    (found,) = siblings.siblings(alike)
    assert found.tolist() == list(range(39, 39 - siblings._MOST_SIBLINGS, -1))


def test_what_is_left_out_is_as_if_it_had_never_been_fitted():
    rng = np.random.default_rng(1)
    cells = rng.normal(size=(CELLS, 40, 1, 6)).astype(np.float32)
    image = rng.normal(size=(40, 5)).astype(np.float32)
    normality = GaussianNormality(SIDE_PX)
    normality.cells_, normality.image_ = _field(cells[:, :, 0]), _field(image[None])
    samples = siblings.Samples(cells, cells, image)
    groups = [np.array([3, 7])] + [np.empty(0, np.intp)] * 39

    found = siblings._measure_without(normality, samples, groups)

    for row, out in ((0, [0, 3, 7]), (5, [5])):
        rest = np.delete(np.arange(40), out)
        refitted = _field(cells[:, rest, 0])
        expected = refitted.distances(cells[:, row])[:, 0]
        np.testing.assert_allclose(found.cells[:, row, 0], expected, rtol=0.02)
        expected = _field(image[None, rest]).distances(image[None, [row]])[0, 0]
        np.testing.assert_allclose(found.image[row], expected, rtol=0.02)


def test_tables_show_what_was_measured_and_leave_out_what_was_not():
    way = {"n": 33, "auroc": 0.766}
    folder = {
        "part": "folder",
        "variant": "p1-contaminated-10",
        "n_hidden": 40,
        "none": way,
        "known": way,
    }
    folders = [
        {**folder, "seed": 0, "hidden": way},
        {**folder, "seed": 1, "hidden": {"n": 0, "auroc": None}},
    ]
    left_out = {
        "part": "left-out", "data_set": "p1", "n_good": 952, "with_a_sibling": 0.97, "siblings": 5.2,
        "alone": 0.984, "with_others": 0.983, "with_siblings": 0.842,
    }  # fmt: skip
    text = tables([left_out, *folders])

    assert "| P1 magnetic tile | 952 | 97.0% | 5.2 | 0.984 | 0.983 | 0.842 |" in text
    assert "| `p1-contaminated-10` | 2 | 40 | 0.766 (33) | 0.766 (33) | 0.766 (16) |" in text
    assert "Not measured yet." in tables([])
