import numpy as np
import pytest

from defectory.detectors.evidence.cells import Cells
from defectory.detectors.evidence.classifier import (
    CellClassifier,
    ClassifierSettings,
    _gradients,
    _initial,
    _mixed,
    _Network,
)
from defectory.detectors.evidence.lessons import Lessons
from defectory.domain import ParameterError

N, P, D = 12, 9, 4
QUICK = ClassifierSettings(n_steps=40, batch_size=64, n_hidden=8, learning_rate=0.02)
FOLDS = np.arange(N) % 3


def _lessons(shift=3.0, seed=0):
    """Six normal images, then six whose first two cells are off by `shift`."""
    cells = np.random.default_rng(seed).normal(size=(N, P, D))
    defective = np.zeros((N, P), bool)
    defective[N // 2 :, :2] = True
    cells[defective] += shift
    normal = np.zeros((N, P), bool)
    normal[: N // 2] = True
    is_confirmed = np.arange(N) >= N - 3
    return Lessons(_cells(cells), is_confirmed, normal, defective)


def _cells(rows):
    """Return cells of (n, p, D) rows: two looks, the rest evidence."""
    return Cells(np.rint(10 * rows[:, :, :2]).astype(np.int8), rows[:, :, 2:].astype(np.float32))


def _rows(cells, image):
    return cells.rows(np.full(P, image), np.arange(P))


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


def test_it_learns_to_tell_defective_cells_of_images_it_has_not_seen():
    lessons = _lessons()
    classifier = CellClassifier.train(lessons, FOLDS, QUICK, 0)
    left_out = classifier.left_out_logits(lessons.cells, FOLDS)
    unseen = _lessons(seed=1)
    for found, truth in [(left_out, lessons), (classifier.logits(unseen.cells), unseen)]:
        assert found.shape == (N, P)
        assert found.dtype == np.float32
        assert found[truth.defective].min() > 0
        assert np.median(found[truth.normal]) < -1


def test_no_network_learns_from_the_images_of_its_own_fold():
    lessons = _lessons()
    before = CellClassifier.train(lessons, FOLDS, QUICK, 0).arrays()
    lessons.cells.evidence[FOLDS == 1] = 7
    lessons.cells.described[FOLDS == 1] = 7
    after = CellClassifier.train(lessons, FOLDS, QUICK, 0).arrays()
    for name, array in before.items():
        np.testing.assert_array_equal(array[1], after[name][1])
    for k in (0, 2):
        assert (before["inner"][k] != after["inner"][k]).any()


def test_left_out_logits_are_those_of_the_fold_and_others_the_mean():
    networks = [_network(k, np.float32) for k in range(3)]
    cells = _lessons().cells
    each = np.stack([[net.logits(cells, image) for image in range(N)] for net in networks])
    hidden = np.maximum(_rows(cells, 3) @ networks[1].inner + networks[1].inner_bias, 0)
    expected = hidden @ networks[1].outer + networks[1].outer_bias
    np.testing.assert_allclose(each[1, 3], expected, rtol=1e-5, atol=1e-6)
    classifier = CellClassifier(networks)
    np.testing.assert_array_equal(
        classifier.left_out_logits(cells, FOLDS), each[FOLDS, np.arange(N)]
    )
    np.testing.assert_allclose(classifier.logits(cells), each.mean(axis=0), rtol=1e-5, atol=1e-6)


def test_logits_of_an_image_do_not_depend_on_the_others():
    classifier = CellClassifier([_network(k, np.float32) for k in range(3)])
    cells = _lessons().cells
    alone = np.concatenate(
        [
            classifier.logits(Cells(cells.described[i : i + 1], cells.evidence[i : i + 1]))
            for i in range(N)
        ]
    )
    np.testing.assert_array_equal(classifier.logits(cells), alone)


def test_what_is_restored_gives_the_same_logits():
    classifier = CellClassifier.train(_lessons(), FOLDS, QUICK, 0)
    arrays = classifier.arrays()
    assert all(array.dtype == np.float32 for array in arrays.values())
    again = CellClassifier.restore(arrays, {D, 2 * D})
    assert again.n_columns == classifier.n_columns == D
    cells = _lessons(seed=2).cells
    np.testing.assert_array_equal(again.logits(cells), classifier.logits(cells))


def test_restore_refuses_arrays_that_do_not_fit():
    arrays = CellClassifier([_network(k, np.float32) for k in range(3)]).arrays()
    with pytest.raises(ParameterError, match=f"{D} columns"):
        CellClassifier.restore(arrays, {D - 1, D + 1})
    for name in arrays:
        rest = {key: array for key, array in arrays.items() if key != name}
        with pytest.raises(ParameterError, match=f"{name!r} is missing"):
            CellClassifier.restore(rest, {D})
        for wrong in (
            arrays[name][None],
            arrays[name][:-1] if name != "inner" else arrays[name][0],
        ):
            with pytest.raises(ParameterError, match="expected"):
                CellClassifier.restore({**arrays, name: wrong}, {D})


def test_the_seed_alone_decides():
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - that it stays is what is tested
    first, again, other = (
        CellClassifier.train(_lessons(), FOLDS, QUICK, seed).arrays()["inner"] for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_networks_that_learn_from_the_same_images_still_differ():
    nobody_left_out = np.full(N, 3)
    found = CellClassifier.train(_lessons(), nobody_left_out, QUICK, 0).arrays()["inner"]
    assert (found[0] != found[1]).any()


def test_first_weights_are_bounded_by_the_number_of_inputs():
    network = _initial(25, 400, np.random.default_rng(0))
    assert [part.shape for part in network.parts] == [(25, 400), (400,), (400,), (1,)]
    assert all(part.dtype == np.float32 for part in network.parts)
    assert np.abs(network.inner).max() == pytest.approx(1 / 5, rel=0.01)
    assert np.abs(network.outer).max() == pytest.approx(1 / 20, rel=0.05)


def test_rows_are_mixed_with_their_own_class_only():
    """The first column is the class, the second the number of the row."""
    is_defective = np.arange(40) >= 25
    rows = np.stack([is_defective, np.arange(40)], axis=1).astype(np.float32)
    found = _mixed(rows, is_defective, 0.4, np.random.default_rng(0))
    np.testing.assert_allclose(found[:, 0], is_defective, atol=1e-6)
    assert found[~is_defective, 1].max() <= 24
    assert found[is_defective, 1].min() >= 25
    assert (found[:, 1] != rows[:, 1]).mean() > 0.5


def test_without_mixup_rows_stay_and_nothing_is_drawn():
    rng = np.random.default_rng(0)
    rows = np.ones((4, 2), np.float32)
    assert _mixed(rows, np.zeros(4, bool), 0.0, rng) is rows
    assert rng.random() == np.random.default_rng(0).random()
