import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as any_array

from defectory.detectors.evidence.classifier import (
    ClassifierSettings,
    PlaceClassifier,
    _gradients,
    _initial,
    _Network,
    deal_folds,
)
from defectory.detectors.evidence.training_set import PlaceRows, PlaceTrainingSet
from defectory.domain import ParameterError

N, P, D = 12, 9, 4
QUICK = ClassifierSettings(n_steps=40, batch_size=64, n_hidden=8, learning_rate=0.02)
IS_DEFECTIVE = np.arange(N) >= N // 2
SEED = 0
GROUPS = np.arange(N)
FOLDS = deal_folds(IS_DEFECTIVE, GROUPS, 3, SEED)


def _told(shift=3.0, seed=0):
    """Six normal images, then six whose first two places are off by `shift`."""
    places = np.random.default_rng(seed).normal(size=(N, P, D))
    defective = np.zeros((N, P), bool)
    defective[N // 2 :, :2] = True
    places[defective] += shift
    normal = np.zeros((N, P), bool)
    normal[: N // 2] = True
    return PlaceTrainingSet(_places(places), normal, defective, GROUPS)


def _places(rows):
    """Return places of (n, p, D) rows: two components, the rest distances."""
    return PlaceRows(
        np.rint(10 * rows[:, :, :2]).astype(np.int8), rows[:, :, 2:].astype(np.float32)
    )


def _rows(places, image):
    return places.rows(np.full(P, image), np.arange(P))


def _network(seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return _Network(*(part.astype(dtype) for part in _initial(D, 5, rng).parts))


def _loss(network, rows, is_defective):
    """Mean binary cross-entropy, straight from its definition."""
    hidden = np.maximum(rows @ network.inner + network.inner_bias, 0)
    p = 1 / (1 + np.exp(-(hidden @ network.outer + network.outer_bias)))
    return -np.mean(np.where(is_defective, np.log(p), np.log(1 - p)))


def test_gradients_are_those_of_finite_differences():
    network, rng = _network(), np.random.default_rng(1)
    rows, is_defective = 2 * rng.normal(size=(30, D)), rng.random(30) < 0.4
    found = _gradients(network, rows, is_defective)
    step = 1e-6
    for part, gradient in zip(network.parts, found, strict=True):
        assert gradient.shape == part.shape
        for at in np.ndindex(part.shape):
            original = part[at]
            part[at] = original + step
            above = _loss(network, rows, is_defective)
            part[at] = original - step
            below = _loss(network, rows, is_defective)
            part[at] = original
            assert gradient[at] == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("sign", "is_defective"), [(1, False), (-1, True)])
def test_gradients_are_finite_where_a_network_is_certain_and_wrong(sign, is_defective):
    parts = _network(dtype=np.float32).parts
    certain = _Network(*parts[:2], sign * 1e4 * np.abs(parts[2]), parts[3])
    rows = np.full((2, D), 9, np.float32)
    found = _gradients(certain, rows, np.full(2, is_defective))
    assert all(np.isfinite(gradient).all() for gradient in found)
    assert found[3] == pytest.approx(sign)


def test_it_learns_to_tell_defective_places_of_images_it_has_not_seen():
    told = _told()
    classifier, left_out = PlaceClassifier.train(told, QUICK, SEED)
    unseen = _told(seed=1)
    for found, truth in [(left_out, told), (classifier.logits(unseen.places), unseen)]:
        assert found.shape == (N, P)
        assert found.dtype == np.float32
        assert found[truth.defective].min() > 0
        assert np.median(found[truth.normal]) < -1


def test_no_network_learns_from_the_images_of_its_own_fold():
    told = _told()
    before = PlaceClassifier.train(told, QUICK, SEED)[0].arrays()
    told.places.distances[FOLDS == 1] = 7
    told.places.described[FOLDS == 1] = 7
    after = PlaceClassifier.train(told, QUICK, SEED)[0].arrays()
    for name, array in before.items():
        np.testing.assert_array_equal(array[1], after[name][1])
    for k in (0, 2):
        assert (before["inner"][k] != after["inner"][k]).any()


def test_left_out_logits_are_those_of_the_fold_and_others_the_mean():
    places = _told().places
    classifier, left_out = PlaceClassifier.train(_told(), QUICK, SEED)
    arrays = classifier.arrays()
    networks = [
        _Network(*(arrays[name][k] for name in ("inner", "inner_bias", "outer", "outer_bias")))
        for k in range(3)
    ]
    each = np.stack([[net.logits(places, image) for image in range(N)] for net in networks])
    hidden = np.maximum(_rows(places, 3) @ networks[1].inner + networks[1].inner_bias, 0)
    expected = hidden @ networks[1].outer + networks[1].outer_bias
    np.testing.assert_allclose(each[1, 3], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(left_out, each[FOLDS, np.arange(N)])
    np.testing.assert_allclose(classifier.logits(places), each.mean(axis=0), rtol=1e-4, atol=1e-5)


def test_logits_of_an_image_do_not_depend_on_the_others():
    classifier = PlaceClassifier([_network(k, np.float32) for k in range(3)])
    places = _told().places
    alone = np.concatenate(
        [
            classifier.logits(PlaceRows(places.described[i : i + 1], places.distances[i : i + 1]))
            for i in range(N)
        ]
    )
    np.testing.assert_array_equal(classifier.logits(places), alone)


def test_what_is_restored_gives_the_same_logits():
    classifier, _ = PlaceClassifier.train(_told(), QUICK, SEED)
    arrays = classifier.arrays()
    assert all(array.dtype == np.float32 for array in arrays.values())
    again = PlaceClassifier.restore(arrays, {D, 2 * D})
    assert again.n_columns == classifier.n_columns == D
    places = _told(seed=2).places
    np.testing.assert_array_equal(again.logits(places), classifier.logits(places))


def test_restore_refuses_arrays_that_do_not_fit():
    arrays = PlaceClassifier([_network(k, np.float32) for k in range(3)]).arrays()
    with pytest.raises(ParameterError, match=f"{D} columns"):
        PlaceClassifier.restore(arrays, {D - 1, D + 1})
    for name in arrays:
        rest = {key: array for key, array in arrays.items() if key != name}
        with pytest.raises(ParameterError, match=f"{name!r} is missing"):
            PlaceClassifier.restore(rest, {D})
        for wrong in (
            arrays[name][None],
            arrays[name][:-1] if name != "inner" else arrays[name][0],
        ):
            with pytest.raises(ParameterError, match="expected"):
                PlaceClassifier.restore({**arrays, name: wrong}, {D})


def test_the_seed_alone_decides():
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - that it stays is what is tested
    first, again, other = (
        PlaceClassifier.train(_told(), QUICK, seed)[0].arrays()["inner"] for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_where_one_image_is_all_that_is_defective_all_networks_learn_from_it():
    told = _told()
    told.defective[N // 2 + 1 :] = False
    _, left_out = PlaceClassifier.train(told, QUICK, SEED)
    assert left_out[N // 2, :2].min() > 0


def test_first_weights_are_bounded_by_the_number_of_inputs():
    network = _initial(25, 400, np.random.default_rng(0))
    assert [part.shape for part in network.parts] == [(25, 400), (400,), (400,), (1,)]
    assert all(part.dtype == np.float32 for part in network.parts)
    assert np.abs(network.inner).max() == pytest.approx(1 / 5, rel=0.01)
    assert np.abs(network.outer).max() == pytest.approx(1 / 20, rel=0.05)


@settings(max_examples=60)
@given(any_array(bool, st.integers(1, 40)), st.integers(2, 5), st.integers(0, 100))
def test_folds_are_even_in_defective_images_and_in_others(is_defective, n_folds, seed):
    groups = np.arange(len(is_defective))
    folds = deal_folds(is_defective, groups, n_folds, seed)
    assert folds.shape == is_defective.shape
    for members in (folds[is_defective], folds[~is_defective]):
        counts = np.bincount(members, minlength=n_folds)
        assert len(counts) == n_folds
        assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(folds, deal_folds(is_defective, groups, n_folds, seed))


@settings(max_examples=60)
@given(any_array(bool, st.integers(1, 40)), st.integers(2, 5), st.integers(1, 6))
def test_no_group_is_parted_among_folds(is_defective, n_folds, n_groups):
    """Those with defective images are dealt evenly, too: a fold differs by no more than a group."""
    groups = np.arange(len(is_defective)) % n_groups
    folds = deal_folds(is_defective, groups, n_folds, 0)
    assert set(folds) <= set(range(n_folds))
    assert len(set(zip(groups, folds, strict=True))) == len(set(groups))
    with_defects = np.unique(groups[is_defective])
    held = np.bincount(folds[np.isin(groups, with_defects)], minlength=n_folds)
    largest = np.bincount(groups).max()
    assert np.ptp(held) <= largest


def test_folds_are_dealt_at_random():
    groups = np.arange(40)
    one, other = (deal_folds(groups < 12, groups, 3, seed) for seed in (0, 1))
    assert (one != other).any()
    assert (one[:12] != np.arange(12) % 3).any()
