import numpy as np
import pytest

from defectory.detectors import patch_bank as module
from defectory.detectors.patch_bank import PatchBank
from defectory.domain import ParameterError

GRID, D = (4, 6), 5
P = GRID[0] * GRID[1]


def _grids(n, seed=0):
    return list(np.random.default_rng(seed).normal(size=(n, *GRID, D)).astype(np.float32))


def _learned(grids, tags=None, remembers=None, **settings):
    tags = tags or range(len(grids))
    fitter = PatchBank(**settings).learn(len(grids))
    for i, (grid, tag) in enumerate(zip(grids, tags, strict=True)):
        fitter.add(grid, tag, None if remembers is None else remembers[i])
    return fitter.finish()


def _to_nearest(bank, grid, others, k=1):
    """Return mean distances to the k nearest of all patches of the other grids, by the bank's whitening."""
    points = np.concatenate([bank.embed(other) for other in others])
    away = np.sqrt(np.square(bank.embed(grid)[:, None] - points[None]).sum(axis=2))
    return np.sort(away, axis=1)[:, :k].mean(axis=1).reshape(GRID)


@pytest.mark.parametrize("k", [1, 3])
def test_distances_are_the_mean_of_those_to_the_nearest(k):
    grids = _grids(6)
    bank = _learned(grids, n_neighbors=k)
    (new,) = _grids(1, seed=1)
    found = bank.distances(new)
    assert (found.shape, found.dtype) == (GRID, np.float32)
    np.testing.assert_allclose(found, _to_nearest(bank, new, grids, k), rtol=1e-3)


@pytest.mark.parametrize("tags", [[0, 1, 2, 3], [30, 7, 9, 2]])
def test_an_images_own_patches_are_left_out(tags):
    grids = _grids(4)
    bank = _learned(grids, tags)
    for i, tag in enumerate(tags):
        others = [grid for k, grid in enumerate(grids) if k != i]
        found = bank.distances(grids[i], without=tag)
        np.testing.assert_allclose(found, _to_nearest(bank, grids[i], others), rtol=1e-3)
        assert bank.distances(grids[i]).max() < 1e-2 < found.min()


@pytest.mark.parametrize("k", [1, 3])
def test_patches_of_all_images_of_a_group_are_left_out(k):
    grids, groups = _grids(6), [4, 9, 4, 2, 4, 9]
    bank = _learned(grids, groups, n_neighbors=k)
    for grid, group in zip(grids, groups, strict=True):
        others = [other for other, own in zip(grids, groups, strict=True) if own != group]
        found = bank.distances(grid, without=group)
        np.testing.assert_allclose(found, _to_nearest(bank, grid, others, k), rtol=1e-3)


def test_one_image_alone_is_not_left_out():
    (grid,) = _grids(1)
    found = _learned([grid]).distances(grid, without=0)
    assert found.max() < 1e-2


def test_fewer_others_than_neighbors_are_enough():
    grids = _grids(2)
    bank = _learned(grids, n_neighbors=P + 5)
    found = bank.distances(grids[0], without=0)
    np.testing.assert_allclose(found, _to_nearest(bank, grids[0], grids[1:], P), rtol=1e-3)


def test_what_is_no_part_of_the_bank_is_not_missed():
    """A tag that no patch has; and a bank that was restored knows none."""
    bank, (new,) = _learned(_grids(3)), _grids(1, seed=1)
    np.testing.assert_array_equal(bank.distances(new, without=99), bank.distances(new))


def test_the_bank_is_no_larger_than_asked_for_and_covers_all_patches():
    grids = _grids(8)
    bank = _learned(grids, n_bank=20)
    assert len(bank.index_.bank) == 20
    away = np.array([bank.distances(grid) for grid in grids])
    assert away.max() <= bank.coverage_radius_ * 1.001
    assert away.max() > 0.1


def test_only_what_may_be_kept_is():
    grids = _grids(3)
    remembers = np.random.default_rng(2).random((3, *GRID)) < 0.5
    bank = _learned(grids, remembers=remembers)
    for tag, (grid, kept) in enumerate(zip(grids, remembers, strict=True)):
        found, expected = bank.index_.bank[bank._tags == tag], bank.embed(grid)[kept.ravel()]
        np.testing.assert_array_equal(found[np.lexsort(found.T)], expected[np.lexsort(expected.T)])


def test_the_whitening_comes_of_the_first_images(monkeypatch):
    monkeypatch.setattr(module, "N_WHITENING", 2 * P + 1)
    grids = _grids(5)
    bank = _learned(grids)
    first = np.concatenate([grid.reshape(-1, D) for grid in grids[:3]])
    np.testing.assert_allclose(bank.mean_, first.mean(axis=0), rtol=1e-4, atol=1e-6)
    assert len(bank.index_.bank) == 5 * P


def test_directions_of_large_variance_are_lowered_but_stay_larger():
    patches = np.random.default_rng(0).normal(size=(20_000, 3)).astype(np.float32) * [1, 4, 16]
    bank = PatchBank(n_dims=2)
    bank.learn_whitening(patches.astype(np.float32))
    variances = ((patches - bank.mean_) @ bank.projection_).var(axis=0)
    assert variances.sum() == pytest.approx(1, rel=1e-3)
    assert variances[1] / variances[0] == pytest.approx(4, rel=0.05)  # of 4 ** 2 before


