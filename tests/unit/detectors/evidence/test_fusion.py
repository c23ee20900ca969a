import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defectory.detectors.evidence.fusion import (
    Fusion,
    fuse,
    fuse_normals,
    learned_scores,
    standards_of,
    trust_in_labels,
    trust_in_masks,
)
from defectory.domain import ParameterError

STANDARDS = np.array([[1, 2], [10, 5], [0, 4], [-3, 0.5]], np.float32)
FUSION = Fusion(STANDARDS, 3.0, 0.5)


def _normals(m=40, g=3, seed=0):
    """Scores and maps of m normals: normality's and the learned ones, on different scales."""
    rng = np.random.default_rng(seed)
    scores, learned = rng.normal(2, 3, m), rng.normal(-8, 0.1, m)
    heats, logits = rng.normal(5, 2, (m, g, g)), rng.normal(-4, 7, (m, g * g))
    return [part.astype(np.float32) for part in (scores, learned, heats, logits)]


def test_scores_and_maps_are_added_in_units_of_their_own_standards():
    found = FUSION.scores(np.array([3, 1], np.float32), np.array([10, 20], np.float32))
    np.testing.assert_allclose(found, [1 + 3 * 0, 0 + 3 * 2])
    heats, logits = np.full((2, 3, 3), 8, np.float32), np.full((2, 3, 3), -2, np.float32)
    maps = FUSION.maps(heats, logits)
    assert maps.shape == heats.shape
    np.testing.assert_allclose(maps, 2 + 0.5 * 2)
    assert maps.dtype == found.dtype == np.float32


def test_weight_0_is_normality_alone():
    scores, learned = _normals()[:2]
    alone = fuse(scores, learned, STANDARDS[:2], 0.0)
    np.testing.assert_array_equal(alone, fuse(scores, np.zeros_like(learned), STANDARDS[:2], 0.0))
    np.testing.assert_array_equal(np.argsort(alone), np.argsort(scores))


def test_what_has_no_spread_has_some_of_it():
    np.testing.assert_allclose(standards_of(np.full(4, 7, np.float32)), [7, 1e-3])
    center, spread = standards_of(np.array([1, 3], np.float32))
    assert (center, spread) == (2, 1)


def test_normals_set_the_scale_of_all_parts():
    parts = _normals()
    fusion, scores, maps = fuse_normals(*parts, 2.0, 0.5)
    for row, part in zip(fusion.standards, parts, strict=True):
        np.testing.assert_allclose(row, [part.mean(), part.std()], rtol=1e-5)
    assert (fusion.score_weight, fusion.map_weight) == (2.0, 0.5)
    assert maps.shape == parts[2].shape
    assert scores.mean() == pytest.approx(0, abs=1e-4)
    assert maps.mean() == pytest.approx(0, abs=1e-4)
    z_scores, z_learned = ((part - part.mean()) / part.std() for part in parts[:2])
    np.testing.assert_allclose(scores, z_scores + 2 * z_learned, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(maps, fusion.maps(parts[2], parts[3].reshape(maps.shape)))


def test_where_nothing_was_learned_normals_are_on_the_scale_of_normality():
    scores, learned, heats, logits = _normals()
    _, fused, maps = fuse_normals(scores, 0 * learned, heats, 0 * logits, 0.0, 0.0)
    assert fused.std() == pytest.approx(1, rel=1e-4)
    assert maps.std() == pytest.approx(1, rel=1e-4)
    np.testing.assert_array_equal(np.argsort(fused), np.argsort(scores))


def test_what_is_restored_is_the_same():
    again = Fusion.restore(FUSION.arrays())
    np.testing.assert_array_equal(again.standards, STANDARDS)
    assert (again.score_weight, again.map_weight) == (3.0, 0.5)


def test_restore_refuses_what_does_not_fit():
    arrays = FUSION.arrays()
    for name in arrays:
        with pytest.raises(ParameterError, match=f"{name!r} is missing"):
            Fusion.restore({key: array for key, array in arrays.items() if key != name})
        with pytest.raises(ParameterError, match="expected"):
            Fusion.restore({**arrays, name: arrays[name][:-1]})
    for name, wrong in [
        ("standards", STANDARDS * [1, 0]),
        ("weights", np.array([1.0, -0.1], np.float32)),
        ("weights", np.array([-1.0, 0.1], np.float32)),
    ]:
        with pytest.raises(ParameterError, match="out of range"):
            Fusion.restore({**arrays, name: wrong})


def test_an_image_is_as_defective_as_its_highest_cells():
    logits = np.array([np.arange(20), np.full(20, -3)], np.float32)
    found = learned_scores(logits, 0.1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [18.5, -3])


@pytest.mark.parametrize(("trust", "most"), [(trust_in_labels, 4), (trust_in_masks, 1)])
@given(n=st.integers(0, 10**6))
def test_trust_grows_with_what_was_seen_up_to_a_limit(trust, most, n):
    assert trust(0) == 0
    assert 0 <= trust(n) < trust(n + 1) < most


def test_trust_of_a_few_labels():
    assert [trust_in_labels(n) for n in (5, 10, 20)] == [4 / 9, 4 / 3, 8 / 3]
    assert [trust_in_masks(n) for n in (1, 3, 9)] == [0.25, 0.5, 0.75]
