import numpy as np
import pytest

from defectory.metrics import resampling
from defectory.metrics.resampling import ImageGroups, Resamples

# Parts 0 and 1 hold good images, 2 a defective one, 3 and 4 both.
PARTS = [0, 0, 1, 2, 3, 3, 4, 4, 4]
DEFECTIVE = np.array([0, 0, 0, 1, 0, 1, 1, 1, 0], bool)


def _draws(groups, n=50, seed=0):
    return np.concatenate(list(groups.draws(n, np.random.default_rng(seed))))


def test_each_class_keeps_its_number_of_groups_where_none_holds_both():
    groups = ImageGroups(DEFECTIVE[:4], PARTS[:4])

    draws = _draws(groups)

    assert draws.shape == (50, 3)
    assert (draws[:, :2].sum(axis=1) == 2).all()
    assert (draws[:, 2] == 1).all()
    assert sorted(set(draws[:, 0])) == [0, 1, 2]


def test_where_groups_hold_both_classes_any_may_be_missing_but_no_class():
    """Also part 2, which is alone of its kind: what it adds to the metric is uncertain."""
    draws = _draws(ImageGroups(DEFECTIVE, PARTS), 200)

    assert (draws.sum(axis=1) == 5).all()
    assert (draws == 0).any(axis=0).all()
    assert draws[:, [0, 1, 3, 4]].any(axis=1).all()  # good images
    assert draws[:, [2, 3, 4]].any(axis=1).all()  # defective ones


def test_a_class_that_only_one_of_many_groups_holds_is_in_every_resample():
    parts = np.repeat(np.arange(30), 2)
    defective = np.arange(60) == 59

    draws = _draws(ImageGroups(defective, parts), 1000)

    assert draws[:, 29].min() == 1
    assert draws[:, :29].mean() == pytest.approx((30 - draws[:, 29].mean()) / 29)


def test_the_rarer_class_is_counted_in_groups():
    assert ImageGroups(DEFECTIVE, PARTS).n_rarer == 3  # parts 2, 3 and 4 hold defects
    assert ImageGroups(DEFECTIVE).n_rarer == 4
    assert ImageGroups(np.zeros(6, bool), [0, 0, 1, 1, 2, 2]).n_rarer == 3
    assert ImageGroups(np.zeros(0, bool)).n_rarer == 0


def test_groups_are_drawn_equally_often():
    groups = ImageGroups(np.arange(40) >= 30, np.arange(40) // 2)

    assert _draws(groups, 2000).mean(axis=0) == pytest.approx(np.ones(20), abs=0.12)


def test_blocks_hold_so_many_counts(monkeypatch):
    monkeypatch.setattr(resampling, "BLOCK_NUMBERS", 25)

    blocks = list(ImageGroups(DEFECTIVE, PARTS).draws(5, np.random.default_rng(0)))

    assert [len(block) for block in blocks] == [2, 2, 1]


@pytest.mark.parametrize("n_rows", [7, 500])
def test_the_influence_on_a_mean_is_how_far_a_group_lies_from_it(n_rows):
    """Draws of n groups give their mean; one more of a group moves it by its distance from it, over n."""
    rng = np.random.default_rng(1)
    values, groups, resamples = rng.normal(size=20), ImageGroups(np.zeros(20, bool)), Resamples()
    draws = _draws(groups, 20_000)
    for start in range(0, 20_000, n_rows):
        block = draws[start : start + n_rows]
        resamples.add(block, block @ values / 20)

    expected = (values - values.mean()) / 20

    assert len(resamples.values) == 20_000
    assert resamples.influences == pytest.approx(expected, abs=0.01)
    assert np.corrcoef(resamples.influences, expected)[0, 1] > 0.99