def test_being_elsewhere_counts_by_its_weight():
    same = np.broadcast_to(np.ones(D, np.float32), (*GRID, D))
    for weight in (0.0, 1.0, 2.0):
        bank = _learned([*_grids(2), same], position_weight=weight)
        places = bank.embed(same)
        assert places.shape == (P, D + 2)
        down, across = np.ptp(places, axis=0)[-2:]
        assert down == pytest.approx(2 * weight * 3 / 4)
        assert across == pytest.approx(2 * weight * 5 / 6)


def test_without_position_patches_may_lie_anywhere():
    grids = _grids(3)
    mirrored = grids[0][::-1, ::-1]
    assert _learned(grids, position_weight=0.0).distances(mirrored).max() < 1e-2
    assert _learned(grids).distances(mirrored).min() > 0.1


def test_only_patches_that_are_far_from_all_are_absorbed():
    grids = _grids(8)
    bank = _learned(grids, n_bank=60)
    new = grids[0].copy()
    new[1, 2:4] += 40
    away = bank.distances(new)
    assert (away > bank.coverage_radius_).sum() == 2
    found = bank.absorb(new)
    np.testing.assert_array_equal(found.index_.bank[:60], bank.index_.bank)
    np.testing.assert_array_equal(
        np.sort(found.index_.bank[60:], axis=0), np.sort(bank.embed(new)[[8, 9]], axis=0)
    )
    assert found.distances(new)[1, 2:4].max() < 1e-2
    np.testing.assert_array_equal(bank.distances(new), away)
    assert found.coverage_radius_ == bank.coverage_radius_


def test_what_is_known_is_not_absorbed():
    grids = _grids(4)
    bank = _learned(grids, n_bank=30)
    assert len(bank.absorb(grids[2]).index_.bank) == 30


def test_of_an_image_the_farthest_patches_are_absorbed(monkeypatch):
    monkeypatch.setattr(module, "_MOST_ABSORBED", 3)
    bank, (new,) = _learned(_grids(2)), _grids(1, seed=1)
    new[0, 0], new[2, 3], new[3, 5] = 90, -50, 70
    found = bank.absorb(new).index_.bank[2 * P :]
    np.testing.assert_array_equal(found, bank.embed(new)[[0, P - 1, 2 * GRID[1] + 3]])


def test_however_much_is_absorbed_a_bank_grows_to_twice_its_size():
    bank = _learned(_grids(2), n_bank=20)
    for seed in range(1, 6):
        bank = bank.absorb(100 * _grids(1, seed=seed)[0])
    assert len(bank.index_.bank) == 40


def test_a_bank_that_has_absorbed_keeps_its_settings():
    bank = _learned(_grids(2), n_bank=40, n_dims=3, n_neighbors=2, position_weight=0.5, seed=4)
    found = bank.absorb(_grids(1, seed=1)[0])
    for name in ("n_bank", "n_dims", "n_neighbors", "position_weight", "seed"):
        assert getattr(found, name) == getattr(bank, name)


@pytest.mark.parametrize("n_dims", [3, 128])
def test_what_is_restored_gives_the_same_distances(n_dims):
    bank, (new,) = _learned(_grids(4), n_bank=50, n_dims=n_dims), _grids(1, seed=1)
    arrays = {name: np.array(array, order="C") for name, array in bank.arrays().items()}
    again = PatchBank(n_dims=n_dims).restore(arrays, D)
    np.testing.assert_array_equal(again.distances(new), bank.distances(new))
    np.testing.assert_array_equal(
        again.absorb(new).distances(_grids(1)[0]), bank.absorb(new).distances(_grids(1)[0])
    )


def test_a_restored_memory_knows_whose_patches_are_whose():
    grids = _grids(4)
    bank = _learned(grids, tags=[30, 7, 9, 2])
    arrays = {**bank.arrays(), "tags": bank.tags}
    again = PatchBank().restore(arrays, D)
    grown = again.absorb(_grids(1, seed=5)[0])
    for i, tag in enumerate([30, 7, 9, 2]):
        expected = bank.distances(grids[i], without=tag)
        np.testing.assert_array_equal(again.distances(grids[i], without=tag), expected)
        assert expected.min() > 10 * bank.distances(grids[i]).max()
        assert (grown.distances(grids[i], without=tag) > 0.5 * expected.min()).all()
    forgetful = PatchBank().restore(bank.arrays(), D)  # of a bundle that keeps no tags
    np.testing.assert_array_equal(
        forgetful.distances(grids[0], without=30), bank.distances(grids[0])
    )


def test_restore_refuses_what_does_not_fit():
    arrays = _learned(_grids(2)).arrays()
    for name in arrays:
        with pytest.raises(ParameterError, match=f"{name!r} is missing"):
            PatchBank().restore({k: a for k, a in arrays.items() if k != name}, D)
        with pytest.raises(ParameterError, match="expected"):
            PatchBank().restore({**arrays, name: arrays[name][None]}, D)
    with pytest.raises(ParameterError, match="expected"):
        PatchBank().restore(arrays, D + 1)


@pytest.mark.parametrize(
    "settings",
    [{"n_bank": 0}, {"n_dims": 0}, {"n_neighbors": 0}, {"position_weight": -0.1}],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ParameterError, match=next(iter(settings))):
        PatchBank(**settings)
