"""The pieces of which the pixel-map study is made, against their definitions."""

from pathlib import Path

import numpy as np

from benchmarks import pixel_maps
from benchmarks.pixel_maps import Cells
from defectory.domain import Label
from defectory.sources import Dataset, Sample


def _cells(n_train=9, n_test=3, d=4):
    rng = np.random.default_rng(0)
    shape = (n_train + n_test, 16, 16, d)
    grids = rng.normal(size=shape).astype(np.float32)
    return Cells(grids[:n_train], grids[n_train:])


def test_neighbors_are_of_the_same_place_and_never_the_image_itself():
    cells = _cells()
    found = pixel_maps.neighbor_distances(cells)
    apart = np.linalg.norm(cells.test[:, None] - cells.train[None], axis=-1)
    np.testing.assert_allclose(found.test, apart.min(axis=1), atol=1e-3)
    apart = np.linalg.norm(cells.train[:, None] - cells.train[None], axis=-1)
    apart[np.arange(9), np.arange(9)] = np.inf
    np.testing.assert_allclose(found.train, apart.min(axis=1), atol=1e-3)


def test_a_training_image_is_left_out_of_the_mean_it_is_compared_with():
    cells = _cells()
    others = np.delete(cells.train, 2, axis=0).mean(axis=0)
    expected = np.linalg.norm(cells.train[2] - others, axis=-1)
    np.testing.assert_allclose(pixel_maps.mean_distances(cells).train[2], expected, rtol=1e-5)


def test_distances_to_gaussians_are_laid_out_as_the_cells_are():
    cells = _cells(n_train=40)
    cells.test[1, 3, 12] += 50
    found = pixel_maps.field_distances(cells)
    assert found.train.shape == (40, 16, 16)
    assert np.unravel_index(found.test.argmax(), found.test.shape) == (1, 3, 12)


def test_what_a_whole_column_shares_is_not_held_against_it():
    grids = _cells().test
    striped = grids.copy()
    striped[:, :, 5] += 100
    d = grids.shape[-1]
    changed, same = pixel_maps.without_lines(striped), pixel_maps.without_lines(grids)
    np.testing.assert_allclose(changed[..., :d], same[..., :d], atol=1e-4)
    assert (changed[:, :, 5, d:] > 50).all()


def test_boxes_repeat_the_edges():
    grids = np.zeros((1, 16, 16, 1), np.float32)
    grids[0, 0, 0] = 9
    found = pixel_maps.box3(grids)[0, :3, :3, 0]
    np.testing.assert_allclose(found, [[4, 2, 0], [2, 1, 0], [0, 0, 0]], atol=1e-6)


def test_pictures_of_one_tile_are_one_group():
    names = [f"exp{i}_num_{n}.jpg" for i, n in enumerate([2000, 10, 400, 1900, 9000])]
    samples = [Sample(Path(n), Label.NORMAL, None, "test", None, None, n) for n in names]
    groups = pixel_maps.tile_groups(Dataset(Path(), "flat", tuple(samples)))
    assert groups.tolist() == [1, 0, 0, 1, 2]
