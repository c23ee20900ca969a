import numpy as np
import pytest

from defectory.domain import NotFittedError, ParameterError
from defectory.pseudolabels import PooledWhitening, ShrunkGaussian


def _rows(n=60, d=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def _rng():
    return np.random.default_rng(0)


def test_what_is_far_away_scores_higher():
    rows = _rows()
    fitted = ShrunkGaussian().fit(rows)
    scores = fitted.scores(np.concatenate([rows, rows + 5]))
    assert scores.dtype == np.float32
    assert scores[:60].max() < scores[60:].min()


def test_fewer_rows_than_features_will_do():
    fitted = ShrunkGaussian().fit(_rows(4, 50))
    assert np.isfinite(fitted.scores(_rows(9, 50, 1))).all()
    assert np.isfinite(fitted.left_out_scores()).all()


def test_constant_features_stay_finite():
    fitted = ShrunkGaussian().fit(np.ones((6, 3), np.float32))
    assert np.isfinite(fitted.scores(np.ones((2, 3), np.float32))).all()
    assert np.isfinite(fitted.left_out_scores()).all()


def test_own_rows_look_stranger_once_they_are_left_out():
    rows = _rows(20, 10)
    fitted = ShrunkGaussian().fit(rows)
    assert (fitted.left_out_scores() > fitted.scores(rows)).mean() > 0.9


def test_an_unfitted_model_and_too_few_rows_are_refused():
    with pytest.raises(NotFittedError, match="was not fitted"):
        ShrunkGaussian().scores(_rows())
    with pytest.raises(NotFittedError, match="was not fitted"):
        ShrunkGaussian().left_out_scores()
    with pytest.raises(ParameterError, match="n >= 2"):
        ShrunkGaussian().fit(_rows(1))


@pytest.mark.parametrize("bad", [0.0, -0.1, 1.1])
def test_a_shrinkage_outside_its_range_is_refused(bad):
    with pytest.raises(ParameterError, match="shrinkage"):
        ShrunkGaussian(bad)


@pytest.mark.parametrize(("n", "d"), [(50, 8), (8, 50)])
def test_whitening_gives_uncorrelated_dimensions_of_unit_variance(n, d):
    rows = _rows(n, d) * np.arange(1, d + 1, dtype=np.float32) + 7
    white = PooledWhitening(64).fit(rows, _rng()).transform(rows)
    q = min(n - 1, d)
    assert white.shape == (n, q)
    assert white.dtype == np.float32
    np.testing.assert_allclose(white.T @ white / n, np.eye(q), atol=1e-3)


def test_whitening_keeps_the_directions_that_vary_most():
    rows = _rows(200, 4) * np.array([1, 10, 0.1, 5], np.float32)
    kept = PooledWhitening(2).fit(rows, _rng()).directions_
    assert kept.shape == (4, 2)
    assert np.abs(kept).argmax(axis=0).tolist() == [1, 3]


def test_whitening_looks_at_a_bounded_number_of_rows():
    rows = _rows(500, 3)
    all_of_them, some = (PooledWhitening(3, max_rows=n).fit(rows, _rng()) for n in (500, 100))
    assert not np.array_equal(all_of_them.mean_, some.mean_)
    np.testing.assert_allclose(some.mean_, 0, atol=0.5)


def test_whitening_refuses_what_it_cannot_whiten():
    with pytest.raises(ParameterError, match="all rows of the features are equal"):
        PooledWhitening().fit(np.ones((5, 3), np.float32), _rng())
    with pytest.raises(ParameterError, match="at least 2 rows"):
        PooledWhitening().fit(np.ones((1, 3), np.float32), _rng())
    with pytest.raises(ParameterError, match="n_dims is 0"):
        PooledWhitening(0)
    with pytest.raises(NotFittedError):
        PooledWhitening().transform(_rows())
